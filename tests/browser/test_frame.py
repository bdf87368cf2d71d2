"""What every page has around it: the way past the header, focus, times, paper."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.services.portal import Run

pytestmark = pytest.mark.browser

PAGES = ["/", "/catalogue/", "/catalogue/orders-standard/", "/sign-up/"]
OUTLINE = """() => { const s = getComputedStyle(document.activeElement);
    return [s.outlineStyle, parseFloat(s.outlineWidth)]; }"""


@contextmanager
def browsing(chromium: Browser, **how: object) -> Iterator[Page]:
    """A page in a browser of a kind that `visitor` does not make."""
    context = chromium.new_context(**how)  # type: ignore[arg-type]  # Playwright's own words
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("size", [(320, 700), (768, 1024), (1920, 1080)])
def test_the_widths_between_and_beyond(visitor: Callable[..., Visitor], size):
    one = visitor(size, dark=size[0] == 768)
    for path in PAGES:
        one.go(path)
    one.go("/nowhere/a-very-long-address-that-nobody-would-ever-type-by-hand/")
    one.complaints.clear()  # the browser notes the 404 we asked for


def test_the_first_key_press_leads_past_the_header(visitor: Callable[..., Visitor]):
    one = visitor(NARROW)
    one.go("/catalogue/")
    one.page.keyboard.press("Tab")
    skip = one.page.locator("a.skip")
    box = skip.bounding_box()

    assert one.page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert box is not None
    assert box["y"] >= 0
    assert box["height"] > 20
    one.page.keyboard.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "main"


def test_focus_is_seen_wherever_it_is(visitor: Callable[..., Visitor]):
    one = visitor()
    for path in ("/", "/catalogue/", "/login/"):
        one.go(path)
        for _ in range(14):
            one.page.keyboard.press("Tab")
            if one.page.evaluate("document.activeElement === document.body"):
                break
            where = one.page.evaluate("document.activeElement.outerHTML")[:120]
            style, width = one.page.evaluate(OUTLINE)
            covers = 'class="hit"' in where  # its ring is drawn round the whole row
            assert covers or (style != "none" and width >= 2), where


def test_times_are_the_readers_own(chromium: Browser, site: Run):
    berlin = ZoneInfo("Europe/Berlin")
    with browsing(chromium, timezone_id="Europe/Berlin") as page:
        page.goto(f"{site.url}/catalogue/")
        shown = page.locator("time").first
        words, title = shown.inner_text(), shown.get_attribute("title") or ""
        when = datetime.fromisoformat(shown.get_attribute("datetime") or "")

    assert words.endswith(f"{when.astimezone(berlin):%H:%M}")
    assert re.search(rf"{when.astimezone(berlin):%H:%M} (CET|CEST|GMT\+[12]) ", title)
    assert f"{when:%H:%M} UTC)" in title


@pytest.mark.parametrize(
    "how", [{"timezone_id": "UTC"}, {"java_script_enabled": False}]
)
def test_without_a_zone_or_a_script_times_are_utc(chromium: Browser, site: Run, how):
    with browsing(chromium, **how) as page:
        page.goto(f"{site.url}/catalogue/")
        shown = page.locator("time").first
        words, title = shown.inner_text(), shown.get_attribute("title") or ""

    assert re.fullmatch(r".*\d\d:\d\d", words)
    assert title.endswith(f"{words[-5:]} UTC")


def test_paper_has_the_words_alone(visitor: Callable[..., Visitor]):
    one = visitor(WIDE, dark=True)
    one.page.emulate_media(media="print")
    one.go("/catalogue/orders-standard/")

    for gone in (".site-nav", ".site-foot", ".btn", ".seg"):
        assert one.page.locator(f"{gone}:visible").count() == 0, gone
    ground = one.page.evaluate(
        "getComputedStyle(document.querySelector('.code')).backgroundColor"
    )
    assert ground == "rgba(0, 0, 0, 0)"
    assert one.says("10")


def test_what_is_current_is_told_without_colours(chromium: Browser, site: Run):
    with browsing(chromium, forced_colors="active") as page:
        page.goto(f"{site.url}/catalogue/?access=open")
        current = page.locator(".filters [aria-current]").first
        other = page.locator(".filters a:not([aria-current])").first
        how = "one => getComputedStyle(one).textDecorationLine"

        assert current.evaluate(how) == "underline"
        assert other.evaluate(how) == "none"


def test_nothing_moves_for_those_who_asked_for_that(chromium: Browser, site: Run):
    lasts = "getComputedStyle(document.querySelector('.btn')).transitionDuration"
    for wish, seconds in (("reduce", {"0s"}), ("no-preference", {"0.12s"})):
        with browsing(chromium, reduced_motion=wish) as page:
            page.goto(site.url)
            assert set(page.evaluate(lasts).split(", ")) == seconds
