"""What a developer's home shows: what waits, keys with quotas, requests, calls.

Four queries, however many keys there are; some more while none was called yet.
"""

from collections.abc import Iterable
from datetime import date, datetime

from developers.models import Developer
from keyrequests import chart, examples, reads, series, usage, usage_words
from keyrequests.models import Key

MOST_KEYS = 5
# "At most two notices on a page": look and feel.
MOST_NOTICES = 2


def home_of(developer: Developer, *, now: datetime) -> dict[str, object]:
    """The context of the page. Notes that the owner looks (`usage.want`)."""
    waiting = reads.waiting_for(developer)
    keys = [*waiting.keys, *waiting.ended]
    usage.want(waiting.keys, now=now)
    found = usage.summary(keys, now=now)
    warned = _warned([found[key.pk] for key in waiting.keys])
    state = usage.state_of_all(one.state for one in found.values())
    others = (warned is not None) + (waiting.gone is not None)
    shown = waiting.to_claim[: MOST_NOTICES - others]
    return {
        "waiting": waiting,
        "to_claim": shown,
        "warned": warned,
        **_warning(warned, now=now),
        "rows": _busiest([found[key.pk] for key in waiting.keys]),
        "state": state,
        "as_of": _as_of(waiting.keys),
        "example": examples.first_call_with(waiting.keys) if state == "empty" else "",
        **_calls(found.values(), now=now),
    }


def _busiest(rows: list[usage.KeyUsage]) -> list[usage.KeyUsage]:
    """The keys called most this week; those not called stay newest first."""
    return sorted(rows, key=lambda one: -one.week.hits)[:MOST_KEYS]


def _warned(rows: Iterable[usage.KeyUsage]) -> usage.KeyUsage | None:
    """The key that is nearest to the end of its quota, from 80 percent on."""
    near = [
        (one.quota.percent, one.key.pk, one)
        for one in rows
        if one.quota and one.quota.warns
    ]
    return max(near)[2] if near else None


def _warning(one: usage.KeyUsage | None, *, now: datetime) -> dict[str, str]:
    if one is None or one.quota is None:
        return {}
    said = (
        usage_words.forecast(one.quota, now=now),
        usage_words.basis(one.quota, now=now),
    )
    return {
        "warning": usage_words.warning(one.key, one.quota),
        "forecast": next(words for words in said if words),
    }


def _as_of(keys: Iterable[Key]) -> datetime | None:
    return min((key.usage_as_of for key in keys if key.usage_as_of), default=None)


def _calls(rows: Iterable[usage.KeyUsage], *, now: datetime) -> dict[str, object]:
    """The last 7 days of all keys together."""
    by_day: dict[date, usage.Counts] = {}
    last_hit = None
    for one in rows:
        last_hit = max(filter(None, (last_hit, one.last_hit)), default=None)
        for day, counts in one.by_day.items():
            by_day[day] = by_day.get(day, usage.NONE).plus(counts)
    week = series.of_days(by_day, series.preset(series.USUAL, now=now))
    return {
        "period": week.period,
        "total": week.total,
        "last_hit": last_hit,
        "chart": chart.draw(week),
        "lines": [(chart.bucket_words(at, "day"), c) for at, c in week.points],
    }
