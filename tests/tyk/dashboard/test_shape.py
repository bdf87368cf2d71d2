"""Members and dates in every form on record, and in forms that are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from tyk.dashboard.shape import Malformed, Members, moment


def zone(hours: int, minutes: int = 0) -> timezone:
    return timezone(timedelta(hours=hours, minutes=minutes))


DATES = [
    (
        "2021-05-08T04:26:34.287-04:00",
        datetime(2021, 5, 8, 4, 26, 34, 287000, zone(-4)),
    ),
    ("2021-05-22T09:34:08.211Z", datetime(2021, 5, 22, 9, 34, 8, 211000, UTC)),
    ("2021-06-04T07:21:35.97Z", datetime(2021, 6, 4, 7, 21, 35, 970000, UTC)),
    ("2021-06-04T07:21:35.9Z", datetime(2021, 6, 4, 7, 21, 35, 900000, UTC)),
    ("2021-02-04T16:23:00Z", datetime(2021, 2, 4, 16, 23, 0, 0, UTC)),
    (
        "2021-02-24T16:19:12.175113-05:00",
        datetime(2021, 2, 24, 16, 19, 12, 175113, zone(-5)),
    ),
    (
        "2024-05-14T13:15:46.560506+03:00",
        datetime(2024, 5, 14, 13, 15, 46, 560506, zone(3)),
    ),
    (
        "2022-09-03T11:20:07.123456789Z",
        datetime(2022, 9, 3, 11, 20, 7, 123456, UTC),
    ),
    ("2022-09-03T11:20:07+05:45", datetime(2022, 9, 3, 11, 20, 7, 0, zone(5, 45))),
    ("2022-09-03T11:20:07-0330", datetime(2022, 9, 3, 11, 20, 7, 0, zone(-4, 30))),
    ("2022-09-03T11:20:07+00:00", datetime(2022, 9, 3, 11, 20, 7, 0, UTC)),
    ("0001-01-01T00:00:00Z", None),
    ("0001-01-01T00:00:00-05:00", None),
    (1717171717, datetime(2024, 5, 31, 16, 8, 37, 0, UTC)),
    (1717171717.5, datetime(2024, 5, 31, 16, 8, 37, 500000, UTC)),
    ("1655000000", datetime(2022, 6, 12, 2, 13, 20, 0, UTC)),
    (0, None),
    (-1, None),
    ("0", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("written", "read"), DATES)
def test_dates_of_every_form(written: object, read: datetime | None):
    found = moment(written)

    assert found == read
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "2021-13-01T00:00:00Z",
        "2021-02-30T00:00:00Z",
        "2021-02-03T04:05:06",
        "2021-02-03T04:05:06 UTC",
        "Wed, 03 Feb 2021 04:05:06 GMT",
        "٢٠٢١",
        "2021-02-03T04:05:06+99:00",
        "2021-02-03",
        True,
        [],
        {},
        10**30,
        float("nan"),
        float("inf"),
    ],
)
def test_what_is_no_date_is_refused_without_quoting_it(written: object):
    with pytest.raises(Malformed) as caught:
        moment(written)

    assert str(written) not in caught.value.where or written is True


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_go_writes_it_we_read_it(when: datetime):
    # Go trims the zeros at the end of a fraction, and a fraction of zeros.
    written = re.sub(r"\.?0*Z$", "Z", when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    if "." not in written and not written.endswith(f"{when:%S}Z"):
        written = when.strftime("%Y-%m-%dT%H:%M:%SZ")

    assert moment(written) == when


def test_absent_and_null_read_as_the_default():
    for document in ({}, {"m": None}):
        it = Members(document, where="it")
        assert it.text("m") == ""
        assert it.flag("m") is False
        assert it.number("m") == 0
        assert it.whole_or_none("m") is None
        assert it.texts("m") == ()
        assert it.text_map("m") == {}
        assert it.text_lists("m") == {}
        assert it.object_lists("m") == {}
        assert it.objects("m") == ()
        assert it.text_map_or_json("m") == {}
        assert it.moment("m") is None
        assert len(it.inner("m")) == 0


READERS: dict[str, tuple[Callable[[Members, str], object], list[object]]] = {
    "text": (Members.text, [1, True, [], {}]),
    "identity": (Members.identity, [None, "", 1, [], {}]),
    "required_text": (Members.required_text, [None, 1, [], {}]),
    "flag": (Members.flag, ["false", 0, [], {}]),
    "number": (Members.number, ["1", True, [], {}]),
    "whole_or_none": (Members.whole_or_none, ["1", 1.5, float("inf"), [], {}]),
    "texts": (Members.texts, ["a", 1, {}, [1], [None]]),
    "text_map": (Members.text_map, ["a", [], {"k": []}, {"k": {}}]),
    "text_lists": (Members.text_lists, ["a", [], {"k": "v"}, {"k": [1]}]),
    "object_lists": (Members.object_lists, [[], {"k": {}}, {"k": ["v"]}]),
    "objects": (Members.objects, ["a", {}]),
    "inner": (Members.inner, ["a", [], 1]),
    "text_map_or_json": (Members.text_map_or_json, [[], 1, {"k": []}]),
}


@pytest.mark.parametrize(
    ("reader", "value"),
    [(name, value) for name, (_read, bad) in READERS.items() for value in bad],
)
def test_a_wrong_type_is_named_without_its_value(reader: str, value: object):
    it = Members({"m": value}, where="thing")

    with pytest.raises(Malformed, match=r"^thing\.m"):
        READERS[reader][0](it, "m")


def test_names_in_maps_never_reach_the_message():
    raw_key = "64a0c0ffee00000000000001" + "0" * 32
    it = Members({"keys": {raw_key: 5}}, where="developer")

    with pytest.raises(Malformed) as caught:
        it.text_lists("keys")

    assert caught.value.where == "developer.keys.*: number, expected list"


def test_numbers_in_text_maps_are_taken_as_text():
    it = Members({"fields": {"a": 1, "b": True, "c": None, "d": 1.5}}, where="it")

    assert it.text_map("fields") == {"a": "1", "b": "true", "c": "", "d": "1.5"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"purpose": "x"}, {"purpose": "x"}),
        ('{"purpose":"x"}', {"purpose": "x"}),
        ("not json", {}),
        ("[1]", {}),
        ("", {}),
    ],
)
def test_request_fields_come_as_a_map_or_as_json_text(
    value: object, read: dict[str, str]
):
    assert Members({"f": value}, where="it").text_map_or_json("f") == read


def test_whole_numbers_may_be_written_with_a_fraction():
    assert Members({"n": 1000.0}, where="it").whole("n") == 1000
