"""Every story, cut twice: the process that picks up the pieces dies as well.

For each moment of a story: die there, and then at each moment of what comes after,
the worker's part and the returning person's. Takes minutes: `make soak`. Stories
share SOAK_PAIR_SECONDS (0: as long as it takes); what was done is told at the end.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.db import connection

from tests.reliability.deaths import clean_run, come_back, counted, end, moments
from tests.reliability.mornings import Start, mornings, start as begin
from tests.reliability.stories import STORIES, Story

SECONDS = float(os.environ.get("SOAK_PAIR_SECONDS", "0"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
EVERY_BOUNDARY = os.environ.get("SOAK_EVERY_BOUNDARY") == "1"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
    pytest.mark.skipif(
        os.environ.get("SOAK") != "1", reason="takes minutes: make soak"
    ),
]


@pytest.mark.parametrize("story", [pytest.param(s, id=s.name) for s in STORIES])
def test_a_process_may_die_again_during_the_recovery(box, settings, story, tell):
    broken: list[str] = []
    done = 0
    with mornings(box, settings, only=story.morning) as starts:
        firsts = _firsts(starts[story.morning], story)
        began = time.monotonic()
        give_up = began + SECONDS / len(STORIES) if SECONDS else float("inf")
        planned = sum(len(later) for _, _, later in firsts)
        for words, cut in _in_any_order(firsts, story):
            if time.monotonic() >= give_up:
                break
            done += 1
            try:
                cut()
            except AssertionError as error:
                broken.append(f"{words}: {error}")
    seconds = time.monotonic() - began
    tell(
        f"pairs of {story.name}: {done} of {planned} in {seconds:.0f} s,"
        f" {len(broken)} broken (SOAK_SEED={SEED})"
    )

    assert done > 0
    assert broken == []


First = tuple[str, Start, list[int]]


def _firsts(start: Start, story: Story) -> list[First]:
    """For each first death: where, the world after it, and where to die next."""
    run = clean_run(start, story)
    found = []
    for number in range(len(run.reached)) if EVERY_BOUNDARY else moments(run):
        world = story.begin(start)
        world.boundaries.die_at = {number}
        story.act(world)
        after = begin(world)
        again = after.again()
        rest = counted(again, partial(come_back, again, story))
        later = list(range(len(rest.reached))) if EVERY_BOUNDARY else moments(rest)
        found.append((f"died {run.reached[number]} ({number})", after, later))
    return found


def _in_any_order(
    firsts: list[First], story: Story
) -> Iterator[tuple[str, Callable[[], None]]]:
    pairs = [(place, at, number) for place, at, later in firsts for number in later]
    random.Random(SEED).shuffle(pairs)  # noqa: S311  not a secret
    for place, at, number in pairs:
        words = f"{story.name}: {place}, then {number}"
        yield words, partial(_cut_again, at, story, number)


def _cut_again(after: Start, story: Story, number: int) -> None:
    world = after.again()
    world.boundaries.die_at = {number}
    come_back(world, story)
    assert world.happened["died"], "nobody died"
    end(world, story)
