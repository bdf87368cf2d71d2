"""JSON or YAML of a stranger → plain values, at a price known beforehand.

A document may be hostile: nested until the C loader of PyYAML overruns its stack
(tried: a segmentation fault at 200 000 brackets), or a few lines of aliases that
unfold to gigabytes. So YAML is built here from libyaml's events, one by one, and
nothing is made that has not been counted.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

MiB = 1024 * 1024
MAX_BYTES = 4 * MiB
#: YAML costs ten times what JSON does to read.
MAX_YAML_BYTES = 1 * MiB
MAX_DEPTH = 100
MAX_VALUES = 300_000
#: Characters and values once every alias is unfolded.
MAX_WEIGHT = 8 * MiB

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class Unreadable(Exception):
    """Why a document is none; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: the value, the text it came from, and "json" or "yaml"."""

    value: Json
    text: str
    syntax: str


def load(body: bytes) -> Loaded:
    """Read a document of JSON or YAML. Raises Unreadable."""
    if len(body) > MAX_BYTES:
        raise Unreadable(f"It is larger than {MAX_BYTES // MiB} MiB.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("It is not UTF-8 text.") from None
    if not text.strip():
        raise Unreadable("It is empty.")
    if text.lstrip().startswith(("{", "[")):
        return Loaded(_clean(_json(text)), text, "json")
    return Loaded(_clean(_yaml(text)), text, "yaml")


# --- JSON --------------------------------------------------------------------
def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"It is not JSON: line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError:  # a whole number of thousands of digits
        raise Unreadable("It holds a number that is too long.") from None


def _no_number(name: str) -> NoReturn:
    raise Unreadable(f"It holds {name}, which is no number in JSON.")


# --- YAML --------------------------------------------------------------------
# YAML 1.2's core schema. PyYAML's own would turn a date into an object and the
# word "no" into false.
_NULL = re.compile(r"\A(~|null|Null|NULL)?\Z")
_TRUE = re.compile(r"\A(true|True|TRUE)\Z")
_FALSE = re.compile(r"\A(false|False|FALSE)\Z")
_WHOLE = re.compile(r"\A[-+]?[0-9]{1,300}\Z")
_OTHER_BASE = re.compile(r"\A0(o[0-7]{1,300}|x[0-9a-fA-F]{1,300})\Z")
_NUMBER = re.compile(r"\A[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"\A([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "map", "seq")
}
_MERGE = "<<"
_TEXTS = (["openapi"], ["swagger"], ["info", "version"], ["info", "title"])


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    weight: int = 1
    key: str | None = None
    merges: list[dict[str, Any]] = field(default_factory=list)


class _Builder:
    """Makes values from events. Never recurses, so depth costs no stack."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        # Name → value and what it weighs; an open container is not in it yet.
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.documents: list[Any] = []

    def take(self, event: Any) -> None:
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.ScalarEvent():
                value = self._scalar(event)
                weight = 1 + len(event.value)
                self._add(value, weight, anchor=event.anchor, plain=not event.style)
            case yaml.AliasEvent():
                self._add(*self._known(event.anchor), anchor=None)

    def _open(self, event: Any) -> None:
        _known_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            raise Unreadable(_TOO_DEEP)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(value, event.anchor))

    def _close(self) -> None:
        done = self.stack.pop()
        value = done.value
        if isinstance(value, dict):
            for merged in done.merges:
                value.update({k: v for k, v in merged.items() if k not in value})
        self._add(value, done.weight, anchor=done.anchor)

    def _add(
        self, value: Any, weight: int, *, anchor: str | None, plain: bool = False
    ) -> None:
        if anchor:
            self.anchors[anchor] = (value, weight)
        if not self.stack:
            self.documents.append(value)
            return
        into = self.stack[-1]
        into.weight += weight
        if into.weight > MAX_WEIGHT:
            raise Unreadable("Its aliases unfold to more than a page can show.")
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.key is None:
            into.key = _key(value)
        else:
            _set(into, value)

    def _known(self, anchor: str | None) -> tuple[Any, int]:
        if anchor is None or anchor not in self.anchors:
            raise Unreadable(f"The alias *{str(anchor)[:40]} leads nowhere.")
        return self.anchors[anchor]

    def _scalar(self, event: Any) -> Any:
        _known_tag(event)
        plain = not event.style and event.tag in (None, "!") and event.implicit[0]
        typed = event.tag is not None and not event.tag.endswith((":str", "!"))
        if not (plain or typed):
            return event.value
        value = _resolved(event.value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return event.value if number and _wants_text(self._path()) else value

    def _path(self) -> list[str | None]:
        """The names that lead to the next value; None for a list's place."""
        return [one.key for one in self.stack]


def _wants_text(path: list[str | None]) -> bool:
    """Whether OpenAPI has only texts at `path`: a version 1.10 is not the number 1.1.

    The version of the document and of the API, its title, and the values a server's
    address is filled with.
    """
    if path[:1] == ["servers"]:
        return path[2:3] == ["variables"]
    return path in _TEXTS


def _set(into: _Open, value: Any) -> None:
    key, into.key = into.key, None
    own = into.value
    if not isinstance(own, dict) or key is None:  # the caller has looked
        return
    if key != _MERGE:
        own[key] = value
        return
    merged = value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict) for each in merged):
        raise Unreadable("A merge (<<) needs a mapping.")
    into.merges += merged


def _key(value: Any) -> str:
    """OpenAPI's keys are texts; YAML makes numbers of status codes."""
    if isinstance(value, dict | list):
        raise Unreadable("A key is a list or a mapping, not a word.")
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _known_tag(event: Any) -> None:
    if event.tag not in (None, "!") and event.tag not in _TAGS:
        raise Unreadable(f"It holds the tag {event.tag[:60]}, which nothing may make.")


def _resolved(text: str) -> Any:
    if _NULL.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _WHOLE.match(text):
        return int(text)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    if _NOT_FINITE.match(text):
        _no_number(text)
    return float(text) if _NUMBER.match(text) else text


def _yaml(text: str) -> Any:
    if len(text) > MAX_YAML_BYTES:
        raise Unreadable(
            f"YAML is read up to {MAX_YAML_BYTES // MiB} MiB; send it as JSON."
        )
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark
        where = f": line {at.line + 1}, column {at.column + 1}" if at else ""
        raise Unreadable(f"It is not YAML{where}.") from None
    except yaml.YAMLError:
        raise Unreadable("It holds characters that text can't.") from None
    if len(builder.documents) != 1:
        raise Unreadable("It holds several documents, or none.")
    return builder.documents[0]


def _events(text: str) -> Iterator[Any]:
    # libyaml where it is built in; both loaders make the same events.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(text, Loader=loader)


# --- Both --------------------------------------------------------------------
_TOO_DEEP = f"It is nested more than {MAX_DEPTH} levels deep."


def _clean(value: Any) -> Json:
    """The same value, counted, and free of what PostgreSQL's JSON can't hold."""
    left = [MAX_VALUES]

    def walk(value: Any, depth: int) -> Json:
        left[0] -= 1
        if left[0] < 0:
            raise Unreadable(f"It holds more than {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise Unreadable(_TOO_DEEP)
        if isinstance(value, dict):
            return {_text(k): walk(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(each, depth + 1) for each in value]
        if isinstance(value, float) and not math.isfinite(value):
            _no_number(str(value))
        return _text(value) if isinstance(value, str) else value

    return walk(value, 0)


def _text(value: str) -> str:
    """Without NUL and without half a surrogate pair."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
