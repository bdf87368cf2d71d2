"""A list answer, record by record, while it is still arriving.

`json.loads` of 100,000 developers holds all of them at once; this holds one
record and one network piece. `{"Data": [...], "Pages": n}` is the only shape:
a missing `Data` is an error, because a pull must not read "no such member" as
"no developers".
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator

from tyk.dashboard.outcome import Fault
from tyk.dashboard.transport import RECORD_CAP, Broken

_SPACE = " \t\r\n"
_LOOK_AHEAD = 64  # longer than any literal or escape that a piece may split


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class _Text:
    """A window over the decoded text, which grows at its end only."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_constant=_refuse_constant)
        self._text = ""
        self._at = 0
        self._ended = False

    def _grow(self) -> bool:
        """Add at least one character; False at the end of the body."""
        if self._ended:
            return False
        kept = self._text[self._at :]
        if len(kept) > RECORD_CAP:
            raise Broken(Fault("too_large", sent=True))
        # A long record is scanned anew after each growth: doubling keeps that
        # linear in its size.
        pieces, wanted = [kept], max(1, len(kept) - RECORD_CAP // 64)
        while wanted > 0 and not self._ended:
            piece = self._next_piece()
            pieces.append(piece)
            wanted -= len(piece)
        self._text, self._at = "".join(pieces), 0
        return len(self._text) > len(kept)

    def _next_piece(self) -> str:
        data = self._read()
        self._ended = not data
        try:
            return self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError:
            bad = Broken(Fault("not_json", sent=True, where="text that is not UTF-8"))
        raise bad

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            while self._at < len(self._text):
                char = self._text[self._at]
                if char not in _SPACE:
                    return char
                self._at += 1
            if not self._grow():
                return ""

    def take(self, *wanted: str) -> str:
        """Step over the next character, which has to be one of `wanted`."""
        char = self.peek()
        if char not in wanted:
            raise Broken(_unreadable(char))
        self._at += 1
        return char

    def value(self) -> object:
        """Step over one JSON value and return it."""
        return self.value_and_text()[0]

    def value_and_text(self) -> tuple[object, str]:
        """The same, and the text it was written as."""
        self.peek()
        while True:
            found = self._try_value()
            if found is not None:
                return found
            if not self._grow():
                raise Broken(Fault("truncated", sent=True))

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        # An error that ends well before the window does is no missing text, but
        # an unterminated string is reported where it starts.
        return (
            not error.msg.startswith("Unterminated")
            and len(self._text) - error.pos > _LOOK_AHEAD
        )

    def _may_go_on(self, end: int) -> bool:
        # Cut after the 1, "1.5e3" reads as a number all the same; so does "1." .
        rest = self._text[end : end + _LOOK_AHEAD]
        delimited = rest[:1] in {*_SPACE, ",", "]", "}"} and rest != ""
        return not delimited and len(rest) < _LOOK_AHEAD and not self._ended

    def _try_value(self) -> tuple[object, str] | None:
        """The value and its text, or None if more text might complete it."""
        failure = "truncated"
        try:
            value, end = self._json.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            if self._ended or not self._is_final(error):
                return None
            failure = "not_json"
        except (ValueError, RecursionError):
            failure = "not_json"
        else:
            if _is_number(value) and self._may_go_on(end):
                return None
            text, self._at = self._text[self._at : end], end
            return value, text
        raise Broken(Fault(failure, sent=True))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unreadable(char: str) -> Fault:
    return Fault("not_json" if char else "truncated", sent=True)


def items(
    read: Callable[[], bytes], *, member: str = "Data"
) -> Iterator[tuple[object, str]]:
    """Each item of the list under `member`, decoded and as the text it came in.

    `read` gives the next bytes, b"" at the end. Raises `Broken` at the point
    where the body stops being a complete JSON object with that member, after
    everything before it was given out.
    """
    text = _Text(read)
    if text.peek() != "{":
        raise Broken(Fault("not_json", sent=True))
    seen = False
    for name in _names(text):
        if name == member:
            seen = True
            yield from _listed(text, member)
        else:
            text.value()
    if text.peek():
        raise Broken(Fault("not_json", sent=True, where="text after the list"))
    if not seen:
        raise Broken(Fault("wrong_shape", sent=True, where=f"{member}: missing"))


def _names(text: _Text) -> Iterator[str]:
    """The member names of an object; the caller steps over each value."""
    text.take("{")
    if text.peek() == "}":
        text.take("}")
        return
    while True:
        if text.peek() != '"':
            raise Broken(_unreadable(text.peek()))
        name = text.value()
        text.take(":")
        yield str(name)
        if text.take(",", "}") == "}":
            return


def _listed(text: _Text, member: str) -> Iterator[tuple[object, str]]:
    if text.peek() != "[":
        if text.value() is None:  # Go writes an empty slice as null
            return
        raise Broken(Fault("wrong_shape", sent=True, where=f"{member}: expected list"))
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value_and_text()
        if text.take(",", "]") == "]":
            return
