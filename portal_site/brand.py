"""The company's face, here and now: what staff published, else the BRAND_* settings."""

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning as CheckWarning

from portal_site import brand_versions
from portal_site.face import RADIUS_MAX, Brand, Face, Link, Logo, made
from portal_site.palette import NotAColour

__all__ = ["Brand", "Link", "Logo"]

LOGO_KINDS = {"image/svg+xml", "image/png", "image/webp", "image/jpeg"}
LOGO_MAX = 256 * 1024


# --- As configured -----------------------------------------------------------------
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


def configured() -> Face:
    """The first version: the settings. ValueError (NotAColour) when one is unusable.

    `check` reports the same faults at start-up, so a running site never sees them.
    """
    radius = max(0, min(RADIUS_MAX, settings.BRAND_RADIUS))
    return _face(
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
def _face(
    words: tuple[str, str, str, str, str, str],
    links: tuple[str, ...],
    looks: tuple[str, int, str],
) -> Face:
    colour, radius, logo_path = looks
    return Face(
        *words,
        footer_links=footer_links(list(links)),
        colour=colour,
        radius=radius,
        logo=logo_from(logo_path),
    )


def check(**_kwargs: object) -> list[CheckMessage]:
    """A Django system check: bad brand settings stop the start with a sentence."""
    try:
        face = configured()
        made(face)
    except NotAColour as error:
        return [Error(f"BRAND_COLOUR: {error}", id="portal_site.E001")]
    except ValueError as error:
        return [Error(str(error), id="portal_site.E002")]
    if not face.name.strip():
        return [CheckWarning("BRAND_NAME is empty.", id="portal_site.W001")]
    return []


# --- Here and now ------------------------------------------------------------------
_of_request: ContextVar[list[Brand] | None] = ContextVar("brand", default=None)


def current() -> Brand:
    """The brand of this request or mail; a query at most every BRAND_FRESH_SECONDS."""
    held = _of_request.get()
    if held:
        return held[0]
    found = brand_versions.live() or made(configured())
    if held is not None:
        held.append(found)
    return found


def last_known() -> Brand:
    """The same without a query, for pages that must not ask the database anything."""
    held = _of_request.get()
    return held[0] if held else brand_versions.last_known() or made(configured())


@contextmanager
def one_for_all(brand: Brand | None = None) -> Iterator[None]:
    """One brand within: the one given, else the first that is asked for.

    Without it, a page whose making spans a publication could show the name of one
    version and link to the colours of another.
    """
    token = _of_request.set([brand] if brand else [])
    try:
        yield
    finally:
        _of_request.reset(token)
