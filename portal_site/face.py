"""What a company's face is made of, and the whole brand made from it.

Where it comes from (the BRAND_* settings, a version edited by staff) is not known
here: see `brand` and `brand_versions`.
"""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from django.conf import settings

from portal_site.palette import (
    Palette,
    mail_colours,
    palette,
    roles,
    stylesheet,
    to_hex,
)

RADIUS_MAX = 16
LOGO_HEIGHT, LOGO_WIDTH = 26, 144  # of the picture in the header, at most, CSS pixels
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the footer."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Logo:
    """The company's own picture; served by `brand-logo`."""

    body: bytes
    content_type: str

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in the header, so that no page moves as it loads.

        Only a PNG's size is read, which uploads become; others get a square that
        the sheet lets grow.
        """
        if not self.body.startswith(_PNG):
            return LOGO_HEIGHT, LOGO_HEIGHT
        width, height = struct.unpack(">II", self.body[16:24])
        return min(LOGO_WIDTH, max(1, round(LOGO_HEIGHT * width / height))), LOGO_HEIGHT


@dataclass(frozen=True, slots=True)
class Face:
    """All that a company can choose."""

    name: str
    company: str
    tagline: str
    lead: str
    support_email: str
    api_url: str
    footer_links: tuple[Link, ...]
    colour: str
    radius: int
    logo: Logo | None = None
    logo_dark: Logo | None = None

    @property
    def digest(self) -> str:
        """Names what is in it: another face, another digest."""
        members = asdict(self)
        pictures = [members.pop(name) for name in ("logo", "logo_dark")]
        whole = hashlib.sha256(json.dumps(members, sort_keys=True).encode())
        for picture in pictures:
            whole.update(b"\0" + (picture["body"] if picture else b""))
        return whole.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Brand:
    """What templates and mails know about the company."""

    name: str
    company: str
    tagline: str
    lead: str
    support_email: str
    api_url: str
    footer_links: tuple[Link, ...]
    logo: Logo | None
    logo_dark: Logo | None
    palette: Palette
    radius: int
    css: str
    version: str  # changes whenever anything does
    mail: dict[str, dict[str, str]]

    @property
    def css_mark(self) -> str:
        """In the sheet's address too: browsers keep it for a year, a release may not."""
        return hashlib.sha256(self.css.encode()).hexdigest()[:8]

    @property
    def initial(self) -> str:
        """The letter of the generated mark, where a company has no logo."""
        return next((c for c in self.name if c.isalnum()), "A").upper()[0]

    @property
    def site_host(self) -> str:
        """The portal's host, written under every mail."""
        return urlsplit(settings.PORTAL_BASE_URL).netloc

    @property
    def mail_links(self) -> list[Link]:
        """The footer's links as a mail needs them: with the portal's address."""
        base = settings.PORTAL_BASE_URL
        return [
            Link(link.label, f"{base}{link.url}" if link.url[0] == "/" else link.url)
            for link in self.footer_links
        ]

    @property
    def mail_radius(self) -> int:
        """Corner of a mail's card in pixels: a size larger than a button's."""
        return round(self.radius * 1.6)

    @property
    def colour(self) -> str:
        """The brand as one hex colour on which white text reads."""
        return to_hex(roles(self.palette)["fill"])

    @property
    def favicon(self) -> str:
        """The generated mark as a `data:` URL: browsers fetch nothing for it."""
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
            f'<rect width="24" height="24" rx="{self.radius}" fill="{self.colour}"/>'
            '<text x="12" y="17.2" text-anchor="middle" font-family="sans-serif" '
            f'font-size="14.5" font-weight="700" fill="#fff">{self.initial}</text></svg>'
        )
        return "data:image/svg+xml," + quote(svg)


@lru_cache(maxsize=16)
def made(face: Face) -> Brand:
    """The brand of a face. NotAColour when its colour is none."""
    shades = palette(face.colour)
    return Brand(
        name=face.name,
        company=face.company,
        tagline=face.tagline,
        lead=face.lead,
        support_email=face.support_email,
        api_url=face.api_url,
        footer_links=face.footer_links,
        logo=face.logo,
        logo_dark=face.logo_dark,
        palette=shades,
        radius=face.radius,
        css=stylesheet(shades, radius=face.radius),
        version=face.digest,
        mail=mail_colours(shades),
    )
