"""Usage rows: what to ask for, and what to make of the answer.

The Dashboard's rows come in no order, one for each status, with rows of zeros
for days without calls, or without them (TykTechnologies/tyk#30, #147).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from tyk.dashboard.records import UsageRow
from tyk.dashboard.shape import Malformed, Members

Resolution = Literal["day", "hour", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """The days to ask for, first and last included, and how finely."""

    first: date
    last: date
    resolution: Resolution

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be asked for."""
        if self.resolution not in get_args(Resolution):
            raise ValueError("resolution must be day, hour or month")
        if type(self.first) is not date or type(self.last) is not date:
            raise ValueError("start and end_inclusive must be dates")
        if not self.first <= self.last < date.max:
            raise ValueError("end_inclusive is before start, or out of range")

    @property
    def path(self) -> dict[str, str]:
        """The parts of the path. The end on the wire is the day after ours.

        The Dashboard leaves the end day out, so that a client which asks until
        today never sees today (TykTechnologies/tyk#94).
        """
        end = self.last + timedelta(days=1)
        return {
            "start_day": str(self.first.day),
            "start_month": str(self.first.month),
            "start_year": str(self.first.year),
            "end_day": str(end.day),
            "end_month": str(end.month),
            "end_year": str(end.year),
        }

    @property
    def query(self) -> str:
        """All pages, and the resolution, which not every release defaults."""
        return f"p=-1&res={self.resolution}"

    def rows(self, document: object) -> list[UsageRow]:
        """One row for each period with calls, in order; null is no rows.

        Rows outside the span are dropped: a release that counts the end day in
        sends one day too many.
        """
        it = Members(document, where="usage")
        if "data" not in it:
            raise Malformed("usage: object without data")
        found: dict[datetime, UsageRow] = {}
        for item in it.objects("data"):
            row = self._row(Members(item, where="usage.data[]"))
            if row is not None and self._covers(row.at):
                earlier = found.get(row.at)
                found[row.at] = row if earlier is None else _sum(earlier, row)
        return sorted(found.values(), key=lambda row: row.at)

    def _row(self, it: Members) -> UsageRow | None:
        """A row, or None for one without calls, whose date may be anything."""
        hits, ok, errors = it.whole("hits"), it.whole("success"), it.whole("error")
        if not (hits or ok or errors):
            return None
        return UsageRow(
            at=self._at(it.inner("id")),
            hits=hits,
            ok=ok,
            errors=errors,
            last_hit=it.moment("last_hit"),
        )

    def _at(self, period: Members) -> datetime:
        day = 1 if self.resolution == "month" else period.whole("day")
        hour = period.whole("hour") if self.resolution == "hour" else 0
        year, month = period.whole("year"), period.whole("month")
        try:
            return datetime(year, month, day, hour, tzinfo=UTC)
        except (ValueError, OverflowError):
            raise Malformed("usage.data[].id: no such time") from None

    def _covers(self, at: datetime) -> bool:
        by_month = self.resolution == "month"
        first = self.first.replace(day=1) if by_month else self.first
        return first <= at.date() <= self.last


def _sum(one: UsageRow, other: UsageRow) -> UsageRow:
    hits = [row.last_hit for row in (one, other) if row.last_hit is not None]
    return UsageRow(
        at=one.at,
        hits=one.hits + other.hits,
        ok=one.ok + other.ok,
        errors=one.errors + other.errors,
        last_hit=max(hits, default=None),
    )
