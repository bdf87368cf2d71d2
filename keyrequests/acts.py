"""What developers do beside asking and revoking: change a request, report a leak,
ask to be told when the key service is back. No network."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from keyrequests import services, words
from keyrequests.errors import AlreadyDecided
from keyrequests.models import Event, Key, KeyRequest
from tyk import lanes, outbox

Verb = Event.Verb
BACK = "mail.service_back"


# --- Changing a request --------------------------------------------------------------
def may_amend(request: KeyRequest) -> bool:
    """Whether its owner may still change what it says: nobody has decided."""
    return (
        request.status == KeyRequest.Status.PENDING
        and request.origin == KeyRequest.Origin.PORTAL
    )


@transaction.atomic
def amend(
    request: KeyRequest,
    *,
    answers: Mapping[str, str],
    project: str = "",
    redirect_uri: str = "",
) -> bool:
    """Change what a pending request says; False if that is what it said before.

    Staff read on its time line what was changed. Raises AlreadyDecided.
    """
    says = {"answers": dict(answers), "project": project, "redirect_uri": redirect_uri}
    changed = _changed(request, says)
    if not may_amend(request):
        raise AlreadyDecided(request, words.decided(request))
    if not changed:
        return False
    pending = KeyRequest.objects.filter(pk=request.pk, status=request.Status.PENDING)
    kept = pending.update(**says)
    request.refresh_from_db()
    if not kept:
        raise AlreadyDecided(request, words.decided(request))
    services.note(
        Verb.CHANGED,
        request=request,
        actor=request.developer,
        text=", ".join(changed),
    )
    outbox.enqueue(
        "request.amend",
        request.code,
        lane=lanes.for_developer(request.developer.tyk_id),
    )
    return True


def _changed(request: KeyRequest, says: Mapping[str, object]) -> list[str]:
    """Which questions have another answer, by their names."""
    new = says["answers"]
    if not isinstance(new, dict):
        raise TypeError("answers are a mapping")
    old = {str(name): str(told) for name, told in request.answers.items()}
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if says["project"] != request.project:
        names.append("Project name")
    if says["redirect_uri"] != request.redirect_uri:
        names.append("Redirect addresses")
    return names


# --- A leak --------------------------------------------------------------------------
@transaction.atomic
def report_leak(key: Key) -> None:
    """End `key` at once, and tell staff. Raises NotLive if it does not work any more.

    Its owner is owed a new one without a review: see services.refuse_replacement.
    """
    who, now = key.developer, timezone.now()
    # One that was to end later ends now. One that staff end is not the owner's to
    # have replaced: only a live key can leak.
    services.revoke(key, actor=who)
    services.note(Verb.LEAKED, request=key.request, key=key, actor=who, at=now)
    outbox.enqueue("mail.key_leaked", key.code)


# --- Mail me when it is back ------------------------------------------------------------
def tell_when_back(subject: KeyRequest | Key) -> None:
    """Ask for one mail as soon as the key service answers again. Twice asks once."""
    if not is_to_be_told(subject):
        outbox.enqueue(BACK, subject.code)


def is_to_be_told(subject: KeyRequest | Key) -> bool:
    """Whether that mail is still owed; one query."""
    return outbox.owed(BACK).filter(subject=str(subject.code)).exists()
