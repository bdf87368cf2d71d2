"""Reading members out of decoded JSON without trusting any of it.

A missing member and a null read alike, as the default: Go writes null for an
empty slice or map and drops zero values. Anything of another type is
`Malformed`, which names the member and the types and never a value, because
values, and the names in maps, may be raw keys.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")

_EPOCH = re.compile(r"-?\d{1,15}", re.ASCII)
_TYPE_NAMES = {
    dict: "object",
    list: "list",
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


class Malformed(Exception):
    """A member that we cannot read. `where` is fit for logs."""

    def __init__(self, where: str, *, reason: str = "wrong_shape") -> None:
        self.where = where
        self.reason = reason
        super().__init__(where)


def type_name(value: object) -> str:
    """JSON's word for the type of `value`."""
    return _TYPE_NAMES.get(type(value), "other")


class Members:
    """The members of one JSON object, read by name and type."""

    __slots__ = ("_document", "_where")

    def __init__(self, document: object, *, where: str) -> None:
        """Raise `Malformed` if `document` is not an object."""
        if not isinstance(document, dict):
            raise Malformed(f"{where}: {type_name(document)}, expected object")
        self._document: Mapping[str, object] = document
        self._where = where

    def __repr__(self) -> str:
        return f"Members({self._where})"

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def __len__(self) -> int:
        return len(self._document)

    def _wrong(self, name: str, value: object, expected: str) -> Malformed:
        found = type_name(value)
        return Malformed(f"{self._where}.{name}: {found}, expected {expected}")

    def _first(self, *names: str) -> tuple[str, object]:
        for name in names:
            value = self._document.get(name)
            if value is not None and value != "":
                return name, value
        return names[0], None

    def identity(self, *names: str) -> str:
        """The first of `names` that holds anything; it must be text."""
        name, value = self._first(*names)
        if not isinstance(value, str):
            raise self._wrong(name, value, "id")
        return value

    def text(self, *names: str) -> str:
        """The text of the first of `names` that is present, else ""."""
        name, value = self._first(*names)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, value, "text")
        return value

    def required_text(self, name: str) -> str:
        """Text that has to be there; it may be empty."""
        value = self._document.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, value, "text")
        return value

    def flag(self, name: str) -> bool:
        """A boolean; absent is False, as Go's zero value."""
        value = self._document.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(name, value, "boolean")
        return value

    def number(self, name: str) -> float:
        """A finite number; absent is 0."""
        value = self._document.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, value, "number")
        if not math.isfinite(value):  # JSON has no infinity, but 1e999
            raise self._wrong(name, value, "finite number")
        return value

    def whole(self, name: str) -> int:
        """A whole number; absent is 0."""
        return self.whole_or_none(name) or 0

    def whole_or_none(self, name: str) -> int | None:
        """A whole number, or None if the member is absent."""
        if self._document.get(name) is None:
            return None
        value = self.number(name)
        if value != value or value in (float("inf"), float("-inf")):
            raise self._wrong(name, value, "whole number")
        if int(value) != value:
            raise self._wrong(name, value, "whole number")
        return int(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; absent and null are empty."""
        value = self._document.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong(name, value, "list")
        for item in value:
            if not isinstance(item, str):
                raise self._wrong(f"{name}[]", item, "text")
        return tuple(value)

    def inner(self, name: str) -> Members:
        """The members of an object; absent and null are an empty one."""
        value = self._document.get(name)
        return Members({} if value is None else value, where=f"{self._where}.{name}")

    def items(self) -> Iterator[tuple[str, Members]]:
        """Each name with the object under it, for maps of objects."""
        for name, value in self._document.items():
            yield name, Members(value, where=f"{self._where}.*")

    def objects(self, name: str) -> tuple[object, ...]:
        """The raw items of a list, for items that are judged one by one."""
        value = self._document.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong(name, value, "list")
        return tuple(value)

    def text_map(self, name: str) -> dict[str, str]:
        """A map of texts. Numbers and booleans are taken as their JSON text."""
        value = self._document.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, value, "object")
        return {
            key: item if type(item) is str else self._scalar(f"{name}.*", item)
            for key, item in value.items()
        }

    def _scalar(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        raise self._wrong(name, value, "text")

    def text_lists(self, name: str) -> dict[str, tuple[str, ...]]:
        """A map of lists of texts, as `developer.keys`."""
        inner = self.inner(name)
        return {
            key: Members({"*": value}, where=inner._where).texts("*")
            for key, value in inner._document.items()
        }

    def object_lists(self, name: str) -> dict[str, tuple[Members, ...]]:
        """A map of lists of objects, as `developer.oauth_clients`."""
        inner = self.inner(name)
        where = f"{inner._where}.*[]"
        found: dict[str, tuple[Members, ...]] = {}
        for key, value in inner._document.items():
            listed = Members({"*": value}, where=inner._where).objects("*")
            found[key] = tuple(Members(item, where=where) for item in listed)
        return found

    def text_map_or_json(self, name: str) -> dict[str, str]:
        """A map of texts, or the same as JSON text; other text reads as empty."""
        value = self._document.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                return {}
        return Members({name: value}, where=self._where).text_map(name)

    def moment(self, name: str) -> datetime | None:
        """A date in any of Tyk's forms; absent, zero and never are None."""
        value = self._document.get(name)
        try:
            return moment(value)
        except Malformed as bad:
            raise Malformed(f"{self._where}.{name}: {bad.where}") from None


def moment(value: object) -> datetime | None:
    """An aware datetime from any date form the Dashboard uses.

    RFC 3339 with 0 to 9 fraction digits and any offset (Go trims trailing
    zeros; more than microseconds are cut off), or epoch seconds as number or
    text. Go's zero time, 0, -1, null and "" mean unset: None.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Malformed(f"{type_name(value)}, expected date")
    if not isinstance(value, str):
        return _from_epoch(value)
    if value[10:11] == "T":
        return _from_stamp(value)
    if _EPOCH.fullmatch(value):
        return _from_epoch(int(value))
    raise Malformed("unreadable text, expected date")


def _from_epoch(seconds: float) -> datetime | None:
    if seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("number out of range, expected date") from None


def _from_stamp(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("unreadable text, expected date") from None
    if when.year <= 1:
        return None
    if when.tzinfo is None:
        raise Malformed("text without offset, expected date")
    return when
