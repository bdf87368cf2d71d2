"""What goes wrong during one deed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from keyrequests.models import KeyRequest
from tests.reliability.world import World

#: How a call goes wrong. All answer at once; time is moved, not waited for.
FAULTS: dict[str, dict[str, Any]] = {
    "done, then reset": {"mode": "reset_after"},
    "reset": {"mode": "refuse_connection"},
    "500": {"mode": "status", "status": 500},
    "done, then 500": {"mode": "status", "status": 500, "commit": True},
    "401": {"mode": "status", "status": 401, "message": "Not authorised"},
    "403": {"mode": "status", "status": 403, "message": "Access denied"},
    "429": {"mode": "status", "status": 429},
    "page": {"mode": "html_200"},
    "done, then page": {"mode": "html_200", "commit": True},
    "204": {"mode": "empty_204"},
    "truncated": {"mode": "truncated"},
    "wrong types": {"mode": "wrong_types"},
    "null lists": {"mode": "null_lists"},
}
LATE = {
    "createDeveloper",
    "resetDeveloperPassword",
    "approveKeyRequest",
    "createKeyRequest",
    "deleteKeyRequest",
    "revokeDeveloperKey",
    "updateDeveloper",
}


@dataclass(frozen=True)
class Trouble:
    """At most one bad thing."""

    fault: str = ""
    operation: str = ""
    times: int = 1
    late: str = ""
    away: bool = False
    death: int | None = None
    quicker: str = ""
    place: str = ""

    def __repr__(self) -> str:
        """As short as a failing example wants it."""
        said = {k: v for k, v in vars(self).items() if v not in ("", False, None)}
        return f"Trouble(**{said})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))  # for Hypothesis

    @contextmanager
    def during(self, world: World) -> Iterator[None]:
        """Let it happen while the portal does something."""
        boundaries = world.boundaries
        if self.fault:
            world.box.faults.add(self.operation, times=self.times, **FAULTS[self.fault])
        if self.away:
            world.box.refuse()
        if self.late:
            boundaries.hold_back = self.late
            world.box.faults.add(self.late, mode="refuse_connection", times=1)
        if self.death is not None:
            boundaries.die_at = {len(boundaries.reached) + self.death}
        if self.quicker:
            boundaries.meanwhile = (self.place, lambda: quicker(world, self.quicker))
        yield
        boundaries.die_at.clear()
        boundaries.meanwhile = None
        boundaries.hold_back = ""
        if self != Trouble():
            world.box.heal()


def quicker(world: World, who: str) -> None:
    """Somebody else acts while a call of ours is under way."""
    world.happened["somebody was quicker"] += 1
    if who == "zombie":  # all think the caller dead, and go on without it
        world.pass_time(400)
    if who in {"zombie", "worker"}:
        world.work(rows=20)
    if who == "second click":
        for request in KeyRequest.objects.filter(status="approved")[:1]:
            world.claim(request)
    # With "mint" two keys of one request come of it: see World.twice.
    if who == "by hand" and world.box.switches.approve_again == "refuse":
        for record in world.box.requests():
            if not record["approved"]:
                world.approve_by_hand(record["id"])


def troubles(*operations: str, always: bool = False) -> st.SearchStrategy[Trouble]:
    """None, or something that can go wrong where these operations are called."""
    deaths = st.integers(0, 14).map(lambda n: Trouble(death=n))
    if not operations:
        return st.one_of(st.just(Trouble()), deaths)
    faults = st.builds(
        Trouble,
        fault=st.sampled_from(sorted(FAULTS)),
        operation=st.sampled_from(operations),
        times=st.sampled_from([1, 1, 3]),
    )
    rivals = st.builds(
        Trouble,
        quicker=st.sampled_from(["zombie", "worker", "second click", "by hand"]),
        place=st.sampled_from(
            [f"{when} {name}" for name in operations for when in ("before", "after")]
        ),
    )
    late = st.sampled_from(sorted(LATE & set(operations)) or [""])
    kinds = [deaths, faults, rivals, late.map(lambda name: Trouble(late=name))]
    if not always:
        kinds += [st.just(Trouble()), st.just(Trouble(away=True))]
    return st.one_of(kinds)
