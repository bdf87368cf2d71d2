"""Usage: what is asked for, and what becomes of rows in every disorder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import refusal, reply
from tyk.dashboard import calls, errors
from tyk.dashboard.caller import request_for
from tyk.dashboard.records import UsageRow
from tyk.dashboard.shape import Malformed
from tyk.dashboard.usage import Resolution, Span

MAY = date(2024, 5, 20), date(2024, 5, 23)
NONE = reply(document={"data": None, "pages": 0})
ZERO_DATE = "0001-01-01T00:00:00Z"


def row(day: int = 22, hits: int = 3, errors: int = 1, **members: Any) -> Any:
    period = {"day": day, "month": 5, "year": 2024, "hour": 0, "code": 200}
    period.update({k: v for k, v in members.items() if k in period})
    return {
        "id": period,
        "hits": hits,
        "success": hits - errors,
        "error": errors,
        "last_hit": members.get("last_hit", ZERO_DATE),
    }


def read(rows: Any, resolution: Resolution = "day") -> list[UsageRow]:
    return Span(*MAY, resolution).rows({"data": rows, "pages": 0})


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 5, day, hour, tzinfo=UTC)


def test_what_is_asked_for(serve: Serve, connect: Connect):
    listener = serve(NONE)
    client = connect(listener)
    first, last = date(2024, 2, 28), date(2024, 2, 29)

    client.usage(["k1", "k2", "k1"], start=first, end_inclusive=last)
    client.usage(
        ["eyJvcmciOiI=", "a/b+c"],
        start=date(2024, 12, 31),
        end_inclusive=date(2024, 12, 31),
        resolution="hour",
        api_id="a&p=1 ü",
    )
    client.oauth_usage("c/1", start=first, end_inclusive=last, resolution="month")

    assert [got.target for got in listener.got] == [
        "/api/activity/keys/aggregate/k1,k2,/28/2/2024/1/3/2024?p=-1&res=day",
        "/api/activity/keys/aggregate/eyJvcmciOiI%3D,a%2Fb%2Bc,/31/12/2024/1/1/2025"
        "?p=-1&res=hour&api_id=a%26p%3D1%20%C3%BC",
        "/api/activity/oauthid/c%2F1/28/2/2024/1/3/2024?p=-1&res=month",
    ]


def test_no_keys_are_no_usage_and_no_call(serve: Serve, connect: Connect):
    listener = serve(NONE)

    assert connect(listener).usage([], start=MAY[0], end_inclusive=MAY[1]) == []
    assert listener.got == []


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        (["k1", ""], {}),
        (["k1", ".."], {}),
        (["k1,k2"], {}),
        (["a\nb"], {}),
        ("k1", {}),
        (["k1"], {"end_inclusive": MAY[0] - timedelta(days=1)}),
        (["k1"], {"end_inclusive": date.max}),
        (["k1"], {"start": datetime(2024, 5, 20, tzinfo=UTC)}),
        (["k1"], {"resolution": "week"}),
        ([], {"resolution": "week"}),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(
    keys: Any, asked: dict[str, Any], serve: Serve, connect: Connect
):
    listener = serve(NONE)
    span = {"start": MAY[0], "end_inclusive": MAY[1], **asked}

    with pytest.raises(ValueError, match=r"key_ids|end_inclusive|resolution"):
        connect(listener).usage(keys, **span)

    assert listener.got == []


@pytest.mark.parametrize("rows", [None, [], [row(hits=0, errors=0)]])
def test_no_calls_are_no_rows(rows: Any):
    assert read(rows) == []


def test_statuses_of_a_day_are_added_and_days_sorted():
    late, early = "2024-05-22T12:31:02Z", "2024-05-22T09:00:00.5+02:00"
    found = read(
        [
            row(23, hits=4, errors=0),
            row(22, hits=13, errors=3, last_hit=early),
            row(20, hits=0, errors=0, last_hit=ZERO_DATE),
            row(22, hits=2, errors=2, code=429, last_hit=late),
            row(22, hits=1, errors=0, code=204),
        ]
    )

    last = datetime(2024, 5, 22, 12, 31, 2, tzinfo=UTC)
    assert found == [
        UsageRow(at(22), hits=16, ok=11, errors=5, last_hit=last),
        UsageRow(at(23), hits=4, ok=4, errors=0, last_hit=None),
    ]


def test_days_that_were_not_asked_for_are_dropped():
    found = read([row(day) for day in (19, 20, 23, 24)])

    assert [one.at for one in found] == [at(20), at(23)]


def test_hours_are_kept_apart_only_if_asked_for():
    rows = [row(23, hour=23), row(22, hour=0), row(22, hour=7), row(24, hour=0)]

    assert [one.at for one in read(rows, "hour")] == [at(22), at(22, 7), at(23, 23)]
    assert [(one.at, one.hits) for one in read(rows)] == [(at(22), 6), (at(23), 3)]


def test_months_overlap_the_days_asked_for():
    rows = [row(0, month=month) for month in (6, 5, 4)]

    assert [one.at for one in read(rows, "month")] == [at(1)]


def test_rows_of_zeros_may_carry_any_date():
    assert read([row(0, hits=0, errors=0, month=0, year=0), row(22)]) == read([row(22)])


def test_rows_may_carry_more_than_we_read_and_lack_zeros():
    found = read(
        [
            {
                "id": {"day": 22, "month": 5, "year": 2024, "path": "/x", "key": "k1"},
                "hits": 2,
                "success": 2,
                "latency": 1.5,
            }
        ]
    )

    assert found == [UsageRow(at(22), hits=2, ok=2, errors=0)]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Data": []},
        {"data": {}},
        {"data": [5]},
        {"data": [{**row(), "id": None}]},
        {"data": [row(0)]},
        {"data": [row(31, month=2)]},
        {"data": [row(10**20)]},
        {"data": [{**row(), "hits": "3"}]},
        {"data": [{**row(), "hits": 1.5}]},
        {"data": [{**row(), "last_hit": "yesterday"}]},
        [],
        None,
    ],
)
def test_what_is_no_usage(document: object):
    with pytest.raises(Malformed):
        Span(*MAY, "day").rows(document)


@given(
    st.lists(
        st.tuples(st.integers(18, 26), st.integers(0, 99), st.integers(0, 9)),
        max_size=30,
    )
)
def test_no_call_is_lost_or_counted_twice(counts: list[tuple[int, int, int]]):
    rows = [row(day, hits=hits, errors=0, code=200 + c) for day, hits, c in counts]

    found = read(rows)

    asked = dict.fromkeys(range(20, 24), 0)
    for day, hits, _code in counts:
        if day in asked:
            asked[day] += hits
    assert [(one.at.day, one.hits) for one in found] == [
        (day, hits) for day, hits in asked.items() if hits
    ]


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (
            refusal(403, "User does not have access to the API with ID."),
            errors.Refused,
            "refused",
        ),
        (
            refusal(403, "access denied: You do not have permission to access  /api/x"),
            errors.Misconfigured,
            "no_permission",
        ),
        (refusal(400, "Key could not be decoded."), errors.Refused, "refused"),
        (refusal(500, "Failed to fetch analytics."), errors.Unexpected, "server_error"),
        (reply(document={"pages": 0}), errors.Unexpected, "wrong_shape"),
        (refusal(404), errors.NotFound, "not_found"),
    ],
)
def test_statistics_that_are_not_to_be_had(
    answer: bytes, error: Any, reason: str, serve: Serve, connect: Connect
):
    """Never an empty list, which would say that nobody called."""
    client = connect(serve(answer))

    asks: list[Callable[[], object]] = [
        lambda: client.usage(["k1"], start=MAY[0], end_inclusive=MAY[1]),
        lambda: client.oauth_usage("c1", start=MAY[0], end_inclusive=MAY[1]),
    ]
    for ask in asks:
        with pytest.raises(error) as caught:
            ask()
        assert caught.value.reason == reason


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=","),
            min_size=1,
        ).filter(lambda name: name not in {".", ".."}),
        min_size=1,
        max_size=4,
    )
)
def test_any_keys_are_one_segment(names: list[str]):
    path = request_for(
        calls.KEYS_USAGE, ids={"key_ids": tuple(names), **Span(*MAY, "day").path}
    ).path

    segments = path.split("/")
    assert len(segments) == 12
    assert [unquote(part) for part in segments[5].split(",")] == [*names, ""]
