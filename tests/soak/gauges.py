"""Memory and open files of processes, read while they live."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


def reading(pid: int) -> tuple[float, int] | None:
    """Resident memory in MiB and open files of a process; None if it is gone."""
    try:
        with open(f"/proc/{pid}/statm") as counted:
            resident = int(counted.read().split()[1])
        return resident * PAGE / MIB, len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def children(pid: int) -> list[int]:
    """Processes it has started and that still run."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listed:
            return [int(word) for word in listed.read().split()]
    except OSError:
        return []


@dataclass
class Gauges:
    """Readings by name, each at most once in `every` seconds."""

    every: float = 1.0
    _read_at: float = 0.0
    _readings: dict[str, list[tuple[float, float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def look(self, watched: Mapping[str, int]) -> None:
        """Read each process by name and id."""
        now = time.monotonic()
        if now - self._read_at < self.every:
            return
        self._read_at = now
        for name, pid in watched.items():
            found = reading(pid)
            if found is not None:
                self._readings[name].append((now, *found))

    def told(self) -> dict[str, dict[str, Any]]:
        """For each process: the middle of its second and of its last third.

        The first third is left out: a process fills its caches then.
        """
        return {
            name: _of(readings)
            for name, readings in sorted(self._readings.items())
            if len(readings) >= 6
        }


def _of(readings: list[tuple[float, float, int]]) -> dict[str, Any]:
    third = len(readings) // 3
    parts = readings[third : 2 * third], readings[2 * third :]
    return {
        "seconds": round(readings[-1][0] - readings[0][0]),
        "MiB": [round(median(r[1] for r in part), 1) for part in parts],
        "files": [round(median(r[2] for r in part)) for part in parts],
    }
