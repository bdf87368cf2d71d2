"""A whole portal and a headless Chromium. Run: `make browser`."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser import checks
from tests.services import portal
from tests.services.portal import Run

ARGUMENTS = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = (1280, 900), (375, 812)


# A test heals the Dashboard and goes on at once, so no breaker.
SETTINGS = {"LIMITS_SCALE": "50", "TYK_BREAKER_AFTER": "0"}


def launched(playwright: Playwright) -> Browser:
    """A headless Chromium."""
    # It refuses its own sandbox to root, as in most containers.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or "/usr/bin/chromium",
        args=ARGUMENTS + as_root,
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Run]:
    """`make run` on free ports, with nothing left of an earlier start."""
    with portal.running(tmp_path_factory.mktemp("site"), **SETTINGS) as run:
        yield run


@dataclass
class Visitor:
    """One person with a browser of their own; notes what the browser complains of."""

    site: Run
    page: Page
    complaints: list[str]
    pictures: Path | None
    looks: str  # light, dark or no-scripts: in the name of a picture
    strict: bool = True  # whether looking at a page judges it

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)
        self.look()

    def click(self, words: str, *, role: str = "button") -> None:
        self.page.get_by_role(role, name=words, exact=True).first.click()  # type: ignore[arg-type]  # a role's name
        self.page.wait_for_load_state()
        self.look()

    def fill(self, **typed: str) -> None:
        for label, value in typed.items():
            self.page.get_by_label(label.replace("_", " ")).first.fill(value)

    def look(self, name: str = "") -> None:
        """Nothing sticks out, moves or is blocked; a picture if they are wanted."""
        self.page.wait_for_load_state()
        if not self.strict:
            return
        said = checks.too_wide(self.page)
        if self.looks != "no-scripts":
            said += checks.shifted(self.page) + checks.blocked(self.page)
        assert not said, f"{self.page.url}: {said}"
        if self.pictures is not None:
            self.page.screenshot(path=self._picture(name), full_page=True)

    def _picture(self, name: str) -> Path:
        """A named view under its name, any other numbered in a folder of its own."""
        assert self.pictures is not None
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        if name:
            return self.pictures / f"{name}-{width}-{self.looks}.png"
        other = self.pictures / "other"
        path = re.sub(r"[^a-z]+", "-", self.page.url.split("/", 3)[-1]).strip("-")
        count = len(list(other.glob("*.png")))
        return other / f"{count:03}-{path or 'home'}-{width}-{self.looks}.png"

    def says(self, words: str) -> bool:
        return words in self.page.locator("body").inner_text()

    def heard(self, kind: str, text: str) -> None:
        """A line of the browser's console."""
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def asked(self, url: str) -> None:
        """A request its browser made; only this machine may be asked."""
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.complaints.append(f"foreign: {url}")


def arrive(
    chromium: Browser,
    site: Run,
    size: tuple[int, int] = WIDE,
    *,
    scripts: bool = True,
    dark: bool = False,
) -> Visitor:
    """A visitor with a fresh browser, who notes what it complains of."""
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.add_init_script(checks.LISTEN)
    page = context.new_page()
    page.set_default_timeout(15_000)
    looks = "dark" if dark else "light" if scripts else "no-scripts"
    one = Visitor(site, page, [], _pictures(), looks)
    page.on("console", lambda said: one.heard(said.type, said.text))
    page.on("pageerror", lambda error: one.complaints.append(str(error)))
    page.on("request", lambda request: one.asked(request.url))
    return one


def _pictures() -> Path | None:
    """The folder for pictures, made; None when none are wanted."""
    folder = os.environ.get("PICTURES")
    if not folder:
        return None
    (Path(folder) / "other").mkdir(parents=True, exist_ok=True)
    return Path(folder)


@pytest.fixture
def visitor(chromium: Browser, site: Run) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; afterwards none may have seen an error in the console."""
    visitors: list[Visitor] = []

    def make(size: tuple[int, int] = WIDE, **looks: bool) -> Visitor:
        visitors.append(arrive(chromium, site, size, **looks))
        return visitors[-1]

    yield make
    for one in visitors:
        one.page.context.close()
    assert [line for one in visitors for line in one.complaints] == []
