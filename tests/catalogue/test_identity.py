"""Entries have no id at Tyk: which row is which, and slugs for ever."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from catalogue.identity import match, new_slug
from catalogue.models import Entry

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Listed:
    name: str
    policy_id: str


def row(pk: int, name: str, policy_id: str, *, gone: bool = False) -> Entry:
    return Entry(
        pk=pk, name=name, policy_id=policy_id, gone_at=LONG_AGO if gone else None
    )


A1, B2 = row(1, "A", "p1"), row(2, "B", "p2")


@pytest.mark.parametrize(
    ("_case", "listed", "rows", "expected"),
    [
        ("unchanged", [("A", "p1"), ("B", "p2")], [A1, B2], [1, 2]),
        ("order changed", [("B", "p2"), ("A", "p1")], [A1, B2], [2, 1]),
        ("renamed", [("Aa", "p1"), ("B", "p2")], [A1, B2], [1, 2]),
        ("another policy", [("A", "p9"), ("B", "p2")], [A1, B2], [1, 2]),
        ("new", [("A", "p1"), ("C", "p3")], [A1], [1, None]),
        ("both changed", [("C", "p3")], [A1], [None]),
        (
            "two of one policy, one renamed",
            [("A", "p1"), ("X", "p1")],
            [A1, row(3, "Y", "p1")],
            [1, 3],
        ),
        (
            "two of one policy, both renamed: a guess would be wrong half the time",
            [("X", "p1"), ("Z", "p1")],
            [A1, row(3, "Y", "p1")],
            [None, None],
        ),
        (
            "equal twins stay in order",
            [("A", "p1"), ("A", "p1")],
            [A1, row(3, "A", "p1")],
            [1, 3],
        ),
        ("a third twin is new", [("A", "p1"), ("A", "p1")], [A1], [1, None]),
        ("back again", [("A", "p1")], [row(1, "A", "p1", gone=True)], [1]),
        (
            "back under another policy",
            [("A", "p9")],
            [row(1, "A", "p1", gone=True)],
            [1],
        ),
        (
            "policy of a gone entry",
            [("C", "p1")],
            [row(1, "A", "p1", gone=True)],
            [None],
        ),
        (
            "a present row is preferred to a gone one",
            [("A", "p1")],
            [row(1, "A", "p1", gone=True), row(3, "A", "p1")],
            [3],
        ),
        ("keyless, by name", [("K", "")], [row(4, "K", "")], [4]),
        ("keyless, renamed", [("L", "")], [row(4, "K", "")], [None]),
        ("nothing listed", [], [A1], []),
    ],
)
def test_which_row_an_entry_is(_case, listed, rows, expected):
    found = match([Listed(*entry) for entry in listed], rows)
    assert [None if row is None else row.pk for row in found] == expected


def test_slugs_are_never_reused():
    taken = {"orders"}
    assert new_slug("Orders", taken) == "orders-2"
    assert new_slug("Orders", taken) == "orders-3"
    assert taken == {"orders", "orders-2", "orders-3"}


def test_a_name_without_latin_letters_still_gets_an_address():
    assert new_slug("天気", set()) == "api"


def test_a_long_name_leaves_room_for_a_number():
    taken: set[str] = set()
    slugs = [new_slug("x" * 200, taken) for _ in range(2)]
    assert slugs == ["x" * 110, "x" * 110 + "-2"]
