"""How many calls may be at the Dashboard at once, with a share kept for login.

The Dashboard also runs the gateways' control plane: a portal that is busy, or
that retries while the Dashboard hangs, must not take it down. A background
pull in turn must not keep people from signing in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

WAIT = 0.25


class NoSlot(Exception):
    """No slot came free in time; nothing was sent."""


class Slots:
    """A counter of calls in flight in this process."""

    def __init__(self, total: int, *, kept_for_login: int) -> None:
        """`total` calls at most, the last `kept_for_login` of them for login."""
        if not 0 <= kept_for_login < total:
            raise ValueError("kept_for_login must be at least 0 and below total")
        self._total = total
        self._kept = kept_for_login
        self._taken = 0
        self._changed = threading.Condition()

    @property
    def in_flight(self) -> int:
        """Calls at the Dashboard now."""
        return self._taken

    @contextmanager
    def hold(self, *, login: bool) -> Iterator[None]:
        """Hold one slot; wait up to 250 ms, then raise `NoSlot`."""
        limit = self._total if login else self._total - self._kept
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken < limit, timeout=WAIT):
                raise NoSlot
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                # A freed slot may suit only some of those who wait.
                self._changed.notify_all()
