"""`make test` says which legs ran, and never stays silent about one that did not."""

import subprocess
import sys

from portal_site.runner.plan import ROOT
from tests.services import suite
from tests.services.suite import BROWSER_TESTS


def run_suite(*legs: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own module
        [sys.executable, "-m", "tests.services.suite", *legs],
        cwd=ROOT,
        env={"PATH": "/nowhere", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_browser_is_told_with_the_fix():
    done = run_suite("browser", CHROMIUM="/nowhere/chromium")

    assert done.returncode == 1
    assert "The browser tests were NOT run" in done.stdout
    assert "apt install chromium" in done.stdout


def test_unknown_leg_is_refused():
    done = run_suite("oracle")

    assert done.returncode == 2
    assert done.stdout == "Unknown: oracle. Known: sqlite postgres browser\n"


def test_each_leg_is_a_different_run():
    assert "--postgres" in suite.arguments("postgres")
    assert "--postgres" not in suite.arguments("sqlite")
    browser = suite.arguments("browser")
    assert browser[browser.index("-m") + 1] == "browser"
    for leg in ("sqlite", "postgres"):
        argv = suite.arguments(leg)
        assert argv[argv.index("-m") + 1] == "not browser"


def test_every_browser_test_is_where_its_leg_looks():
    marked = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark." + "browser" in path.read_text()
    ]

    assert len(marked) > 5
    assert [path for path in marked if not path.startswith(BROWSER_TESTS)] == []
