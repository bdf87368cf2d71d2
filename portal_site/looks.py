"""Long looks that staff ask for: asked in the database, taken by one worker.

    ask       raises `asked` and rings; refused while one is due already
    take      a lease by compare-and-set; whoever holds it is the one that looks
    tell      says how far it is, and renews the lease
    complete  shows what was found; until then the last complete look is shown

A worker that dies loses its lease, and the beat's sweep starts the look again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from portal_site import dashboard_check, trail
from portal_site.models import Act, Look
from tyk import doorbell
from tyk.dashboard.errors import DashboardError

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=180)  # longer than one page of a slow Dashboard takes
TELL_EVERY = 2.0  # seconds: a row written for each chunk would be one too many
MOST_TRIES = 3
VERBS = {Look.Kind.DRIFT: Act.Verb.COMPARE, Look.Kind.DOCTOR: Act.Verb.EXAMINE}


class LeaseLost(Exception):
    """Our lease ran out and another worker looks: stop, write nothing more."""


@dataclass
class Hold:
    """One look in our hands; `epoch` numbers it."""

    kind: str
    epoch: int
    asked: int
    by: str = ""
    scratch: bool = False
    told_at: float = field(default=0.0)

    @property
    def row(self) -> QuerySet[Look]:
        """The row, while it is ours."""
        return Look.objects.filter(kind=self.kind, epoch=self.epoch)

    def tell(self, step: str, read: int) -> None:
        """Say how far it is, not too often. Raises LeaseLost."""
        now = time.monotonic()
        if now - self.told_at < TELL_EVERY:
            return
        self.told_at = now
        if not self.row.update(step=step[:80], read=read, lease_until=Now() + LEASE):
            raise LeaseLost(self.kind)

    def complete(self, **values: object) -> None:
        """Show what this look found. Raises LeaseLost."""
        ended = self.row.update(
            served=self.asked,
            lease_until=None,
            completed_at=Now(),
            completed_by=self.by,
            shown=self.epoch,
            failed_at=None,
            failure="",
            step="",
            **values,
        )
        if not ended:
            raise LeaseLost(self.kind)

    def fail(self, why: str) -> None:
        """End it without a result; what was found before stays shown."""
        self.row.update(
            served=self.asked,
            lease_until=None,
            failed_at=Now(),
            failure=why[:500],
            step="",
        )
        log.warning("look failed", extra={"kind": self.kind, "why": why})


Work = Callable[[Hold], None]


def row_of(kind: Look.Kind) -> Look:
    """The row of `kind`; an unsaved one if nobody ever asked."""
    return Look.objects.filter(kind=kind).first() or Look(kind=kind)


@transaction.atomic
def ask(kind: Look.Kind, *, by: str, scratch: bool = False) -> bool:
    """Ask for a look and wake a worker; False if one is due or runs already."""
    Look.objects.get_or_create(kind=kind)
    asked = Look.objects.filter(kind=kind, asked=F("served")).update(
        asked=F("asked") + 1,
        asked_at=Now(),
        asked_by=by,
        scratch=scratch,
        tries=0,
        began_at=None,
    )
    if not asked:
        return False
    trail.note(VERBS[kind], actor=by, text="with a scratch developer" * scratch)
    transaction.on_commit(
        lambda: doorbell.ring("portal_site.tasks.look", kind.value), robust=True
    )
    return True


def take(kind: Look.Kind) -> Hold | None:
    """Take the look that is due, or None: nothing is, or somebody has it."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    row = Look.objects.filter(free, kind=kind, asked__gt=F("served")).first()
    if row is None:
        return None
    taken = Look.objects.filter(free, kind=kind, epoch=row.epoch).update(
        epoch=F("epoch") + 1,
        lease_until=Now() + LEASE,
        tries=F("tries") + 1,
        began_at=Now(),
        step="",
        read=0,
    )
    if not taken:
        return None
    hold = Hold(kind, row.epoch + 1, row.asked, by=row.asked_by, scratch=row.scratch)
    if row.tries >= MOST_TRIES:
        hold.fail(f"The worker died {MOST_TRIES} times while it looked.")
        return None
    return hold


def begin(kind: Look.Kind, *, by: str) -> Hold | None:
    """Take the look at once, for a command; None while somebody else looks."""
    with transaction.atomic():  # no worker may be quicker
        ask(kind, by=by)
        return take(kind)


def run(kind: Look.Kind, work: Work) -> None:
    """Do the look of `kind` if it is due; its failure is kept for the page."""
    hold = take(kind)
    if hold is not None:
        do(hold, work)


def do(hold: Hold, work: Work) -> None:
    """Do it and keep how it ended."""
    try:
        work(hold)
    except LeaseLost:
        log.warning("look lost its lease", extra={"kind": hold.kind})
    except DashboardError as error:
        hold.fail(dashboard_check.sentence(error))
    except SoftTimeLimitExceeded:
        hold.fail("It took longer than a worker may: nothing of it is shown.")
        raise
    except Exception as error:
        log.exception("look failed", extra={"kind": hold.kind})
        hold.fail(f"It ended with an error of ours: {type(error).__name__}.")
