"""A whole comparison, kept in rows for the page while it goes on.

Findings of the last complete look are shown until the next one is complete: a
Dashboard that goes away in the middle costs nothing that was known.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from portal_site import drift, trail
from portal_site.drift.differences import Difference
from portal_site.looks import Hold
from portal_site.models import Act, DriftFinding, Look

CHUNK = 500
# A page is for people: beyond so many they are counted, and the list says so.
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """A difference of this look, and whether staff chose to ignore it."""

    difference: Difference
    ignored: bool


def compare(hold: Hold) -> None:
    """The worker's look. Raises DashboardError, LeaseLost."""
    deque(compared(hold), maxlen=0)


def compared(hold: Hold) -> Iterator[Found]:
    """Every difference as it is met; complete and shown once this has ended.

    Memory holds a chunk of findings whatever their number. Raises DashboardError.
    """
    _forget(DriftFinding.objects.exclude(run=_shown()))
    standing = set(_standing().values_list("fingerprint", flat=True))
    met: set[str] = set()
    waiting: list[DriftFinding] = []
    count = 0
    for one in drift.differences(hold.tell):
        count += 1
        ignored = one.fingerprint in standing
        if ignored:
            met.add(one.fingerprint)
        if count <= MOST_KEPT:
            waiting.append(_row(one, hold.epoch, ignored=ignored))
        if len(waiting) == CHUNK:
            _keep(waiting)
        yield Found(one, ignored)
    _keep(waiting)
    _end(hold, count, standing - met)


def unkept() -> Iterator[Found]:
    """The same, only told: for whoever looks while another look is under way."""
    standing = set(_standing().values_list("fingerprint", flat=True))
    for one in drift.differences():
        yield Found(one, one.fingerprint in standing)


def _row(one: Difference, run: int, *, ignored: bool) -> DriftFinding:
    return DriftFinding(
        run=run,
        kind=one.kind,
        record=one.record[:200],
        within=one.within,
        field=one.field[:100],
        here=one.here,
        there=one.there,
        owner=one.owner,
        fingerprint=one.fingerprint,
        ignored=ignored,
        found_at=timezone.now(),
    )


def _keep(waiting: list[DriftFinding]) -> None:
    DriftFinding.objects.bulk_create(waiting)
    waiting.clear()


def _end(hold: Hold, count: int, moved: set[str]) -> None:
    """Show this look; an ignored difference that was not met again is over.

    What was decided while it went on holds: it had asked before what is ignored.
    """
    with transaction.atomic():
        hold.complete(found=count)
        mine = DriftFinding.objects.filter(run=hold.epoch)
        today = Q(fingerprint__in=_standing().values("fingerprint"))
        mine.filter(today, ignored=False).update(ignored=True)
        mine.filter(~today, ignored=True).update(ignored=False)
        for fingerprint in moved:
            trail.end(
                _standing().filter(fingerprint=fingerprint),
                Act.State.OVER,
                text="A value moved, or both agree again.",
            )
    _forget(DriftFinding.objects.exclude(run=hold.epoch))


def _standing() -> QuerySet[Act]:
    return Act.objects.filter(verb=Act.Verb.IGNORE, state=Act.State.STANDING)


def _shown() -> int:
    row = Look.objects.filter(kind=Look.Kind.DRIFT).first()
    return row.shown if row else 0


def _forget(rows: QuerySet[DriftFinding]) -> None:
    """Delete in small transactions: SQLite has one writer."""
    while some := list(rows.values_list("pk", flat=True)[:CHUNK]):
        DriftFinding.objects.filter(pk__in=some).delete()


def shown() -> QuerySet[DriftFinding]:
    """Those of the last complete look, in the order they were met."""
    return DriftFinding.objects.filter(run=_shown()).order_by("pk")


def counts() -> dict[str, int]:
    """How many are shown: `open`, and `ignored`."""
    return shown().aggregate(
        open=Count("pk", filter=Q(ignored=False)),
        ignored=Count("pk", filter=Q(ignored=True)),
    )
