"""What the gateway counted for a key: `/api/activity` and `/api/usage`.

Counts are recorded by hour. A key of the demo also has a traffic profile: a number of
calls a day from which every day's counts follow, so that there are always some weeks
to look at, however long the state has been lying around.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tyk.sandbox import clock
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.clock import ZERO_DATE, plain_date
from tyk.sandbox.shapes import Json
from tyk.sandbox.store import Reader
from tyk.sandbox.world import Call, World, empty_rows, page_of

BAD_KEY = "Key could not be decoded."
NO_ANALYTICS = "Failed to fetch analytics."
KEY_TEXT = re.compile(r"[A-Za-z0-9+/=_-]+")
# Share of a day's calls per hour: quiet nights, a busy late morning.
HOURS = (1, 1, 1, 1, 1, 2, 4, 6, 9, 11, 12, 11, 9, 10, 11, 10, 8, 6, 4, 3, 2, 2, 1, 1)
WEEKDAYS = (1.0, 1.08, 1.1, 1.05, 0.9, 0.35, 0.3)


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of one key within one hour that were answered with one status."""

    key_id: str
    hour: datetime
    code: int
    hits: int
    path: str = "/"

    @property
    def good(self) -> int:
        return self.hits if self.code < 400 else 0


def record(
    world: World, key_id: str, *, hour: datetime, code: int, hits: int, path: str = "/"
) -> None:
    """Count calls made with a key; `hour` is aware and is cut to the full hour."""
    start = hour.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    name = f"{key_id}|{start.isoformat()}|{code}|{path}"
    held = world.store.get("usage", name) or {"hits": 0}
    row = {
        "key": key_id,
        "hour": start.isoformat(),
        "code": code,
        "path": path,
        "hits": held["hits"] + hits,
    }
    world.store.put("usage", name, row)
    session = world.store.get("keys", key_id)
    if session is not None:
        spent = session.get("spent", 0) + hits
        world.store.put("keys", key_id, {**session, "spent": spent})


def _recorded(reader: Reader, keys: set[str]) -> Iterator[Count]:
    for _, row in reader.items("usage"):
        if row["key"] in keys:
            hour = datetime.fromisoformat(row["hour"])
            yield Count(row["key"], hour, row["code"], row["hits"], row["path"])


def _day_of(key_id: str, traffic: Json, day: date) -> Iterator[Count]:
    """One day's counts of a demo key: the same whenever they are asked for."""
    # Numbers for a chart, not for secrets.
    rolls = random.Random(f"{key_id}:{day.isoformat()}")  # noqa: S311 - see above
    total = traffic["a_day"] * WEEKDAYS[day.weekday()] * rolls.uniform(0.8, 1.2)
    slip = traffic.get("errors", 0.02) * rolls.uniform(0.5, 1.8)
    limited = 0.01 if rolls.random() < 0.2 else 0.0
    shares = ((200, 1 - slip - limited), (404, slip * 0.7), (500, slip * 0.3))
    paths = traffic.get("paths") or ["/"]
    for number, share in enumerate(HOURS):
        hour = datetime.combine(day, time(number), UTC)
        for code, part in (*shares, (429, limited)):
            hits = int(total * share / sum(HOURS) * part + rolls.random())
            if hits:
                yield Count(key_id, hour, code, hits, rolls.choice(paths))


def _patterned(
    reader: Reader, keys: Iterable[str], first: date, last: date
) -> Iterator[Count]:
    this_hour = clock.now().replace(minute=0, second=0, microsecond=0)
    for key_id in keys:
        traffic = (reader.get("keys", key_id) or {}).get("traffic")
        if traffic is None:
            continue
        day = max(first, date.fromisoformat(traffic["since"]))
        while day <= min(last, this_hour.date()):
            counts = _day_of(key_id, traffic, day)
            yield from (count for count in counts if count.hour < this_hour)
            day += timedelta(days=1)


def counted(reader: Reader, keys: list[str], first: date, last: date) -> list[Count]:
    """All counts of these keys on the days from `first` to `last`, both included."""
    wanted = dict.fromkeys(keys)
    rows = [
        count
        for count in _recorded(reader, set(wanted))
        if first <= count.hour.date() <= last
    ]
    return [*rows, *_patterned(reader, wanted, first, last)]


def _date(params: dict[str, str], side: str) -> date:
    parts = (params[f"{side}{part}"] for part in ("Year", "Month", "Day"))
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day)
    except ValueError:
        raise Refusal(400, NO_ANALYTICS) from None


def _span(world: World, call: Call) -> tuple[date, date]:
    """The first and last day asked for; the end is exclusive (tyk#94)."""
    first, end = _date(call.params, "start"), _date(call.params, "end")
    if world.switches.usage_end == "inclusive":
        return first, end
    return first, end - timedelta(days=1)


def _row_id(count: Count, resolution: str) -> tuple[int, ...]:
    hour = count.hour
    day = 0 if resolution == "month" else hour.day
    shown_hour = hour.hour if resolution == "hour" else 0
    return hour.year, hour.month, day, shown_hour, count.code


def _row(row_id: tuple[int, ...], counts: list[Count]) -> Json:
    year, month, day, hour, code = row_id
    hits, good = sum(c.hits for c in counts), sum(c.good for c in counts)
    last = max(c.hour for c in counts) + timedelta(minutes=31, seconds=2)
    return {
        "id": {"day": day, "month": month, "year": year, "hour": hour, "code": code},
        "hits": hits,
        "success": good,
        "error": hits - good,
        "last_hit": plain_date(last),
    }


def _zero_row(day: date) -> Json:
    row_id = {
        "day": day.day,
        "month": day.month,
        "year": day.year,
        "hour": 0,
        "code": 200,
    }
    rest = {"hits": 0, "success": 0, "error": 0, "last_hit": ZERO_DATE}
    return {"id": row_id, **rest}


def _zero_rows(counts: list[Count], first: date, last: date) -> list[Json]:
    busy = {count.hour.date() for count in counts}
    days = ((first + timedelta(days=n)) for n in range((last - first).days + 1))
    return [_zero_row(day) for day in days if day not in busy]


def by_time(
    world: World, counts: list[Count], first: date, last: date, *, resolution: str
) -> list[Json]:
    """Rows by day, hour or month and status, in no particular order (tyk#30)."""
    grouped: dict[tuple[int, ...], list[Count]] = defaultdict(list)
    for count in counts:
        grouped[_row_id(count, resolution)].append(count)
    rows = [_row(row_id, group) for row_id, group in grouped.items()]
    if counts and resolution == "day" and world.switches.zero_rows == "present":
        rows += _zero_rows(counts, first, last)
    random.Random(len(rows)).shuffle(rows)  # noqa: S311 - an order, not a secret
    return rows


def _answer(world: World, call: Call, rows: list[Json]) -> Answer:
    page = page_of(world, rows, call.query)
    text = encode(page) if page else empty_rows(world)
    return Answer(text=f'{{"data":{text},"pages":0}}')


def _resolved(world: World, call: Call, keys: list[str]) -> Answer:
    first, last = _span(world, call)
    counts = counted(call.reader, keys, first, last)
    resolution = call.query.get("res") or "day"
    rows = by_time(world, counts, first, last, resolution=resolution)
    return _answer(world, call, rows)


def _serves(reader: Reader, key_id: str, wanted: str) -> bool:
    """Whether a key reaches an API; Tyk's docs say to pass the policy id instead."""
    session = reader.get("keys", key_id) or {"policies": []}
    apis = [
        api_id
        for reference in session["policies"]
        for api_id in (reader.get("policies", reference) or {}).get("access_rights")
        or {}
    ]
    return not wanted or wanted in session["policies"] or wanted in apis


def aggregate_keys(world: World, call: Call) -> Answer:
    """Several keys, comma-separated, often with a comma at the end."""
    wanted = call.query.get("api_id", "")
    keys = [key for key in call.params["keys"].split(",") if key]
    keys = [key for key in keys if _serves(call.reader, key, wanted)]
    return _resolved(world, call, keys)


def one_key(world: World, call: Call) -> Answer:
    key_id = call.params["keyHash"]
    if KEY_TEXT.fullmatch(key_id) is None:
        raise Refusal(400, BAD_KEY)
    return _resolved(world, call, [key_id])


def one_client(world: World, call: Call) -> Answer:
    return _resolved(world, call, [call.params["clientId"]])


def _plain_row(counts: list[Count], **members: str) -> Json:
    row = _row((0, 0, 0, 0, 0), counts)
    row["id"].update(members)
    return row


def endpoints_of_key(world: World, call: Call) -> Answer:
    """Calls by path instead of by time."""
    first, last = _span(world, call)
    key_id = call.params["keyHash"]
    grouped: dict[str, list[Count]] = defaultdict(list)
    for count in counted(call.reader, [key_id], first, last):
        grouped[count.path].append(count)
    rows = [_plain_row(group, path=p, key=key_id) for p, group in grouped.items()]
    return _answer(world, call, rows)


def _all_keys(world: World, reader: Reader, api_id: str = "") -> list[str]:
    ours = [i for i, session in reader.items("keys") if "org_id" not in session]
    return [key_id for key_id in ours if _serves(reader, key_id, api_id)]


def total_usage(world: World, call: Call) -> Answer:
    api_id = call.query.get("api_id", "")
    return _resolved(world, call, _all_keys(world, call.reader, api_id))


def usage_by_api(world: World, call: Call) -> Answer:
    """One row per API that the organisation's keys reach."""
    first, last = _span(world, call)
    rows = []
    for api_id, api in call.reader.items("apis"):
        keys = _all_keys(world, call.reader, api_id)
        counts = counted(call.reader, keys, first, last)
        if counts:
            rows.append(_plain_row(counts, api_id=api_id, api_name=api["name"]))
    return _answer(world, call, rows)
