"""What tests of the doctor share."""

import contextlib
import subprocess
import sys
import time

from portal_site import doctor
from portal_site.celery import app


def examined(*, scratch: bool = False) -> dict[str, doctor.Finding]:
    return {found.name: found for found in doctor.examine(scratch=scratch)}


def wrong(found: dict[str, doctor.Finding]) -> dict[str, str]:
    """What is not well, but for the worker none of these tests has."""
    return {
        name: one.sentence
        for name, one in found.items()
        if not one.ok and name != "worker"
    }


@contextlib.contextmanager
def worker():
    """A real worker of this run's broker, on a queue nobody writes to."""
    command = [sys.executable, "-m", "celery", "-A", "portal_site", "--quiet"]
    options = ["worker", "--pool", "solo", "--queues", "nobody", "--loglevel", "error"]
    with subprocess.Popen([*command, *options]) as process:  # noqa: S603  ours
        try:
            deadline = time.monotonic() + 20
            while not app.control.ping(timeout=0.3):
                assert time.monotonic() < deadline, "the worker never answered"
            yield
        finally:
            process.terminate()
