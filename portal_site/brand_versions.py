"""Versions of the brand: kept as rows, one of them live, or none (the settings).

save       one draft a person; saved again, it is another digest
publish    conditional: on what was live, and on the draft as it was looked at
withdraw   back to the settings
live       what every page shows; a process asks the database once a second
"""

import logging
import time
from dataclasses import asdict, dataclass, fields

from django.conf import settings
from django.db import DatabaseError, IntegrityError, models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from developers.models import User
from portal_site.face import Brand, Face, Link, Logo, made
from portal_site.models import BrandVersion

log = logging.getLogger(__name__)

PNG = "image/png"
PICTURES = ("logo", "logo_dark")
LABELS = {
    "name": "Name",
    "company": "Company",
    "tagline": "Headline",
    "lead": "Text below it",
    "support_email": "Support address",
    "api_url": "API address",
    "footer_links": "Links in the footer",
    "colour": "Colour",
    "radius": "Corner radius",
    "logo": "Logo",
    "logo_dark": "Logo on dark",
}


class Overtaken(Exception):
    """Somebody else was quicker; the message is a sentence for staff."""


# --- Rows and faces ----------------------------------------------------------------
def face_of(row: BrandVersion) -> Face:
    """What a row holds."""
    words = dict(row.words)
    links = tuple(Link(label, url) for label, url in words.pop("footer_links"))
    logo, dark = bytes(row.logo), bytes(row.logo_dark)
    return Face(
        **words,
        footer_links=links,
        logo=Logo(logo, row.logo_kind) if logo else None,
        logo_dark=Logo(dark, PNG) if dark else None,
    )


def brand_of(row: BrandVersion) -> Brand:
    """The whole brand of a row."""
    return made(face_of(row))


def _columns(face: Face) -> dict[str, object]:
    words = asdict(face)
    for name in PICTURES:
        del words[name]
    words["footer_links"] = [[link.label, link.url] for link in face.footer_links]
    return {
        "words": words,
        "logo": face.logo.body if face.logo else b"",
        "logo_kind": face.logo.content_type if face.logo else "",
        "logo_dark": face.logo_dark.body if face.logo_dark else b"",
        "digest": face.digest,
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of two faces that is not the same."""

    label: str
    before: str
    after: str


def differences(before: Face, after: Face) -> list[Difference]:
    """What publishing `after` would change."""
    return [
        Difference(LABELS[name], _said(old), _said(new))
        for name in (field.name for field in fields(Face))
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def _said(value: object) -> str:
    match value:
        case None | "" | ():
            return "none"
        case Logo():
            return f"a picture of {-(-len(value.body) // 1024)} KiB"
        case tuple():
            return ", ".join(f"{link.label} ({link.url})" for link in value)
        case _:
            return str(value)


# --- What is live --------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Known:
    """What this process knows: the live row's key, its brand, and since when."""

    pk: int | None = None
    brand: Brand | None = None
    read_at: float = float("-inf")  # time.monotonic()


class Kept:
    """Replaced as a whole, so that threads need no lock."""

    def __init__(self) -> None:
        self.known = _Known()

    def forget(self) -> None:
        """Ask the database at the next page."""
        self.known = _Known(self.known.pk, self.known.brand)

    def as_configured(self) -> None:
        """Take it that no version is live, until the time is over."""
        self.known = _Known(read_at=time.monotonic())


kept = Kept()


def last_known() -> Brand | None:
    """What was live when this process last looked. No query."""
    return kept.known.brand


def live() -> Brand | None:
    """The live version's brand, None while the settings hold.

    One small query when the last is more than BRAND_FRESH_SECONDS old. While the
    database is away, what was last known stands.
    """
    known, now = kept.known, time.monotonic()
    if now - known.read_at < settings.BRAND_FRESH_SECONDS:
        return known.brand
    try:
        kept.known = _look(known, now)
    except DatabaseError as error:
        log.warning("brand not read", extra={"why": type(error).__name__})
        kept.known = _Known(known.pk, known.brand, now)
    return kept.known.brand


def _look(known: _Known, now: float) -> _Known:
    pk = live_pk()
    if pk == known.pk:
        return _Known(pk, known.brand, now)
    if pk is None:
        return _Known(None, None, now)
    return _Known(pk, brand_of(BrandVersion.objects.get(pk=pk)), now)


def live_pk() -> int | None:
    """The live row's key, from the database; None while the settings hold."""
    row = BrandVersion.objects.order_by().filter(live=True).values_list("pk")
    return next((pk for (pk,) in row), None)


# --- What staff do -------------------------------------------------------------------
def draft_of(user: User) -> BrandVersion | None:
    """The draft this person works on."""
    return BrandVersion.objects.filter(draft_of=user).first()


def save(face: Face, *, by: User, began_from: int | None) -> BrandVersion:
    """Keep `face` as this person's draft.

    `began_from`, the key of what was live when it was begun, is kept from the first
    time: it tells whether somebody published meanwhile.
    """
    columns = {**_columns(face), "author": str(by), "saved_at": timezone.now()}
    row, _made = BrandVersion.objects.update_or_create(
        draft_of=by,
        defaults=columns,
        create_defaults={**columns, "began_from_id": began_from},
    )
    return row


def discard(user: User) -> bool:
    """Throw this person's draft away; whether there was one."""
    return bool(BrandVersion.objects.filter(draft_of=user).delete()[0])


def publish(row: BrandVersion, *, over: int | None, digest: str, by: User) -> int:
    """Make a draft or an earlier version what everybody sees; its number.

    Raises Overtaken unless `over` (a key; None: the settings) is live still and the
    row is as the person saw it, by its digest.
    """
    if row.pk == over:
        raise Overtaken("This version is live already.")
    try:
        with transaction.atomic():
            _end(over)
            number = _begin(row, digest=digest, by=by)
    except IntegrityError:  # another's commit came between our look and our write
        raise Overtaken(_who_was_quicker()) from None
    kept.forget()
    return number


def withdraw(*, over: int) -> None:
    """Back to the settings. Raises Overtaken unless `over` is live still."""
    with transaction.atomic():
        _end(over)
    kept.forget()


def _end(over: int | None) -> None:
    rows = BrandVersion.objects.filter(live=True)
    if over is None:
        if rows.exists():
            raise Overtaken(_who_was_quicker())
    elif not rows.filter(pk=over).update(live=False):
        raise Overtaken(_who_was_quicker())


def _begin(row: BrandVersion, *, digest: str, by: User) -> int:
    highest = BrandVersion.objects.aggregate(n=models.Max("number"))["n"] or 0
    begun = BrandVersion.objects.filter(pk=row.pk, digest=digest).update(
        live=True,
        number=Coalesce("number", highest + 1),
        draft_of=None,
        published_at=timezone.now(),
        published_by=str(by),
    )
    if not begun:
        raise Overtaken(
            "The draft was changed or discarded while you looked at it. Look again."
        )
    return BrandVersion.objects.values_list("number", flat=True).get(pk=row.pk) or 0


def _who_was_quicker() -> str:
    """A sentence on what is live instead of what the person saw."""
    row = BrandVersion.objects.filter(live=True).first()
    if row is None:
        return "Meanwhile the brand went back to the settings. Nothing was changed."
    return (
        f"{row.published_by} published version {row.number} while you looked at this "
        "page. Nothing was changed. See what differs now, then decide."
    )


def served(digest: str) -> BrandVersion | None:
    """The newest version with this digest, draft or not: for sheets and logos."""
    rows = BrandVersion.objects.filter(digest=digest)
    return rows.order_by(models.F("number").desc(nulls_last=True)).first()
