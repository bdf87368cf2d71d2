"""Every story, cut at every boundary: the process dies there, and all ends well.

A clean run counts the boundaries (before and after every call to Tyk and every
commit). Then for each: start over, die there, start a new process, let leases and
quarantines run out, let the person come back, and check every promise. Once with a
death that is raised, once with a real process that ends with os._exit.

Boundaries between which the process did nothing that anybody outside can tell are
one moment, and cut once (`deaths.moments`); with SOAK=1 every boundary by itself.
"""

import pytest
from django.db import connection

from tests.reliability.deaths import (
    Run,
    clean_run,
    cut,
    end,
    killed,
    moments,
    saying,
)
from tests.reliability.mornings import mornings
from tests.reliability.sampling import SOAK
from tests.reliability.stories import STORIES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
#: Killed for real, too. The others are rather about what comes before and after.
KILLED = {
    "confirm",
    "reset",
    "edit profile",
    "new address",
    "ask",
    "claim",
    "claim, answer lost",
    "replace",
    "revoke",
}
ALL = pytest.mark.parametrize("story", [pytest.param(s, id=s.name) for s in STORIES])


def _places(run: Run) -> list[int]:
    """Where to cut a run."""
    if SOAK:
        return list(range(len(run.reached)))
    return moments(run)


@ALL
def test_a_process_may_die_at_any_boundary(box, settings, story):
    with mornings(box, settings, only=story.morning) as starts:
        start = starts[story.morning]
        run = clean_run(start, story)
        assert len(run.reached) >= 4
        for number in _places(run):
            with saying(f"{story.name}: died {run.reached[number]} ({number})"):
                cut(start, story, number)


@pytest.mark.parametrize(
    "story",
    [pytest.param(s, id=s.name) for s in STORIES if SOAK or s.name in KILLED],
)
def test_a_process_may_be_killed_at_any_boundary(box, settings, story):
    with mornings(box, settings, only=story.morning) as starts:
        start = starts[story.morning]
        run = clean_run(start, story)
        for number in _places(run):
            place = run.reached[number]
            with saying(f"{story.name}: killed {place} ({number})"):
                world = story.begin(start)
                assert killed(world, story, number) == place
                end(world, story)
