"""Few Dashboards that together have every habit beside every other.

What public material leaves open about a Dashboard is a switch of the sandbox. Here
are rows of switches, such that for any two switches each pair of values stands in at
least one row: a fault that needs two habits to meet is met. Always the same rows. The
portal's own journeys run on each (tests/test_profiles.py).
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import combinations
from typing import Any

from tyk.sandbox.switches import DEFAULT, Switches, choices

LAG = 0.2  # seconds a replica lags: long enough to be met
#: Values of those switches that take any number. Denied rights leave no journey to
#: walk; they have a test of their own.
NUMBERS: dict[str, tuple[Any, ...]] = {"page_size": (10, 3), "replica_lag": (0.0, LAG)}
APART = {"denied_rights"}
Habit = tuple[str, Any]
Pair = tuple[Habit, Habit]
Row = dict[str, Any]


@cache
def values() -> dict[str, tuple[Any, ...]]:
    """The values of every switch the journeys vary."""
    names = sorted(f.name for f in fields(Switches) if f.name not in APART)
    return {name: choices(name) or NUMBERS[name] for name in names}


def covering() -> Iterator[Switches]:
    """The rows, the default first; drawn one by one, since the later ones take long."""
    draw = random.Random(1)  # noqa: S311  not a secret
    left = _all_pairs()
    for row in _of_two_values():
        _close(left, row)
        yield DEFAULT.changed(**row)
    while left:
        row = _row(left, draw)
        _close(left, row)
        yield DEFAULT.changed(**row)


def _of_two_values() -> list[Row]:
    """Rows that close all pairs of the first two values of each switch.

    In the first row all have their default; in the eight others each switch has its
    second value in a choice of five of its own. Two different choices of five out of
    eight have, in some row each, both, the one alone and the other alone (Katona,
    Kleitman and Spencer, 1973): nine rows serve up to 56 switches.
    """
    known = values()
    choice = dict(zip(known, combinations(range(1, 9), 5), strict=False))
    first = DEFAULT.as_dict()
    seconds = {name: next(v for v in known[name] if v != first[name]) for name in known}
    return [
        {name: seconds[name] if row in choice[name] else first[name] for name in known}
        for row in range(9)
    ]


def _close(left: dict[Pair, None], row: Row) -> None:
    for pair in combinations([(name, row[name]) for name in values()], 2):
        left.pop(pair, None)


def _all_pairs() -> dict[Pair, None]:
    """In order, so that the rows are always the same."""
    known = values()
    return {
        ((one, here), (other, there)): None
        for one, other in combinations(known, 2)
        for here in known[one]
        for there in known[other]
    }


def _row(left: dict[Pair, None], draw: random.Random) -> Row:
    """A row begun with an open pair; each further value closes the most."""
    owed = Counter(habit for pair in left for habit in pair)
    known = values()
    row: Row = dict(next(iter(left)))
    names = [name for name in known if name not in row]
    draw.shuffle(names)
    for name in names:
        row[name] = max(
            known[name],
            key=lambda value: (_closed(left, row, (name, value)), owed[name, value]),
        )
    return row


def _closed(left: dict[Pair, None], row: Row, habit: Habit) -> int:
    """How many open pairs this habit closes beside those the row has."""
    return sum(
        ((habit, other) if habit[0] < other[0] else (other, habit)) in left
        for other in row.items()
    )
