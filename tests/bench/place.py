"""Where a measurement happens: servers of its own, a database, processes of Python.

Nothing is measured in the process that serves the canned Dashboard, and each figure
comes from a fresh process, so that neither its memory nor its caches hold what an
earlier one left there.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal_site.runner import processes
from portal_site.runner.plan import ROOT
from tests.reliability.served import Broker
from tests.services import environment, postgres

DATABASES = ("sqlite", "postgres")


@dataclass(frozen=True)
class Place:
    """A database and a broker, and the environment of whoever uses them."""

    folder: Path
    database: str
    variables: dict[str, str] = field(repr=False)

    def step(self, name: str, *words: object, **variables: str) -> dict[str, Any]:
        """Run `tests.bench.steps` in a process of its own; what it measured."""
        with self.begun(name, *words, **variables) as process:
            return result_of(process)

    @contextlib.contextmanager
    def begun(
        self, name: str, *words: object, **variables: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The same, while it runs."""
        argv = [sys.executable, "-m", "tests.bench.steps", name, *map(str, words)]
        process = processes.start(
            argv,
            env={**self.variables, **variables},
            output=subprocess.PIPE,
            cwd=ROOT,
        )
        try:
            yield process
        finally:
            processes.stop(process, patience=5)


def result_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The last line a step wrote, as JSON. Raises RuntimeError with all it wrote."""
    said = process.communicate()[0].decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(said[-4000:])
    measured: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return measured


@contextlib.contextmanager
def place(database: str, **variables: str) -> Iterator[Place]:
    """A migrated, empty place on "sqlite" or "postgres"; gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        broker = Broker(folder / "valkey")
        broker.start()
        stack.callback(broker.kill)
        url = f"sqlite:///{folder / 'portal.sqlite3'}"
        if database == "postgres":
            url = stack.enter_context(postgres.server())
        made = Place(folder, database, _variables(folder, broker, url) | variables)
        made.step("migrate")
        yield made


def _variables(folder: Path, broker: Broker, url: str) -> dict[str, str]:
    environment.apply(
        run_dir=folder, valkey_address=broker.url.removesuffix("0"), worker=""
    )
    # The portal's own defaults, which the tests turn off.
    for name in ("CATALOGUE_KEEP_SECONDS", "BRAND_FRESH_SECONDS"):
        os.environ.pop(name, None)
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.reliability.served_settings",
        "DATABASE_URL": url,
        "LOG_LEVEL": "ERROR",
        "PYTHONUNBUFFERED": "1",
    }


def machine() -> dict[str, object]:
    """What the figures were taken on, and how busy it was."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def kept(figures: Mapping[str, object], path: Path) -> None:
    """Write the figures as JSON beside those of other parts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**held, **figures}, indent=1) + "\n")
