"""One item of a list that nobody has judged yet.

Most of a long list is what it was an hour ago. A reader who kept the digest of an
item may leave it undecoded, since the same text decodes to the same record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

from tyk.dashboard import wire
from tyk.dashboard.records import BadRecord
from tyk.dashboard.shape import Malformed

T = TypeVar("T")


class Unread(Generic[T]):
    """An item as it came, secrets and raw keys included: its repr shows the id only."""

    __slots__ = ("_decode", "_document", "digest", "id", "index")

    def __init__(
        self, index: int, document: object, text: str, decode: Callable[[object], T]
    ) -> None:
        self.index = index
        # None if it names none: then `read` says what is wrong with it.
        self.id = wire.id_of(document)
        # Of the text, since its members in another order would be another text.
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self._document = document
        self._decode = decode

    def __repr__(self) -> str:
        return f"Unread({self.id})"

    def read(self) -> T | BadRecord:
        """The record, or what could not be read of it."""
        return read(self.index, self._document, self._decode)


def read(index: int, document: object, decode: Callable[[object], T]) -> T | BadRecord:
    """Decode one item of a list; the rest of the list goes on if it is bad."""
    try:
        return decode(document)
    except Malformed as bad:
        reason = bad.where
    return BadRecord(index=index, id=wire.id_of(document), reason=reason)
