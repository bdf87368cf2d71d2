"""Calls over time: which stretch a page asks for, and its counts without gaps.

Everything is in UTC, as the gateway counts; so no day is 23 or 25 hours long.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncMonth

from keyrequests.models import Key, UsageDay, UsageHour
from keyrequests.usage import NONE, Counts, total

#: Name in an address → words, and how many hours, days or months it has.
PRESETS = {
    "48h": ("48 hours", "hour", 48),
    "7d": ("7 days", "day", 7),
    "30d": ("30 days", "day", 30),
    "90d": ("90 days", "day", 90),
    "12m": ("1 year", "month", 12),
}
USUAL = "7d"
# More days than this are shown by month.
BY_DAY_UP_TO = 92
LONGEST = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class Period:
    """Hours, days or months, the first and the last included.

    `first` and `last` are the beginnings of buckets, in UTC.
    """

    name: str  # of a preset, or "" for dates that were chosen
    per: str  # hour, day or month
    first: datetime
    last: datetime

    @property
    def buckets(self) -> list[datetime]:
        found, at = [], self.first
        while at <= self.last:
            found.append(at)
            at = _next(at, self.per)
        return found

    @property
    def end(self) -> datetime:
        """The moment after the last bucket."""
        return _next(self.last, self.per)

    @property
    def is_chosen(self) -> bool:
        return not self.name

    @property
    def title(self) -> str:
        if self.name:
            return f"last {PRESETS[self.name][0]}"
        last = self.end - timedelta(days=1)
        return f"{self.first:%-d %b %Y} to {last:%-d %b %Y}"


def _next(at: datetime, per: str) -> datetime:
    if per == "month":
        return (at + timedelta(days=32)).replace(day=1)
    return at + (timedelta(hours=1) if per == "hour" else timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def preset(name: str, *, now: datetime) -> Period:
    """One of `PRESETS`, up to now; an unknown name is the usual one."""
    name = name if name in PRESETS else USUAL
    _, per, count = PRESETS[name]
    today = _midnight(now.astimezone(UTC).date())
    if per == "hour":
        last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return Period(name, per, last - timedelta(hours=count - 1), last)
    if per == "day":
        return Period(name, per, today - timedelta(days=count - 1), today)
    last = today.replace(day=1)
    months = last.year * 12 + last.month - count
    first = last.replace(year=months // 12, month=months % 12 + 1)
    return Period(name, per, first, last)


def chosen(first: date, last: date) -> Period:
    """From one day to another; by month when there are too many to tell apart.

    By month it begins and ends with whole months. Never longer than two years.
    """
    last = min(last, first + LONGEST)
    if (last - first).days < BY_DAY_UP_TO:
        return Period("", "day", _midnight(first), _midnight(last))
    start, end = first.replace(day=1), last.replace(day=1)
    return Period("", "month", _midnight(start), _midnight(end))


# --- Reading ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Series:
    """Counts of every bucket of a period, those without calls too."""

    period: Period
    points: list[tuple[datetime, Counts]]

    @property
    def total(self) -> Counts:
        return total(counts for _, counts in self.points)

    @property
    def busiest(self) -> tuple[datetime, Counts] | None:
        """The first of the buckets with the most calls; None without calls."""
        best = max(self.points, key=lambda point: point[1].hits, default=None)
        return best if best and best[1].hits else None


def read_series(keys: Sequence[Key], period: Period) -> Series:
    """All these keys together; one query."""
    rows = _rows(keys, period).values("at").annotate(s=Sum("ok"), e=Sum("errors"))
    found = {_moment(row["at"]): _counts(row) for row in rows}
    return Series(period, [(at, found.get(at, NONE)) for at in period.buckets])


def of_days(by_day: Mapping[date, Counts], period: Period) -> Series:
    """A period of days from counts that were read already."""
    points = [(at, by_day.get(at.date(), NONE)) for at in period.buckets]
    return Series(period, points)


def read_by_key(keys: Sequence[Key], period: Period) -> dict[int, Counts]:
    """The counts of each key over the period; one query."""
    rows = _rows(keys, period).values("key").annotate(s=Sum("ok"), e=Sum("errors"))
    return {row["key"]: _counts(row) for row in rows}


def every_row(
    keys: Sequence[Key], period: Period
) -> Iterator[tuple[datetime, int, Counts]]:
    """Beginning, key and counts, in order of time; only where there were calls."""
    rows = (
        _rows(keys, period)
        .values("at", "key")
        .annotate(s=Sum("ok"), e=Sum("errors"))
        .order_by("at", "key")
    )
    for row in rows.iterator(chunk_size=500):
        yield _moment(row["at"]), row["key"], _counts(row)


def _rows(keys: Sequence[Key], period: Period) -> QuerySet[Any, Any]:
    """Rows of the period with `at`, the beginning of their bucket."""
    first, end = period.first, period.end
    if period.per == "hour":
        hours = UsageHour.objects.filter(key__in=keys, hour__gte=first, hour__lt=end)
        return hours.order_by().annotate(at=F("hour"))
    days = UsageDay.objects.filter(
        key__in=keys, day__gte=first.date(), day__lt=end.date()
    ).order_by()
    by_month = period.per == "month"
    return days.annotate(at=TruncMonth("day") if by_month else F("day"))


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(int(row["s"]), int(row["e"]))  # PostgreSQL adds up to decimals


def _moment(at: date | datetime) -> datetime:
    return at.astimezone(UTC) if isinstance(at, datetime) else _midnight(at)
