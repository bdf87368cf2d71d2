"""A whole portal for a test: `make run`'s own processes on free ports."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal_site.runner import ports
from portal_site.runner.plan import ROOT

_READY = "Ctrl-C stops everything"


@dataclass
class Run:
    """One run: its process, its environment and what it said."""

    process: subprocess.Popen[bytes]
    said: Path
    environment: dict[str, str]

    @property
    def data_dir(self) -> Path:
        return Path(self.environment["DATA_DIR"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    @property
    def mail_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['MAIL_PORT']}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['SANDBOX_PORT']}"

    def output(self) -> str:
        """Everything it wrote to its terminal so far."""
        return self.said.read_text()

    def wait_until_ready(self, seconds: float = 90) -> str:
        """Its output once it is up; AssertionError with it if it does not come up."""
        deadline = time.monotonic() + seconds
        while _READY not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)
        return self.output()

    def get(self, variable: str, path: str) -> tuple[int, str]:
        """GET from the server whose port is in `variable`: status and body."""
        port = int(self.environment[variable])
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read().decode()
        client.close()
        return answer.status, body

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Signal the runner alone; seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began


def surroundings(data_dir: Path) -> dict[str, str]:
    """A clean environment for a run in `data_dir`, with free ports."""
    taken = ("PORT", "SANDBOX_PORT", "MAIL_PORT")
    variables = {name: str(ports.any_free()) for name in taken}
    variables |= {"PATH": os.defpath, "HOME": str(data_dir), "DOTENV": os.devnull}
    return variables | {"DATA_DIR": str(data_dir)}


def start(environment: dict[str, str], *, said: Path) -> Run:
    """Start a run with this environment; its output goes to the file `said`."""
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal_site.runner"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Run(process, said, environment)


@contextlib.contextmanager
def running(folder: Path, **variables: str) -> Iterator[Run]:
    """A portal that is up, with everything it needs, in `folder`; ended afterwards."""
    environment = {**surroundings(folder / "data"), **variables}
    run = start(environment, said=folder / "said")
    try:
        run.wait_until_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.end()
