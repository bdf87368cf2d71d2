"""How many calls may be at the Dashboard at once, with a share kept for login.

The Dashboard also runs the gateways' control plane: a portal that is busy, or
that retries while the Dashboard hangs, must not take it down. A background
pull in turn must not keep people from signing in, nor they it from going on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WAIT = 0.25
# Seconds in which no call began or ended: the Dashboard hangs, and who waits would
# only keep a thread from those who read pages.
STILL = 1.0


class NoSlot(Exception):
    """Nothing was sent, and `reason` says why: "shed" if no slot came free in time."""

    def __init__(self, reason: str = "shed") -> None:
        super().__init__(reason)
        self.reason = reason


class Slots:
    """A counter of calls in flight in this process.

    Who waits stands in line: a freed slot goes to the first it suits, so that a
    stream of logins passes nobody by.
    """

    def __init__(self, total: int, *, kept_for_login: int) -> None:
        """`total` calls at most; all but `kept_for_login` of them may be others."""
        if not 0 <= kept_for_login < total:
            raise ValueError("kept_for_login must be at least 0 and below total")
        self._total = total
        self._for_others = total - kept_for_login
        self._logins = 0
        self._others = 0
        self._line: list[_Place] = []
        self._moved = time.monotonic()
        self._changed = threading.Condition()

    @property
    def in_flight(self) -> int:
        """Calls at the Dashboard now."""
        return self._logins + self._others

    @contextmanager
    def hold(self, *, login: bool) -> Iterator[None]:
        """Hold one slot, or raise `NoSlot` after 250 ms, at once if nothing moves."""
        with self._changed:
            self._wait_in_line(login=login)
            self._count(1, login=login)
        try:
            yield
        finally:
            with self._changed:
                self._count(-1, login=login)
                # A freed slot may suit only some of those who wait.
                self._changed.notify_all()

    def _wait_in_line(self, *, login: bool) -> None:
        place = _Place(login)
        self._line.append(place)
        try:
            still = time.monotonic() - self._moved > STILL
            patience = 0 if still else WAIT
            if not self._changed.wait_for(lambda: self._next() is place, patience):
                raise NoSlot
        finally:
            self._line.remove(place)
            # There may be a slot for whoever stood behind.
            self._changed.notify_all()

    def _next(self) -> _Place | None:
        if self.in_flight >= self._total:
            return None
        others_may = self._others < self._for_others
        return next((place for place in self._line if place.login or others_may), None)

    def _count(self, change: int, *, login: bool) -> None:
        self._moved = time.monotonic()
        if login:
            self._logins += change
        else:
            self._others += change


class _Place:
    """Somebody's place in line."""

    def __init__(self, login: bool) -> None:
        self.login = login
