"""Every way the sandbox spoils a call, and what is then known of that call.

A caller knows one of five things, and the portal may act on nothing else. What Tyk
did in truth stands beside it, in `takes`: the tables compare both.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.reliability.world import World


class Known(StrEnum):
    """What a caller can know of a call."""

    DONE = "done"
    AWAY = "certainly not done"
    REFUSED = "refused"
    ABSENT = "no such thing"
    UNKNOWN = "unknown"


DONE, AWAY, REFUSED = Known.DONE, Known.AWAY, Known.REFUSED
ABSENT, UNKNOWN = Known.ABSENT, Known.UNKNOWN
NO, YES, LATER = "no", "yes", "later"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """`write` and `read`: what is known of a call under it. `takes`: Tyk's truth.

    `timed`: the caller's deadline ends it, so the call is given a short one.
    """

    name: str
    write: Known
    read: Known
    takes: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    times: int = 1
    timed: bool = False

    def known(self, *, writes: bool) -> Known:
        return self.write if writes else self.read


def _status(code: int, message: str = "", **more: Any) -> dict[str, Any]:
    told = {"message": message} if message else {}
    return {"mode": "status", "status": code, **told, **more}


def _proxy(code: int) -> dict[str, Any]:
    """No envelope: something between us and the Dashboard wrote it."""
    return {"mode": "status_plain", "status": code}


_DENIED = "access denied: You do not have permission to access  /api/portal"
_RESET, _LOST = {"mode": "refuse_connection"}, {"mode": "reset_after"}
_HANGS, _SLOW = {"mode": "timeout_before"}, {"mode": "timeout_after"}
_DRIP = {"mode": "drip", "seconds": 0.2}
_BOMB, _HUGE = {"mode": "gzip_bomb", "size": 9 * MIB}, {"mode": "huge", "size": 9 * MIB}
_WRONG, _NULLS = {"mode": "wrong_types"}, {"mode": "null_lists"}
_LATE = {"mode": "commit_late", "seconds": 1.0, "hold": 0.0}
_MALFORMED = "Request body malformed."

# fmt: off
FAULTS = [
    #     how it goes wrong      a write is  a read is  taken  what the sandbox does
    Fault("door closed",           AWAY,     AWAY,      NO),
    Fault("old connections dead",  DONE,     DONE,      YES),
    Fault("reset",                 UNKNOWN,  AWAY,      NO,    _RESET, times=2),
    Fault("done, then reset",      UNKNOWN,  AWAY,      YES,   _LOST, times=2),
    Fault("hangs",                 UNKNOWN,  AWAY,      NO,    {"mode": "hang"}, timed=True),
    Fault("timeout before",        UNKNOWN,  AWAY,      NO,    {**_HANGS, "seconds": 5}, timed=True),
    Fault("timeout after",         UNKNOWN,  AWAY,      YES,   {**_SLOW, "seconds": 5}, timed=True),
    Fault("closes before",         UNKNOWN,  AWAY,      NO,    {**_HANGS, "seconds": 0.0}, times=2),
    Fault("commits late",          UNKNOWN,  AWAY,      LATER, _LATE, times=2),
    Fault("a slow answer",         DONE,     DONE,      YES,   {"mode": "latency", "seconds": 0.1}),
    Fault("400",                   REFUSED,  REFUSED,   NO,    _status(400, "No.")),
    Fault("401",                   AWAY,     AWAY,      NO,    _status(401, "Not authorised")),
    Fault("401 of a proxy",        UNKNOWN,  AWAY,      NO,    _proxy(401)),
    Fault("403",                   AWAY,     AWAY,      NO,    _status(403, _DENIED)),
    Fault("403, malformed",        REFUSED,  REFUSED,   NO,    _status(403, _MALFORMED)),
    Fault("403 of a proxy",        UNKNOWN,  AWAY,      NO,    _proxy(403)),
    Fault("404",                   ABSENT,   ABSENT,    NO,    _status(404, "Could not retrieve object")),
    Fault("404 of a proxy",        UNKNOWN,  AWAY,      NO,    _proxy(404)),
    Fault("429",                   AWAY,     AWAY,      NO,    _status(429)),
    Fault("429 of a proxy",        AWAY,     AWAY,      NO,    _proxy(429)),
    Fault("500",                   UNKNOWN,  AWAY,      NO,    _status(500)),
    Fault("done, then 500",        UNKNOWN,  AWAY,      YES,   _status(500, commit=True)),
    Fault("502 of a proxy",        UNKNOWN,  AWAY,      NO,    _proxy(502)),
    Fault("503",                   UNKNOWN,  AWAY,      NO,    _status(503)),
    Fault("504 of a proxy, done",  UNKNOWN,  AWAY,      YES,   {**_proxy(504), "commit": True}),
    Fault("a page",                UNKNOWN,  AWAY,      NO,    {"mode": "html_200"}),
    Fault("done, then a page",     UNKNOWN,  AWAY,      YES,   {"mode": "html_200", "commit": True}),
    Fault("204",                   UNKNOWN,  AWAY,      NO,    {"mode": "empty_204"}),
    Fault("redirect",              UNKNOWN,  AWAY,      NO,    {"mode": "redirect"}),
    Fault("truncated",             UNKNOWN,  AWAY,      YES,   {"mode": "truncated"}),
    Fault("wrong types",           UNKNOWN,  AWAY,      YES,   _WRONG),
    Fault("null lists",            DONE,     DONE,      YES,   _NULLS),
    Fault("slow drip",             UNKNOWN,  AWAY,      YES,   _DRIP, timed=True),
    Fault("huge",                  UNKNOWN,  AWAY,      NO,    _HUGE),
    Fault("gzip bomb",             UNKNOWN,  AWAY,      NO,    _BOMB),
]
# fmt: on
BY_NAME = {fault.name: fault for fault in FAULTS}
#: One of each kind of knowledge, and of each truth behind it: what every call meets.
OF_EACH_KIND = [
    "door closed",
    "old connections dead",
    "400",
    "401",
    "404",
    "500",
    "done, then 500",
    "wrong types",
    "null lists",
]


@contextmanager
def struck(
    world: World, fault: Fault, operation: str, *, nth: int = 1
) -> Iterator[None]:
    """The fault strikes the `nth` call of `operation` made in here; then it heals."""
    if fault.name == "door closed":
        with _closed_before(world, operation, nth):
            yield
    elif fault.name == "old connections dead":
        world.box.drop_connections()
        yield
    else:
        plan = {**fault.plan, "times": fault.times, "after": nth - 1}
        if fault.name == "404" and operation.startswith(("delete", "revoke")):
            plan["commit"] = True  # the truth: it was done a moment ago
        world.box.faults.add(operation, **plan)
        yield
    if fault.takes == LATER:
        world.box.wait_for_late_commits()
    world.box.heal()


@contextmanager
def _closed_before(world: World, operation: str, nth: int) -> Iterator[None]:
    """Nobody listens any more when that call is about to be made."""
    place = f"before {operation}"
    boundaries, seen = world.boundaries, 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            world.box.refuse()
        else:
            boundaries.meanwhile = (place, count)

    boundaries.meanwhile = (place, count)
    with boundaries.watched():
        yield
    boundaries.meanwhile = None
