"""How long a decision usually takes, from those that people made here."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings

from catalogue import words as plan_words
from catalogue.models import Entry
from keyrequests.models import KeyRequest

LAST = 2_000  # requests looked at, newest first
NEEDED = 3  # decisions that make something usual
PER_PLAN = 50  # of one plan, the newest

DAY = 86_400.0
HOUR = 3_600.0
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds of working time a decision took, by plan and over all."""

    by_plan: dict[int, float] = field(default_factory=dict)
    overall: float | None = None

    def words(self, plan_id: int | None) -> str:
        """ "about 2 hours", or "" as long as too few decisions were made."""
        own = None if plan_id is None else self.by_plan.get(plan_id)
        seconds = self.overall if own is None else own
        return "" if seconds is None else words(seconds)


_kept: tuple[float, Waits] | None = None


def usual() -> Waits:
    """The usual waits, as old as CATALOGUE_KEEP_SECONDS lets them be; one query."""
    global _kept
    now = time.monotonic()
    if _kept is None or now - _kept[0] >= settings.CATALOGUE_KEEP_SECONDS:
        _kept = now, measured()
    return _kept[1]


def forget() -> None:
    """Measure anew at the next question."""
    global _kept
    _kept = None


def measured() -> Waits:
    """Medians over decisions of staff; automatic ones and Tyk's own say nothing."""
    newest = KeyRequest.objects.order_by("-pk").values_list(
        "decided_in", "entry__plan_id", "created_at", "decided_at"
    )
    every: list[float] = []
    by_plan: dict[int, list[float]] = defaultdict(list)
    for decided_in, plan_id, asked, decided in newest[:LAST]:
        if decided_in != KeyRequest.DecidedIn.STAFF or decided is None:
            continue
        took = working_seconds(asked, decided)
        every.append(took)
        if len(by_plan[plan_id]) < PER_PLAN:
            by_plan[plan_id].append(took)
    return Waits(
        {plan: median(took) for plan, took in by_plan.items() if len(took) >= NEEDED},
        median(every[:PER_PLAN]) if len(every) >= NEEDED else None,
    )


def working_seconds(began: datetime, ended: datetime) -> float:
    """The time between, without Saturdays and Sundays (UTC)."""
    total = max((ended - began).total_seconds(), 0.0)
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range((ended.date() - began.date()).days + 1):
        day = midnight + timedelta(days=number)
        if day.weekday() >= _SATURDAY:
            until = min(ended, day + timedelta(days=1))
            total -= max((until - max(began, day)).total_seconds(), 0.0)
    return max(total, 0.0)


def words(seconds: float) -> str:
    """`7000` → "about 2 hours"; from half a day on in working days."""
    if seconds < HOUR / 2:
        return "less than an hour"
    if seconds < 12 * HOUR:
        hours = max(round(seconds / HOUR), 1)
        return "about an hour" if hours == 1 else f"about {hours} hours"
    days = max(round(seconds / DAY), 1)
    return f"about {days} working day{'' if days == 1 else 's'}"


def takes(entry: Entry | None, needed: bool = True) -> str:
    """How long a decision takes: what it really took, else what is promised."""
    took = usual().words(entry.plan_id) if entry and needed else ""
    return plan_words.approval_short(needed=needed, usual=took)
