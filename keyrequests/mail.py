"""Mails about requests and keys, as outbox handlers. None ever holds a key."""

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.urls import reverse

from catalogue import waits
from catalogue.words import limits
from developers import mail, mail_choices
from developers.models import User
from keyrequests import services
from keyrequests.models import Event, Key, KeyRequest, Mint
from tyk.outbox import Job


def request_received(job: Job) -> None:
    """To the developer: we have it, a person looks at it."""
    request = _request(job)
    if request.status != KeyRequest.Status.PENDING:
        return
    _to_developer(
        "request_received",
        request,
        title=f"We have your request for {request.entry_name}",
        preheader="A person looks at it and you get a mail.",
        takes=waits.takes(request.entry),
        button_label="See your request",
        button_url=mail.url(request.get_absolute_url()),
    )


def to_review(job: Job) -> None:
    """To those who decide: with a link that lands on this request."""
    request = _request(job)
    if request.status != KeyRequest.Status.PENDING:
        return
    path = reverse("admin:keyrequests_keyrequest_change", args=[request.pk])
    _to_reviewers(
        "to_review",
        title=f"{request.developer} asks for {request.entry_name}",
        preheader=f"{request.number} waits for a decision.",
        request=request,
        limits=_limits(request),
        button_label="Review the request",
        button_url=mail.url(path),
    )


def _to_reviewers(event: str, **context: object) -> None:
    whole = {"reason": "You get this mail because you review key requests.", **context}
    mail.send_each(event, to=_reviewers(), context=whole)


def _reviewers() -> list[str]:
    """The addresses set for it, else all staff who may decide."""
    if settings.REVIEW_MAIL_TO:
        return list(settings.REVIEW_MAIL_TO)
    may_decide = Permission.objects.filter(
        content_type__app_label="keyrequests", codename="change_keyrequest"
    )
    staff = User.objects.filter(
        Q(is_superuser=True)
        | Q(user_permissions__in=may_decide)
        | Q(groups__permissions__in=may_decide),
        is_staff=True,
        is_active=True,
    )
    addresses = staff.values_list("email", flat=True).distinct()
    return sorted(address for address in addresses if address)


def approved(job: Job) -> None:
    """To the developer: claim your key; the link, never the key."""
    request = _request(job)
    if request.status != KeyRequest.Status.APPROVED:
        return
    given = services.is_given(request)
    _to_developer(
        "approved",
        request,
        given=given,
        title=f"You were given access to {request.entry_name}"
        if given
        else f"Your access to {request.entry_name} is approved",
        preheader="One step left: claim your key.",
        reason=why(request, given=given),
        until=services.open_until(request),
        button_label="Claim my key",
        button_url=mail.url(reverse("keyrequests:claim", args=[request.code])),
    )


def granted_in_tyk(job: Job) -> None:
    """To the developer: approved elsewhere, and how to have a key from here."""
    request = _request(job)
    if request.status != KeyRequest.Status.GRANTED:
        return
    _to_developer(
        "granted_in_tyk",
        request,
        title=f"Your request for {request.entry_name} was approved in the gateway's "
        "dashboard",
        preheader="You can get a new key on the page of your request.",
        button_label="See your request",
        button_url=mail.url(request.get_absolute_url()),
    )


def declined(job: Job) -> None:
    """To the developer: no, and why."""
    request = _request(job)
    if request.status != KeyRequest.Status.DECLINED:
        return
    _to_developer(
        "declined",
        request,
        title=f"Your request for {request.entry_name} was declined",
        preheader=request.reason[:100] or "It was declined.",
        button_label="See your request",
        button_url=mail.url(request.get_absolute_url()),
    )


def key_revoked(job: Job) -> None:
    """To the developer: this key has ended, and why."""
    key = Key.objects.select_related("developer").get(code=job.subject)
    gone = key.developer.closed_at or key.developer.gone_at
    if key.state != Key.State.REVOKED or gone:
        return
    why = _why_it_ended(key)
    mail.send(
        "key_revoked",
        to=key.developer.email,
        context={
            "title": f"Your replaced key “{key}” has ended"
            if why == "replaced"
            else f"Your key “{key}” was revoked",
            "preheader": "Calls with it are refused now.",
            "key": key,
            "why": why,
            "developer": key.developer,
            "button_label": "See your keys",
            "button_url": mail.url(reverse("keyrequests:keys")),
            "reason": "You get this mail because the key was yours.",
        },
    )


def _why_it_ended(key: Key) -> str:
    """Whose doing it was: "replaced", "owner", "staff", or "gateway"."""
    if key.replaced_by.filter(state=Mint.State.SHOWN).exists():
        return "replaced"
    asked = key.events.filter(verb=Event.Verb.REVOKE_ASKED).first()
    if asked is None:
        return "gateway"
    return "owner" if asked.by_owner else "staff"


def key_leaked(job: Job) -> None:
    """To those who decide: a key leaked, and what its owner did about it."""
    key = Key.objects.select_related("developer").get(code=job.subject)
    path = reverse("admin:keyrequests_key_change", args=[key.pk])
    _to_reviewers(
        "key_leaked",
        title=f"{key.developer} reported a leaked key",
        preheader="It is being ended. Look at what was called with it.",
        key=key,
        developer=key.developer,
        button_label="See the key",
        button_url=mail.url(path),
    )


def _request(job: Job) -> KeyRequest:
    return KeyRequest.objects.select_related("developer", "entry", "decided_by").get(
        code=job.subject
    )


def _to_developer(event: str, request: KeyRequest, **context: object) -> None:
    if request.developer.closed_at is not None:
        return  # whose farewell was the last mail
    if not mail_choices.wants(request.developer, event):
        return
    mail.send(
        event,
        to=request.developer.email,
        stop_url=mail_choices.stop_url(request.developer, event),
        context={
            "request": request,
            "developer": request.developer,
            "limits": _limits(request),
            "reason": why(request),
            **context,
        },
    )


def why(request: KeyRequest, *, given: bool = False) -> str:
    """Why a mail about `request` comes; `given` by staff, nobody sent it."""
    if given:
        return f"You get this mail because you were given access ({request.number})."
    return f"You get this mail because you sent request {request.number}."


def _limits(request: KeyRequest) -> str:
    asked = request.plans.select_related("plan").first()
    return limits(asked.plan) if asked and asked.plan else ""
