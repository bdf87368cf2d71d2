"""Approvals nobody claimed: the owner is reminded after 3 days and after 14."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from developers import mail, mail_choices
from keyrequests import services
from keyrequests.mail import why
from keyrequests.models import KeyRequest
from tyk import outbox
from tyk.models import Outbox
from tyk.outbox import Job

KIND = "mail.approval_reminder"
AFTER_DAYS = (3, 14)
# Who was not reminded for so long, since the worker was away, isn't any more.
STILL_WORTH_IT = timedelta(days=10)
MOST = 500  # in one run of an hourly task
CHUNK = 500


def ask_for_due() -> int:
    """Ask for every reminder whose time has come, once each; how many.

    That it was asked is kept by the outbox row, which outlives the days in which a
    reminder is still worth sending.
    """
    now = timezone.now()
    asked = 0
    for days in AFTER_DAYS:
        for subject in _due(days, now):
            with transaction.atomic():
                outbox.enqueue(KIND, subject)
            asked += 1
    return asked


def _due(days: int, now: datetime) -> Iterator[str]:
    kept = min(STILL_WORTH_IT, timedelta(days=settings.OUTBOX_KEPT_DAYS))
    latest = now - timedelta(days=days)
    waiting = KeyRequest.objects.filter(
        status=KeyRequest.Status.APPROVED,
        decided_at__lte=latest,
        decided_at__gt=latest - kept,
    )
    codes = waiting.order_by("decided_at").values_list("code", flat=True)
    subjects = [f"{code} {days}" for code in codes]
    chunks = (subjects[at : at + CHUNK] for at in range(0, len(subjects), CHUNK))
    # Those already asked for don't count, or they would keep the others waiting.
    return islice((one for some in chunks for one in _not_asked(some)), MOST)


def _not_asked(subjects: list[str]) -> Iterator[str]:
    known = Outbox.objects.filter(kind=KIND, subject__in=subjects)
    asked = set(known.values_list("subject", flat=True))
    return (subject for subject in subjects if subject not in asked)


def remind(job: Job) -> None:
    """Subject: KeyRequest.code and days. To the developer, if it is still to claim."""
    code, _, _days = job.subject.partition(" ")
    request = KeyRequest.objects.select_related("developer").get(code=UUID(code))
    until = services.open_until(request)
    developer = request.developer
    if until is None or until < timezone.now() or not developer.may_enter:
        return
    if not mail_choices.wants(developer, "approval_reminder"):
        return
    if not services.are_offered([one.policy_id for one in request.plans.all()]):
        return  # it can't be claimed now: see outcomes.lapse_old_approvals
    given = services.is_given(request)
    mail.send(
        "approval_reminder",
        to=developer.email,
        stop_url=mail_choices.stop_url(developer, "approval_reminder"),
        context={
            "title": f"Your access to {request.entry_name} waits for you",
            "preheader": "It is approved. Claim your key to use it.",
            "request": request,
            "developer": developer,
            "until": until,
            "button_label": "Claim my key",
            "button_url": mail.url(reverse("keyrequests:claim", args=[request.code])),
            "given": given,
            "reason": why(request, given=given),
        },
    )
