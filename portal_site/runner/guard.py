"""Ends a group of processes when the one that started them is gone.

A kill -9 of the runner runs none of its code, and only Linux can tie a child's life
to its parent's; even there grandchildren stay. So this small process holds the read
end of a pipe: the ids of process groups come through it as they are started, and the
pipe ends when the runner does, however that happens. Then what is left of those
groups is ended.
Run by path with the standard library only: `python -I -S guard.py`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

_PATIENCE = 5.0  # seconds between asking and killing


def main() -> None:
    """Collect group ids until the pipe ends, then end those groups."""
    # Whoever ends the runner may signal everything at once: stay to the last.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = left(int(line) for line in sys.stdin)
    signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and any(map(alive, groups)):
        time.sleep(0.1)
    signal_groups(groups, signal.SIGKILL)


def left(numbers: Iterable[int]) -> list[int]:
    """The groups started, without those reported gone (negative numbers)."""
    groups: list[int] = []
    for number in numbers:
        if number > 0:
            groups.append(number)
        else:
            groups.remove(-number)
    return groups


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def signal_groups(groups: list[int], number: signal.Signals) -> None:
    for group in filter(alive, groups):
        try:
            os.killpg(group, number)
        except OSError:  # it ended in between
            continue


if __name__ == "__main__":
    main()
