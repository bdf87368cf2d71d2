"""The mail a decision would send, word for word, before it is sent."""

from copy import copy
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from catalogue.words import limits
from developers import mail
from keyrequests import admin_case, services
from keyrequests.mail import why
from keyrequests.models import KeyRequest


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom it goes to, and its plain text; the HTML says the same."""

    to: str
    subject: str
    body: str


def preview(row: KeyRequest, verb: str, *, reason: str) -> Preview:
    """What `row`'s developer would read if staff decided so now; one query at most."""
    decided = copy(row)
    # Only in memory: what the templates read of a decided request.
    vars(decided).update(reason=reason.strip(), decided_at=timezone.now())
    if verb == "approve":
        vars(decided).update(status=KeyRequest.Status.APPROVED)
    event, own = _approved(decided) if verb == "approve" else _declined(decided)
    plans = admin_case.plans_of(row)
    context: dict[str, object] = {
        "request": decided,
        "developer": row.developer,
        "limits": limits(plans[0]) if plans else "",
        "reason": why(row),
        **own,
    }
    to = row.developer.email
    subject, body = mail.text_of(event, to=to, context=context)
    return Preview(to, subject, body)


def _approved(row: KeyRequest) -> tuple[str, dict[str, object]]:
    return "approved", {
        "given": False,  # what staff give is approved without a preview
        "title": f"Your access to {row.entry_name} is approved",
        "preheader": "One step left: claim your key.",
        "until": services.open_until(row),
        "button_label": "Claim my key",
        "button_url": mail.url(reverse("keyrequests:claim", args=[row.code])),
    }


def _declined(row: KeyRequest) -> tuple[str, dict[str, object]]:
    return "declined", {
        "title": f"Your request for {row.entry_name} was declined",
        "preheader": row.reason[:100] or "It was declined.",
        "button_label": "See your request",
        "button_url": mail.url(row.get_absolute_url()),
    }
