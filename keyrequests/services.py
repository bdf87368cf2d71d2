"""What people may do with requests and keys. No network; the outbox tells Tyk."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalogue.models import Entry
from catalogue.services import needs_approval, plans_for, requestable
from developers.models import Developer, User, email_key
from developers.services import MARKER_FIELD
from keyrequests import words
from keyrequests.errors import (
    AlreadyAsked,
    AlreadyDecided,
    BeingDelivered,
    BeingMade,
    Closed,
    KeyMailIsOn,
    NotClaimable,
    NotLive,
    NotOffered,
    OwnRequest,
    Paused,
    ReasonNeeded,
    TooManyOpen,
)
from keyrequests.models import Event, Key, KeyRequest, Mint, RequestedPlan
from keyrequests.wishes import PolicyChange
from tyk import fence, lanes, outbox
from tyk.models import Organisation

MOST_OPEN_REQUESTS = 5
OWED_FOR = timedelta(days=7)  # how long a leaked key can be replaced

UNFINISHED = [Mint.State.SENDING, Mint.State.UNSURE]

Status = KeyRequest.Status
Verb = Event.Verb


# --- Asking ------------------------------------------------------------------------


@transaction.atomic
def submit(
    developer: Developer,
    *,
    entry: Entry,
    answers: Mapping[str, str],
    nonce: UUID,
    project: str = "",
    redirect_uri: str = "",
) -> KeyRequest:
    """Record that `developer` asks for the plan of `entry`, and why.

    The same form posted twice (same `nonce`) answers with the first request.
    Raises NotOffered, AlreadyAsked, TooManyOpen, Closed; then nothing was recorded.
    """
    # Locked until the commit: whoever closes the account meanwhile finds the request.
    owner = Developer.objects.select_for_update().filter(pk=developer.pk).first()
    if owner is None or owner.closed_at is not None:
        raise Closed
    posted = KeyRequest.objects.of(developer).filter(nonce=nonce).first()
    if posted is not None:
        return posted
    if entry.plan is None or not requestable(entry):
        raise NotOffered
    _refuse_another_open(developer, entry.plan.oid)
    now = timezone.now()
    automatic = not needs_approval(entry, Organisation.current())
    try:
        with transaction.atomic():
            request = KeyRequest.objects.create(
                developer=developer,
                entry=entry,
                entry_name=entry.name,
                project=project,
                answers=dict(answers),
                redirect_uri=redirect_uri,
                nonce=nonce,
                created_at=now,
            )
            RequestedPlan.objects.create(
                request=request,
                developer=developer,
                policy_id=entry.plan.oid,
                plan=entry.plan,
            )
    except IntegrityError:
        # Another tab was quicker, between our look and our insert.
        return _posted_elsewhere(developer, nonce, entry.plan.oid)
    note(Verb.SENT, request=request, actor=developer, at=now)
    outbox.enqueue(
        "request.create", request.code, lane=lanes.for_developer(developer.tyk_id)
    )
    if automatic:
        _approved(request, decided_in=KeyRequest.DecidedIn.RULE, at=now)
    else:
        outbox.enqueue("mail.request_received", request.code)
        outbox.enqueue("mail.to_review", request.code)
    return request


def _refuse_another_open(developer: Developer, policy_id: str) -> None:
    open_plans = RequestedPlan.objects.filter(
        developer=developer, open=True, origin=KeyRequest.Origin.PORTAL
    ).select_related("request")
    for plan in open_plans:
        if plan.policy_id == policy_id:
            raise AlreadyAsked(plan.request)
    if len(open_plans) >= MOST_OPEN_REQUESTS:
        raise TooManyOpen


def _posted_elsewhere(developer: Developer, nonce: UUID, policy_id: str) -> KeyRequest:
    posted = KeyRequest.objects.of(developer).filter(nonce=nonce).first()
    if posted is not None:
        return posted
    _refuse_another_open(developer, policy_id)
    raise NotOffered  # the plan vanished under us


@transaction.atomic
def withdraw(request: KeyRequest) -> None:
    """The developer changes their mind while nobody has decided.

    Raises AlreadyDecided.
    """
    now = timezone.now()
    if not request.move(
        Status.WITHDRAWN, decided_at=now, decided_in=KeyRequest.DecidedIn.NOBODY
    ):
        raise AlreadyDecided(request, words.decided(request))
    note(Verb.WITHDRAWN, request=request, actor=request.developer, at=now)
    take_back_in_tyk(request)


def take_back_in_tyk(request: KeyRequest) -> None:
    """Tyk knows no "declined": the request is deleted there (Tyk docs, Key requests)."""
    outbox.enqueue(
        "request.delete",
        request.code,
        lane=lanes.for_developer(request.developer.tyk_id),
    )


# --- Deciding ----------------------------------------------------------------------


@transaction.atomic
def approve(request: KeyRequest, *, by: User, reason: str = "") -> None:
    """Staff says yes. A local decision: the key is minted when it is claimed.

    Raises OwnRequest and AlreadyDecided.
    """
    _refuse_own(request, by)
    now = timezone.now()
    if not _approved(
        request,
        decided_in=KeyRequest.DecidedIn.STAFF,
        at=now,
        by=by,
        reason=reason,
    ):
        raise AlreadyDecided(request, words.decided(request))


def _approved(
    request: KeyRequest,
    *,
    decided_in: "KeyRequest.DecidedIn",
    at: datetime,
    by: User | None = None,
    reason: str = "",
) -> bool:
    moved = request.move(
        Status.APPROVED,
        decided_by=by,
        decided_at=at,
        decided_in=decided_in,
        reason=reason,
    )
    if moved:
        note(Verb.APPROVED, request=request, actor=str(by or ""), at=at, text=reason)
        outbox.enqueue("mail.approved", request.code)
    return moved


@transaction.atomic
def decline(request: KeyRequest, *, by: User, reason: str) -> None:
    """Staff says no, and why; the developer reads the reason.

    Raises ReasonNeeded, OwnRequest and AlreadyDecided.
    """
    if not reason.strip():
        raise ReasonNeeded
    _refuse_own(request, by)
    now = timezone.now()
    moved = request.move(
        Status.DECLINED,
        decided_by=by,
        decided_at=now,
        decided_in=KeyRequest.DecidedIn.STAFF,
        reason=reason.strip(),
    )
    if not moved:
        raise AlreadyDecided(request, words.decided(request))
    note(Verb.DECLINED, request=request, actor=str(by), at=now, text=reason.strip())
    outbox.enqueue("mail.declined", request.code)
    take_back_in_tyk(request)


def is_marked(request: KeyRequest) -> bool:
    """Whether its request in Tyk is ours, and so is told by its marker."""
    return request.origin == KeyRequest.Origin.PORTAL


def is_given(request: KeyRequest) -> bool:
    """Whether staff gave it, unasked; one query."""
    return request.events.filter(verb=Verb.SENT, by_owner=False).exists()


def _refuse_own(request: KeyRequest, by: User) -> None:
    """Nobody decides a request of their own address."""
    if by.email and request.developer.email_key == email_key(by.email):
        raise OwnRequest


# --- Claiming ----------------------------------------------------------------------


def refuse_claim(request: KeyRequest) -> None:
    """Raise why a first key can't be claimed now; return if it can.

    A request approved in the Tyk Dashboard may be claimed too, since its key was
    never shown here. Raises NotClaimable, KeyMailIsOn, BeingMade, BeingDelivered.
    """
    if request.status != Status.APPROVED and not _granted_elsewhere(request):
        raise NotClaimable
    end = open_until(request)
    if end is not None and end < timezone.now():
        raise NotClaimable("This approval has lapsed. You can ask again.")
    _refuse_mint(request)
    asked = [plan.policy_id for plan in request.plans.all()[:2]]
    if len(asked) > 1:
        # Only the Tyk Dashboard makes such requests, and only it can serve them.
        raise NotClaimable(
            "This request names several plans at once, so no key can be made from it "
            "here. Ask for each plan by itself."
        )
    if not are_offered(asked):
        raise NotClaimable("This plan is no longer offered.")
    changing = outbox.owed("request.amend").filter(subject=str(request.code))
    if request.tyk_id is None or changing.exists():
        raise BeingDelivered


def _granted_elsewhere(request: KeyRequest) -> bool:
    """Asked for here, approved in Tyk, never shown here, and its key still works.

    Without the last a key that was revoked in Tyk could be had again unreviewed.
    """
    return (
        request.status == Status.GRANTED
        and request.origin == KeyRequest.Origin.PORTAL
        and request.decided_in == KeyRequest.DecidedIn.TYK
        and not request.mints.filter(state=Mint.State.SHOWN).exists()
        and handed_out(request).exists()
    )


def handed_out(request: KeyRequest) -> QuerySet[Key]:
    """The keys that may be what somebody in Tyk made of it, and still work."""
    return Key.objects.filter(
        developer=request.developer,
        origin=Key.Origin.FOUND,
        state=Key.State.LIVE,
        created_at__gte=request.created_at,  # when it was first seen
        policies__policy_id__in=request.plans.values("policy_id"),
    )


def refuse_replacement(key: Key, *, overlap: float = 0) -> None:
    """Raise why `key` can't be replaced now; return if it can.

    `overlap`: seconds for which it goes on beside the new one. Raises NotLive,
    NotClaimable, KeyMailIsOn, BeingMade.
    """
    if key.state == Key.State.LIVE:
        if key.ends_at is not None:
            raise NotLive("This key is being replaced already.")
    elif not is_owed(key):
        raise NotLive
    why = why_irreplaceable(key) or _why_not_now(key, overlap)
    if why or key.request is None:
        raise NotClaimable(why)
    _refuse_mint(key.request)


def _why_not_now(key: Key, overlap: float) -> str:
    """Why `key` can't be replaced before something else is over; "" if it can."""
    if key.policy_changes.filter(state=PolicyChange.State.DUE).exists():
        return "Our team is changing the plans of this key. Replace it in a moment."
    ending = Key.objects.filter(request=key.request, state=Key.State.LIVE)
    ending = ending.exclude(ends_at=None).exclude(pk=key.pk)
    # One after the other they would multiply what was approved for one key.
    if overlap and (other := ending.first()) is not None and other.ends_at:
        until = f"{other.ends_at.astimezone(UTC):%-d %b, %H:%M} UTC"
        return (
            f"“{other}”, which was replaced before, works until {until}. "
            "Until then the old key has to end at once."
        )
    return ""


def why_irreplaceable(key: Key) -> str:
    """Why no key like this one can be made, now or later; "" if one can."""
    if key.request is None:
        return "This key was not made here. Ask for access first."
    policies = [policy.policy_id for policy in key.policies.all()]
    if are_offered(policies):
        return ""
    several = len(policies) > 1
    return f"{'One of its plans' if several else 'This plan'} is no longer offered."


def are_offered(policy_ids: list[str]) -> bool:
    """Whether there is a plan for each, and Tyk would make a key of it; one query."""
    plans = plans_for(policy_ids)
    return bool(policy_ids) and all(
        policy_id in plans and plans[policy_id].offered for policy_id in policy_ids
    )


def is_owed(key: Key) -> bool:
    """Whether its owner ended it since it leaked, and got no new one for it yet."""
    if key.state not in {Key.State.REVOKING, Key.State.REVOKED}:
        return False
    since = timezone.now() - OWED_FOR
    return (
        key.events.filter(verb=Verb.LEAKED, at__gte=since).exists()
        and not key.replaced_by.filter(state=Mint.State.SHOWN).exists()
    )


def name_for(request: KeyRequest) -> str:
    """What a new key is called: the project or the API, with a number if taken."""
    name = request.project or request.entry_name
    taken = set(
        Key.objects.filter(developer=request.developer, name__startswith=name[:90])
        .exclude(state__in=[Key.State.REVOKED, Key.State.GONE])
        .values_list("name", flat=True)
    )
    numbered = (f"{name[:90]} {number}" for number in range(2, len(taken) + 3))
    return next(n for n in (name[:100], *numbered) if n not in taken)


def _refuse_mint(request: KeyRequest) -> None:
    if fence.closed():
        raise Paused
    if Organisation.current().mails_keys and not settings.CLAIM_ACCEPTS_KEY_MAIL:
        raise KeyMailIsOn
    if request.mints.filter(state__in=UNFINISHED).exists():
        raise BeingMade


def fields_for_tyk(request: KeyRequest, *, code: UUID) -> dict[str, str]:
    """What stands in the Tyk request's `fields`: answers, marker, where to decide.

    Tyk copies them into the metadata of the key it makes, so a key with our
    marker is known to be ours (Tyk docs, Developer Portal, key metadata).
    """
    where = f"{settings.PORTAL_BASE_URL}/admin/keyrequests/keyrequest/{request.pk}/"
    return {
        **{str(name): str(answer) for name, answer in request.answers.items()},
        MARKER_FIELD: Organisation.current().marker(code),
        "portal_state": f"decide in the portal: {where}",
    }


def open_until(request: KeyRequest) -> datetime | None:
    """Until when an approved request can be claimed."""
    if request.status != Status.APPROVED or request.decided_at is None:
        return None
    return request.decided_at + timedelta(days=settings.APPROVAL_DAYS)


# --- Holding -----------------------------------------------------------------------


@transaction.atomic
def revoke(key: Key, *, actor: str | Developer, after: float = 0) -> None:
    """Ask Tyk to end `key`, now or in `after` seconds. Raises NotLive.

    Until Tyk has done so the key is still live, and pages say that.
    """
    now = timezone.now()
    if after:
        ended = Key.objects.filter(pk=key.pk, state=Key.State.LIVE).update(
            ends_at=now + timedelta(seconds=after)
        )
    else:
        ended = Key.objects.filter(pk=key.pk, state=Key.State.LIVE).update(
            state=Key.State.REVOKING, ends_at=now
        )
    if not ended:
        raise NotLive
    key.refresh_from_db()
    note(Verb.REVOKE_ASKED, request=key.request, key=key, actor=actor, at=now)
    outbox.enqueue(
        "key.revoke",
        key.code,
        lane=lanes.for_developer(key.developer.tyk_id),
        after=after,
    )


# --- The time line -----------------------------------------------------------------


def note(
    verb: "Event.Verb",
    *,
    request: KeyRequest | None = None,
    key: Key | None = None,
    actor: str | Developer = "",
    at: datetime | None = None,
    text: str = "",
) -> None:
    """Add to the time line and audit trail. Never a key, a token or a password.

    `actor` is the name of somebody of staff, "" the portal, or the developer whose
    request or key it is.
    """
    Event.objects.create(
        verb=verb,
        request=request,
        key=key,
        actor=str(actor)[:200],
        by_owner=isinstance(actor, Developer),
        at=at or timezone.now(),
        note=text,
    )
