"""What was called, when, and how many calls were in flight.

Holds operation names and path templates, never a path, a body or a header: ids may be
raw keys (with key hashing off) and addresses are personal.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

SAFE_QUERY = frozenset({"p", "approved", "active", "res", "hashed"})
REMEMBERED = 200_000


@dataclass(slots=True)
class Entry:
    """One call. `status` is 0 when no status line was sent."""

    number: int
    operation: str
    method: str
    path: str
    query: dict[str, str]
    in_flight: int
    started: float
    started_at: float
    status: int = 0
    fault: str = ""
    ended: float | None = None
    ended_at: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; `started`/`ended` are monotonic, `*_at` wall seconds."""
        return asdict(self)


@dataclass(slots=True)
class Journal:
    """A thread-safe list of calls, oldest first."""

    max_in_flight: int = 0
    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 0
    _in_flight: int = 0

    def begin(
        self, operation: str, *, method: str, path: str, query: dict[str, str]
    ) -> Entry:
        """Note a call that has just been read; `path` is a template."""
        safe = {name: value for name, value in query.items() if name in SAFE_QUERY}
        with self._lock:
            self._number += 1
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            entry = Entry(
                number=self._number,
                operation=operation,
                method=method,
                path=path,
                query=safe,
                in_flight=self._in_flight,
                started=time.monotonic(),
                started_at=time.time(),
            )
            self._entries.append(entry)
        return entry

    def end(self, entry: Entry) -> None:
        """Note that a call is over; harmless to repeat."""
        with self._lock:
            if entry.ended is None:
                self._in_flight -= 1
                entry.ended, entry.ended_at = time.monotonic(), time.time()

    @property
    def in_flight(self) -> int:
        """How many calls are being served now."""
        return self._in_flight

    def calls(self, operation: str | None = None) -> list[Entry]:
        """The calls so far, of one operation or of all."""
        with self._lock:
            entries = list(self._entries)
        if operation is None:
            return entries
        return [entry for entry in entries if entry.operation == operation]

    def operations(self) -> list[str]:
        """The operation names, in order of arrival."""
        return [entry.operation for entry in self.calls()]

    def clear(self) -> None:
        """Forget the calls; those in flight still count as such."""
        with self._lock:
            self._entries.clear()
            self.max_in_flight = self._in_flight

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.calls())

    def __len__(self) -> int:
        return len(self._entries)
