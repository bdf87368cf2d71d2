"""The block that leads operators to their desks. `{% load desks %}{% operations %}`."""

from dataclasses import dataclass
from datetime import datetime

from django import template
from django.template import Context
from django.urls import reverse

from portal_site import formats
from portal_site.models import DriftFinding, Look

register = template.Library()

SEE_DRIFT = "portal_site.view_driftfinding", "portal_site.change_driftfinding"
SEE_DOCTOR = "portal_site.view_doctor", "portal_site.change_doctor"


@dataclass(frozen=True, slots=True)
class Desk:
    """A link, and what stands there in a line."""

    name: str
    url: str
    kind: str  # of the badge: "", ok, wait, stop
    words: str
    when: datetime | None


@register.inclusion_tag("admin/_operations.html", takes_context=True)
def operations(context: Context) -> dict[str, list[Desk]]:
    """Drift and doctor for staff who may see them; at most two queries, none for others."""
    user = context["user"]
    wanted = [
        make
        for rights, make in ((SEE_DRIFT, _drift), (SEE_DOCTOR, _doctor))
        if any(user.has_perm(right) for right in rights)
    ]
    looks = {row.kind: row for row in Look.objects.all()} if wanted else {}
    return {"desks": [make(looks) for make in wanted]}


def _drift(looks: dict[str, Look]) -> Desk:
    look = looks.get(Look.Kind.DRIFT, Look(kind=Look.Kind.DRIFT))
    left = _ignored(look)
    count = look.found - left
    beside = f", {formats.figure(left)} ignored" if left else ""
    well = f"Nothing new{beside}" if left else "Mirror and Tyk agree"
    found = f"{formats.figure(count)} difference{'' if count == 1 else 's'} found"
    kind, words = _state(look, count, well, f"{found}{beside}")
    url = reverse("admin:portal_site_driftfinding_changelist")
    return Desk("Drift", url, kind, words, _when(look))


def _ignored(look: Look) -> int:
    """How many of what it found a colleague chose to leave as they are."""
    if not look.found:
        return 0
    return DriftFinding.objects.filter(run=look.shown, ignored=True).count()


def _doctor(looks: dict[str, Look]) -> Desk:
    look = looks.get(Look.Kind.DOCTOR, Look(kind=Look.Kind.DOCTOR))
    kind, words = _state(look, look.found, "All is well", f"{look.found} not well")
    return Desk(
        "Doctor",
        reverse("admin:portal_site_doctor_changelist"),
        kind,
        words,
        _when(look),
    )


def _state(look: Look, count: int, well: str, found: str) -> tuple[str, str]:
    if look.is_due:
        return "wait", "Being looked at"
    if look.failed_at:
        return "stop", "The last look failed"
    if not look.completed_at:
        return "", "Not looked at yet"
    return ("wait", found) if count else ("ok", well)


def _when(look: Look) -> datetime | None:
    """When that became so."""
    return look.asked_at if look.is_due else look.failed_at or look.completed_at
