"""A whole portal and a headless Chromium. Run: `make browser`."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # Chromium refuses its own sandbox to root, as in most containers.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or "/usr/bin/chromium",
            args=ARGUMENTS + as_root,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Run]:
    """`make run` on free ports, with nothing left of an earlier start."""
    with portal.running(tmp_path_factory.mktemp("site"), LIMITS_SCALE="20") as run:
        yield run


@dataclass
class Visitor:
    """One person with a browser of their own; notes what the browser complains of."""

    site: Run
    page: Page
    complaints: list[str]
    pictures: Path | None
    looks: str  # light, dark or no-scripts: in the name of a picture

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
        """Nothing sticks out sideways; a picture of it if they are wanted."""
        self.page.wait_for_load_state()
        wider = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wider <= 0, f"{self.page.url} is {wider} px too wide"
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


@pytest.fixture
def visitor(chromium: Browser, site: Run) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; afterwards none may have seen an error in the console."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []
    folder = os.environ.get("PICTURES")
    pictures = Path(folder) if folder else None
    if pictures is not None:
        (pictures / "other").mkdir(parents=True, exist_ok=True)

    def make(
        size: tuple[int, int] = WIDE, *, scripts: bool = True, dark: bool = False
    ) -> Visitor:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        looks = "dark" if dark else "light" if scripts else "no-scripts"
        one = Visitor(site, page, [], pictures, looks)
        page.on(
            "console",
            lambda said: (
                one.complaints.append(said.text)
                if said.type in {"error", "warning"}
                else None
            ),
        )
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                one.complaints.append(f"foreign: {request.url}")
                if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
                else None
            ),
        )
        visitors.append(one)
        return one

    yield make
    for context in contexts:
        context.close()
    assert [line for one in visitors for line in one.complaints] == []
