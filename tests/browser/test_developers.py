"""A developer's other journeys: password, catalogue, usage, a leak, the account."""

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import (
    PASSWORD,
    ask,
    ask_sandbox,
    gateway_accepts,
    log_in,
    log_out,
    mailed_link,
    mira,
    open_key,
    shown_key,
    sign_up,
)
from tests.services.portal import Run

pytestmark = pytest.mark.browser

NEXT_PASSWORD = "a patient heron at dusk"
LOOKS = [
    pytest.param(WIDE, True, False, id="wide"),
    pytest.param(NARROW, True, True, id="phone, dark"),
    pytest.param(WIDE, False, False, id="no scripts"),
]


@pytest.fixture
def newcomer(visitor: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """Somebody who has just signed up, and is logged in."""
    count = iter(range(100))

    def make(name: str, size: tuple[int, int] = WIDE, **looks: bool) -> Visitor:
        one = visitor(size, **looks)
        shown = f"{size[0]}.{one.looks}.{next(count)}"
        sign_up(one, f"{name.lower()}.{shown}@tinfold.example", name=name)
        return one

    return make


def own_address(person: Visitor) -> str:
    """The address this account has, from its own page."""
    person.go("/account/")
    text = person.page.locator("main").inner_text()
    found = re.search(r"\S+@tinfold\.example", text)
    assert found, text
    return found[0]


@pytest.mark.parametrize(("size", "scripts", "dark"), LOOKS)
def test_a_forgotten_password(newcomer, site: Run, size, scripts, dark):
    ines = newcomer("Ines", size, scripts=scripts, dark=dark)
    email = own_address(ines)
    log_out(ines)

    ines.go("/login/")
    ines.page.get_by_role("link", name="Forgotten your password?").click()
    ines.look()
    ines.page.locator("input[name=email]").fill(email)
    ines.page.locator("main form .btn-primary").click()
    assert ines.says("If there is an account")
    ines.look()

    ines.go(mailed_link(site, "Choose a new password", to=email))
    ines.page.locator("input[name=password]").fill(NEXT_PASSWORD)
    ines.page.locator("input[name=again]").fill(NEXT_PASSWORD)
    ines.page.locator("main form .btn-primary").click()
    ines.look()
    log_in(ines, email, PASSWORD)
    assert ines.says("E-mail or password is not right")
    log_in(ines, email, NEXT_PASSWORD)
    ines.go("/account/")
    assert ines.says(email)
    ines.complaints.clear()  # a wrong password is a 4xx, which Chromium notes


def test_login_and_away(newcomer, site: Run):
    """Tyk gone: nobody is told their password is wrong, and the same page helps."""
    lena = newcomer("Lena")
    email = own_address(lena)
    log_out(lena)
    ask_sandbox(site, "faults", operation="*", mode="status", status=503)
    try:
        log_in(lena, email)
        assert lena.says("Login is not available right now")
        assert not lena.says("not right")
        lena.go("/catalogue/")
        assert lena.says("Orders Standard")
    finally:
        ask_sandbox(site, "heal")
    log_in(lena, email)
    lena.go("/keys/")
    assert lena.says("No keys yet")
    lena.complaints.clear()  # the 503 we asked for


@pytest.mark.parametrize(("size", "scripts", "dark"), LOOKS)
def test_finding_an_api(visitor, size, scripts, dark):
    one = visitor(size, scripts=scripts, dark=dark)
    one.go("/")
    one.go("/catalogue/")
    one.page.get_by_label("Search APIs").fill("track")
    one.page.get_by_label("Search APIs").press("Enter")
    one.page.wait_for_load_state()
    one.look()
    assert one.says("Shipping")
    assert not one.says("Weather")
    one.page.get_by_role("link", name="Shipping", exact=True).first.click()
    one.page.wait_for_load_state()
    one.look("entry-shipping")

    main = one.page.locator("main").inner_text()
    assert re.search(r"\d+ calls a (second|minute|hour|day)", main), main
    assert one.page.get_by_role(
        "link", name=re.compile("sign up for access", re.IGNORECASE)
    ).count()


def test_watching_the_calls(visitor, site: Run):
    for size, dark, scripts in ((WIDE, False, True), (NARROW, True, False)):
        one = visitor(size, dark=dark, scripts=scripts)
        log_in(one, *mira(site))
        one.go("/usage/")
        assert one.page.locator("main svg").count() >= 1
        assert one.page.locator("main table").count() >= 1
        one.page.locator("main .seg a", has_text="30").first.click()
        one.look("usage")
        one.page.get_by_role("link", name="Orders Standard").first.click()
        one.page.wait_for_load_state()
        one.look("usage-key")
        assert one.page.locator("h1").count() == 1


def test_a_leaked_key_ends_at_once(newcomer, site: Run):
    leo = newcomer("Leo")
    ask(leo, "Geocoding")
    leo.page.get_by_role("button", name="Reveal my key").click()
    first = shown_key(leo)
    open_key(leo, "Geocoding")
    leaked = leo.page.locator("form[action$='/leaked/']")
    leaked.get_by_role("button").click()
    leo.page.wait_for_load_state()
    leo.look("leaked")

    second = shown_key(leo)
    assert second != first
    assert gateway_accepts(site, second)
    leo.go("/keys/")
    deadline = 90
    while gateway_accepts(site, first) and deadline:
        leo.page.wait_for_timeout(500)
        deadline -= 1
    assert not gateway_accepts(site, first)


@pytest.mark.parametrize(("size", "scripts", "dark"), LOOKS)
def test_the_account(newcomer, site: Run, size, scripts, dark):
    una = newcomer("Una", size, scripts=scripts, dark=dark)
    email = own_address(una)
    una.page.locator("input[name=name]").fill("Una Ulm")
    una.page.get_by_role("button", name="Save profile").click()
    una.look("account-saved")
    una.go("/account/security/")
    assert una.says("This one")
    una.go("/account/mails/")
    una.page.locator("main form input[type=checkbox]").first.uncheck()
    una.click("Save mail choices")
    assert (
        una.page.locator("main form input[type=checkbox]").first.is_checked() is False
    )

    una.go("/account/data/")
    with una.page.expect_download() as download:
        una.page.get_by_role("link", name=re.compile("Download")).first.click()
    assert email in download.value.path().read_text()

    una.go("/account/close/")
    una.page.locator("input[name=email]").fill(email)
    una.page.locator("input[name=current]").fill(PASSWORD)
    una.page.get_by_role("button", name="Close my account for good").click()
    una.page.wait_for_load_state()
    una.look("account-closed")
    log_in(una, email)
    assert una.says("E-mail or password is not right")
    una.complaints.clear()


def test_a_new_address(newcomer, site: Run):
    vera = newcomer("Vera")
    old, new = own_address(vera), "vera.new@tinfold.example"
    vera.go("/account/email/")
    vera.page.locator("input[name=email]").fill(new)
    vera.page.locator("input[name=current]").fill(PASSWORD)
    vera.page.locator("main form .btn-primary").click()
    vera.look()
    vera.go(mailed_link(site, "Your new address at", to=new))
    vera.page.locator("main form .btn-primary").click()
    vera.look()
    vera.go("/account/")
    assert vera.says(new)
    assert not vera.says(old)
