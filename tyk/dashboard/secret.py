"""A value that may be used, but never shown, copied to disk or sent by accident."""

from __future__ import annotations

import hmac
from typing import ClassVar, NoReturn

REDACTED = "Secret(redacted)"


class Secret:
    """Text that every way of printing or serialising refuses to show.

    `reveal()` is the only way to the text, so that `grep reveal` lists every
    place where a key or a password leaves its wrapper.
    """

    __slots__ = ("_text",)
    _text: str
    # Hashing would let a secret be a dictionary key, and keys get printed.
    __hash__: ClassVar[None]  # type: ignore[assignment]  # unhashable on purpose

    def __init__(self, text: str) -> None:
        """Wrap `text`; a TypeError for anything else does not repeat it."""
        if type(text) is not str:
            raise TypeError("a Secret holds text")
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """The text itself: use it in the same expression, bind it to no name."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = self.reveal(), other.reveal()
        return hmac.compare_digest(
            mine.encode("utf-8", "surrogatepass"),
            theirs.encode("utf-8", "surrogatepass"),
        )

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # pickle, copy and deepcopy all come through here.
        raise TypeError("a Secret cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")
