"""One difference between mirror and Tyk, with values fit to be shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from portal_site.drift.owners import owner_of
from portal_site.logs import SECRET_SHAPES, SHOWN_INSTEAD
from tyk import seal

ABSENT = "absent"
PRESENT = "present"
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """`record` names it in Tyk (an id) or, for an entry, by its slug here.

    `within` is the record it is mended by: a key's developer. `fingerprint` names
    the difference with both its values in full and gives none of them away.
    """

    kind: str
    record: str
    field: str
    here: str
    there: str
    owner: str
    within: str
    fingerprint: str

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Where it is, whatever the values."""
        return self.kind, self.within, self.record, self.field


def difference(
    kind: str,
    record: str,
    field: str,
    *,
    here: object,
    there: object,
    owner: str = "",
    within: str = "",
    whole: str = "",
) -> Difference:
    """`whole` names the record where `record` is cut: a key's whole fingerprint."""
    owner = owner or owner_of(kind, field)
    named = [kind, within, whole or record, field, owner, here, there]
    text = json.dumps(named, sort_keys=True, default=str)
    return Difference(
        kind=kind,
        record=record,
        field=field,
        here=shown(here),
        there=shown(there),
        owner=owner,
        within=within,
        fingerprint=seal.fingerprint(text, purpose="drift"),
    )


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
    # People paste keys into any field.
    flat = " ".join(SECRET_SHAPES.sub(SHOWN_INSTEAD, text).split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def compared(
    kind: str, record: str, *, here: Mapping[str, object], there: Mapping[str, object]
) -> Iterator[Difference]:
    """A difference for each field whose values differ; texts cut alike differ too."""
    for name in [*here, *(n for n in there if n not in here)]:
        mine, theirs = here.get(name), there.get(name)
        if mine != theirs:
            yield difference(kind, record, name, here=mine, there=theirs)
