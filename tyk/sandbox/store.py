"""Records in memory, written through to one SQLite file.

Memory is what is read; the file is what survives `kill -9`. A record is never changed
in place: a write puts a new dict, so a reader may walk an old list while writers go on.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tyk.sandbox.shapes import Json

Item = tuple[str, Json]
INDEXES: dict[str, dict[str, Callable[[Json], str]]] = {
    "developers": {
        "email": lambda r: str(r.get("email", "")),
        "folded": lambda r: str(r.get("email", "")).casefold(),
        "sso_key": lambda r: str(r.get("sso_key", "")),
    },
    "keys": {"developer": lambda r: str(r.get("developer", ""))},
    "requests": {"by_user": lambda r: str(r.get("by_user", ""))},
    "policies": {"custom": lambda r: str(r.get("id", ""))},
}
TABLE = """CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (kind, id))"""
SAVE = """INSERT INTO records (kind, id, body) VALUES (?, ?, ?)
    ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"""


class Reader(Protocol):
    """What a GET needs: the present, or the past of a lagging replica."""

    def get(self, kind: str, record_id: str) -> Json | None: ...
    def items(self, kind: str) -> list[Item]: ...
    def find(self, kind: str, index: str, value: str) -> list[Item]: ...


class Store:
    """Thread-safe; hold `change()` around everything that must be one act."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self.remember_for = 0.0
        self._kinds: dict[str, dict[str, Json]] = defaultdict(dict)
        self._indexes: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
        self._past: deque[tuple[float, str, str, Json | None]] = deque()
        self._dirty: dict[tuple[str, str], None] = {}
        self._depth = 0
        self._wipe = False
        self._file = None if path is None else _open(path)
        self._empty_indexes()
        self._load()

    def _empty_indexes(self) -> None:
        self._indexes = {
            (kind, name): defaultdict(dict)
            for kind, names in INDEXES.items()
            for name in names
        }

    def _load(self) -> None:
        if self._file is None:
            return
        rows = self._file.execute("SELECT kind, id, body FROM records ORDER BY number")
        for kind, record_id, body in rows:
            self._kinds[kind][record_id] = json.loads(body)
            self._index(kind, record_id, None, self._kinds[kind][record_id])

    def _index(
        self, kind: str, record_id: str, old: Json | None, new: Json | None
    ) -> None:
        for name, value_of in INDEXES.get(kind, {}).items():
            index = self._indexes[kind, name]
            if old is not None and (new is None or value_of(old) != value_of(new)):
                index[value_of(old)].pop(record_id, None)
            if new is not None:
                index[value_of(new)].setdefault(record_id, None)

    def get(self, kind: str, record_id: str) -> Json | None:
        return self._kinds[kind].get(record_id)

    def items(self, kind: str) -> list[Item]:
        """Every record of a kind, oldest first."""
        with self.lock:
            return list(self._kinds[kind].items())

    def find(self, kind: str, index: str, value: str) -> list[Item]:
        """The records whose indexed value is this one, oldest first."""
        with self.lock:
            ids = list(self._indexes[kind, index].get(value, ()))
            return [(i, self._kinds[kind][i]) for i in ids]

    def put(self, kind: str, record_id: str, record: Json) -> None:
        """Write one record; the dict must not be changed afterwards."""
        with self.change():
            old = self._kinds[kind].get(record_id)
            self._note_past(kind, record_id, old)
            self._kinds[kind][record_id] = record
            self._index(kind, record_id, old, record)
            self._dirty[kind, record_id] = None

    def delete(self, kind: str, record_id: str) -> None:
        """Remove one record; nothing happens if it is not there."""
        with self.change():
            old = self._kinds[kind].pop(record_id, None)
            if old is not None:
                self._note_past(kind, record_id, old)
                self._index(kind, record_id, old, None)
                self._dirty[kind, record_id] = None

    def bulk(self, kind: str, records: Iterable[Item]) -> None:
        """Write many records in one transaction, without a history."""
        with self.change():
            for record_id, record in records:
                old = self._kinds[kind].get(record_id)
                self._kinds[kind][record_id] = record
                self._index(kind, record_id, old, record)
                if self._file is not None:
                    self._dirty[kind, record_id] = None

    def _note_past(self, kind: str, record_id: str, old: Json | None) -> None:
        moment = time.monotonic()
        while self._past and self._past[0][0] < moment - self.remember_for:
            self._past.popleft()
        if self.remember_for > 0:
            self._past.append((moment, kind, record_id, old))

    @contextmanager
    def change(self) -> Iterator[None]:
        """One act: the file gets all of its writes in one transaction, or none."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._flush()

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        wipe, self._wipe = self._wipe, False
        if self._file is None or not (dirty or wipe):
            return
        present = [(k, i, self._kinds[k].get(i)) for k, i in dirty]
        with self._file:
            self._file.execute("BEGIN IMMEDIATE")
            if wipe:
                self._file.execute("DELETE FROM records")
            self._file.executemany(
                "DELETE FROM records WHERE kind = ? AND id = ?",
                [(k, i) for k, i, record in present if record is None],
            )
            self._file.executemany(
                SAVE,
                [(k, i, _dump(r)) for k, i, r in present if r is not None],
            )

    def replace_all(self, kinds: dict[str, dict[str, Json]]) -> None:
        """Forget everything and hold these records instead."""
        with self.change():
            self._kinds = defaultdict(dict)
            self._past.clear()
            self._empty_indexes()
            self._wipe = True
            for kind, records in kinds.items():
                self.bulk(kind, records.items())

    def as_of(self, lag: float) -> Reader:
        """What a replica that is `lag` seconds behind would answer from."""
        if lag <= 0:
            return self
        since = time.monotonic() - lag
        with self.lock:
            recent = [change for change in self._past if change[0] >= since]
        # The oldest change within the window wins: its "before" is what was true.
        then = {(kind, i): old for _, kind, i, old in reversed(recent)}
        return Replica(self, then)

    def close(self) -> None:
        """Close the file; memory stays readable."""
        with self.lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Replica:
    """The store with recent changes taken back."""

    def __init__(self, store: Store, then: dict[tuple[str, str], Json | None]) -> None:
        self._store = store
        self._then = then

    def get(self, kind: str, record_id: str) -> Json | None:
        if (kind, record_id) in self._then:
            return self._then[kind, record_id]
        return self._store.get(kind, record_id)

    def items(self, kind: str) -> list[Item]:
        found: dict[str, Any] = dict(self._store.items(kind))
        found.update((i, old) for (k, i), old in self._then.items() if k == kind)
        return [(i, record) for i, record in found.items() if record is not None]

    def find(self, kind: str, index: str, value: str) -> list[Item]:
        value_of = INDEXES[kind][index]
        return [(i, r) for i, r in self.items(kind) if value_of(r) == value]


def _dump(record: Json) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Autocommit: transactions are opened by hand. The store's lock guards the
    # connection, which is why threads may share it.
    file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    path.chmod(0o600)
    file.execute("PRAGMA journal_mode = WAL")
    # Survives the death of the process; a power cut is no concern of a sandbox.
    file.execute("PRAGMA synchronous = OFF")
    file.execute(TABLE)
    return file
