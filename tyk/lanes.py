"""One writer at a time to one developer, across processes, by leases.

Tyk has no lock and no version on its records: a full-record PUT beside an approve
loses one of them. A lease that runs out on its own survives a killed process.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import F, Q
from django.db.models.functions import Now

from tyk.models import Lane
from tyk.seal import fingerprint

log = logging.getLogger(__name__)

POLL = 0.05  # seconds between two tries of somebody who waits


class LaneBusy(Exception):
    """Another writer holds the lane. Nothing was done."""


def for_developer(tyk_id: str) -> str:
    return f"dev:{tyk_id}"


def for_address(email_key: str) -> str:
    """The lane of an address that may have no developer yet; names no address."""
    return f"addr:{fingerprint(email_key, purpose='lane')[:40]}"


@contextmanager
def lane(name: str, *, seconds: float, wait: float = 0) -> Iterator[None]:
    """Hold the lane `name` for at most `seconds`; raises LaneBusy.

    A person's click may `wait` some seconds for a worker to finish its call.
    """
    epoch = _take_within(name, seconds=seconds, wait=wait)
    try:
        yield
    finally:
        _give_back(name, epoch)


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
    except DatabaseError:
        log.exception("lane not given back, it runs out by itself")


def release(name: str, epoch: int) -> None:
    """Give the lane back, unless it ran out and somebody else has it now."""
    Lane.objects.filter(name=name, epoch=epoch).update(until=None)
