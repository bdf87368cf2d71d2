"""Taking Tyk's values where the mirror differs, by the pulls' own means.

Each differing record is read again, so that what is taken is today's truth; the
pulls' guards hold (a key that is missing once is looked at again before it ends).
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from catalogue import pull as shelf_pull
from catalogue.models import Entry, Plan
from developers import pull as people_pull
from developers.models import Developer
from keyrequests import holdings, pull as keys_pull, staff
from keyrequests.models import Key, KeyRequest
from portal_site.drift.differences import Difference
from portal_site.drift.owners import (
    DEVELOPER,
    ENTRY,
    KEY,
    ORGANISATION,
    OURS,
    PLAN,
    REQUEST,
)
from tyk import connect, pull as tyk_pull
from tyk.dashboard.errors import NotFound
from tyk.dashboard.records import Developer as Person

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many records were read anew, and what the pulls did not believe."""

    records: int
    held_back: tuple[str, ...] = ()


def take_tyks(found: Iterable[Difference], *, accept_removals: bool = False) -> Taken:
    """Make the mirror as Tyk is for these.

    `accept_removals`: plans and entries Tyk no longer lists end, however many.
    Differences the portal owns are left. Raises DashboardError.
    """
    wanted = _by_kind(found)
    if ORGANISATION in wanted:
        tyk_pull.run("configuration")
    held_back = _take_shelf(wanted, accept_removals=accept_removals)
    for tyk_id in sorted(wanted.get(DEVELOPER, set())):
        _take_developer(tyk_id)
    for tyk_id in sorted(wanted.get(REQUEST, set())):
        _take_request(tyk_id)
    count = sum(len(records) for records in wanted.values())
    log.info("took Tyk's values", extra={"records": count})
    return Taken(count, tuple(filter(None, held_back)))


def _by_kind(found: Iterable[Difference]) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for one in found:
        if one.owner != OURS:
            kind = DEVELOPER if one.kind == KEY else one.kind
            wanted.setdefault(kind, set()).add(one.within or one.record)
    return wanted


def _take_shelf(wanted: dict[str, set[str]], *, accept_removals: bool) -> list[str]:
    """What was held back, if anything was."""
    held_back = []
    # A digest says "as read last"; without it the pull compares and writes.
    if PLAN in wanted:
        Plan.objects.filter(oid__in=wanted[PLAN]).update(digest="")
        pulled = shelf_pull.policies(accept_removals=accept_removals)
        held_back.append(pulled.held_back)
    if ENTRY in wanted:
        Entry.objects.filter(slug__in=wanted[ENTRY]).update(digest="")
        pulled = shelf_pull.catalogue(accept_removals=accept_removals)
        held_back.append(pulled.held_back)
    return held_back


def _take_developer(tyk_id: str) -> None:
    Developer.objects.filter(tyk_id=tyk_id).update(digest="")
    record = people_pull.read(tyk_id)
    if record is None:
        return  # the mirror learned that it is gone
    row = people_pull.mirror(record)
    keys_pull.one_developer(row)
    _take_policies(row, record)


@transaction.atomic
def _take_policies(row: Developer, record: Person) -> None:
    """The policies of keys the Dashboard lists with all of theirs."""
    by_fp = {key.fp: key for key in Key.objects.filter(developer=row).exclude(fp=None)}
    for held in holdings.of_developer(row, record).held:
        key = by_fp.get(held.fp)
        if key is None or not held.is_whole:
            continue
        staff.keep_policies(key, held.policies)


def _take_request(tyk_id: str) -> None:
    row = KeyRequest.objects.filter(tyk_id=tyk_id).select_related("developer").first()
    if row is not None:
        keys_pull.decided_there(row)
        return
    try:
        record = connect.dashboard().request(tyk_id)
    except NotFound:
        return  # withdrawn since it was listed
    keys_pull.apply_asked([record])
