"""The main job in a browser: sign up, ask, approve, claim, replace, revoke."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import (
    approve,
    ask,
    gateway_accepts,
    log_in,
    log_out,
    mailed_link,
    matched,
    mira as demo_developer,
    shown_key,
    sign_up,
    staff,
)
from tests.services.portal import Run

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("size", "scripts", "dark"),
    [
        pytest.param(WIDE, True, False, id="wide"),
        pytest.param(NARROW, True, True, id="phone, dark"),
        pytest.param(WIDE, False, False, id="no scripts"),
    ],
)
def test_from_sign_up_to_a_revoked_key(
    visitor: Callable[..., Visitor], site: Run, size, scripts, dark
):
    nora = visitor(size, scripts=scripts, dark=dark)
    email = f"nora.{size[0]}.{scripts:d}.{dark:d}@tinfold.example"

    sign_up(nora, email)
    ask(nora, "Orders Standard")
    assert nora.says("In review")
    nora.page.get_by_role("link", name="Change request").click()
    nora.look("change-request")
    nora.page.locator("main textarea").first.fill("A checkout for twelve bakeries")
    nora.page.get_by_role("button", name="Save changes").click()
    assert nora.says("You changed the request")

    rita = visitor(size, dark=dark)
    staff(rita)
    approve(rita, "Nora Nash")

    nora.go(mailed_link(site, "Your access to Orders Standard is approved", to=email))
    nora.page.get_by_role("button", name="Reveal my key").click()
    first = shown_key(nora)
    assert gateway_accepts(site, first)
    nora.look("claimed")
    if scripts:
        nora.page.get_by_role("button", name="Copy key").click()
        assert nora.page.evaluate("navigator.clipboard.readText()") == first
        with nora.page.expect_download() as saved:
            nora.page.get_by_role("button", name="Download as .env").click()
        assert first in Path(saved.value.path()).read_text()
    else:
        assert nora.page.get_by_text(f"API_KEY={first}", exact=True).is_visible()

    nora.page.get_by_role("link", name="I have saved it").click()
    assert first not in nora.page.content()
    nora.look()
    nora.page.locator("select").first.select_option(index=0)
    nora.page.get_by_role("button", name="Replace key").click()
    second = shown_key(nora)
    assert second != first
    assert gateway_accepts(site, second)
    nora.look("replaced")

    nora.go("/keys/")
    nora.page.locator("main table a").first.click()
    nora.page.get_by_role("link", name="Revoke key").click()
    nora.look()
    name = nora.page.locator("h1").inner_text()
    nora.page.locator("input[name=confirm]").fill(matched("“(.+)”", name)[1])
    nora.page.get_by_role("button", name="Revoke key").click()
    nora.look("revoked")
    assert mailed_link(site, "Your key", to=email)
    # The mail may be that of the first key: a worker ends this one in its own time.
    give_up = time.monotonic() + 20
    while gateway_accepts(site, second):
        assert time.monotonic() < give_up, "the revoked key still works"
        time.sleep(0.2)

    log_out(nora)
    nora.go("/keys/")
    assert "/login/" in nora.page.url


def test_the_demo_developer_logs_in_and_sees_what_is_theirs(
    visitor: Callable[..., Visitor], site: Run
):
    email, password = demo_developer(site)
    for size, dark in ((WIDE, False), (NARROW, False), (WIDE, True)):
        mira = visitor(size, dark=dark)
        log_in(mira, email, password)
        for path in ("/", "/catalogue/", "/requests/", "/keys/", "/account/"):
            mira.go(path)
            assert mira.page.locator("h1").count() == 1
        mira.go("/nothing-here/")
        mira.complaints.clear()  # the browser notes the 404 we asked for


def test_a_wrong_password_is_told_and_the_address_stays(
    visitor: Callable[..., Visitor],
):
    person = visitor(NARROW)
    person.go("/login/")
    person.page.locator("input[name=email]").fill("mira@tinfold.example")
    person.page.locator("input[name=password]").fill("not the password")
    person.page.get_by_role("button", name="Log in").click()

    assert person.says("E-mail or password is not right")
    assert (
        person.page.locator("input[name=email]").input_value() == "mira@tinfold.example"
    )
    person.look("login-wrong")
    person.complaints.clear()
