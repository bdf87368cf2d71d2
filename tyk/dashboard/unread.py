"""One item of a list that nobody has judged yet.

Most of a long list is what it was an hour ago. A reader who kept a digest of the text
of an item may leave it undecoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Generic, TypeVar

from tyk.dashboard import wire
from tyk.dashboard.records import BadRecord
from tyk.dashboard.shape import Malformed

T = TypeVar("T")


class Unread(Generic[T]):
    """The text of an item, secrets and raw keys included: its repr shows the id only."""

    __slots__ = ("_decode", "id", "index", "text")

    def __init__(
        self, index: int, document: object, text: str, decode: Callable[[object], T]
    ) -> None:
        self.index = index
        # None if it names none: then `read` says what is wrong with it.
        self.id = wire.id_of(document)
        # As it was written: the same text decodes to the same record. The document is
        # let go: of a chunk of them most are never read, and all would be held.
        self.text = text
        self._decode = decode

    def __repr__(self) -> str:
        return f"Unread({self.id})"

    def read(self) -> T | BadRecord:
        """The record, or what could not be read of it."""
        return read(self.index, json.loads(self.text), self._decode)


def read(index: int, document: object, decode: Callable[[object], T]) -> T | BadRecord:
    """Decode one item of a list; the rest of the list goes on if it is bad."""
    try:
        return decode(document)
    except Malformed as bad:
        reason = bad.where
    return BadRecord(index=index, id=wire.id_of(document), reason=reason)
