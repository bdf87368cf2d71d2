"""Waiting for what another thread or process does, as long as it needs; and deadlines."""

import time
from collections.abc import Callable

#: Seconds a busy machine may be late beyond a deadline: what takes its time takes 2.
LATE = 1.4


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """AssertionError if it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def assert_ended_in_time(began: float, deadline: float) -> None:
    """Whether what began then, by `time.monotonic`, was given up at its deadline.

    `deadline` in seconds. Not much before it, so that it was waited for at all.
    """
    took = time.monotonic() - began
    assert deadline - 0.1 <= took < deadline + LATE
