"""House law that no linter says: read from the sources themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APPS = ("catalogue", "developers", "keyrequests", "portal_site", "tyk")


def sources(pattern: str = "*.py") -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob(pattern)):
            if "migrations" not in path.parts:
                yield path


@pytest.mark.parametrize(
    "forbidden",
    [
        pytest.param(r"@receiver|\.connect\(\s*\w+, *sender", id="signals"),
        pytest.param(r"\.delay\(", id="a task started before the commit"),
        pytest.param(r"self\.retry\(|autoretry_for", id="retries in the broker"),
        pytest.param(r"apply_async\([^)]*(eta|countdown)", id="delays in the broker"),
        pytest.param(
            r"(request|key|mint|row|signup|link)\.(status|state) = ",
            id="a status set without compare",
        ),
        pytest.param(r"verify=False", id="TLS not verified"),
    ],
)
def test_no_source_does_this(forbidden):
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources()
        for line in path.read_text().splitlines()
        if re.search(forbidden, line)
    ]

    assert found == []


def test_no_attic_or_grab_bag():
    names = {path.stem for path in sources()} | {path.parent.name for path in sources()}

    assert names & {"utils", "helpers", "common", "core", "misc", "sync"} == set()


def test_files_stay_small():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > 450
    }

    assert long == {}


def test_no_template_needs_a_weaker_policy():
    """The policy has no 'unsafe-inline': such markup would be dead on the page."""
    pages = [p for p in (ROOT / "templates").rglob("*.html") if "emails" not in p.parts]
    weak = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:")
    found = [
        str(path.relative_to(ROOT)) for path in pages if weak.search(path.read_text())
    ]

    assert len(pages) > 40
    assert found == []


def test_every_table_and_group_of_ours_has_a_name():
    """Read out on entering: what axe asks of neither of them."""
    nameless = {
        "table": r"<table(?![^>]*role=\"presentation\")[^>]*>(?!\s*<caption)",
        "fieldset": r"<fieldset(?![^>]*aria-label)[^>]*>(?!\s*<legend)",
    }
    pages = sorted((ROOT / "templates").rglob("*.html"))
    found = [
        f"{path.relative_to(ROOT)}: a {kind}"
        for path in pages
        for kind, markup in nameless.items()
        if re.search(markup, path.read_text())
    ]

    assert len(pages) > 40
    assert found == []


def test_every_kind_of_work_and_pull_has_its_function():
    from django.conf import settings
    from django.utils.module_loading import import_string

    table = {**settings.OUTBOX_HANDLERS, **settings.PULLS}

    assert {kind: callable(import_string(path)) for kind, path in table.items()} == (
        dict.fromkeys(table, True)
    )


def test_every_test_named_in_the_list_of_features_exists():
    named = re.findall(
        r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "tests/features.md").read_text()
    )
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file()
        or (test and f"def {test}(" not in (ROOT / path).read_text())
    ]

    assert len(named) > 50
    assert missing == []
