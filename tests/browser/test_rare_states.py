"""States that no address leads to: a key shown, Tyk away, a live link, error pages."""

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Visitor
from tests.browser.looks import judged
from tests.browser.people import (
    PASSWORD,
    ask,
    ask_sandbox,
    mailed_link,
    shown_key,
    sign_up,
)
from tests.services.portal import Run

pytestmark = pytest.mark.browser

_turns = itertools.count()
FIELDS = "update developers_developer set fields = '{}' where name = 'Una Fails'"


@pytest.fixture
def una(visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody who looks at pages that answer 4xx and 5xx; the browser notes that."""
    one = visitor()
    one.strict = False
    return one


def well(one: Visitor, *, status: str = "") -> None:
    """Nothing is wrong with this page; `status` is what it was answered with."""
    noted = [
        line for line in one.complaints if status and f"status of {status}" in line
    ]
    one.complaints = [line for line in one.complaints if line not in noted]
    assert bool(noted) == bool(status)
    assert judged(one, turn=next(_turns)) == []


@contextlib.contextmanager
def written(site: Run, before: str, after: str) -> Iterator[None]:
    """Change the site's own database, and change it back."""
    write(site, before)
    try:
        yield
    finally:
        write(site, after)


def write(site: Run, statement: str) -> None:
    database = sqlite3.connect(site.data_dir / "portal.sqlite3", timeout=20)
    with contextlib.closing(database), database:
        database.execute(statement)


def test_claiming_while_tyk_is_away_and_the_key_shown(una: Visitor, site: Run):
    sign_up(una, "una@states.example", name="Una States")
    ask(una, "Geocoding")
    reveal = una.page.get_by_role("button", name="Reveal my key")
    reveal.wait_for()
    ask_sandbox(site, "faults", operation="*", mode="status", status=503)
    try:
        reveal.click()
        una.page.wait_for_load_state()
        assert una.says("No key was made")
        assert una.page.locator("code.key").count() == 0
        well(una, status="503")
    finally:
        ask_sandbox(site, "heal")
    una.page.go_back()
    una.page.get_by_role("button", name="Reveal my key").click()
    assert shown_key(una)
    well(una)


def test_the_live_link_to_a_new_address(una: Visitor, site: Run):
    sign_up(una, "una@links.example", name="Una Links")
    una.go("/account/email/")
    una.page.locator("input[name=email]").fill("una.new@links.example")
    una.page.locator("input[name=current]").fill(PASSWORD)
    una.page.get_by_role("button", name="Send the link").click()
    una.page.wait_for_load_state()
    una.go(
        mailed_link(
            site, "Your new address at Northwind APIs", to="una.new@links.example"
        )
    )
    assert una.page.get_by_role("button", name="Use this address").count() == 1
    well(una)


def test_a_form_without_its_token(una: Visitor):
    una.go("/sign-up/")
    una.page.evaluate("document.querySelector('[name=csrfmiddlewaretoken]').remove()")
    una.page.locator("main form .btn-primary").click()
    una.page.wait_for_load_state()
    assert una.page.locator("h1").inner_text()
    well(una, status="403")


def test_too_many_tries(una: Visitor, site: Run):
    una.go("/sign-up/")
    for name, text in (("email", "una@much.example"), ("name", "U"), ("company", "U")):
        una.page.locator(f"input[name={name}]").fill(text)
    una.page.locator("main form .btn-primary").click()
    una.page.wait_for_load_state()
    assert una.says("Check your mail")
    full = "update developers_throttlecount set count = count + 1000000"
    with written(site, full, full.replace("+", "-")):
        una.page.go_back()
        una.page.locator("main form .btn-primary").click()
        una.page.wait_for_load_state()
        well(una, status="429")


def test_the_portal_fails(una: Visitor, site: Run):
    """A fault of ours, then the database away: both with a reference, and a way on."""
    sign_up(una, "una@fails.example", name="Una Fails")
    broken = FIELDS.format("[1]"), FIELDS.format("{}")
    with written(site, *broken):
        una.go("/account/")
        well(una, status="500")
    rename = "alter table {} rename to {}"
    choices, away = "developers_choices", "gone"
    with written(site, rename.format(choices, away), rename.format(away, choices)):
        una.go("/account/mails/")
        well(una, status="503")
