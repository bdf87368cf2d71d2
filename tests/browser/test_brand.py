"""The brand in a browser: edited, seen before anybody else, published, brought back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import checks
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import staff
from tests.portal_site.brands import picture

pytestmark = pytest.mark.browser

PAGES = "/admin/portal_site/brandversion/"
LONG = "Verkehrsverbundsgesellschaftsschnittstellenportal Süd GmbH&Co"[:60]


def enter(one: Visitor) -> None:
    """Log in; the page that follows is judged elsewhere."""
    one.strict = False
    staff(one)
    one.strict = True


def well(one: Visitor) -> None:
    """Axe, the samples' shadow trees with it; widths and shifts are `look`'s."""
    one.look()
    before = list(one.complaints)
    assert checks.axe(one.page) + checks.headings(one.page) == []
    one.complaints[:] = before  # axe sets styles of its own, which the policy blocks


@pytest.mark.parametrize(
    ("size", "scripts", "dark"),
    [
        pytest.param(WIDE, True, False, id="wide"),
        pytest.param(NARROW, True, True, id="phone, dark"),
        pytest.param(WIDE, False, False, id="no scripts"),
    ],
)
def test_from_a_draft_to_every_visitor_and_back(
    visitor: Callable[..., Visitor], size, scripts, dark
):
    rita, guest = visitor(size, scripts=scripts, dark=dark), visitor((320, 700))
    enter(rita)
    rita.go(f"{PAGES}edit/")
    for name, words in (("name", LONG), ("colour", "#e2502a"), ("radius", "10")):
        rita.page.locator(f"[name={name}]").fill(words)
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": picture()}
    rita.page.locator("[name=logo]").set_input_files(logo)  # type: ignore[arg-type]  # as it is documented
    rita.click("Save and show")
    assert rita.says("Your draft is saved")
    assert rita.says("too faint to read")
    sample = rita.page.locator("[data-sample] .logo").first
    assert LONG in sample.inner_text()
    if scripts:
        well(rita)

    rita.click("Preview on the portal")
    assert rita.says("Preview: not published.")
    assert rita.page.locator(".logo").inner_text().strip() == LONG
    if scripts:
        well(rita)
    guest.go("/")
    assert not guest.says(LONG)

    rita.click("Stop the preview")
    rita.click("Review and publish", role="link")
    rita.click("Publish")
    assert rita.says("Everybody sees it within a second.")
    guest.page.wait_for_timeout(1100)  # what another process may take to notice
    guest.go("/")
    assert guest.page.locator(".logo").inner_text().strip() == LONG

    rita.go(f"{PAGES}0/")
    if scripts:
        well(rita)
    rita.click("Roll back to the settings")
    guest.page.wait_for_timeout(1100)
    guest.go("/")
    assert not guest.says(LONG)


def test_the_samples_follow_what_is_typed(visitor: Callable[..., Visitor]):
    rita = visitor()
    enter(rita)
    rita.go(f"{PAGES}edit/")
    button = rita.page.locator("[data-sample] .btn-primary").first
    before = button.evaluate("(one) => getComputedStyle(one).backgroundColor")
    rita.page.locator("[name=tagline]").fill("Typed a moment ago.")
    rita.page.locator("[name=colour]").fill("#5b21b6")
    rita.page.locator("[name=colour]").blur()

    # The sheet of the new colour comes from the portal.
    expect(button).not_to_have_css("background-color", before)
    headline = rita.page.locator("[data-sample] [data-word=tagline]").first
    assert headline.inner_text() == "Typed a moment ago."
