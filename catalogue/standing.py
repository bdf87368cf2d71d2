"""What every page of the shelf asks first, in one query."""

# ruff: noqa: S608  the only names put into SQL here are those of our own tables

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Subquery

from catalogue.models import Shelf
from tyk.models import Organisation, PullState


@dataclass(frozen=True, slots=True)
class Standing:
    """The shelf's version, its settings, and when it was last read from Tyk."""

    organisation: Organisation
    version: int
    as_of: datetime | None

    @property
    def told(self) -> dict[str, object]:
        """What every page of the shelf tells of it."""
        return {
            "as_of": self.as_of,
            "sign_up_off": self.organisation.disable_signup,
        }


def now() -> Standing:
    """Read it. More queries only on the very first page of a new portal."""
    found = _read()
    if found is None:
        made = Organisation.current()
        found = _read() or Standing(made, version=0, as_of=None)
    return found


def _read() -> Standing | None:
    row = (
        Organisation.objects.filter(pk=1)
        .annotate(
            shelf_version=Subquery(Shelf.objects.values("version")[:1]),
            shelf_read_at=Subquery(
                PullState.objects.filter(kind="catalogue").values("completed_at")[:1]
            ),
        )
        .first()
    )
    if row is None:
        return None
    return Standing(row, version=row.shelf_version or 0, as_of=row.shelf_read_at)


def mark() -> tuple[object, ...] | None:
    """Equal for two moments at which a visitor reads the same; None before the first.

    Written out, since building this query costs more than the page it saves: every
    visitor asks it, and nothing else.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        row: tuple[object, ...] | None = cursor.fetchone()
    return row


_MARK = f"""
    SELECT shelf.version, pull.completed_at, own.require_key_approval,
           own.catalogue_login_only, own.disable_signup
      FROM {Organisation._meta.db_table} own
      LEFT JOIN {Shelf._meta.db_table} shelf ON shelf.id = 1
      LEFT JOIN {PullState._meta.db_table} pull ON pull.kind = 'catalogue'
     WHERE own.id = 1
"""
