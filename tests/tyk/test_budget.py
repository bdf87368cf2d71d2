"""Time: one clock for the calls of a story, and how long until the next try."""

import random
import time
from statistics import mean

import pytest

from tests.waiting import assert_ended_in_time
from tyk import connect, outbox
from tyk.budget import Budget
from tyk.dashboard.errors import Unreachable


# --- Budget --------------------------------------------------------------------------
def test_a_part_is_a_share_of_the_whole_until_less_is_left(monkeypatch):
    now = 100.0
    monkeypatch.setattr("tyk.budget.time.monotonic", lambda: now)
    budget = Budget(10)

    assert (budget.left(), budget.part(), budget.part(0.3)) == (10, 10, 3)
    now = 108.0
    assert (budget.left(), budget.part(), budget.part(0.3)) == (2, 2, 2)
    now = 111.0
    assert (budget.left(), budget.part(), budget.part(0.3)) == (0, 0, 0)


def test_with_nothing_left_nothing_is_sent(box):
    """So that nobody has to find out what became of it."""
    budget = Budget(0)
    for call in (
        lambda: connect.dashboard().configuration(deadline=budget.part()),
        lambda: connect.dashboard().approve("64a0", deadline=budget.left()),
        lambda: list(connect.dashboard().developers(deadline=budget.part())),
    ):
        with pytest.raises(Unreachable) as caught:
            call()
        assert caught.value.reason == "no_time"

    assert len(box.journal) == 0


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_calls_of_one_story_end_together(fault, box):
    box.faults.add("*", mode=fault, seconds=0.2)
    budget = Budget(0.6)
    began = time.monotonic()
    for share in (0.4, 1.0, 1.0):
        with pytest.raises(Unreachable):
            connect.dashboard().configuration(deadline=budget.part(share))

    assert_ended_in_time(began, 0.6)
    assert len(box.journal) == 2


# --- Backoff -------------------------------------------------------------------------
# After so many tries: between these seconds, drawn evenly.
BOUNDS = [
    (0, 0.5, 2),
    (1, 0.5, 4),
    (2, 0.5, 8),
    (6, 0.5, 128),
    (7, 0.5, 256),
    (8, 0.5, 300),
    (20, 0.5, 300),
    (100_000, 0.5, 300),
]


@pytest.mark.parametrize(("tries", "least", "most"), BOUNDS)
def test_bounds_of_the_wait(tries, least, most, monkeypatch):
    asked = []

    class Dice:
        @staticmethod
        def uniform(low: float, high: float) -> float:
            asked.append((low, high))
            return high

    monkeypatch.setattr(outbox, "random", Dice)

    assert outbox._jittered(tries) == most
    assert asked == [(least, most)]


@pytest.mark.parametrize("tries", [0, 3, 8])
def test_waits_are_spread_over_all_of_it(tries, monkeypatch):
    """Full jitter: a thousand rows that failed together don't come back together."""
    monkeypatch.setattr(outbox, "random", random.Random(11))  # noqa: S311 -- seeded
    ceiling = min(300, 2 * 2**tries)

    waits = [outbox._jittered(tries) for _ in range(1000)]

    assert 0.5 <= min(waits) < 0.5 + ceiling * 0.02
    assert ceiling * 0.98 < max(waits) <= ceiling
    assert mean(waits) == pytest.approx((0.5 + ceiling) / 2, rel=0.05)
    tenths = [0] * 10
    for wait in waits:
        tenths[min(9, int((wait - 0.5) / (ceiling - 0.5) * 10))] += 1
    assert max(tenths) < 150


def test_the_longest_wait_is_a_setting(settings, monkeypatch):
    settings.OUTBOX_BACKOFF_MAX = 20
    monkeypatch.setattr(outbox, "random", random.Random(11))  # noqa: S311 -- seeded

    assert max(outbox._jittered(12) for _ in range(1000)) <= 20
