"""What became of a request: told by a claim, by Tyk, or by time.

Decisions of people are in `services`; these are facts that arrive. Each moves the
row once, by compare-and-set, and says on the time line what happened.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from keyrequests import services
from keyrequests.errors import NotLive
from keyrequests.models import Event, Key, KeyRequest, Mint, RequestedPlan
from tyk import lanes, outbox

Status = KeyRequest.Status
Verb = Event.Verb
PLAN_GONE_FOR = timedelta(days=1)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@transaction.atomic
def granted_here(
    request: KeyRequest,
    key: Key,
    *,
    replaces: Key | None,
    overlap: float,
    reason: str = "",
) -> None:
    """A key was made and is about to be shown; the one it replaces ends.

    If staff ended that one meanwhile, the new one ends with it: `key` says so.
    """
    request.move(Status.GRANTED)
    if services.is_marked(request):
        KeyRequest.objects.filter(pk=request.pk).update(tyk_state="approved")
    else:
        # Another was approved in its place (live._unused_tyk_request).
        services.take_back_in_tyk(request)
    who = request.developer
    services.note(Verb.CLAIMED, request=request, key=key, actor=who)
    if replaces is None:
        return
    services.note(Verb.REPLACED, request=request, key=replaces, actor=who, text=reason)
    try:
        services.revoke(replaces, actor=who, after=overlap)
    except NotLive:  # ended meanwhile, as wanted
        if _ended_by_staff(replaces):
            services.revoke(key, actor="")


def _ended_by_staff(key: Key) -> bool:
    """Whether the last who asked for its end was not its owner."""
    asked = key.events.filter(verb=Verb.REVOKE_ASKED).order_by("pk").last()
    return asked is not None and not asked.by_owner


@transaction.atomic
def granted_in_tyk(request: KeyRequest) -> bool:
    """Somebody approved it in the Tyk Dashboard; True if that was news."""
    now = timezone.now()
    KeyRequest.objects.filter(pk=request.pk).update(tyk_state="approved")
    moved = request.move(
        Status.GRANTED, decided_at=now, decided_in=KeyRequest.DecidedIn.TYK
    )
    if moved:
        services.note(
            Verb.APPROVED, request=request, at=now, text="in the Tyk Dashboard"
        )
        if request.origin == KeyRequest.Origin.PORTAL:
            # Who asked in the gateway's own portal hears of it there.
            outbox.enqueue("mail.granted_in_tyk", request.code)
    return moved


@transaction.atomic
def declined_in_tyk(request: KeyRequest) -> bool:
    """Somebody deleted it in the Tyk Dashboard; True if that was news."""
    now = timezone.now()
    KeyRequest.objects.filter(pk=request.pk).update(tyk_state="gone")
    if request.status != Status.PENDING:
        return False
    moved = request.move(
        Status.DECLINED, decided_at=now, decided_in=KeyRequest.DecidedIn.TYK
    )
    if moved:
        services.note(
            Verb.DECLINED, request=request, at=now, text="in the Tyk Dashboard"
        )
        outbox.enqueue("mail.declined", request.code)
    return moved


@transaction.atomic
def never_listed(key: Key) -> None:
    """A key that was shown is not in Tyk: deleted there before its id was read."""
    ends = {Key.State.REVOKING: Key.State.REVOKED, Key.State.LIVE: Key.State.GONE}
    now = timezone.now()
    moved = Key.objects.filter(pk=key.pk, fp=None, state=key.state).update(
        state=ends[Key.State(key.state)], ended_at=now
    )
    if not moved:
        return
    services.note(
        Verb.REVOKED, request=key.request, key=key, at=now, text="Tyk never listed it"
    )
    if key.state == Key.State.REVOKING:
        outbox.enqueue("mail.key_revoked", key.code)


@transaction.atomic
def live_after_all(key: Key, *, revoke: bool) -> None:
    """A key we call revoked works; `revoke` says whether it is ended once more."""
    now = timezone.now()
    state = Key.State.REVOKING if revoke else Key.State.LIVE
    moved = Key.objects.filter(pk=key.pk, state=Key.State.REVOKED).update(
        state=state, ended_at=None, ends_at=now if revoke else None, missing_since=None
    )
    if moved:
        text = "still live after it was revoked" + (": revoked again" if revoke else "")
        services.note(Verb.FOUND, request=key.request, key=key, at=now, text=text)
    key.refresh_from_db()


def settle_soon(mint: Mint) -> None:
    """Have the worker look at once, where no late write can be under way."""
    outbox.enqueue(
        "mint.settle",
        mint.code,
        lane=lanes.for_developer(mint.request.developer.tyk_id),
    )


def sent_late(codes: Iterable[str]) -> None:
    """Tyk holds unapproved requests of ours under an id that no row knows.

    They are on their way to be known, or a call whose answer was lost was carried
    out when we had sent another, or given up: the worker finds out, and tidies up.
    """
    rows = [UUID(code) for code in codes if _UUID.fullmatch(code)]
    if not rows:
        return
    for request in KeyRequest.objects.filter(code__in=rows).select_related("developer"):
        outbox.enqueue(
            "request.create",
            request.code,
            lane=lanes.for_developer(request.developer.tyk_id),
        )
    given_up = [Mint.State.LOST, Mint.State.REFUSED]
    for mint in Mint.objects.filter(code__in=rows, state__in=given_up):
        settle_soon(mint)


def lapse_old_approvals() -> int:
    """End approvals nobody claimed in time, or can any more; here and in Tyk; how many.

    A plan that went away for a day is not coming back; one switched off may.
    """
    now = timezone.now()
    late = Q(decided_at__lt=now - timedelta(days=settings.APPROVAL_DAYS))
    gone = Q(
        pk__in=RequestedPlan.objects.filter(
            open=True, plan__gone_at__lt=now - PLAN_GONE_FOR
        ).values("request")
    )
    ends = KeyRequest.objects.filter(late | gone, status=Status.APPROVED)
    return sum(_lapse(request) for request in ends.select_related("developer"))


@transaction.atomic
def _lapse(request: KeyRequest) -> bool:
    if request.mints.filter(state__in=services.UNFINISHED).exists():
        return False  # being claimed this minute
    if not request.move(Status.LAPSED):
        return False
    services.note(Verb.LAPSED, request=request)
    services.take_back_in_tyk(request)
    return True
