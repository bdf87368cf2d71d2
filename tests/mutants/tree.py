"""The seeded bugs, and a copy of this tree that they are put into.

A seeded bug is a patch `NN_name.patch` in this folder. Its first line says what is
wrong, its second one which test notices: "Caught by tests/x.py::test_y". The hunks
carry one line of context, so that they still apply when code nearby has changed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CAUGHT_BY = "Caught by "


class Stale(Exception):
    """The patch no longer applies: the code it breaks has changed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One seeded bug: what is wrong, and the test that must fail with it."""

    path: Path
    what: str
    test: str

    @property
    def name(self) -> str:
        return self.path.stem


def mutants() -> list[Mutant]:
    """All seeded bugs, in order; ValueError if one names no test."""
    return [_read(path) for path in sorted(Path(__file__).parent.glob("*.patch"))]


def _read(path: Path) -> Mutant:
    what, caught_by, *_ = path.read_text().splitlines()
    if not caught_by.startswith(_CAUGHT_BY):
        raise ValueError(f"{path.name}: the second line names no test")
    return Mutant(path, what, caught_by.removeprefix(_CAUGHT_BY))


def copy_tree(target: Path) -> None:
    """Copy what git knows here, and what is new and not ignored, to `target`."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():  # else deleted here, and not committed yet
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


@contextmanager
def broken(tree: Path, mutant: Mutant) -> Iterator[None]:
    """`tree` with the bug in it, and whole again afterwards. Raises Stale."""
    demand_applies(tree, mutant)
    _apply(tree, mutant)
    try:
        yield
    finally:
        _apply(tree, mutant, "--reverse").check_returncode()


def demand_applies(tree: Path, mutant: Mutant) -> None:
    """Raise Stale, with what git says, if the bug can't be put into `tree`."""
    tried = _apply(tree, mutant, "--check")
    if tried.returncode:
        raise Stale(tried.stderr.strip())


def _apply(
    tree: Path, mutant: Mutant, *options: str
) -> subprocess.CompletedProcess[str]:
    # Outside of any repository, git applies a patch to the folder it stands in.
    # A checkout is left alone: only `--check` is ever asked of it.
    return _git("apply", "-p0", *options, str(mutant.path), cwd=tree, check=False)


def _git(
    *words: str, cwd: Path = ROOT, check: bool = True
) -> subprocess.CompletedProcess[str]:
    alone = {"GIT_CEILING_DIRECTORIES": str(cwd.parent), "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603 -- fixed command
        ["git", *words],  # noqa: S607 -- wherever the developer has git
        cwd=cwd,
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=check,
    )
