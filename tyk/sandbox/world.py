"""The one organisation a sandbox holds, and a call made to it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tyk.sandbox import answers
from tyk.sandbox.answers import Answer, Refusal
from tyk.sandbox.shapes import Json, Malformed, Shape, decode
from tyk.sandbox.store import Item, Reader, Store
from tyk.sandbox.switches import DEFAULT, Switches

DEFAULT_ORG = "5e9d9544a1dcd60001d0ed20"
STREAM_FROM = 200
STREAM_CHUNK = 100
T = TypeVar("T")


def new_id() -> str:
    """24 lower-case hex, rising with time like a Mongo object id."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether the text could be an object id."""
    return len(text) == 24 and all(c in "0123456789abcdef" for c in text)


@dataclass(slots=True)
class Call:
    """One call to the Dashboard API, already routed."""

    operation: str
    params: dict[str, str]
    query: dict[str, str]
    payload: bytes
    reader: Reader
    path: str = ""

    def json(self) -> Any:
        """The body as JSON whatever its Content-Type; 403 if it is none."""
        try:
            return json.loads(self.payload)
        except (ValueError, RecursionError):
            raise Refusal(403, answers.MALFORMED) from None

    def decoded(self, *shapes: Shape) -> Json:
        """The body as Go would read it into these shapes; 403 if it cannot."""
        try:
            return decode(self.json(), *shapes)
        except Malformed:
            raise Refusal(403, answers.MALFORMED) from None


@dataclass(slots=True)
class Mail:
    """A mail Tyk itself would have sent. Its text is not kept."""

    kind: str
    to: str
    holds_secret: bool


@dataclass(slots=True)
class World:
    """State and habits of the embedded Dashboard."""

    store: Store
    org_id: str = DEFAULT_ORG
    switches: Switches = DEFAULT
    mails: list[Mail] = field(default_factory=list)

    def set_switches(self, switches: Switches) -> None:
        """Change the habits; a lag applies to writes from now on."""
        self.switches = switches
        self.store.remember_for = switches.replica_lag

    def done(self, message: str) -> Answer:
        """The success envelope."""
        return answers.done(self.switches, message)

    def ours(self, record: Json) -> bool:
        """Whether our credential may see the record.

        `org_id` is stored only on records of another organisation.
        """
        return "org_id" not in record or self.switches.foreign_records == "shown"

    def own_items(self, reader: Reader, kind: str) -> list[Item]:
        """All records of a kind that our credential may see."""
        return [item for item in reader.items(kind) if self.ours(item[1])]

    def singleton(self, reader: Reader, kind: str) -> Item | None:
        """The catalogue, the configuration, the menus…: the oldest there is."""
        return next(iter(self.own_items(reader, kind)), None)


def wanted_page(query: dict[str, str]) -> int:
    """`p` as a number; absent or unreadable means the first page."""
    try:
        return int(query.get("p", "0"))
    except ValueError:
        return 0


def page_of(world: World, items: list[T], query: dict[str, str]) -> list[T]:
    """The rows of the page asked for; a negative page is everything."""
    page = wanted_page(query)
    if page < 0:
        return items
    size = world.switches.page_size
    first = page if world.switches.first_page == "zero" else max(page - 1, 0)
    return items[first * size : (first + 1) * size]


def pages_in(world: World, count: int, query: dict[str, str]) -> int:
    """Tyk's `Pages`: no count of rows, and 0 when paging is off."""
    size = world.switches.page_size
    return 0 if wanted_page(query) < 0 else -(-count // size)


def empty_rows(world: World) -> str:
    """No rows: Go's nil slice is null."""
    return "[]" if world.switches.empty_list == "list" else "null"


def _pieces(
    head: str, rows: list[T], tail: str, write: Callable[[T], str]
) -> Iterator[str]:
    yield head
    for start in range(0, len(rows), STREAM_CHUNK):
        block = ",".join(write(row) for row in rows[start : start + STREAM_CHUNK])
        yield f",{block}" if start else block
    yield tail


def listed(
    world: World, items: list[T], query: dict[str, str], *, write: Callable[[T], str]
) -> Answer:
    """A `{"Data": […], "Pages": n}` answer; long ones are streamed."""
    rows = page_of(world, items, query)
    pages = pages_in(world, len(items), query)
    if not rows:
        return Answer(text=f'{{"Data":{empty_rows(world)},"Pages":{pages}}}')
    pieces = _pieces('{"Data":[', rows, f'],"Pages":{pages}}}', write)
    if len(rows) < STREAM_FROM:
        return Answer(text="".join(pieces))
    return Answer(pieces=pieces)
