"""Every story, cut at every boundary: the process dies there, and all ends well.

A clean run counts the boundaries (before and after every call to Tyk and every
commit). Then for each: start over, die there, start a new process, let leases and
quarantines run out, let the person come back, and check every promise. A second mode
ends a real process with os._exit. `make soak` cuts twice: again during the recovery.
"""

import ast
import inspect
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.reliability.promises import check_at_rest
from tests.reliability.stories import STORIES, Story
from tests.reliability.world import LONG_ENOUGH, Start, World, mornings
from tyk.dashboard import calls
from tyk.dashboard.client import Dashboard

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
SOAK = os.environ.get("SOAK") == "1"
ROOT = Path(__file__).parents[2]
CALLERS = [
    path
    for app in ("developers", "keyrequests")
    for pattern in ("live*.py", "push*.py")
    for path in (ROOT / app).glob(pattern)
]


def clean_run(start: Start, story: Story) -> list[str]:
    """The boundaries of a run in which nothing goes wrong."""
    world = start.again()
    story.act(world)
    reached = list(world.boundaries.reached)
    end(world, story)
    return reached


def end(world: World, story: Story) -> None:
    """The dust settles, the person comes back, and it must be as they wanted."""
    world.boundaries.die_at.clear()
    world.pass_time(LONG_ENOUGH)
    world.work(rows=100)
    story.again(world)
    world.come_to_rest(sweeps=2)
    check_at_rest(world)
    story.ended_well(world)


def cut(start: Start, story: Story, *at: int) -> World:
    """Die at boundary `at[0]`, and at `at[1]` of what follows."""
    world = start.again()
    world.boundaries.die_at = {at[0]}
    story.act(world)
    for later in at[1:]:
        world.boundaries.die_at = {len(world.boundaries.reached) + later}
        world.pass_time(LONG_ENOUGH)
        world.work(rows=20)
    assert world.happened["died"], "nobody died"
    end(world, story)
    return world


@pytest.mark.parametrize("story", [pytest.param(s, id=s.name) for s in STORIES])
def test_a_process_may_die_at_any_boundary(box, settings, story):
    with mornings(box, settings, only=story.morning) as starts:
        start = starts[story.morning]
        reached = clean_run(start, story)
        assert len(reached) >= 4
        for number, place in enumerate(reached):
            if not SOAK and number and place.startswith("before"):
                continue  # the same moment as after the boundary in front of it
            with saying(f"{story.name}: died {place}, boundary {number}"):
                cut(start, story, number)


@contextmanager
def saying(words: str) -> Iterator[None]:
    """Say in which run it was that a promise was broken."""
    try:
        yield
    except AssertionError as broken:
        broken.add_note(words)
        raise


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
@pytest.mark.parametrize("story", [pytest.param(s, id=s.name) for s in STORIES])
def test_a_process_may_die_again_during_the_recovery(box, settings, story):
    with mornings(box, settings, only=story.morning) as starts:
        start = starts[story.morning]
        for number, place in enumerate(clean_run(start, story)):
            for later in range(40):
                with saying(f"{story.name}: died {place} ({number}), then {later}"):
                    world = cut(start, story, number, later)
                if world.happened["died"] < 2:
                    break


# --- Real processes ------------------------------------------------------------------------


def test_a_killed_process_is_survived_like_a_raised_death(box, settings):
    story = next(s for s in STORIES if s.name == "claim")
    with mornings(box, settings, only=story.morning) as starts:
        start = starts[story.morning]
        reached = clean_run(start, story)
        approve = reached.index("before approveKeyRequest")
        chosen = range(len(reached)) if SOAK else range(approve - 2, approve + 5)
        for number in chosen:
            with saying(f"killed {reached[number]}, boundary {number}"):
                world = start.again()
                assert killed_in(world, story, number) == 77
                end(world, story)


def killed_in(world: World, story: Story, number: int) -> int:
    """Run the story in a process of its own that is killed; its exit code."""
    connection.close()
    with warnings.catch_warnings():
        # The sandbox's threads stay behind in the parent, as they should.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            world.boundaries.die_at, world.boundaries.for_good = {number}, True
            story.act(world)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


# --- Nothing was left out ---------------------------------------------------------------------


def called_in(source: Path) -> set[str]:
    """Methods of the client that a module calls: `dashboard().<method>(`."""
    return {
        node.func.attr
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and ast.unparse(node.func.value.func).split(".")[-1] == "dashboard"
    }


def operation_behind(method: str) -> str:
    """The operation a method of the client makes, from its source."""
    source = inspect.getsource(getattr(Dashboard, method))
    [name] = {
        call
        for call in vars(calls)
        if call.isupper() and f"calls.{call}," in source.replace(")", ",")
    }
    operation: str = getattr(calls, name).operation
    return operation


def test_every_call_of_ours_was_cut(box, settings):
    """The operations cut above are those that the sources make."""
    made = {operation_behind(method) for path in CALLERS for method in called_in(path)}
    covered: set[str] = set()
    with mornings(box, settings) as starts:
        for story in STORIES:
            reached = clean_run(starts[story.morning], story)
            covered |= {place.split()[1] for place in reached}

    assert len(CALLERS) >= 4
    assert len(made) > 9
    assert made - covered == set()
