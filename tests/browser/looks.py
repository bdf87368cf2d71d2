"""Every look a page is judged in: two brands, both themes, wide and a phone."""

import os
from dataclasses import dataclass

from playwright.sync_api import Page

from portal_site.face import made
from tests.browser import checks
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.portal_site.brands import halcyon

# Another company's colours over the page as it stands; its own policy stays.
_REPAINT = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = css ? [sheet] : [];
}"""
# `make test` judges each page in one look, the next page in the next look; with
# EVERY_LOOK=1 (`make browser-all`) each page in all of them.
EVERY_LOOK = os.environ.get("EVERY_LOOK") == "1"
_HALCYON = made(halcyon()).css


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    size: tuple[int, int] = WIDE
    dark: bool = False
    css: str = ""


LOOKS = (
    Look("Northwind"),
    Look("Northwind, dark phone", NARROW, dark=True),
    Look("Halcyon", css=_HALCYON),
    Look("Halcyon, dark phone", NARROW, dark=True, css=_HALCYON),
)


def judged(one: Visitor, *, turn: int) -> list[str]:
    """What is wrong with the page as it stands, one line each.

    Nothing moved, nothing was blocked, headings in order, nothing too wide, and axe in
    every look; without EVERY_LOOK axe in look number `turn` only.
    """
    page = one.page
    said = [*one.complaints, *checks.shifted(page), *checks.headings(page)]
    said += checks.blocked(page)  # before axe, which tries a sheet of its own
    for number, look in enumerate(LOOKS):
        dress(page, look)
        said += [f"{look.name}: {line}" for line in checks.too_wide(page)]
        if EVERY_LOOK or number == turn % len(LOOKS):
            said += [f"{look.name}: {line}" for line in checks.axe(page)]
    dress(page, LOOKS[0])
    return said


def dress(page: Page, look: Look) -> None:
    """The page as it stands, in another width, theme and brand."""
    page.set_viewport_size({"width": look.size[0], "height": look.size[1]})
    page.emulate_media(color_scheme="dark" if look.dark else "light")
    page.evaluate(_REPAINT, look.css)
