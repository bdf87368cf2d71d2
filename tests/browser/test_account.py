"""The account's pages: the password while one types, two browsers, and closing it."""

from collections.abc import Callable

import pytest

from tests.browser import checks
from tests.browser.conftest import NARROW, Visitor

pytestmark = pytest.mark.browser

MIRA, PASSWORD = "mira@tinfold.example", "northwind-demo-2026"
PAGES = [
    "/account/",
    "/account/security/",
    "/account/mails/",
    "/account/data/",
    "/account/close/",
    "/account/email/",
    "/password/change/",
]


def _log_in(one: Visitor) -> Visitor:
    one.go("/login/")
    one.page.locator("#id_email").fill(MIRA)
    one.page.locator("#id_password").fill(PASSWORD)
    one.click("Log in")
    return one


def _met(one: Visitor) -> list[str]:
    """The rules that are read out as met: the tick with its word is there."""
    ticks = one.page.locator(".rules").get_by_role("img", name="Met:")
    return [
        str(tick.evaluate("t => t.parentNode.dataset.rule")) for tick in ticks.all()
    ]


def test_rules_are_ticked_off_while_one_types(visitor: Callable[..., Visitor]):
    one = _log_in(visitor())
    one.go("/password/change/")
    typed = one.page.locator("#id_password")
    told = one.page.locator("[data-strength]")

    for password, met, words in [
        ("short", ["owner"], "Easy to guess so far"),
        ("mira tal mira", ["length"], "Easy to guess so far"),
        ("mira@tinfold.example", ["length"], "Easy to guess so far"),
        ("aaaaaaaaaaaaaaaa", ["length", "owner"], "Easy to guess so far"),
        ("copper-meadow", ["length", "owner"], "Good"),
        ("copper-meadow-violin-2", ["length", "owner"], "Strong"),
    ]:
        typed.fill(password)
        assert (_met(one), told.inner_text()) == (met, words), password
    typed.fill("")
    assert told.is_hidden()
    assert checks.axe(one.page) == []


def test_a_password_can_be_shown_and_is_sent_hidden(visitor: Callable[..., Visitor]):
    one = visitor(NARROW)
    one.go("/login/")
    field = one.page.locator("#id_password")
    field.fill("something")
    one.page.get_by_role("button", name="Show password").click()

    assert field.get_attribute("type") == "text"
    assert field.get_attribute("autocomplete") == "current-password"
    one.page.get_by_role("button", name="Hide password").click()
    assert field.get_attribute("type") == "password"
    assert field.input_value() == "something"
    assert checks.axe(one.page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_no_barrier_on_the_accounts_pages(visitor: Callable[..., Visitor], dark: bool):
    one = _log_in(visitor(NARROW if dark else (1280, 900), dark=dark))
    for path in PAGES:
        one.go(path)
        assert checks.axe(one.page) == [], path
        assert checks.headings(one.page) == [], path


def test_one_browser_signs_out_another_without_scripts(
    visitor: Callable[..., Visitor],
):
    one, other = _log_in(visitor(scripts=False)), _log_in(visitor())
    one.go("/account/security/")
    one.click("Log out everywhere else")

    assert one.says("You are logged out everywhere else.")
    other.go("/account/")
    assert "/login/" in other.page.url
