"""The outbox: work owed to Tyk or a mailbox, kept in the database.

    ask       enqueue() in the caller's transaction raises `asked`
    ring      a Celery message on commit; losing or repeating it is harmless
    lease     compare-and-set on the row's epoch, by the database's clock
    serve     the handler makes both sides agree from today's truth
    settle    `served` follows to what was asked when the handler began

`with job.sending():` commits "a write may be out there" before a write that must
not be repeated. Whoever leases such a row waits out the quarantine and looks first.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from tyk import connect, database, doorbell, fence, lanes
from tyk.dashboard.errors import (
    Busy,
    DashboardError,
    Misconfigured,
    OutcomeUnknown,
    Unexpected,
    Unreachable,
)
from tyk.models import CredentialState, Outbox

log = logging.getLogger(__name__)

MISCONFIGURED_PAUSE = 60.0  # seconds until our rejected key is tried again
LANE_PAUSE = 1.0
BUSY_PAUSE = 30.0  # seconds, when a 429 does not say how long
# Seconds, by what kept a call from going out at all. Neither says that the Dashboard
# is away, so neither makes the waits longer: a slot comes free in a moment, and a
# breaker is open for 9 to 15 seconds (tyk/dashboard/breaker.py).
NOT_TRIED_PAUSE = {"shed": (1.0, 3.0), "breaker": (9.0, 18.0)}
TURNED_AWAY = "turned away"  # what became of a row whose call the breaker kept back


class LeaseLost(Exception):
    """Our lease ran out and somebody else has the row: stop, write nothing."""


class Later(Exception):
    """Raised by a handler: not yet, and nobody's fault."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Park(Exception):
    """Raised by a handler: only a person can go on. The text says why."""


@dataclass
class Job:
    """One leased row, as its handler sees it."""

    pk: int
    kind: str
    subject: str
    epoch: int
    asked: int
    must_look: bool
    lane: str = ""
    held: lanes.Held | None = None  # the lane, while the handler runs

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Around a write that must not happen twice. Raises LeaseLost before it.

        "A write may be out there" is committed first. It is taken back only when
        the call certainly did nothing; after a success it stands until the row is
        served, so that a crash in between makes the next worker look.
        """
        if not _mine(self).update(sending_since=Now()):
            raise LeaseLost(self.kind)
        try:
            yield
        except DashboardError as error:
            if not isinstance(error, OutcomeUnknown):
                _mine(self).update(sending_since=None)
            raise
        except lanes.LaneBusy:
            _mine(self).update(sending_since=None)
            raise

    @contextmanager
    def whole_record(self) -> Iterator[None]:
        """Around the one call that writes a whole record, inside `sending`.

        It may land late and undo what came after it, so no other such write is sent
        to this developer until it can't any more (lanes.Held.writing).
        """
        with ExitStack() as stack:
            if self.held is not None:
                deadline = settings.TYK_WRITE_DEADLINE
                stack.enter_context(self.held.writing(deadline=deadline))
            yield

    def settled(self) -> None:
        """Commit that a look found the earlier write to have had no effect."""
        if not _mine(self).update(sending_since=None, unsure_since=None):
            raise LeaseLost(self.kind)
        self.must_look = False


Handler = Callable[[Job], None]


def enqueue(kind: str, subject: object, *, lane: str = "", after: float = 0) -> None:
    """Ask for `kind` to be done for `subject`, in the caller's transaction.

    `lane` names whose writers must stay apart; `after` delays the first try by
    seconds. A parked row stays parked: it waits for a person.
    """
    if kind not in settings.OUTBOX_HANDLERS:
        raise LookupError(f"no handler for {kind}")
    # Plain Now() for "at once": SQLite compares texts, and writes a sum with more
    # digits, so that within the same millisecond it would not be due yet.
    due = Now() + timedelta(seconds=after) if after else Now()
    rows = Outbox.objects.filter(kind=kind, subject=str(subject))
    with transaction.atomic():
        made = False
        # A row that was done long ago may be tidied away between look and update.
        while not made and not rows.update(asked=F("asked") + 1, lane=lane):
            _, made = Outbox.objects.get_or_create(
                kind=kind,
                subject=str(subject),
                defaults={"asked": 1, "next_at": due, "lane": lane},
            )
        if not made:
            # What is quarantined keeps its time; anything else is hurried.
            rows.filter(sending_since=None, next_at__gt=due).update(next_at=due)
            # Nothing was owed until now: its age begins here.
            rows.filter(asked=F("served") + 1).update(
                next_at=due, attempts=0, asked_at=Now()
            )
    if not after:
        transaction.on_commit(_ring, robust=True)


@transaction.atomic
def ask_a_person(kind: str, subject: object, *, reason: str) -> None:
    """Put something on the operators' desk that only a person can see to.

    A row that is parked from the start; "Try again" runs its handler.
    """
    enqueue(kind, subject)
    rows = Outbox.objects.filter(kind=kind, subject=str(subject))
    rows.update(parked_reason=reason[:200], last_outcome=reason[:200])
    log.error("outbox parked", extra={"kind": kind, "reason": reason[:200]})


def _ring() -> None:
    doorbell.ring("tyk.tasks.drain_outbox")


def due() -> models.QuerySet[Outbox]:
    """Rows somebody asked for that aren't served and aren't parked."""
    return Outbox.objects.filter(asked__gt=F("served"), parked_reason="")


def owed(kind: str) -> models.QuerySet[Outbox]:
    """Rows of this kind that aren't served yet, parked ones too."""
    return Outbox.objects.filter(kind=kind, asked__gt=F("served"))


def try_again(pk: int) -> bool:
    """A person says so: a parked or waiting row is due now. False if it is neither.

    A quarantine goes on: what may have been sent is looked for first.
    """
    rows = Outbox.objects.filter(free(), pk=pk, asked__gt=F("served"))
    # A settling row waits out a quarantine in `next_at`, unless it was parked.
    rows = rows.exclude(parked_reason="", kind__startswith="mint.")
    hurried = rows.update(parked_reason="", attempts=0, next_at=Now())
    if hurried:
        transaction.on_commit(_ring, robust=True)
    return bool(hurried)


def drain(limit: int = 100, *, seconds: float = 200) -> Counter[str]:
    """Work on what is due now, at most `limit` rows; how many ended in what.

    No row is begun after `seconds`, so that a worker is not killed in mid-call.
    "database": ours failed, and this is all for now. What was being done is due
    again when its lease is over.
    """
    outcomes: Counter[str] = Counter()
    try:
        why_not = fence.closed()
        if why_not:
            log.error("outbox paused", extra={"why": why_not})
            return Counter(paused=1)
        _drain(outcomes, limit, time.monotonic() + seconds)
    except database.FAILURES as error:
        database.survived("outbox", error)
        outcomes["database"] += 1
    return outcomes


def _drain(outcomes: Counter[str], limit: int, give_up: float) -> None:
    before = -1
    turned_away: set[str] = set()  # kinds of which one was
    while before < outcomes.total() < limit:
        before = outcomes.total()
        for pk, kind in _ready(limit - before, _left_alone(turned_away)):
            if time.monotonic() >= give_up:
                return
            job = _lease(pk) if kind not in _left_alone(turned_away) else None
            if job is None:
                continue
            outcome = _serve(job)
            outcomes[outcome] += 1
            if outcome == TURNED_AWAY:
                turned_away.add(kind)


def _left_alone(turned_away: set[str]) -> set[str]:
    """Kinds not to be begun: while the breaker is open all of a kind fare alike.

    Thousands may be due after an hour. To lease each one only to put it back would
    keep the worker from its mails, and the database busy with nothing.
    """
    return turned_away if connect.breaker().state == "open" else set()


def _ready(limit: int, besides: set[str]) -> list[tuple[int, str]]:
    rows = due().filter(free(), next_at__lte=Now()).exclude(kind__in=besides)
    return list(rows.order_by("next_at", "pk").values_list("pk", "kind")[:limit])


def free() -> Q:
    """Leased by nobody, by the database's clock."""
    return Q(lease_until=None) | Q(lease_until__lt=Now())


def _lease(pk: int) -> Job | None:
    """Lease the row by compare-and-set; None if somebody was quicker."""
    row = due().filter(free(), pk=pk, next_at__lte=Now()).first()
    if row is None:
        return None
    leased = Outbox.objects.filter(free(), pk=pk, epoch=row.epoch).update(
        epoch=F("epoch") + 1,
        lease_until=Now() + timedelta(seconds=settings.OUTBOX_LEASE),
    )
    if not leased:
        return None
    # Read again: more may have been asked between the look and the lease.
    row.refresh_from_db()
    return Job(
        pk=row.pk,
        kind=row.kind,
        subject=row.subject,
        epoch=row.epoch,
        asked=row.asked,
        must_look=row.sending_since is not None,
        lane=row.lane,
    )


def _mine(job: Job) -> models.QuerySet[Outbox]:
    return Outbox.objects.filter(pk=job.pk, epoch=job.epoch)


def _serve(job: Job) -> str:
    """Run the handler and keep what came of it; the outcome's name."""
    if job.must_look and _postponed_by_quarantine(job):
        return "quarantined"
    try:
        if not job.lane:
            return _handle(job)
        with lanes.lane(job.lane, seconds=settings.OUTBOX_LEASE) as job.held:
            return _handle(job)
    except lanes.LaneBusy:  # not taken
        return _again(job, LANE_PAUSE, "waits for another writer")


def _handle(job: Job) -> str:
    handler: Handler = import_string(settings.OUTBOX_HANDLERS[job.kind])
    try:
        handler(job)
    except LeaseLost:
        log.warning("outbox lease lost", extra={"kind": job.kind})
        return "lost"
    except Later as later:
        return _again(job, later.seconds, str(later))
    except Park as park:
        return _park(job, str(park))
    except lanes.MayStillLand as out:
        return _again(job, out.seconds, "waits for a lost write to be over")
    except lanes.LaneBusy:
        return _again(job, LANE_PAUSE, "waits for another writer")
    except DashboardError as error:
        return _failed_call(job, error)
    except SoftTimeLimitExceeded:
        raise  # the worker is told to stop: go no further
    except database.OUTAGE as error:
        return _wait(job, database.survived(f"outbox {job.kind}", error))
    except Exception as error:
        log.exception("outbox handler failed", extra={"kind": job.kind})
        return _count_failure(job, f"error: {type(error).__name__}")
    return _done(job)


def _postponed_by_quarantine(job: Job) -> bool:
    """Whether a write sent earlier may still land: then nobody looks yet.

    The Dashboard may commit after we stopped listening; a look before that says
    "absent" and a repeat would make a second one.
    """
    wait = timedelta(seconds=settings.OUTBOX_QUARANTINE)
    since = models.functions.Coalesce("unsure_since", "sending_since")
    return bool(
        _mine(job)
        .annotate(since=since)
        .filter(since__gt=Now() - wait)
        .update(
            next_at=models.functions.Greatest(since + wait, Now()), lease_until=None
        )
    )


def _done(job: Job) -> str:
    kept = _mine(job).update(
        served=job.asked,
        sending_since=None,
        unsure_since=None,
        attempts=0,
        waits=0,
        lease_until=None,
        last_outcome="done",
    )
    return "done" if kept else "lost"


def _again(job: Job, seconds: float, why: str) -> str:
    """Free the row until later; nobody's fault, so no attempt is counted."""
    _mine(job).update(
        next_at=Now() + timedelta(seconds=seconds),
        lease_until=None,
        last_outcome=why[:200],
    )
    return "later"


def _wait(job: Job, why: str) -> str:
    """Try again later and later, as long as the outage lasts."""
    waits = _mine(job).values_list("waits", flat=True).first() or 0
    _mine(job).update(waits=F("waits") + 1)
    return _again(job, _jittered(waits), why)


def _park(job: Job, reason: str) -> str:
    _mine(job).update(
        parked_reason=reason[:200] or "parked",
        lease_until=None,
        last_outcome=reason[:200],
    )
    log.error("outbox parked", extra={"kind": job.kind, "reason": reason[:200]})
    return "parked"


def _failed_call(job: Job, error: DashboardError) -> str:
    """What a call's failure means for the row (one place, every handler)."""
    if isinstance(error, OutcomeUnknown):
        return _unsure(job, error)
    if isinstance(error, Unreachable) and error.reason in NOT_TRIED_PAUSE:
        pause = random.uniform(*NOT_TRIED_PAUSE[error.reason])  # noqa: S311  no secret
        later = _again(job, pause, f"not tried: {error.reason}")
        return TURNED_AWAY if error.reason == "breaker" else later
    if isinstance(error, Unreachable):
        return _wait(job, f"unreachable: {error.reason}")
    if isinstance(error, Unexpected) and _nobody_there(error):
        return _wait(job, f"unreachable: status {error.status}")
    if isinstance(error, Busy):
        return _again(job, error.retry_after or BUSY_PAUSE, "the Dashboard is busy")
    if isinstance(error, Misconfigured):
        if error.reason == "key_rejected":
            connect.note_credential(CredentialState.REJECTED)
        return _again(job, MISCONFIGURED_PAUSE, f"misconfigured: {error.reason}")
    return _count_failure(job, str(error))


def _nobody_there(error: DashboardError) -> bool:
    """Whether a proxy, or a Dashboard that starts or stops, answered in its place.

    502, 503, 504 and the 52x of some proxies end with the outage. 500 is the
    Dashboard's own, may be about this one record, and counts as a failed try.
    """
    return (error.status or 0) > HTTPStatus.NOT_IMPLEMENTED


def _unsure(job: Job, error: OutcomeUnknown) -> str:
    """The answer was lost: quarantine, then look. What may be repeated, is."""
    why = f"answer lost: {error.reason}"
    if not _mine(job).exclude(sending_since=None).exists():
        # No `sending()` around it: deleting or revoking twice does no harm.
        if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return _count_failure(job, "Tyk answers with an error of its own (500)")
        return _wait(job, why)
    # An outage is waited out and counts nothing; an answer that will not change does.
    counts = error.status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.OK}
    attempts = _mine(job).values_list("attempts", flat=True).first() or 0
    if counts and attempts + 1 >= settings.OUTBOX_ATTEMPTS:
        return _park(job, f"{why}, {attempts + 1} times")
    _mine(job).update(
        unsure_since=Now(),
        attempts=F("attempts") + int(counts),
        next_at=Now() + timedelta(seconds=settings.OUTBOX_QUARANTINE),
        lease_until=None,
        last_outcome=why[:200],
    )
    return "unsure"


def _count_failure(job: Job, why: str) -> str:
    attempts = _mine(job).values_list("attempts", flat=True).first()
    if attempts is None:
        return "lost"
    if attempts + 1 >= settings.OUTBOX_ATTEMPTS:
        return _park(job, why)
    _mine(job).update(
        attempts=F("attempts") + 1,
        next_at=Now() + timedelta(seconds=_jittered(attempts)),
        lease_until=None,
        last_outcome=why[:200],
    )
    return "failed"


def _jittered(tries: int) -> float:
    """Seconds with full jitter: many rows must not come back in one burst."""
    ceiling = min(settings.OUTBOX_BACKOFF_MAX, 2.0 * 2 ** min(tries, 16))
    return random.uniform(0.5, max(1.0, ceiling))  # noqa: S311  not a secret
