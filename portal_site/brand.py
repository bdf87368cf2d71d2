"""The company's face from the BRAND_* settings: words, logo, palette, `brand.css`."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning as CheckWarning

from portal_site.palette import (
    NotAColour,
    Palette,
    mail_colours,
    palette,
    roles,
    stylesheet,
    to_hex,
)

LOGO_KINDS = {"image/svg+xml", "image/png", "image/webp", "image/jpeg"}
LOGO_MAX = 256 * 1024
RADIUS_MAX = 16


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the footer."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Logo:
    """The company's own picture, read once; served by `brand-logo`."""

    body: bytes
    content_type: str


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
    palette: Palette
    radius: int
    css: str
    version: str  # changes whenever css or logo change
    mail: dict[str, dict[str, str]]

    @property
    def initial(self) -> str:
        """The letter of the generated mark, where a company has no logo."""
        return next((c for c in self.name if c.isalnum()), "A").upper()

    @property
    def site_host(self) -> str:
        """The portal's host, written under every mail."""
        return urlsplit(settings.PORTAL_BASE_URL).netloc

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


def footer_links(written: list[str]) -> tuple[Link, ...]:
    """Links from `["Terms=https://…", …]`; ValueError names the one that is none.

    Only http, https, mailto and own paths: a `javascript:` link from a setting
    would be a hole the Content-Security-Policy has to cover.
    """
    links = []
    for text in written:
        label, _, url = (part.strip() for part in text.partition("="))
        own_path = url.startswith("/") and not url.startswith("//")
        if not label or not (own_path or _is_public(url)):
            raise ValueError(
                f"BRAND_FOOTER_LINKS: {text!r} is not a link. "
                "Write Terms=https://example.com/terms, one after a comma."
            )
        links.append(Link(label, url))
    return tuple(links)


def _is_public(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "mailto":
        return "@" in parts.path
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def logo_from(path: str) -> Logo | None:
    """The picture at `path`, None without one; ValueError when it cannot be used."""
    if not path:
        return None
    kind = mimetypes.guess_type(path)[0] or "unknown"
    if kind not in LOGO_KINDS:
        raise ValueError(f"BRAND_LOGO: {path} is no SVG, PNG, WebP or JPEG file.")
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"BRAND_LOGO: {path} cannot be read.") from error
    if len(body) > LOGO_MAX:
        raise ValueError(f"BRAND_LOGO: {path} is larger than 256 KiB.")
    return Logo(body, kind)


def current() -> Brand:
    """The brand of this process; ValueError (NotAColour) when a setting is unusable.

    `check` reports the same faults at start-up, so a running site never sees them.
    """
    radius = max(0, min(RADIUS_MAX, settings.BRAND_RADIUS))
    return _brand(
        (
            settings.BRAND_NAME,
            settings.BRAND_COMPANY,
            settings.BRAND_TAGLINE,
            settings.BRAND_LEAD,
            settings.BRAND_SUPPORT_EMAIL,
            settings.BRAND_API_URL,
        ),
        tuple(settings.BRAND_FOOTER_LINKS),
        (settings.BRAND_COLOUR, radius, settings.BRAND_LOGO),
    )


@lru_cache(maxsize=8)
def _brand(
    words: tuple[str, str, str, str, str, str],
    links: tuple[str, ...],
    looks: tuple[str, int, str],
) -> Brand:
    colour, radius, logo_path = looks
    name, company, tagline, lead, support_email, api_url = words
    shades, logo = palette(colour), logo_from(logo_path)
    css = stylesheet(shades, radius=radius)
    digest = hashlib.sha256(css.encode() + (logo.body if logo else b""))
    return Brand(
        name=name,
        company=company,
        tagline=tagline,
        lead=lead,
        support_email=support_email,
        api_url=api_url,
        footer_links=footer_links(list(links)),
        logo=logo,
        palette=shades,
        radius=radius,
        css=css,
        version=digest.hexdigest()[:12],
        mail=mail_colours(shades),
    )


def check(**_kwargs: object) -> list[CheckMessage]:
    """A Django system check: bad brand settings stop the start with a sentence."""
    try:
        brand = current()
    except NotAColour as error:
        return [Error(f"BRAND_COLOUR: {error}", id="portal_site.E001")]
    except ValueError as error:
        return [Error(str(error), id="portal_site.E002")]
    if not brand.name.strip():
        return [CheckWarning("BRAND_NAME is empty.", id="portal_site.W001")]
    return []
