"""The block that leads operators to their desks. `{% load desks %}{% operations %}`."""

from dataclasses import dataclass
from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Context
from django.urls import reverse

from portal_site.models import Look

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
    """Drift and doctor for staff who may see them; one query, none for others."""
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
    well = "Mirror and Tyk agree"
    found = f"{intcomma(look.found)} difference{'' if look.found == 1 else 's'} found"
    kind, words = _state(look, well, found)
    url = reverse("admin:portal_site_driftfinding_changelist")
    return Desk("Drift", url, kind, words, _when(look))


def _doctor(looks: dict[str, Look]) -> Desk:
    look = looks.get(Look.Kind.DOCTOR, Look(kind=Look.Kind.DOCTOR))
    kind, words = _state(look, "All is well", f"{look.found} not well")
    return Desk(
        "Doctor",
        reverse("admin:portal_site_doctor_changelist"),
        kind,
        words,
        _when(look),
    )


def _state(look: Look, well: str, found: str) -> tuple[str, str]:
    if look.is_due:
        return "wait", "Being looked at"
    if look.failed_at:
        return "stop", "The last look failed"
    if not look.completed_at:
        return "", "Not looked at yet"
    return ("wait", found) if look.found else ("ok", well)


def _when(look: Look) -> datetime | None:
    """When that became so."""
    return look.asked_at if look.is_due else look.failed_at or look.completed_at
