"""Claim and replace: the one call that makes a key, inside the request that shows it.

    look      what does the developer hold now?            (a read, repeatable)
    begin     Mint `sending` and its settle row, committed  (a crash is seen)
    approve   the irreversible call, once
    keep      Mint `shown`, Key, request `granted`, committed
    show      the caller renders the key in this response and nowhere else
    read back which id Tyk gave the key                     (best effort)

If the answer is lost, nothing is shown and `mint.settle` finds out what happened.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from catalogue.services import plans_for
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import holdings, outcomes, pull, services, staff
from keyrequests.errors import (
    AccessError,
    AccountBusy,
    BeingMade,
    ClaimUnsure,
    KeyServiceAway,
    KeyServiceBusy,
    MadeElsewhere,
    NotClaimable,
    NotLive,
    SwitchedOff,
)
from keyrequests.live_shown import Shown, kind_of, pairs_of
from keyrequests.models import Event, Key, KeyPolicy, KeyRequest, Mint
from tyk import lanes, outbox
from tyk.budget import Budget
from tyk.connect import dashboard
from tyk.dashboard.errors import (
    DashboardError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unreachable,
)
from tyk.dashboard.records import BadRecord, Minted, MintedOAuth
from tyk.models import Organisation

log = logging.getLogger(__name__)

# Seconds for which a request made without an id is looked for, and between two looks.
LISTED_WITHIN, LISTED_EVERY = 1.0, 0.2
LANE_WAIT = 3.0  # seconds a click waits for a worker's call to the same developer
LOOK_WITHIN = 1.0  # seconds the end of a leaked key waits for a look at what Tyk lists

_REFUSED = (
    "The gateway refuses a key for this plan. Please tell our support, and name "
    "{number}."
)
ENDED_IN_TYK = (
    "The gateway has ended this key, so it cannot be replaced. Ask for access again."
)
ENDED_MEANWHILE = (
    "Our team ended this key while a new one was being made, so there is no new one."
)


def claim(request: KeyRequest) -> Shown:
    """Make the key of an approved request, for its owner to see once.

    Raises the refusals of `services.refuse_claim`, SwitchedOff, AccountBusy or
    KeyServiceAway (nothing was made), ClaimUnsure (being found out) or MadeElsewhere.
    """
    services.refuse_claim(request)
    return _mint(request, replaces=None, overlap=0)


def replace(key: Key, *, overlap: float, reason: str = "") -> Shown:
    """Make a new key for the request of `key`; the old one ends in `overlap` seconds.

    `reason`, in a few words, is kept on the time line.
    Raises the refusals of `services.refuse_replacement`, SwitchedOff, AccountBusy,
    KeyServiceAway or ClaimUnsure; then the old key is untouched. NotLive also if
    staff ended the old one meanwhile: the new one is ended, too, and never shown.
    """
    services.refuse_replacement(key, overlap=overlap)
    if key.request is None:
        raise LookupError("a key without a request passed refuse_replacement")
    return _mint(key.request, replaces=key, overlap=overlap, reason=reason)


def refuse_if_ended_in_tyk(key: Key) -> None:
    """Raise NotLive if Tyk surely ended it; return if it does not say so in time."""
    with contextlib.suppress(SwitchedOff, KeyServiceAway):
        _refuse_if_ended_in_tyk(key, _held_now(key.developer, Budget(LOOK_WITHIN)))


@sensitive_variables()
def _mint(
    request: KeyRequest, *, replaces: Key | None, overlap: float, reason: str = ""
) -> Shown:
    with _alone(request.developer) as alone:
        # From here: who waited for the lane has as much time as who did not.
        budget = Budget(settings.TYK_CLAIM_DEADLINE)
        before = _held_now(request.developer, budget)
        if budget.left() < settings.TYK_CLAIM_DEADLINE / 2:
            # Too little time for a call whose answer must not be lost.
            raise KeyServiceAway
        mint = _begin(request, replaces=replaces, before=before, overlap=overlap)
        minted = _approve(mint, budget, alone=alone)
        key = _keep(mint, minted, overlap=overlap, reason=reason)
        _read_back(key, mint, budget)
    if key.state != Key.State.LIVE:
        raise NotLive(ENDED_MEANWHILE)
    return Shown(mint=mint, key=key, pairs=pairs_of(minted))


def _held_now(developer: Developer, budget: Budget) -> holdings.Holdings:
    """What Tyk lists for them; raises SwitchedOff or KeyServiceAway."""
    try:
        record = dashboard().developer(developer.tyk_id, deadline=budget.left())
    except DashboardError as error:
        log.warning("claim not begun", extra={"why": str(error)})
        raise _away(error) from None
    if record.inactive:
        raise SwitchedOff
    return holdings.of_developer(developer, record)


@contextmanager
def _alone(developer: Developer) -> Iterator[lanes.Held]:
    """Hold the developer's lane, so that no other write of ours is under way."""
    name = lanes.for_developer(developer.tyk_id)
    try:
        with lanes.lane(name, seconds=settings.CLAIM_LEASE, wait=LANE_WAIT) as held:
            held.demand_quiet()
            yield held
    except lanes.MayStillLand as out:
        raise AccountBusy(out.seconds) from None
    except lanes.LaneBusy:
        raise BeingMade from None


def _begin(
    request: KeyRequest,
    *,
    replaces: Key | None,
    before: holdings.Holdings,
    overlap: float,
) -> Mint:
    """Commit that a key is about to be made, and who finds out if we die."""
    try:
        with transaction.atomic():
            # Read under the lane: a second click waited here while the first won.
            request.refresh_from_db()
            if replaces is None:
                services.refuse_claim(request)
                _refuse_if_handed_out_key_ended(request, before)
            else:
                replaces.refresh_from_db()
                _refuse_if_ended_in_tyk(replaces, before)
                _carry_what_tyk_lists(replaces, before)
                services.refuse_replacement(replaces, overlap=overlap)
            mint = Mint.objects.create(
                request=request,
                replaces=replaces,
                tyk_request_id=_unused_tyk_request(request),
                before=before.fingerprints,
                started_at=timezone.now(),
                mailed=Organisation.current().mails_keys,
            )
            outbox.enqueue(
                "mint.settle",
                mint.code,
                lane=lanes.for_developer(request.developer.tyk_id),
                after=settings.OUTBOX_QUARANTINE + settings.CLAIM_LEASE,
            )
    except IntegrityError:
        raise BeingMade from None
    return mint


# The mirror believes that a key was revoked in Tyk only after two looks. Until then,
# and without these, its owner could have another one that nobody reviewed.


def _refuse_if_handed_out_key_ended(
    request: KeyRequest, now: holdings.Holdings
) -> None:
    """Raise NotClaimable if the claim stands on a key Tyk made, and it is gone.

    The pull that found that key saw it listed: no replica is behind.
    """
    if request.status != KeyRequest.Status.GRANTED:
        return
    if not any(_lists(now, key) for key in services.handed_out(request)):
        raise NotClaimable(
            "The key that was handed out for this request has ended. Ask for access "
            "again."
        )


def _refuse_if_ended_in_tyk(key: Key, now: holdings.Holdings) -> None:
    """Raise NotLive if Tyk lists a live key no more.

    One that we are ending may be gone by our own call. One without an id can't be
    looked for, and a replica may not list a young one yet.
    """
    young = timezone.now() - key.created_at < pull.LISTED_WITHIN
    if key.state != Key.State.LIVE or key.fp is None or young:
        return
    if not _lists(now, key):
        raise NotLive(ENDED_IN_TYK)


def _carry_what_tyk_lists(key: Key, now: holdings.Holdings) -> None:
    """The new key carries what the old one does in Tyk: plans that were taken away
    there must not come back with it."""
    for held in now.held:
        mine = key.fp in held.fps and held.is_whole
        if mine and not staff.same(held.policies, staff.policies_of(key)):
            staff.keep_policies(key, held.policies)


def _lists(now: holdings.Holdings, key: Key) -> bool:
    """Whether `key`, whose id is known, is one of those."""
    return any(key.fp in one.fps for one in now.held)


def _unused_tyk_request(request: KeyRequest) -> str:
    """The delivered Tyk request nobody approved yet, or "" if a new one is needed.

    One that was made in Tyk bears no marker: which key came of it could never be told.
    """
    used = request.mints.exclude(state=Mint.State.REFUSED).exists()
    if used or request.tyk_state != "pending" or not services.is_marked(request):
        return ""
    return request.tyk_id or ""


@sensitive_variables()
def _approve(mint: Mint, budget: Budget, *, alone: lanes.Held) -> Minted:
    """The irreversible call. Every failure ends in a row state and a refusal.

    Tyk writes the new key into the developer's record: a profile edit that read it
    before and wrote it after would drop the key, so none may until it has landed.
    """
    try:
        if not mint.tyk_request_id:
            _ask_again(mint, budget)
        seconds = budget.left()
        with alone.writing(deadline=seconds):
            return dashboard().approve(mint.tyk_request_id, deadline=seconds)
    except lanes.LaneBusy:
        _not_made(mint, "the lane ran out before the call")
        raise
    except OutcomeUnknown as error:
        _unsure(mint, error.reason)
        raise ClaimUnsure from None
    except (Refused, NotFound) as error:
        _not_made(mint, str(error))
        raise _refusal(mint, budget) from None
    except DashboardError as error:
        _not_made(mint, str(error))
        raise _away(error) from None


def _away(error: DashboardError) -> KeyServiceAway:
    shed = isinstance(error, Unreachable) and error.is_shed
    return KeyServiceBusy() if shed else KeyServiceAway()


def _ask_again(mint: Mint, budget: Budget) -> None:
    """A new Tyk request for a replacement or after a lost key, kept in the mint.

    Raises DashboardError, and ClaimUnsure when Tyk answers without an id and does
    not list the request in time: settling finds it by the mint's marker and takes it
    back.
    """
    request = mint.request
    tyk_id = dashboard().create_request(
        by_user=request.developer.tyk_id,
        policies=_policies(mint),
        fields=services.fields_for_tyk(request, code=mint.code),
        date_created=timezone.now(),
        redirect_uri=request.redirect_uri or None,
        deadline=budget.left(),
    )
    if tyk_id is None:
        # Some releases answer "Data updated": then the marker finds it.
        tyk_id = _listed_for(mint, budget)
    if tyk_id is None:
        _unsure(mint, "no request id")
        raise ClaimUnsure
    Mint.objects.filter(pk=mint.pk).update(tyk_request_id=tyk_id)
    mint.tyk_request_id = tyk_id


def _policies(mint: Mint) -> list[str]:
    """What its key carries: what staff made of the one it replaces, else what was
    asked for."""
    if mint.replaces is None:
        return [asked.policy_id for asked in mint.request.plans.order_by("pk")]
    return [held.policy_id for held in mint.replaces.policies.order_by("pk")]


def _listed_for(mint: Mint, budget: Budget) -> str | None:
    """The request that carries this mint's marker; None if it is not listed in time.

    This can't be left to a worker: the key is in the answer to the approval, and may
    be shown in the page of this click and kept nowhere. So the click waits, for one
    look and those that begin within a second of it; what is listed later is settled
    by the worker, and the page says that it is being found out. Half of the time is kept
    for the call whose answer must not be lost.
    """
    marker = Organisation.current().marker(mint.code)
    kept = settings.TYK_CLAIM_DEADLINE / 2
    until = time.monotonic() + LISTED_WITHIN
    while (left := budget.left() - kept) > 0:
        waiting = dashboard().requests(approved=False, deadline=left)
        ours = [
            record.id
            for record in waiting
            if not isinstance(record, BadRecord)
            and record.fields.get(MARKER_FIELD) == marker
        ]
        if ours:
            return ours[0]
        if time.monotonic() + LISTED_EVERY >= until:
            break
        time.sleep(LISTED_EVERY)
    return None


def _refusal(mint: Mint, budget: Budget) -> AccessError:
    """What Tyk's no means, by looking at the request it said no to.

    A second approve is refused as "already processed": somebody approved in the
    Tyk Dashboard. That is never a success of ours, and its key not ours to show.
    """
    request = mint.request
    if mint.tyk_request_id != request.tyk_id:
        return NotClaimable(_REFUSED.format(number=request.number))
    try:
        record = dashboard().request(mint.tyk_request_id, deadline=budget.left())
    except NotFound:
        # Deleted there, while our approval stands: the next try asks anew.
        KeyRequest.objects.filter(pk=request.pk).update(tyk_state="gone")
        return KeyServiceAway()
    except DashboardError:
        return KeyServiceAway()
    if not record.approved:
        return NotClaimable(_REFUSED.format(number=request.number))
    outcomes.granted_in_tyk(request)
    with contextlib.suppress(DashboardError):
        # List the key that was handed out there, so that a new one can be asked for.
        pull.one_developer(request.developer, seconds=budget.left())
    return MadeElsewhere()


def _unsure(mint: Mint, why: str) -> None:
    """The outcome is not known: keep that, and let settling find out."""
    log.warning("claim unsure", extra={"why": why})
    moved = Mint.objects.filter(pk=mint.pk, state=Mint.State.SENDING).update(
        state=Mint.State.UNSURE, unsure_at=timezone.now()
    )
    if moved:
        services.note(Event.Verb.UNSURE, request=mint.request)


def _not_made(mint: Mint, why: str) -> None:
    log.warning("claim not done", extra={"why": why})
    Mint.objects.filter(pk=mint.pk, state=Mint.State.SENDING).update(
        state=Mint.State.REFUSED, ended_at=timezone.now()
    )


@sensitive_variables()
@transaction.atomic
def _keep(mint: Mint, minted: Minted, *, overlap: float, reason: str) -> Key:
    """Commit that the key is about to be shown. If this fails it is not shown."""
    now = timezone.now()
    request, old = mint.request, mint.replaces
    key = Key.objects.create(
        developer=request.developer,
        request=request,
        kind=kind_of(minted),
        name=old.name if old else services.name_for(request),
        created_at=now,
    )
    if isinstance(minted, MintedOAuth):
        holdings.keep_id(key, minted.client_id)
    policies = _policies(mint)
    plans = plans_for(policies)
    for policy_id in policies:
        KeyPolicy.objects.create(
            key=key, policy_id=policy_id, plan=plans.get(policy_id)
        )
    shown = Mint.objects.filter(pk=mint.pk, state=Mint.State.SENDING).update(
        state=Mint.State.SHOWN, ended_at=now, key=key
    )
    if not shown:
        # Settling thought us dead and took over: what we hold is not ours to show.
        raise ClaimUnsure
    outcomes.granted_here(request, key, replaces=old, overlap=overlap, reason=reason)
    mint.refresh_from_db()
    return key


def _read_back(key: Key, mint: Mint, budget: Budget) -> None:
    """Find the id Tyk gave the key; if that fails, settling does it later.

    The key is made and kept as shown: whatever goes wrong here, it must be shown.
    """
    try:
        if key.fp is None and not _id_kept(key, mint, budget):
            outcomes.settle_soon(mint)
    except Exception:
        log.warning("key id not kept yet", exc_info=True)


def _id_kept(key: Key, mint: Mint, budget: Budget) -> bool:
    try:
        made = pull.key_made_by(mint, seconds=budget.left())
    except DashboardError as error:
        log.info("key id not read back yet", extra={"why": str(error)})
        return False
    if made is not None:
        holdings.keep_id(key, made.id)
    return made is not None
