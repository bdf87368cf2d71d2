"""Each page in each state: axe, both themes, two brands, no shift, nothing blocked."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.cast import Cast
from tests.browser.conftest import WIDE, Visitor
from tests.browser.looks import judged
from tests.browser.pages import NOT_PAGES, all_visits, closed_to_all
from tests.browser.visits import Visit, address, names
from tests.services.portal import Run

pytestmark = pytest.mark.browser


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

    assert judged(one, turn=turn) == []


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
