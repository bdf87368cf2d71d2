"""The first step of both commands, on copies of the tree: one clear line each."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal_site.runner.plan import ROOT

# Runs bootstrap.py as the machine's Python would, after `first` has changed it.
AS_IF = """
import runpy, sys
{first}
sys.argv = ["bootstrap.py", *sys.argv[1:]]
runpy.run_path("portal_site/bootstrap.py", run_name="__main__")
"""


def planted(folder: Path) -> Path:
    """A copy of what bootstrap.py needs in `folder`, with nothing to install."""
    (folder / "portal_site").mkdir()
    shutil.copy(ROOT / "portal_site/bootstrap.py", folder / "portal_site")
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return folder


@pytest.fixture
def tree(tmp_path):
    return planted(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A tree after its first start: a virtualenv takes seconds to make."""
    tree = planted(tmp_path_factory.mktemp("installed"))
    first = bootstrap(tree, "install")
    assert first.returncode == 0, first.stderr
    assert "Installing requirements.txt" in first.stdout
    return tree


def bootstrap(tree: Path, *words: str, first: str = "", **variables: str):
    """Run it with an empty PATH: no uv, no other Python."""
    return subprocess.run(  # noqa: S603 -- our own bootstrap.py
        [sys.executable, "-I", "-c", AS_IF.format(first=first), *words],
        cwd=tree,
        env={"PATH": "/nowhere", "HOME": str(tree), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line on stderr of a command that gave up."""
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    return line


def test_an_old_python_is_told_which_is_needed(tree):
    done = bootstrap(tree, "run", first="sys.version_info = (3, 8, 18, 'final', 0)")

    assert one_line(done).startswith(
        "Python 3.11 or newer is needed, this one is 3.8.18."
    )
    assert not (tree / ".venv").exists()


def test_a_missing_venv_module_is_told_with_the_fix(tree):
    done = bootstrap(tree, "install", first="sys.modules['ensurepip'] = None")

    assert "sudo apt install python3-venv" in one_line(done)


def test_second_start_installs_nothing(installed):
    made = (installed / ".venv/pyvenv.cfg").stat().st_mtime_ns
    second = bootstrap(installed, "install")

    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert (installed / ".venv/pyvenv.cfg").stat().st_mtime_ns == made


def test_changed_requirements_are_installed_and_failure_is_told(installed):
    (installed / "requirements.txt").write_text("./not-there.whl\n")

    failed = bootstrap(installed, "install")
    (installed / "requirements.txt").write_text("# nothing again\n")
    mended = bootstrap(installed, "install")

    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("Installing failed; ")
    assert "not-there.whl" in failed.stderr
    assert mended.returncode == 0


def test_tools_for_tests_serve_a_run_too(installed):
    bootstrap(installed, "install", "--dev")

    assert bootstrap(installed, "install").stdout == ""


def test_clean_removes_data_and_environment(tree):
    (tree / ".venv").mkdir()
    data = tree / ".run"
    data.mkdir()
    (data / "lock").touch()
    (data / "portal.sqlite3").touch()

    done = bootstrap(tree, "clean")

    assert done.returncode == 0
    assert not data.exists()
    assert not (tree / ".venv").exists()


def test_clean_refuses_while_a_portal_runs(tree):
    (tree / ".run").mkdir()
    with (tree / ".run/lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = bootstrap(tree, "clean")

    assert "A portal runs on" in one_line(done)
    assert (tree / ".run/lock").exists()


def test_clean_spares_a_folder_no_run_has_made(tree):
    mine = tree / "mine"
    mine.mkdir()
    (mine / "thesis.txt").touch()

    done = bootstrap(tree, "clean", DATA_DIR=str(mine))

    assert "was not made by make run" in one_line(done)
    assert (mine / "thesis.txt").exists()


def test_make_without_a_goal_lists_the_commands():
    make = shutil.which("make")
    assert make is not None
    done = subprocess.run(  # noqa: S603 -- our own Makefile
        [make],
        cwd=ROOT,
        env={"PATH": os.defpath},  # without what an outer make tells an inner one
        capture_output=True,
        text=True,
        check=True,
    )

    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names[:3] == ["help", "run", "test"]
    assert {"check", "clean", "browser"} <= set(names)
