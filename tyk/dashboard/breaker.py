"""Stops asking a Dashboard that does not answer, and notices when it does again.

    closed     every call goes out; failures in a row are counted
    open       no call goes out for a while: a person is told at once instead of
               after a whole deadline, and no thread waits
    half open  one call goes out as a probe: its answer closes, its failure opens

One breaker per process, on purpose: N processes send at most N probes in 15 s, each
at a time of its own, and a shared state would cost every call a query and could
itself be away.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 9.0, 15.0  # seconds it stays open, drawn anew each time


class Breaker:
    """The state of one process's way to the Dashboard; safe between threads."""

    def __init__(
        self,
        opens_after: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Open after so many failures in a row, 0 never.

        `clock` gives seconds; `draw` a number between two bounds.
        """
        self._opens_after = opens_after
        self._clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._failures = 0
        self._closed = True
        self._probing = False
        # While it is not closed: from when on a probe may go out. A probe under way
        # moves it on, so that one that never reports does not block for ever.
        self._probe_at = 0.0

    @property
    def state(self) -> str:
        """`closed`, `open` or `half open`."""
        with self._lock:
            if self._closed:
                return "closed"
            return "half open" if self._clock() >= self._probe_at else "open"

    def admits(self) -> bool:
        """Whether a call may go out now. True in half open makes it the probe."""
        with self._lock:
            if self._closed:
                return True
            now = self._clock()
            if now < self._probe_at:
                return False
            self._probe_at = now + LONGEST
            self._probing = True
            return True

    def not_sent(self) -> None:
        """A call that was admitted did not go out: somebody else may be the probe."""
        with self._lock:
            if self._probing:
                self._probe_at = self._clock()
                self._probing = False

    def answered(self) -> None:
        """The Dashboard answered, whatever it said."""
        with self._lock:
            self._failures = 0
            self._probing = False
            if self._closed:
                return
            self._closed = True
        log.info("dashboard breaker closed")

    def failed(self) -> None:
        """A call found nobody, or no answer that makes sense."""
        with self._lock:
            self._failures += 1
            opens = self._closed and 0 < self._opens_after <= self._failures
            # Calls begun before it opened fail late; that is no news.
            if not opens and not self._probing:
                return
            self._closed = self._probing = False
            self._probe_at = self._clock() + self._draw(SHORTEST, LONGEST)
        if opens:
            log.warning("dashboard breaker open", extra={"failures": self._failures})
