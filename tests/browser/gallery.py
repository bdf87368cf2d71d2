"""`make screens`: the gallery in docs/screens, from a portal with people in it.

    python -m tests.browser.gallery [folder]

Each picture is named page-width-theme.png. Colours are reduced to a palette, so that
the folder stays small enough to live in the repository.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import cast, conftest
from tests.browser.visits import Visit, address, press
from tests.services import portal

FOLDER = Path("docs/screens")
COLOURS = 160
NEAR = 6  # sum over the three parts: nobody sees the difference
SURFACES = 8  # the most frequent colours stay, however near: page, panel, border
TALL = 2400  # pixels of a page that a picture shows at most
EVERY = (("1280", "light"), ("375", "dark"))
ALL = (*EVERY, ("1280", "dark"), ("375", "light"))


@dataclass(frozen=True, slots=True)
class Picture:
    """One page in the gallery, and what is to be seen there."""

    name: str
    says: str
    visit: Visit
    looks: tuple[tuple[str, str], ...] = EVERY


def shot(name: str, says: str, path: str, who: str = "nobody") -> Picture:
    return Picture(name, says, Visit(name, path, who))


def best(name: str, says: str, path: str, who: str = "nobody") -> Picture:
    return Picture(name, says, Visit(name, path, who), ALL)


REVEAL = Visit(
    "claimed", "/requests/{ready}/claim/", "nora", act=press("Reveal my key")
)
DECLINE = "/admin/keyrequests/keyrequest/{request-pk}/decline/"
GROUPS: dict[str, list[Picture]] = {
    "Before an account": [
        best("home", "Home", "/"),
        shot("catalogue", "The catalogue", "/catalogue/"),
        shot("catalogue-no-hit", "Nothing found, and a way on", "/catalogue/?q=zzz"),
        best(
            "entry",
            "One API, its plans and a first call",
            "/catalogue/orders-standard/",
        ),
        shot(
            "documentation",
            "Its documentation",
            "/catalogue/orders-standard/documentation/",
        ),
        shot("sign-up", "Sign up", "/sign-up/"),
        shot("login", "Log in", "/login/"),
        shot("not-found", "A page that does not exist", "/nothing-here/"),
    ],
    "A developer": [
        best("dashboard", "What waits, keys, calls", "/", "mira"),
        shot("dashboard-new", "The same on the first day", "/", "fresh"),
        shot("ask", "Asking for access", "/catalogue/orders-partner/request/", "mira"),
        shot("requests", "Requests of every kind", "/requests/", "nora"),
        shot("request", "A request in review", "/requests/{open}/", "mira"),
        shot(
            "declined",
            "A declined one, with its reason",
            "/requests/{declined}/",
            "nora",
        ),
        shot("claim", "Ready to claim", "/requests/{ready}/claim/", "nora"),
        Picture("claimed", "The key, shown once", REVEAL, ALL),
        shot("keys", "Keys by API", "/keys/", "mira"),
        shot("key", "One key", "/keys/{own}/", "nora"),
        shot("revoke", "Revoking: what will happen", "/keys/{found}/revoke/", "mira"),
        best("usage", "Calls of all keys", "/usage/", "mira"),
        shot("usage-key", "Calls of one key", "/usage/{found}/", "mira"),
        shot("account", "Account", "/account/", "mira"),
        shot("security", "Where one is signed in", "/account/security/", "mira"),
        shot("mails", "Mails one may do without", "/account/mails/", "mira"),
        shot("close", "Closing the account", "/account/close/", "mira"),
    ],
    "Staff": [
        shot("admin-home", "What waits, and whether all is well", "/admin/", "rita"),
        best(
            "admin-queue", "The review queue", "/admin/keyrequests/keyrequest/", "rita"
        ),
        shot(
            "admin-request",
            "The case on one page",
            "/admin/keyrequests/keyrequest/{request-pk}/change/",
            "rita",
        ),
        shot("admin-decline", "Declining, with the mail", DECLINE, "rita"),
        shot("admin-developers", "Developers", "/admin/developers/developer/", "rita"),
        shot(
            "admin-developer",
            "One developer",
            "/admin/developers/developer/{developer-pk}/change/",
            "rita",
        ),
        shot("admin-entries", "The catalogue", "/admin/catalogue/entry/", "rita"),
        shot("admin-sync", "In step with Tyk", "/admin/tyk/pullstate/", "rita"),
        shot("admin-outbox", "What is owed to Tyk", "/admin/tyk/outbox/", "rita"),
        shot("admin-drift", "Differences", "/admin/portal_site/driftfinding/", "rita"),
        shot("admin-doctor", "The doctor", "/admin/portal_site/doctor/", "rita"),
        shot(
            "admin-brand",
            "The brand editor",
            "/admin/portal_site/brandversion/edit/",
            "rita",
        ),
    ],
    "Another company": [
        best("halcyon-home", "Halcyon's home", "/"),
        shot("halcyon-entry", "One API", "/catalogue/shipping/"),
        shot("halcyon-dashboard", "A developer's home", "/", "mira"),
        shot("halcyon-queue", "The queue", "/admin/keyrequests/keyrequest/", "rita"),
    ],
}


def photograph(people: cast.Cast, folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Take every picture; the heading and files of each group as it is done."""
    for heading, pictures in GROUPS.items():
        if heading == "Another company":
            people.publish_the_draft()
        files = []
        for picture in pictures:
            files += taken(people, picture, folder)
        yield heading, files


def taken(people: cast.Cast, picture: Picture, folder: Path) -> list[Path]:
    """The pictures of one page, loaded once."""
    one, visit = people.people[picture.visit.who], picture.visit
    one.page.set_viewport_size({"width": 1280, "height": 900})
    one.page.emulate_media(color_scheme="light")
    one.page.goto(one.site.url + address(one.site, visit))
    if visit.act is not None:
        visit.act(one)
    one.page.wait_for_load_state("networkidle")
    files = []
    for width, theme in picture.looks:
        file = folder / f"{picture.name}-{width}-{theme}.png"
        dressed(one.page, width=int(width), dark=theme == "dark")
        file.write_bytes(small(one.page.screenshot(full_page=True)))
        files.append(file)
    return files


def dressed(page: Page, *, width: int, dark: bool) -> None:
    """The page as it stands, in another width and theme, all fading done."""
    page.set_viewport_size({"width": width, "height": 900 if width > 600 else 812})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")


def small(png: bytes) -> bytes:
    """The picture with few colours as palette, cut where it is too long.

    Pages are flat: their own colours stay, rare ones of a badge too, and only the
    rims of letters move.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALL)))
    counted = picture.getcolors(picture.width * picture.height) or []
    chosen = _apart([colour for _, colour in sorted(counted, reverse=True)])
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in chosen for part in colour])
    reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    written = io.BytesIO()
    reduced.save(written, "PNG", optimize=True)
    return written.getvalue()


def _apart(colours: Sequence[Any]) -> list[tuple[int, int, int]]:
    """The most frequent colours of those that can be told apart."""
    chosen: list[tuple[int, int, int]] = []
    for red, green, blue in colours:
        if len(chosen) == COLOURS:
            break
        if len(chosen) < SURFACES or all(
            abs(red - r) + abs(green - g) + abs(blue - b) > NEAR for r, g, b in chosen
        ):
            chosen.append((red, green, blue))
    return chosen


def index(groups: list[tuple[str, list[Path]]]) -> str:
    """README.md of the folder: the pictures by group, wide and narrow side by side."""
    said = {p.name: p.says for pictures in GROUPS.values() for p in pictures}
    lines = ["# Screens", "", "Made by `make screens` from a running portal.", ""]
    for heading, files in groups:
        lines += [f"## {heading}", ""]
        for name, one in by_name(files).items():
            shown = "".join(
                f'<img src="{file.name}" alt="{said[name]}, {file.stem}" '
                f'width="{190 if "-375-" in file.name else 560}"> '
                for file in one
            )
            lines += [f"**{said[name]}** (`{name}`)", "", shown.strip(), ""]
    return "\n".join(lines)


def by_name(files: list[Path]) -> dict[str, list[Path]]:
    grouped: dict[str, list[Path]] = {}
    for file in files:
        grouped.setdefault(file.stem.rsplit("-", 2)[0], []).append(file)
    return grouped


def main(folder: Path) -> None:
    """Start a portal, furnish it, and fill `folder`; what was there goes."""
    os.environ.pop("PICTURES", None)
    with (
        tempfile.TemporaryDirectory() as room,
        sync_playwright() as playwright,
        portal.running(Path(room), **conftest.SETTINGS) as site,
    ):
        browser: Browser = conftest.launched(playwright)
        people = cast.Cast(browser, site)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.rglob("*.png"):
            old.unlink()
        groups = list(photograph(people, folder))
        (folder / "README.md").write_text(index(groups))
        browser.close()
    files = list(folder.glob("*.png"))
    size = sum(file.stat().st_size for file in files) / 2**20
    sys.stdout.write(f"{len(files)} pictures, {size:.1f} MiB, in {folder}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
