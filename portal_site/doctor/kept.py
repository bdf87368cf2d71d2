"""The doctor's findings kept for the page, and what is cheap enough to ask live."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from portal_site import doctor, trail
from portal_site.doctor import machine, rows
from portal_site.doctor.findings import Finding
from portal_site.looks import Hold
from portal_site.models import Act, Look


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the page. `live`: looked at for this very page."""

    finding: Finding
    live: bool

    @property
    def verdict(self) -> str:
        if self.finding.skipped:
            return "skipped"
        return "well" if self.finding.ok else "wrong"


def examine(hold: Hold) -> None:
    """The worker's look. Raises LeaseLost."""
    found = []
    for finding in doctor.examine(scratch=hold.scratch):
        found.append(asdict(finding))
        hold.tell(finding.name, len(found))
    hold.complete(results=found, found=_wrong(found))


def keep(found: list[dict[str, Any]], *, by: str, scratch: bool) -> None:
    """Keep what a command found, as if the worker had; asks nobody to look."""
    with transaction.atomic():
        Look.objects.get_or_create(kind=Look.Kind.DOCTOR)
        Look.objects.filter(kind=Look.Kind.DOCTOR).update(
            epoch=F("epoch") + 1,
            served=F("asked"),
            lease_until=None,
            completed_at=Now(),
            completed_by=by,
            failed_at=None,
            failure="",
            results=found,
            found=_wrong(found),
        )
        trail.note(
            Act.Verb.EXAMINE, actor=by, text="with a scratch developer" * scratch
        )


def _wrong(found: list[dict[str, Any]]) -> int:
    return sum(not one["ok"] for one in found)


def live() -> Iterator[Finding]:
    """The checks that only read our own settings and rows: a page may wait for them."""
    yield machine.debug()
    yield from rows.findings()


def shown(look: Look) -> list[Row]:
    """Every finding of the last look, with today's answer where it costs nothing.

    What is wrong comes first; otherwise in the order of the look.
    """
    now = {finding.name: finding for finding in live()}
    kept = {one["name"]: _finding(one) for one in look.results}
    merged = [
        Row(finding, live=name in now) for name, finding in {**kept, **now}.items()
    ]
    return sorted(merged, key=lambda row: row.finding.ok)


def _finding(one: dict[str, Any]) -> Finding:
    """As it was kept, maybe by an earlier release of the portal."""
    known = {member.name for member in fields(Finding)}
    return Finding(**{name: value for name, value in one.items() if name in known})
