"""Closing an account: what its owner loses, and ending all of it. No network."""

from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from developers import closing as people
from developers.models import Developer
from keyrequests import services
from keyrequests.errors import AlreadyDecided, NotLive
from keyrequests.models import Event, Key, KeyRequest, Mint, UsageDay
from tyk import lanes, outbox
from tyk.models import Outbox

Status = KeyRequest.Status
Verb = Event.Verb
WORKING = [Key.State.LIVE, Key.State.REVOKING]


@dataclass(frozen=True, slots=True)
class Loss:
    """What ends when an account is closed. `calls_today` are those of `keys`, UTC."""

    keys: list[Key]
    requests: list[KeyRequest]
    calls_today: int

    def __bool__(self) -> bool:
        return bool(self.keys or self.requests)


def loss_of(developer: Developer) -> Loss:
    """Working keys and open requests of `developer`; three queries."""
    keys = Key.objects.filter(developer=developer, state__in=WORKING)
    today = UsageDay.objects.filter(key__in=keys, day=timezone.now().date())
    return Loss(
        keys=list(keys.order_by("name", "pk")),
        requests=list(_open_requests(developer).order_by("created_at", "pk")),
        calls_today=today.aggregate(n=Sum("hits"))["n"] or 0,
    )


def _open_requests(developer: Developer) -> QuerySet[KeyRequest]:
    return KeyRequest.objects.of(developer).filter(
        status__in=[Status.PENDING, Status.APPROVED]
    )


@transaction.atomic
def close(developer: Developer) -> bool:
    """Close the account for good: all of it, or nothing. False if it was already.

    Here it is over with the commit. Tyk follows by the outbox: keys are revoked,
    requests deleted, and then the developer.
    """
    if not people.close(developer):
        return False
    end_access(developer)
    outbox.enqueue(
        "developer.close",
        developer.code,
        lane=lanes.for_developer(developer.tyk_id),
    )
    return True


def end_access(developer: Developer) -> None:
    """Ask for the end of every key and open request there is now. Idempotent.

    Called again by the worker: a claim may have ended after the account was closed.
    """
    for key in Key.objects.filter(developer=developer, state=Key.State.LIVE):
        with suppress(NotLive):
            services.revoke(key, actor=developer)
    for request in _open_requests(developer).select_related("developer"):
        _end(request)


@transaction.atomic
def _end(request: KeyRequest) -> None:
    """Withdraw it or let the approval go; not while its claim is being settled."""
    if request.status == Status.PENDING:
        with suppress(AlreadyDecided):
            services.withdraw(request)
    elif not _is_being_claimed(request) and request.move(Status.LAPSED):
        services.note(Verb.LAPSED, request=request, text="the account was closed")
        services.take_back_in_tyk(request)


def _is_being_claimed(request: KeyRequest) -> bool:
    return request.mints.filter(state__in=services.UNFINISHED).exists()


def waits_for(developer: Developer) -> str:
    """What must end in Tyk before the developer can, in words; "" if nothing does."""
    if Mint.objects.filter(
        request__developer=developer, state__in=services.UNFINISHED
    ).exists():
        return "waits for a claim to be settled"
    if _open_requests(developer).exists() or _being_deleted(developer):
        return "waits for requests to be deleted"
    if Key.objects.filter(developer=developer, state__in=WORKING).exists():
        return "waits for keys to be revoked"
    return ""


def _being_deleted(developer: Developer) -> bool:
    """Whether a request is still delivered to Tyk or deleted there."""
    codes = KeyRequest.objects.of(developer).values_list("code", flat=True)
    return (
        Outbox.objects.filter(kind__in=["request.create", "request.delete"])
        .filter(subject__in=[str(code) for code in codes], asked__gt=F("served"))
        .exists()
    )


def is_told(developer: Developer) -> bool:
    """Whether the farewell was sent, or can't be: its address is needed no more."""
    return not Outbox.objects.filter(
        kind="mail.account_closed",
        subject=str(developer.code),
        asked__gt=F("served"),
        parked_reason="",
    ).exists()


@transaction.atomic
def erase(developer: Developer) -> None:
    """Forget who it was, and what they wrote.

    What stays says that somebody asked, who of staff decided and how, and how many
    calls were made: the company's own books, without a name.
    """
    requests = KeyRequest.objects.of(developer)
    keys = Key.objects.filter(developer=developer)
    theirs = Event.objects.filter(Q(request__in=requests) | Q(key__in=keys))
    theirs.filter(by_owner=True).update(actor=people.NOBODY, note="")
    requests.update(answers={}, project="", redirect_uri="")
    keys.update(name="")
    people.erase(developer)
