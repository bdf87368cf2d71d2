"""Deaths at a boundary, raised or real, and what comes after them."""

import gc
import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.core import mail
from django.db import connection

from tests.reliability.boundaries import DEAD_FOR_GOOD, Deed
from tests.reliability.mornings import Start
from tests.reliability.promises import check_at_rest
from tests.reliability.stories import Story
from tests.reliability.world import LONG_ENOUGH, World


@dataclass(frozen=True)
class Run:
    """A run in which nothing went wrong."""

    reached: list[str]  # its boundaries
    mails: list[int]  # how many mails were out at each
    commits: set[str]  # the functions whose writes it committed


def clean_run(start: Start, story: Story) -> Run:
    """Count the boundaries of `story`; all ends well without any death, too."""
    world = story.begin(start)
    with world.boundaries.commits.watched() as commits:
        run = counted(world, lambda: story.act(world))
    end(world, story)
    return replace(run, commits=commits)


def counted(world: World, deed: Deed) -> Run:
    """Do it, and count the boundaries."""
    mails: list[int] = []
    first = len(world.boundaries.reached)
    world.boundaries.at_each = lambda: mails.append(len(mail.outbox))
    deed()
    world.boundaries.at_each = bool
    return Run(world.boundaries.reached[first:], mails, set())


def moments(run: Run) -> list[int]:
    """Boundaries that differ for everybody outside the process.

    "before" is the same moment as "after" the boundary in front of it, unless a
    mail went out between them: nothing else is done outside calls and commits.
    """
    return [
        number
        for number, place in enumerate(run.reached)
        if not number
        or place.startswith("after")
        or run.mails[number] != run.mails[number - 1]
    ]


def end(world: World, story: Story) -> None:
    """The dust settles, the person comes back, and it must be as they wanted."""
    world.boundaries.die_at.clear()
    come_back(world, story)
    world.come_to_rest(sweeps=2)
    check_at_rest(world)
    story.ended_well(world)


def come_back(world: World, story: Story) -> None:
    """Tyk is well again, leases run out, a worker begins, the person comes back."""
    world.box.heal()
    world.pass_time(LONG_ENOUGH)
    world.work(rows=100)
    story.again(world)


def cut(start: Start, story: Story, at: int) -> World:
    """Die at boundary `at`; all must end well."""
    world = story.begin(start)
    world.boundaries.die_at = {at}
    story.act(world)
    assert world.happened["died"], "nobody died"
    end(world, story)
    return world


@contextmanager
def saying(words: str) -> Iterator[None]:
    """Say in which run it was that a promise was broken."""
    try:
        yield
    except AssertionError as broken:
        broken.add_note(words)
        raise


# --- Real processes --------------------------------------------------------------------


def killed(world: World, story: Story, number: int) -> str:
    """Act in a process of its own, killed at boundary `number`; the place's name.

    Portal and Tyk keep what they had at that moment, and so do people: what they
    saw is told over a pipe.
    """
    connection.close()
    ear, mouth = os.pipe()
    child = _forked()
    if child == 0:
        try:
            _live_until(world, story, number, mouth)
        finally:
            os._exit(1)
    os.close(mouth)
    with os.fdopen(ear, "rb") as said:
        told = said.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == DEAD_FOR_GOOD, "nobody was killed"
    place, memory = pickle.loads(told)  # noqa: S301  written by our own child
    vars(world).update(memory)
    for seen in world.shown:
        # Tyk is here, not in the child: only here it can be asked for the id.
        seen.key_id = seen.key_id or world.id_in_tyk(seen.raw)
    world.boundaries.restart()
    return str(place)


def _forked() -> int:
    with warnings.catch_warnings():
        # The sandbox's threads stay behind in the parent, as they should.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _live_until(world: World, story: Story, number: int, mouth: int) -> None:
    boundaries = world.boundaries
    gc.disable()  # not worth it: it would copy the parent's memory page by page

    def last_words() -> None:
        memory = {name: getattr(world, name) for name in _MEMORY}
        os.write(mouth, pickle.dumps((boundaries.reached[-1], memory)))

    boundaries.last_words, boundaries.for_good = last_words, True
    boundaries.die_at = {number}
    story.act(world)


#: What people remember, whatever becomes of our processes.
_MEMORY = ("shown", "given_up", "given_up_rows")
