"""One difference looked at again, at the moment somebody acts on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal_site.drift import asked, people, shelf
from portal_site.drift.differences import Difference
from portal_site.drift.owners import (
    DEVELOPER,
    ENTRY,
    KEY,
    ORGANISATION,
    PLAN,
    REQUEST,
)
from portal_site.models import Act


@dataclass(frozen=True, slots=True)
class Seen:
    """`same`: it stands as it was shown; else `moved` if another one is there."""

    same: Difference | None
    moved: bool = False


def seen(act: Act) -> Seen:
    """What has become of the difference `act` is about. Raises DashboardError."""
    place = act.kind, act.within, act.record, act.field
    moved = False
    for one in differences(act.kind, act.within or act.record):
        if one.fingerprint == act.fingerprint:
            return Seen(one)
        moved |= one.place == place
    return Seen(None, moved)


def differences(kind: str, record: str) -> Iterator[Difference]:
    """Those of one record, or of the small list it stands in, as they are now.

    Nothing is written. Raises DashboardError.
    """
    if kind in {DEVELOPER, KEY}:
        return people.of_one(record)
    if kind == REQUEST:
        return asked.of_one(record)
    return _SMALL[kind]()


_SMALL = {ORGANISATION: shelf.organisation, PLAN: shelf.plans, ENTRY: shelf.entries}
