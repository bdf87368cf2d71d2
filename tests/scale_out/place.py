"""Three web and three worker processes behind a balancer, and browsers before it.

They share PostgreSQL and the broker, as on six machines: each has a folder of its own.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests
from celery import Celery
from django.test import Client

from tests.reliability import served
from tests.reliability.served import Broker, Site
from tests.scale_out.balancer import balanced
from tests.waiting import wait_until
from tyk.sandbox import Sandbox

WEB = WORKERS = 3
DONE = "succeeded in"  # Celery's word in a worker's log


@dataclass
class Browser:
    """Somebody's browser: it follows no redirect by itself, so each answer is seen."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(
            self.url + path, headers=headers, allow_redirects=False, timeout=30
        )

    def post(
        self, path: str, *, files: dict[str, bytes] | None = None, **typed: str
    ) -> requests.Response:
        """Send a form, with the token its page would hold."""
        if "csrftoken" not in self.session.cookies:
            self.get(path)
        token = {"X-CSRFToken": self.session.cookies.get("csrftoken", "")}
        named = {name: (name, body) for name, body in (files or {}).items()}
        return self.session.post(
            self.url + path,
            data=typed,
            files=named,
            headers=token,
            allow_redirects=False,
            timeout=30,
        )

    def of_each(self, path: str, **headers: str) -> list[requests.Response]:
        """The page from every process, in turn."""
        answers = [self.get(path, **headers) for _ in range(WEB)]
        assert len({answer.headers["X-Served-By"] for answer in answers}) == WEB
        return answers


@dataclass
class Portal:
    """The processes, and the one address people know."""

    site: Site
    port: int
    celery: Celery

    @property
    def door(self) -> Site:
        """For `log_in`: everything through the balancer."""
        return Site([self.port], self.site.folder)

    def browser(self, who: Client | None = None) -> Browser:
        """A new browser; with the session of a test's client, if one is given."""
        made = Browser(f"http://127.0.0.1:{self.port}")
        for name, cookie in (who.cookies if who else {}).items():
            made.session.cookies.set(name, cookie.value)
        return made

    def work(self, task: str, *args: str, times: int = 1) -> None:
        """Wake workers, whoever is free, and wait until they are done."""
        done = self.logged(DONE)
        for _ in range(times):
            self.celery.send_task(task, args=args, ignore_result=True)
        wait_until(lambda: self.logged(DONE) >= done + times)

    def homes(self) -> Sequence[Path]:
        """The folder of each process."""
        return [path for path in self.site.folder.iterdir() if path.is_dir()]

    def logged(self, words: str) -> int:
        """How often the workers logged it so far."""
        return sum(log.count(words) for log in self.worker_logs())

    def worker_logs(self) -> list[str]:
        logs = sorted(self.site.folder.glob("worker-*.log"))
        return [path.read_text(errors="replace") for path in logs]


def start(running: ExitStack, box: Sandbox, folder: Path, broker: Broker) -> Portal:
    """Up and ready; ends with `running`."""
    variables = served.environment(box, broker) | {
        "ALLOWED_HOSTS": "testserver,127.0.0.1",
        "TRUSTED_PROXY_COUNT": "1",
        "PORTAL_PROCESSES": str(WEB + WORKERS),
        # What the tests turn off: each process keeps what it may keep in use.
        "CATALOGUE_KEEP_SECONDS": "600",
        "BRAND_FRESH_SECONDS": "1",
        "EMAIL_URL": f"filemail:///{_folder(folder / 'mailboxes')}",
    }
    site = running.enter_context(
        served.started(
            variables,
            _folder(folder / "machines"),
            web=WEB,
            workers=WORKERS,
            concurrency=1,
        )
    )
    balancer = running.enter_context(balanced(site.ports))
    celery = Celery(broker=broker.url, set_as_current=False)
    running.callback(celery.close)
    made = Portal(site, balancer.port, celery)
    wait_until(lambda: all("ready." in log for log in made.worker_logs()))
    return made


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
