"""What an OpenAPI document says: its outline for pages, its body for the viewer.

OpenAPI 2.0 (Swagger), 3.0 and 3.1. Checked is what pages need to hold together,
by hand: a full validator runs the document's own patterns for seconds, and would
refuse much that readers can use. Nothing is ever fetched: a document that refers
to another file is refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from catalogue.loading import Json, Unreadable, load

MAX_CALLS = 1_500
MAX_WORDS = 20_000  # characters kept for the search
LONGEST = 2_000  # characters of one text in the outline

VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
KNOWN = {"2.0": "Swagger 2.0", "3.0": "OpenAPI 3.0", "3.1": "OpenAPI 3.1"}


class Parameter(TypedDict):
    """One value a call takes. `place`: path, query, header, cookie or body."""

    name: str
    place: str
    required: bool
    text: str


class Answer(TypedDict):
    """One answer of a call, by its status code or "default"."""

    code: str
    text: str


class Call(TypedDict):
    """One operation. `number` counts from 1 over the document."""

    number: int
    verb: str
    path: str
    summary: str
    text: str
    deprecated: bool
    parameters: list[Parameter]
    answers: list[Answer]


class Group(TypedDict):
    """The calls of one tag; `name` is "" where a document has no tags."""

    name: str
    text: str
    calls: list[Call]


class Outline(TypedDict):
    """A document as a list to read. `server`: where its calls go, or ""."""

    text: str
    server: str
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Description:
    """A document that can be shown."""

    format: str  # "OpenAPI 3.1"
    syntax: str  # "json" or "yaml"
    text: str  # as it came
    title: str
    version: str
    outline: Outline
    viewer: str  # JSON for the viewer
    words: str  # for the search


def describe(body: bytes) -> Description:
    """Read and check a document. Raises Unreadable with a sentence for people."""
    loaded = load(body)
    root = loaded.value
    if not isinstance(root, dict):
        raise Unreadable("It is no OpenAPI document: it holds no named members.")
    version = _format_of(root)
    info = _mapping(root, "info", where="")
    title = _word(info.get("title"), 200)
    if not title:
        raise Unreadable("It has no title: info.title is missing.")
    _refuse_other_files(root)
    outline = _outline(root, info)
    return Description(
        format=KNOWN[version],
        syntax=loaded.syntax,
        text=loaded.text,
        title=title,
        version=_word(info.get("version"), 40),
        outline=outline,
        viewer=json.dumps(_for_viewer(root), ensure_ascii=False, separators=(",", ":")),
        words=_words(title, outline),
    )


def _format_of(root: dict[str, Json]) -> str:
    told = root.get("openapi", root.get("swagger"))
    if told is None:
        raise Unreadable(
            'It is no OpenAPI document: neither "openapi" nor "swagger" tells a version.'
        )
    version = ".".join(str(told).split(".")[:2])
    allowed = {"2.0"} if "openapi" not in root else {"3.0", "3.1"}
    if version not in allowed:
        raise Unreadable(
            f"Its version is {_word(told, 40)}; OpenAPI 2.0, 3.0 and 3.1 can be shown."
        )
    return version


# --- References --------------------------------------------------------------
def _refuse_other_files(root: Json) -> None:
    for value in _every_value(root):
        if not isinstance(value, dict):
            continue
        for name in ("$ref", "$dynamicRef"):
            target = value.get(name)
            if isinstance(target, str) and not target.startswith("#"):
                raise Unreadable(
                    f"It refers to another file ({target[:100]}), which is never "
                    "fetched. Bundle it into one document."
                )


def _every_value(root: Json) -> Iterator[Json]:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _followed(root: dict[str, Json], value: Json) -> dict[str, Json]:
    """The mapping a local reference leads to, at most five steps; {} if to none."""
    for _ in range(5):
        if not isinstance(value, dict):
            return {}
        target = value.get("$ref")
        if not isinstance(target, str):
            return value
        value = _at(root, target)
    return {}


def _at(root: Json, pointer: str) -> Json:
    found = root
    for step in pointer.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


# --- The outline -------------------------------------------------------------
def _outline(root: dict[str, Json], info: dict[str, Json]) -> Outline:
    groups: dict[str, Group] = {}
    for tag in _items(root, "tags"):
        if isinstance(tag, dict) and (name := _word(tag.get("name"), 100)):
            text = _word(tag.get("description"), LONGEST)
            groups.setdefault(name, Group(name=name, text=text, calls=[]))
    for number, (tag_name, call) in enumerate(_calls(root), 1):
        if number > MAX_CALLS:
            raise Unreadable(f"It describes more than {MAX_CALLS} calls.")
        call["number"] = number
        group = Group(name=tag_name, text="", calls=[])
        groups.setdefault(tag_name, group)["calls"].append(call)
    return Outline(
        text=_word(info.get("description"), 20_000),
        server=_server(root),
        groups=[group for group in groups.values() if group["calls"]],
    )


def _calls(root: dict[str, Json]) -> Iterator[tuple[str, Call]]:
    """Every call with the name of its tag, in the document's order."""
    for place in ("paths", "webhooks"):
        for path, value in _mapping(root, place, where="", needed=False).items():
            if path.startswith("x-"):
                continue
            if place == "paths" and not path.startswith("/"):
                raise Unreadable(f"paths: “{path[:100]}” does not begin with “/”.")
            item = _followed(root, value)
            if not isinstance(value, dict):
                raise Unreadable(f"{place}: “{path[:100]}” holds no named members.")
            yield from _calls_of(root, path, item, hook=place == "webhooks")


def _calls_of(
    root: dict[str, Json], path: str, item: dict[str, Json], *, hook: bool
) -> Iterator[tuple[str, Call]]:
    where = f"{path[:100]}."
    shared = _items(item, "parameters", where=where)
    for verb in VERBS:
        if verb not in item:
            continue
        operation = _mapping(item, verb, where=where)
        tags = [_word(tag, 100) for tag in _items(operation, "tags", where=where)]
        own = _items(operation, "parameters", where=where)
        yield (
            next((tag for tag in tags if tag), "Webhooks" if hook else ""),
            Call(
                number=0,
                verb=verb.upper(),
                path=path[:300],
                summary=_word(operation.get("summary"), 300),
                text=_word(operation.get("description"), LONGEST),
                deprecated=operation.get("deprecated") is True,
                parameters=_parameters(root, [*own, *shared]),
                answers=_answers(root, operation, where=where),
            ),
        )


def _parameters(root: dict[str, Json], listed: list[Json]) -> list[Parameter]:
    """A call's own first; one shared by the path gives way to its namesake."""
    found: dict[tuple[str, str], Parameter] = {}
    for value in listed[:200]:
        it = _followed(root, value)
        name, place = _word(it.get("name"), 100), _word(it.get("in"), 20)
        if name:
            parameter = Parameter(
                name=name,
                place=place,
                required=it.get("required") is True,
                text=_word(it.get("description"), 300),
            )
            found.setdefault((name, place), parameter)
    return list(found.values())


def _answers(
    root: dict[str, Json], operation: dict[str, Json], *, where: str
) -> list[Answer]:
    answers = _mapping(operation, "responses", where=where, needed=False)
    return [
        Answer(
            code=code[:20],
            text=_word(_followed(root, value).get("description"), 300),
        )
        for code, value in list(answers.items())[:50]
        if not code.startswith("x-")
    ]


def _server(root: dict[str, Json]) -> str:
    """The first server's address if it is a whole one, variables filled in."""
    first = next(iter(_items(root, "servers")), None)
    if isinstance(first, dict):
        address = _filled(first)
    else:
        scheme = next(iter(_items(root, "schemes")), "https")
        host = _word(root.get("host"), 200)
        address = f"{scheme}://{host}{_word(root.get('basePath'), 200)}" if host else ""
    # A bracket is a placeholder somebody forgot; nobody publishes a bare IPv6 address.
    whole = re.match(r"\Ahttps?://[^/\s\[\]]+(/|\Z)", address)
    return address.rstrip("/") if whole else ""


def _filled(server: dict[str, Json]) -> str:
    variables = _mapping(server, "variables", where="servers.", needed=False)

    def default_of(found: re.Match[str]) -> str:
        if found[1] not in variables:
            return found[0]
        value = variables[found[1]]
        return _word(value.get("default") if isinstance(value, dict) else None, 100)

    # In one pass: a default that names variables again must not grow without end.
    address = re.sub(r"\{([^{}]*)\}", default_of, _word(server.get("url"), 300))
    return address if len(address) <= 2000 else ""


def _words(title: str, outline: Outline) -> str:
    said = [title]
    for group in outline["groups"]:
        said.append(group["name"])
        said += [f"{call['path']} {call['summary']}" for call in group["calls"]]
    return " ".join(said)[:MAX_WORDS]


# --- Members -----------------------------------------------------------------
def _mapping(
    of: dict[str, Json], name: str, *, where: str, needed: bool = True
) -> dict[str, Json]:
    """The member `name`; {} if it may be absent and is. Unreadable for another type."""
    value = of.get(name)
    if value is None and not needed:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{where}{name} is missing or holds no named members.")
    return value


def _items(of: dict[str, Json], name: str, *, where: str = "") -> list[Json]:
    value = of.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{where}{name} is not a list.")
    return value


def _word(value: Json, length: int) -> str:
    """A text; numbers count, since YAML makes one of a name like 2024."""
    return str(value)[:length] if isinstance(value, str | int | float) else ""


# --- For the viewer ----------------------------------------------------------
# The viewer cleans addresses by itself, and the policy runs none of these; a link
# that does nothing is better not there.
_PROGRAM = re.compile(r"\A\s*(javascript|vbscript|data)\s*:", re.IGNORECASE)


def _for_viewer(value: Json, name: str = "") -> Json:
    if isinstance(value, dict):
        return {key: _for_viewer(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_for_viewer(each) for each in value]
    leads = name.lower().endswith("url") or name == "termsOfService"
    if leads and isinstance(value, str) and _PROGRAM.match(value):
        return ""
    return value
