"""Which row an entry of Tyk's catalogue is: Tyk gives its entries no id.

A row, once matched, keeps its slug for ever, so that links survive a rename.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Protocol

from django.utils.text import slugify

from catalogue.models import Entry

SLUG_LENGTH = 110  # of 120: room for "-2", "-3", …


class Listed(Protocol):
    """An entry as Tyk lists it."""

    @property
    def name(self) -> str: ...
    @property
    def policy_id(self) -> str: ...


def match(listed: Sequence[Listed], rows: Sequence[Entry]) -> list[Entry | None]:
    """For each listed entry its row, or None if it is new.

    By policy and name; then a single entry with that policy (it was renamed);
    then a single one with that name (it was given another policy). A row that is
    gone comes back by its name only: the policy's next entry may be another API.
    """
    matching = _Matching(listed, rows)
    matching.in_order(lambda e: (e.policy_id, e.name))
    matching.singles(lambda e: e.policy_id, gone=False)
    matching.singles(lambda e: e.name, gone=True)
    return matching.found


class _Matching:
    """The pairs found so far; every rule looks at what the last one left."""

    def __init__(self, listed: Sequence[Listed], rows: Sequence[Entry]) -> None:
        self.listed = listed
        # Present ones first: a row on the shelf is never passed over for a gone one.
        self.free = sorted(rows, key=lambda row: (row.gone_at is not None, row.pk))
        self.found: list[Entry | None] = [None] * len(listed)

    def in_order(self, key: Callable[[Listed], Hashable]) -> None:
        """Entries with equal keys take rows with that key one after another."""
        rows = self._grouped_rows(key, gone=True)
        for index in self._open():
            if candidates := rows.get(key(self.listed[index])):
                self._pair(index, candidates.pop(0))

    def singles(self, key: Callable[[Listed], str], *, gone: bool) -> None:
        """One open entry and one free row with the same key belong together."""
        rows = self._grouped_rows(key, gone=gone)
        entries = defaultdict(list)
        for index in self._open():
            entries[key(self.listed[index])].append(index)
        for value, indexes in entries.items():
            present = [row for row in rows.get(value, []) if row.gone_at is None]
            candidates = present or rows.get(value, [])
            if value and len(indexes) == len(candidates) == 1:
                self._pair(indexes[0], candidates[0])

    def _open(self) -> list[int]:
        return [index for index, row in enumerate(self.found) if row is None]

    def _grouped_rows(
        self, key: Callable[[Listed], Hashable], *, gone: bool
    ) -> dict[Hashable, list[Entry]]:
        rows = defaultdict(list)
        for row in self.free:
            if gone or row.gone_at is None:
                rows[key(row)].append(row)
        return rows

    def _pair(self, index: int, row: Entry) -> None:
        self.found[index] = row
        self.free.remove(row)


def new_slug(name: str, taken: set[str]) -> str:
    """A slug nobody has had, added to `taken`: "orders", "orders-2", …"""
    base = slugify(name)[:SLUG_LENGTH].strip("-") or "api"
    slug = next(
        slug
        for n in count(1)
        if (slug := base if n == 1 else f"{base}-{n}") not in taken
    )
    taken.add(slug)
    return slug
