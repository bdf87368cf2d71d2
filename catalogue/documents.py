"""Documents of entries: which one readers get, and how they come and go.

No network here: `catalogue.pull` brings Tyk's, the admin brings those of staff.
"""

import hashlib

from django.db import transaction

from catalogue.loading import Unreadable
from catalogue.models import Document, Entry, Shelf
from catalogue.openapi import describe

#: A kind of document no viewer here knows; "swagger" is OpenAPI 3 too (Tyk docs,
#: portal-documentation).
BLUEPRINT = "blueprint"


def shown(entry: Entry) -> Document | None:
    """The document readers get, without its texts: an upload wins. One query."""
    present = entry.documents.exclude(state=Document.State.ABSENT)
    return present.light().in_order_of_trust().first()


@transaction.atomic
def upload(entry: Entry, body: bytes) -> Document:
    """Put a document of staff's in front of Tyk's; an earlier upload is replaced.

    Raises Unreadable, and keeps what was there, for one that can't be shown.
    """
    values = readable(body)
    document, _ = Document.objects.update_or_create(
        entry=entry, source=Document.Source.STAFF, defaults=values
    )
    Shelf.changed()
    return document


@transaction.atomic
def take_back(document: Document) -> None:
    """Remove an upload, so that readers get Tyk's document again."""
    document.delete()
    Shelf.changed()


# --- Values of a row ---------------------------------------------------------
def readable(body: bytes) -> dict[str, object]:
    """A row's values for a document that can be shown. Raises Unreadable."""
    it = describe(body)
    return {
        "state": Document.State.SHOWN,
        "format": it.format,
        "syntax": it.syntax,
        "title": it.title,
        "version": it.version,
        "body": it.text,
        "digest": hashlib.sha256(it.viewer.encode()).hexdigest(),
        "viewer": it.viewer,
        "outline": it.outline,
        "words": it.words,
        "problem": "",
    }


def from_tyk(body: bytes, *, kind: str) -> dict[str, object]:
    """The same for a document of Tyk's, which may be broken: nobody can refuse it."""
    try:
        if kind == BLUEPRINT:
            raise Unreadable("It is API Blueprint, which can't be shown here.")
        return readable(body)
    except Unreadable as why:
        return empty(Document.State.BROKEN, problem=str(why), body=_kept(body))


def empty(
    state: Document.State, *, problem: str = "", body: str = ""
) -> dict[str, object]:
    """Values of a row that shows no calls: a link, a broken or an absent document."""
    return {
        "state": state,
        "format": "",
        "syntax": "text",
        "title": "",
        "version": "",
        "body": body,
        "digest": hashlib.sha256(body.encode()).hexdigest() if body else "",
        "viewer": "",
        "outline": {},
        "words": "",
        "problem": problem[:300],
    }


def _kept(body: bytes) -> str:
    """As near to the bytes as a text column comes: staff download it to mend it."""
    return body.decode("utf-8", "replace").replace("\0", "")
