"""One difference between mirror and Tyk, with values fit to be shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

TYKS, OURS = "Tyk", "portal"
ABSENT = "absent"
PRESENT = "present"
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """`record` names it in Tyk (an id) or, for an entry, by its slug here.

    `within` is the record it is mended by: a key's developer.
    """

    kind: str
    record: str
    field: str
    here: str
    there: str
    owner: str = TYKS
    within: str = ""


def shown(value: object) -> str:
    """A value in a line; long texts are cut, nothing is a word of its own."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def compared(
    kind: str, record: str, *, here: Mapping[str, object], there: Mapping[str, object]
) -> Iterator[Difference]:
    """A difference for each field whose values differ; texts cut alike differ too."""
    for name in [*here, *(n for n in there if n not in here)]:
        mine, theirs = here.get(name), there.get(name)
        if mine != theirs:
            yield Difference(kind, record, name, shown(mine), shown(theirs))
