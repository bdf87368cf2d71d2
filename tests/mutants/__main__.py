"""`make mutants`: put each seeded bug into a copy of this tree; its test must fail.

    python -m tests.mutants [word ...]     only those with a word in their name

The tests are good for something only if they fail when the code is wrong. First
every named test must pass on the copy as it is; then each bug must be caught by its
own. A patch that no longer applies is a failure.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.mutants.tree import Mutant, Stale, broken, copy_tree, mutants

SECONDS = 120  # for one test: a bug that hangs it is not caught, it only hangs


@dataclass(frozen=True, slots=True)
class Run:
    """How a run of pytest ended: tests passed, failed, and broken otherwise."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    said: str = ""

    @property
    def caught(self) -> bool:
        return self.failed > 0 and self.errors == 0

    @property
    def good(self) -> bool:
        return self.passed > 0 and self.failed == self.errors == 0


def main(words: Sequence[str]) -> int:
    """0 if every bug was caught."""
    wanted = [m for m in mutants() if not words or any(w in m.name for w in words)]
    with tempfile.TemporaryDirectory(prefix="portal-mutants-") as folder:
        tree = Path(folder) / "tree"
        copy_tree(tree)
        whole = run(tree, sorted({m.test for m in wanted}), SECONDS * 3)
        if not whole.good:
            say(f"{whole.said}\nNot begun: these tests must pass without any bug.")
            return 1
        caught = sum([_try(tree, mutant) for mutant in wanted])
    say(f"{caught} of {len(wanted)} caught")
    return 0 if wanted and caught == len(wanted) else 1


def _try(tree: Path, mutant: Mutant) -> bool:
    began = time.monotonic()
    try:
        with broken(tree, mutant):
            seen = run(tree, [mutant.test], SECONDS)
    except Stale as stale:
        say(f"STALE   {mutant.name}: no longer applies, mend the patch\n  {stale}")
        return False
    took = f"{time.monotonic() - began:4.0f} s"
    if seen.caught:
        say(f"caught  {mutant.name}  {took}  by {mutant.test}")
    else:
        say(f"MISSED  {mutant.name}  {took}  {mutant.what}\n{seen.said}")
    return seen.caught


def run(tree: Path, tests: Sequence[str], seconds: float) -> Run:
    """Run these tests in `tree`, in at most so many seconds."""
    report = tree.parent / "report.xml"
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    process = subprocess.Popen(  # noqa: S603 -- argv is ours
        [*argv, "--tb=line", f"--junitxml={report}", *tests],
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Run(errors=1, said=f"stopped after {seconds} s")
    return _counted(report, said) if report.exists() else Run(errors=1, said=said)


def _counted(report: Path, said: str) -> Run:
    suite = ElementTree.parse(report).getroot()[0]  # noqa: S314 -- pytest wrote it
    count = {n: int(suite.get(n, "0")) for n in ("tests", "failures", "errors")}
    skipped = int(suite.get("skipped", "0"))
    passed = count["tests"] - count["failures"] - count["errors"] - skipped
    return Run(passed, count["failures"], count["errors"], said)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
