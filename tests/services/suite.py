"""`make test`: the suite on SQLite, on PostgreSQL, and in a browser.

    python -m tests.services.suite [sqlite] [postgres] [browser]

Each leg is a pytest run of its own, with real servers (tests/services/plugin.py).
TEST_WORKERS is the number of processes of a leg (default 2).
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

LEGS = ("sqlite", "postgres", "browser")
BROWSER_TESTS = "tests/browser"
# A leg that hangs is stopped, so that CI says which one instead of timing out.
_LEG_SECONDS = int(os.environ.get("TEST_LEG_SECONDS", "1800"))
_NO_BROWSER = """
The browser tests were NOT run: no Chromium was found.
  Debian, Ubuntu: sudo apt install chromium     then: make browser
  elsewhere:      CHROMIUM=/path/to/chromium make browser
"""


@dataclass(frozen=True, slots=True)
class Result:
    leg: str
    seconds: float
    passed: bool


def chromium() -> str:
    """Path of the browser for the browser tests; empty when there is none."""
    wanted = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return shutil.which(wanted) or shutil.which("chromium") or ""


def arguments(leg: str) -> list[str]:
    """What pytest is called with for one leg."""
    common = ["-q", "-o", "faulthandler_timeout=120", "--durations=12"]
    workers = os.environ.get("TEST_WORKERS", "2")
    if leg == "browser":
        # By file: each process has a portal and a browser of its own.
        # Of that folder alone: reading all the others takes longer than some tests.
        few = [*common, "-m", "browser", "-n", workers, "--dist", "loadfile"]
        return [*few, BROWSER_TESTS]
    argv = [*common, "-m", "not browser", "-n", workers, "--dist", "worksteal"]
    argv.append(f"--ignore={BROWSER_TESTS}")
    return [*argv, "--postgres"] if leg == "postgres" else argv


def run(leg: str) -> Result:
    """Run one leg in the foreground and time it."""
    say(f"\n--- {leg} ---")
    began = time.monotonic()
    environment = dict(os.environ, CHROMIUM=chromium())
    if leg == "sqlite":
        environment.pop("DATABASE_URL", None)
    argv = [sys.executable, "-m", "pytest", *arguments(leg)]
    try:
        done = subprocess.run(  # noqa: S603 -- argv is ours
            argv, env=environment, timeout=_LEG_SECONDS, check=False
        )
        passed = done.returncode == 0
    except subprocess.TimeoutExpired:
        say(f"{leg}: stopped after {_LEG_SECONDS} s")
        passed = False
    return Result(leg, time.monotonic() - began, passed)


def main(wanted: list[str]) -> int:
    """Run the legs `wanted` (all by default); the number of failed ones."""
    unknown = set(wanted) - set(LEGS)
    if unknown:
        say(f"Unknown: {' '.join(sorted(unknown))}. Known: {' '.join(LEGS)}")
        return 2
    no_browser = not chromium()
    if no_browser and wanted == ["browser"]:
        say(_NO_BROWSER)
        return 1
    legs = [leg for leg in wanted or LEGS if not (leg == "browser" and no_browser)]
    results = [run(leg) for leg in legs]
    say("")
    for result in results:
        verdict = "passed" if result.passed else "FAILED"
        say(f"{result.leg:9} {verdict}  {result.seconds:6.1f} s")
    if no_browser:
        say(_NO_BROWSER)
    return sum(not result.passed for result in results)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
