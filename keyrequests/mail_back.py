"""The mail "you can get your key now", once the Dashboard answers again."""

from uuid import UUID

from django.urls import reverse

from developers import mail
from keyrequests import reads, services
from keyrequests.errors import AccessError
from keyrequests.models import Key, KeyRequest
from tyk.connect import dashboard
from tyk.dashboard.errors import DashboardError, NotFound
from tyk.outbox import Job, Later

ASKED_EVERY = 60.0  # seconds between two looks whether it answers


def service_back(job: Job) -> None:
    """Subject: KeyRequest.code or Key.code. Looks by the read a claim begins with.

    Whoever got the key meanwhile hears nothing. Raises Later while it is away.
    """
    code = UUID(job.subject)
    request = KeyRequest.objects.select_related("developer").filter(code=code).first()
    if request is not None:
        _tell_of_request(request)
        return
    key = Key.objects.select_related("developer", "request").get(code=code)
    _tell_of_key(key)


def _tell_of_request(request: KeyRequest) -> None:
    state = reads.claim_state(request).name
    if state in {"delivering", "checking"}:
        raise Later(ASKED_EVERY, "the claim waits for the key service")
    if state not in {"ready", "elsewhere"} or not _answers(request.developer.tyk_id):
        return
    _tell(
        request,
        title=f"You can claim your key for {request.entry_name} now",
        preheader="The key service answers again.",
        button_label="Claim my key",
        button_url=mail.url(reverse("keyrequests:claim", args=[request.code])),
    )


def _tell_of_key(key: Key) -> None:
    try:
        services.refuse_replacement(key)
    except AccessError:
        return
    if key.request is None or not _answers(key.developer.tyk_id):
        return
    _tell(
        key.request,
        title=f"You can replace your key “{key}” now",
        preheader="The key service answers again.",
        button_label="Open the key",
        button_url=f"{mail.url(key.get_absolute_url())}#replace",
    )


def _answers(tyk_id: str) -> bool:
    """False if the developer is gone there: then there is nothing to tell."""
    try:
        dashboard().developer(tyk_id)
    except NotFound:
        return False
    except DashboardError:
        raise Later(ASKED_EVERY, "the key service is still away") from None
    return True


def _tell(request: KeyRequest, **context: object) -> None:
    if not request.developer.may_enter:
        return
    mail.send(
        "service_back",
        to=request.developer.email,
        context={
            "request": request,
            "developer": request.developer,
            "reason": "You get this mail because you asked for it on that page.",
            **context,
        },
    )
