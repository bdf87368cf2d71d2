"""Tyk → mirror: what was called with each key.

The Dashboard adds up the keys of one call, so each key is a call of its own; a run
takes the keys whose turn it is, most wanted first, and ends within its minute. The
hours of three days are read each time, since figures arrive late; the days before
them only when a key was not read for so long.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from keyrequests import holdings, nearing
from keyrequests.models import Key, UsageDay, UsageHour
from tyk.connect import dashboard
from tyk.dashboard.errors import (
    DashboardError,
    NotFound,
    Refused,
    Unexpected,
)
from tyk.dashboard.records import UsageRow
from tyk.dashboard.usage import Resolution
from tyk.models import Organisation
from tyk.pull import Pulled
from tyk.seal import SealBroken

log = logging.getLogger(__name__)

Trouble = Key.UsageTrouble
WORKING = [Key.State.LIVE, Key.State.REVOKING]
#: Looked at within the first time → read again after the second.
TURNS = (
    (timedelta(minutes=15), timedelta(minutes=5)),
    (timedelta(days=7), timedelta(hours=1)),
)
OTHERS_EVERY = timedelta(days=1)
# Figures of an ended key still arrive for a while.
AFTER_THE_END = timedelta(hours=1)
HOURS_KEPT_DAYS = 3  # today and the two days before
RUN_SECONDS = 45.0
# What the Dashboard says of one key and not of itself.
ABOUT_ONE_KEY = (NotFound, Refused, Unexpected, SealBroken, ValueError)
# So many in a row, and none that went well: it is not about the keys.
MANY = 4
CHUNK = 500
# Of one key and hour; the sums of many still fit a column.
MOST = 10**15

Ask = Callable[[date, date, Resolution], list[UsageRow]]


class ClearKey(Exception):
    """The id is no hash: it may be the key, and it would stand in an address."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one row is to hold; `hits` is always the sum of the other two."""

    ok: int
    errors: int
    last_hit: datetime | None = None

    @classmethod
    def of(cls, row: UsageRow) -> "Counts":
        ok = _counted(row.ok)
        hits = _counted(max(row.hits, row.ok + row.errors, ok))
        return cls(ok, hits - ok, row.last_hit)

    def plus(self, other: "Counts") -> "Counts":
        known = [one.last_hit for one in (self, other) if one.last_hit]
        return Counts(
            self.ok + other.ok, self.errors + other.errors, max(known, default=None)
        )

    @property
    def columns(self) -> dict[str, int]:
        return {"hits": self.ok + self.errors, "ok": self.ok, "errors": self.errors}


def _counted(number: int) -> int:
    """Within what a column holds: one absurd figure must not stop every run."""
    return max(0, min(number, MOST))


# --- One run -----------------------------------------------------------------------
def usage() -> Pulled:
    """Read the usage of the keys whose turn it is. Raises DashboardError.

    An outage ends the run: the keys it did not come to are marked, so that pages
    can tell it from a key that was never used.
    """
    now, ends = timezone.now(), time.monotonic() + RUN_SECONDS
    pulled = Pulled(changed=_switch_off(now=now))
    keys = list(due(now=now)[: settings.USAGE_KEYS_A_RUN])
    begun: list[int] = []
    try:
        for number, key in enumerate(keys):
            if time.monotonic() > ends:
                break
            begun.append(key.pk)
            try:
                _read_one(key, pulled, now=now)
            except DashboardError:
                left = Key.objects.filter(pk__in=[one.pk for one in keys[number:]])
                left = left.exclude(usage_trouble=Trouble.AWAY)
                left.update(usage_trouble=Trouble.AWAY)
                raise
    finally:
        nearing.ask_for_due(begun, now=now)
    return pulled


def _read_one(key: Key, pulled: Pulled, *, now: datetime) -> None:
    """Read a key, or note why not; raises what is not about this key alone."""
    try:
        pulled.changed += read(key, now=now)
        pulled.seen += 1
    except ClearKey:
        _note(key, Trouble.OFF, tried_at=now)
    except ABOUT_ONE_KEY as error:
        pulled.bad += 1
        _note(key, Trouble.REFUSED, tried_at=now)
        log.warning("usage of a key not read", extra={"why": type(error).__name__})
        its_all = pulled.bad >= MANY and not pulled.seen
        if its_all and isinstance(error, DashboardError):
            raise


def due(*, now: datetime) -> QuerySet[Key]:
    """Keys whose turn it is, those looked at last first."""
    wait = Q(usage_tried_at=None) | Q(usage_tried_at__lt=now - OTHERS_EVERY)
    for looked, every in TURNS:
        wait |= Q(usage_wanted_at__gte=now - looked, usage_tried_at__lt=now - every)
    late = Q(usage_as_of=None) | Q(usage_as_of__lt=F("ended_at") + AFTER_THE_END)
    keys = Key.objects.exclude(sealed_id=None).filter(wait, Q(state__in=WORKING) | late)
    if not _may_name_keys():
        keys = keys.filter(kind=Key.Kind.OAUTH)
    return keys.order_by(
        F("usage_wanted_at").desc(nulls_last=True),
        F("usage_tried_at").asc(nulls_first=True),
        "pk",
    )


def _may_name_keys() -> bool:
    """With hashing off a key's id is the key, and it would stand in the address."""
    return Organisation.current().hash_keys or settings.USAGE_ACCEPTS_CLEAR_KEYS


def _switch_off(*, now: datetime) -> int:
    """Mark the keys that may not be named; the next read unmarks them again."""
    if _may_name_keys():
        return 0
    named = Key.objects.exclude(kind=Key.Kind.OAUTH).exclude(sealed_id=None)
    return named.exclude(usage_trouble=Trouble.OFF).update(
        usage_trouble=Trouble.OFF, usage_tried_at=now
    )


def _note(key: Key, trouble: Key.UsageTrouble, *, tried_at: datetime) -> None:
    Key.objects.filter(pk=key.pk).update(usage_trouble=trouble, usage_tried_at=tried_at)


# --- One key ------------------------------------------------------------------------
def read(key: Key, *, now: datetime) -> int:
    """Read one key's usage; the number of rows that changed.

    Raises DashboardError, ClearKey, and SealBroken for an id sealed with a lost key.
    """
    ask, today = _asker(key), now.date()
    first_hour = today - timedelta(days=HOURS_KEPT_DAYS - 1)
    days: dict[date, Counts] = {}
    since = _not_read_since(key, today=today)
    if since < first_hour:
        for row in ask(since, first_hour - timedelta(days=1), "day"):
            days[row.at.date()] = Counts.of(row)
    hours = {
        row.at: Counts.of(row) for row in ask(first_hour, today, "hour") if row.hits
    }
    for hour, counts in hours.items():
        earlier = days.get(hour.date())
        days[hour.date()] = counts if earlier is None else earlier.plus(counts)
    with transaction.atomic():
        changed = _keep_days(key, days) + _keep_hours(key, hours)
        Key.objects.filter(pk=key.pk).update(
            usage_as_of=now, usage_tried_at=now, usage_trouble=Trouble.NONE
        )
    return changed


def _asker(key: Key) -> Ask:
    """The call for this kind of key. An OAuth client's id is no secret."""
    key_id = holdings.id_of(key)
    if key.kind == Key.Kind.OAUTH:
        client = partial(dashboard().oauth_usage, key_id)
        return lambda first, last, fine: client(
            start=first, end_inclusive=last, resolution=fine
        )
    # Whatever the organisation says of itself: some releases do not say it.
    if not holdings.HASH.fullmatch(key_id) and not settings.USAGE_ACCEPTS_CLEAR_KEYS:
        raise ClearKey
    return lambda first, last, fine: dashboard().usage(
        [key_id], start=first, end_inclusive=last, resolution=fine
    )


def _not_read_since(key: Key, *, today: date) -> date:
    """The first day to read: a year the first time, else the day before the last."""
    if key.usage_as_of is None:
        return today - timedelta(days=365)
    return key.usage_as_of.date() - timedelta(days=1)


# What the Dashboard no longer has stays here: it may keep less than we do.
def _keep_days(key: Key, days: dict[date, Counts]) -> int:
    rows = UsageDay.objects.filter(key=key, day__in=days)
    held = {row.day: Counts(row.ok, row.errors, row.last_hit) for row in rows}
    new = [
        UsageDay(key=key, day=day, last_hit=counts.last_hit, **counts.columns)
        for day, counts in days.items()
        if held.get(day) != counts
    ]
    UsageDay.objects.bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["key", "day"],
        update_fields=["hits", "ok", "errors", "last_hit"],
    )
    return len(new)


def _keep_hours(key: Key, hours: dict[datetime, Counts]) -> int:
    rows = UsageHour.objects.filter(key=key, hour__in=hours)
    held = {row.hour: (row.ok, row.errors) for row in rows}
    new = [
        UsageHour(key=key, hour=hour, **counts.columns)
        for hour, counts in hours.items()
        if held.get(hour) != (counts.ok, counts.errors)
    ]
    UsageHour.objects.bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["key", "hour"],
        update_fields=["hits", "ok", "errors"],
    )
    return len(new)


# --- Forgetting ------------------------------------------------------------------------
def forget(*, now: datetime) -> int:
    """Delete days older than `USAGE_DAYS` and hours older than three days."""
    oldest = now.date() - timedelta(days=settings.USAGE_DAYS)
    hours = now - timedelta(days=HOURS_KEPT_DAYS + 1)
    return _delete(UsageDay.objects.filter(day__lt=oldest)) + _delete(
        UsageHour.objects.filter(hour__lt=hours)
    )


def _delete(rows: QuerySet[UsageDay] | QuerySet[UsageHour]) -> int:
    """In small transactions: a page must not wait for a purge."""
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:CHUNK]):
        deleted += rows.model._default_manager.filter(pk__in=ids).delete()[0]
    return deleted
