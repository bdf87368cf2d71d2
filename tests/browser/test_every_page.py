"""Each page in each state: axe, both themes, two brands, no shift, nothing blocked."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from portal_site.face import made
from tests.browser import checks
from tests.browser.cast import Cast
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.pages import NOT_PAGES, all_visits, closed_to_all
from tests.browser.visits import Visit, address, names
from tests.portal_site.brands import halcyon
from tests.services.portal import Run

pytestmark = pytest.mark.browser

# Another company's colours over the page as it stands; its own policy stays.
REPAINT = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = css ? [sheet] : [];
}"""
# `make test` judges each page in one look, the next page in the next look; with
# EVERY_LOOK=1 (`make browser-all`) each page in all of them.
EVERY_LOOK = os.environ.get("EVERY_LOOK") == "1"
HALCYON = made(halcyon()).css
LOOKS = (
    ("Northwind", WIDE, False, ""),
    ("Northwind, dark phone", NARROW, True, ""),
    ("Halcyon", WIDE, False, HALCYON),
    ("Halcyon, dark phone", NARROW, True, HALCYON),
)


@pytest.fixture(scope="module")
def cast(chromium: Browser, site: Run) -> Iterator[Cast]:
    everybody = Cast(chromium, site)
    yield everybody
    everybody.leave()


def test_every_address_is_visited_or_no_page():
    visited = {visit.name for visit in all_visits()}
    told = visited | NOT_PAGES.keys() | closed_to_all()

    assert set(names()) - told == set()
    assert NOT_PAGES.keys() - set(names()) == set()
    assert visited & NOT_PAGES.keys() == set()


@pytest.mark.parametrize(
    ("visit", "turn"),
    [pytest.param(v, turn, id=v.id) for turn, v in enumerate(all_visits())],
)
def test_a_page(cast: Cast, visit: Visit, turn):
    one = cast.people[visit.who]
    arrive_at(one, visit)

    said = [*one.complaints, *checks.shifted(one.page), *checks.headings(one.page)]
    said += checks.too_wide(one.page)
    said += checks.blocked(one.page)  # before axe, which tries a sheet of its own
    for number, (look, size, dark, css) in enumerate(LOOKS):
        dress(one.page, size=size, dark=dark, css=css)
        said += [f"{look}: {line}" for line in checks.too_wide(one.page)]
        if EVERY_LOOK or number == turn % len(LOOKS):
            said += [f"{look}: {line}" for line in checks.axe(one.page)]
    dress(one.page, size=WIDE, dark=False, css="")
    assert said == []


def arrive_at(one: Visitor, visit: Visit) -> None:
    """Open the page, do what the visit does there, and forget what was expected."""
    one.complaints.clear()
    one.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    one.page.emulate_media(color_scheme="light")
    answer = one.page.goto(one.site.url + address(one.site, visit))
    assert answer is not None
    assert answer.status == visit.status, f"{one.page.url}: {answer.status}"
    if visit.act is not None:
        visit.act(one)
    one.page.wait_for_load_state()
    if visit.status != 200 or visit.act is not None:
        one.complaints = [c for c in one.complaints if "status of 4" not in c]


def dress(page: Page, *, size: tuple[int, int], dark: bool, css: str) -> None:
    """The page as it stands, in another width, theme and brand."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate(REPAINT, css)
