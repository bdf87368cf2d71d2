"""One writer at a time to one developer, across processes, by leases.

Tyk has no lock and no version on its records: a full-record PUT beside an approve
loses one of them. A lease that runs out on its own survives a killed process.

A write whose answer was lost may still land, and would then undo what came after
it. So such writes hold a second lease, `late:<lane>`, until they can't land any more
(`Held.writing`): the next one waits for it, while looks, revocations and new
passwords go on.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from tyk import database
from tyk.dashboard.errors import DashboardError, OutcomeUnknown
from tyk.models import Lane
from tyk.seal import fingerprint

log = logging.getLogger(__name__)

POLL = 0.05  # seconds between two tries of somebody who waits


class LaneBusy(Exception):
    """Another writer holds the lane. Nothing was done."""


class MayStillLand(LaneBusy):
    """What an earlier writer sent may still land. Nothing was done.

    `seconds`, whole and at least 1: until it can't any more.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        row = Lane.objects.filter(name=_late(name)).first()
        until = row.until if row else None
        left = (until - timezone.now()).total_seconds() if until else 0
        self.seconds = max(1, ceil(left))


def for_developer(tyk_id: str) -> str:
    return f"dev:{tyk_id}"


def for_address(email_key: str) -> str:
    """The lane of an address that may have no developer yet; names no address."""
    return f"addr:{fingerprint(email_key, purpose='lane')[:40]}"


def for_password(tyk_id: str) -> str:
    """The lane of a developer's password, which no other write touches."""
    return f"pass:{tyk_id}"


def _late(name: str) -> str:
    return f"late:{name}"


@dataclass
class Held:
    """A lane we hold; `out` is the epoch of a write of ours that may still land."""

    name: str
    epoch: int
    out: int | None = None

    def demand_quiet(self) -> None:
        """Raise MayStillLand now, instead of when `writing` begins."""
        if Lane.objects.filter(name=_late(self.name), until__gte=Now()).exists():
            raise MayStillLand(self.name)

    @contextmanager
    def writing(self, *, deadline: float) -> Iterator[None]:
        """Around a write that no other such write may overtake or come before.

        Committed before it: nobody else may write until this one, `deadline`
        seconds long, can't land any more. So a killed process frees its developer
        neither too early nor never. Raises MayStillLand or, if the lane ran out,
        LaneBusy; then nothing was sent. A lost answer, or anything but an answer,
        keeps the others out for the quarantine.
        """
        try:
            epoch = take(
                _late(self.name), seconds=deadline + settings.OUTBOX_QUARANTINE
            )
        except LaneBusy:
            raise MayStillLand(self.name) from None
        self.out = epoch
        try:
            self._still_ours()
            yield
        except LaneBusy:
            self.settled()
            raise
        except DashboardError as error:
            if isinstance(error, OutcomeUnknown):
                self._kept_out_for(settings.OUTBOX_QUARANTINE)
            else:
                self.settled()
            raise
        self.settled()

    def settled(self) -> None:
        """It is known what became of the write: others may write again."""
        if self.out is not None:
            _give_back(_late(self.name), self.out)
            self.out = None

    def _still_ours(self) -> None:
        if not Lane.objects.filter(
            name=self.name, epoch=self.epoch, until__gte=Now()
        ).exists():
            raise LaneBusy(self.name)

    def _kept_out_for(self, seconds: float) -> None:
        log.warning("others wait for the quarantine", extra={"seconds": seconds})
        Lane.objects.filter(name=_late(self.name), epoch=self.out or 0).update(
            until=Now() + timedelta(seconds=seconds)
        )


@contextmanager
def lane(name: str, *, seconds: float, wait: float = 0) -> Iterator[Held]:
    """Hold the lane `name` for at most `seconds`; raises LaneBusy.

    A person's click may `wait` some seconds for a worker to finish its call.
    """
    held = Held(name, _take_within(name, seconds=seconds, wait=wait))
    try:
        yield held
    finally:
        _give_back(name, held.epoch)


def _take_within(name: str, *, seconds: float, wait: float) -> int:
    give_up = time.monotonic() + wait
    while True:
        try:
            return take(name, seconds=seconds)
        except LaneBusy:
            if time.monotonic() >= give_up:
                raise
            time.sleep(POLL)


def take(name: str, *, seconds: float) -> int:
    """Take the lane by compare-and-set; its new epoch. Raises LaneBusy.

    The database's clock decides, so that no worker's clock can hand out a lane
    twice.
    """
    Lane.objects.get_or_create(name=name)
    free = Q(until=None) | Q(until__lt=Now())
    row = Lane.objects.filter(free, name=name).first()
    if row is None:
        raise LaneBusy(name)
    taken = Lane.objects.filter(free, name=name, epoch=row.epoch).update(
        epoch=F("epoch") + 1, until=Now() + timedelta(seconds=seconds)
    )
    if not taken:
        raise LaneBusy(name)
    return row.epoch + 1


def _give_back(name: str, epoch: int) -> None:
    """Release; what was done in the lane is done even if that fails now."""
    try:
        release(name, epoch)
    except database.FAILURES:
        log.exception("lane not given back, it runs out by itself")


def release(name: str, epoch: int) -> None:
    """Give the lane back, unless it ran out and somebody else has it now."""
    Lane.objects.filter(name=name, epoch=epoch).update(until=None)
