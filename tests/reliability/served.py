"""Web processes and a worker for a test, on its database and its sandbox.

Real processes under the server the portal runs with, so that what two of them do at
once is what it would be in use. They read what the test has committed.
"""

import contextlib
import http.client
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from threading import Barrier
from urllib.parse import urlencode, urlsplit

from django.db import connection

from portal_site.runner import ports, processes, valkey
from portal_site.runner.plan import ROOT
from tyk.sandbox import Sandbox

START_SECONDS = 60
THREADS = "4"  # of one web process, as `make run` has it


@dataclass
class Broker:
    """A Redis-protocol server of its own, that a test may kill."""

    home: Path
    port: int = field(default_factory=ports.any_free)
    process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return valkey.url(self.port, password="of-a-test")

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is None or self.process.poll() is not None:
            self.process = valkey.start(
                self.home,
                log=self.home.with_suffix(".log"),
                password="of-a-test",
                port=self.port,
                durable=False,
            )
            valkey.wait_until_up(self.process, port=self.port)

    def kill(self) -> None:
        """Gone at once, with everything it counted."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Answer:
    """What a browser got, and after how many seconds."""

    status: int
    headers: dict[str, str]
    body: str
    seconds: float


@dataclass
class Site:
    """A portal of several web processes, each on a port of its own."""

    ports: list[int]
    folder: Path
    processes: list[Popen[bytes]] = field(default_factory=list, repr=False)

    def log(self) -> str:
        """What its processes logged so far."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(path.read_text(errors="replace") for path in logs)

    def get(self, path: str, *, process: int = 0) -> Answer:
        return _ask(self.ports[process], "GET", path, "", {})

    def log_in(self, people: Sequence[tuple[str, str]], **headers: str) -> list[Answer]:
        """All these (address, password) at once, dealt to the processes in turn."""
        typed = [{"email": who, "password": password} for who, password in people]
        return self.post("/login/", typed, **headers)

    def post(
        self,
        path: str,
        forms: Sequence[Mapping[str, str]],
        *,
        session: str = "",
        **headers: str,
    ) -> list[Answer]:
        """All these forms at once, in turn to each process; `session` is a cookie."""
        cookie, token = self._form()
        start = Barrier(len(forms))
        sent = {
            "Cookie": f"{cookie}; {session}" if session else cookie,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }

        def once(number: int) -> Answer:
            typed = {**forms[number], "csrfmiddlewaretoken": token}
            start.wait()
            port = self.ports[number % len(self.ports)]
            return _ask(port, "POST", path, urlencode(typed), sent)

        with ThreadPoolExecutor(len(forms)) as threads:
            return list(threads.map(once, range(len(forms))))

    def _form(self) -> tuple[str, str]:
        """A cookie and a token of the login form; good for every process."""
        page = self.get("/login/")
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert found, page.body
        return page.headers["set-cookie"].partition(";")[0], found[1]


def _ask(
    port: int, method: str, path: str, body: str, headers: dict[str, str]
) -> Answer:
    began = time.monotonic()
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    own = {"Host": "testserver", "Origin": "http://testserver"}
    try:
        browser.request(method, path, body, {**own, **form, **headers})
        got = browser.getresponse()
        text = got.read().decode()
    finally:
        browser.close()
    named = {name.lower(): value for name, value in got.getheaders()}
    return Answer(got.status, named, text, time.monotonic() - began)


@contextlib.contextmanager
def serving(
    box: Sandbox,
    folder: Path,
    *,
    broker: Broker,
    web: int = 2,
    worker: bool = False,
    **variables: str,
) -> Iterator[Site]:
    """So many web processes, and a worker of two, until the block ends."""
    whole = environment(box, broker) | variables
    with started(whole, folder, web=web, workers=int(worker)) as site:
        yield site


@contextlib.contextmanager
def started(
    variables: Mapping[str, str],
    folder: Path,
    *,
    web: int,
    workers: int = 0,
    concurrency: int = 2,
) -> Iterator[Site]:
    """The same with this environment, for several workers of `concurrency` each.

    Each process has a DATA_DIR of its own, as on a machine of its own.
    """
    site = Site([ports.any_free() for _ in range(web)], folder)
    with contextlib.ExitStack() as running:
        for port in site.ports:
            home = folder / f"web-{port}"
            site.processes.append(_start(running, _granian(port), variables, home))
        for number in range(workers):
            home = folder / f"worker-{number}"
            argv = _celery(home.name, concurrency)
            site.processes.append(_start(running, argv, variables, home))
        running.callback(_ask_all_to_end, site.processes)
        for port in site.ports:
            _wait_until_up(site, port)
        yield site


def _ask_all_to_end(running: Sequence[Popen[bytes]]) -> None:
    """At once, so that nobody waits for the patience of each in turn."""
    for process in running:
        if process.poll() is None:
            process.terminate()


def environment(box: Sandbox, broker: Broker) -> dict[str, str]:
    """What the processes of a test run with; a DATA_DIR comes on top."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.reliability.served_settings",
        "DATABASE_URL": _database_url(),
        "REDIS_URL": broker.url,
        "TYK_DASHBOARD_URL": box.url,
        "TYK_API_KEY": box.api_key,
        "PYTHONUNBUFFERED": "1",
    }


def _database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _granian(port: int) -> list[str]:
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    argv += ["--workers", "1", "--blocking-threads", THREADS]
    argv += ["--workers-kill-timeout", "3", "--host", "127.0.0.1"]
    return [*argv, "--port", str(port), "portal_site.wsgi:application"]


def _celery(name: str, concurrency: int) -> list[str]:
    argv = [sys.executable, "-m", "celery", "-A", "portal_site", "--quiet", "worker"]
    argv += ["--hostname", f"{name}@%h", "--concurrency", str(concurrency)]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*argv, "--loglevel", "info", *alone]


def _start(
    running: contextlib.ExitStack,
    argv: list[str],
    variables: Mapping[str, str],
    home: Path,
) -> Popen[bytes]:
    home.mkdir()
    with home.with_suffix(".log").open("wb") as output:
        process = processes.start(
            argv, env={**variables, "DATA_DIR": str(home)}, output=output, cwd=ROOT
        )
    running.callback(processes.stop, process, patience=5)
    return process


def _wait_until_up(site: Site, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _ask(port, "GET", "/health/ready", "", {}).status == 200:
                return
        assert time.monotonic() < deadline, site.log()
        time.sleep(0.05)
