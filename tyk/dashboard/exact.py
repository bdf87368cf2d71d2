"""JSON that goes back as it came: member order, numbers and strange members.

Tyk has no PATCH: an edit is GET, change one member, PUT the whole record. What
we do not understand must survive that, big integers and `1.10` included, which
`json` alone would rewrite.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NoReturn

from tyk.dashboard import records, wire
from tyk.dashboard.shape import Malformed


class Number(float):
    """A number that remembers how it was written."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> Number:
        number = super().__new__(cls, written)
        number.written = written
        return number


def _whole(written: str) -> int | Number:
    # "-0" is the one whole number that int would write differently.
    return Number(written) if written == "-0" else int(written)


def loads(body: bytes) -> object:
    """Decode JSON so that `dumps` writes every number as it stood."""
    document: object = json.loads(
        body.decode("utf-8-sig"), parse_float=Number, parse_int=_whole
    )
    return document


def dumps(value: object) -> str:
    """JSON text of `value`; raises TypeError for anything JSON has no word for."""
    if isinstance(value, Number):
        return value.written
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)}:{dumps(item)}" for name, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    return json.dumps(value, allow_nan=False)


class RawDeveloper(Mapping[str, object]):
    """A developer's full record, for read, merge and write.

    It holds whatever Tyk sent, OAuth secrets and raw keys included: it lives
    for one read, merge, write, is never stored, and its repr shows the id only.
    """

    __slots__ = ("_members", "record")

    def __init__(self, members: Mapping[str, object]) -> None:
        """Raises `shape.Malformed` if this is not a developer."""
        self._members = dict(members)
        self.record: records.Developer = wire.developer(self._members)

    @classmethod
    def from_body(cls, body: bytes, developer_id: str) -> RawDeveloper:
        """Decode an answer's body; raises `shape.Malformed`, for any other id, too."""
        document = loads(body)
        if not isinstance(document, dict):
            raise Malformed("developer: expected object")
        raw = cls(document)
        wire.demand(developer_id, raw.record)
        return raw

    def merged(
        self,
        *,
        fields: Mapping[str, str | None] | None = None,
        email: str | None = None,
        inactive: bool | None = None,
    ) -> RawDeveloper:
        """A copy in which only these members differ; the rest is verbatim.

        `fields` are merged by name, and None removes one. A `password` member,
        which only the oldest releases return (as a hash), is left out: Tyk keeps
        the password of a record put back without one (Tyk docs, "Build a custom
        developer portal"), while a hash might be hashed again.
        """
        members = dict(self._members)
        members.pop("password", None)
        if fields is not None:
            members["fields"] = _merge(members.get("fields"), fields)
        if email is not None:
            members["email"] = email
        if inactive is not None:
            members["inactive"] = inactive
        return RawDeveloper(members)

    def __getitem__(self, name: str) -> object:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"RawDeveloper({self.record.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a RawDeveloper holds secrets and cannot be pickled")


def _merge(old: object, changes: Mapping[str, str | None]) -> dict[str, object]:
    merged: dict[str, object] = dict(old) if isinstance(old, dict) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged
