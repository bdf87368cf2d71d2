"""Outbox handlers: making Tyk agree with mints and revocations."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from keyrequests import holdings, outcomes, pull, services
from keyrequests.models import Event, Key, KeyRequest, Mint
from keyrequests.push_requests import delete_in_tyk, waiting_with
from tyk import lanes, outbox
from tyk.connect import dashboard
from tyk.dashboard.errors import (
    NotFound,
    OutcomeUnknown,
    Refused,
)
from tyk.models import Organisation
from tyk.outbox import Job, Later, Park

log = logging.getLogger(__name__)

OURS_WITHIN = timedelta(hours=24)
TRIED_WITHIN = timedelta(minutes=5)
AUDIT_EVERY = 3600.0  # seconds between audits, at the most
AUDITS_APART = 3  # times as long as from the one before: the later the less likely
SOON = 10.0  # seconds, where another of our writes must go first
SELDOM = 60.0  # seconds, once the first minutes are over


# --- Keys --------------------------------------------------------------------------


def revoke_key(job: Job) -> None:
    """End a key in Tyk; a refusal waits for a person.

    "Not there" is success, once the gateway does not know the key either. Asked
    for a key that was revoked, it finds out whether that was true.
    """
    key = Key.objects.select_related("developer", "request").get(code=job.subject)
    if key.state == Key.State.REVOKED and key.sealed_id is not None:
        _look_again(key)
    if not key.works:
        return
    if key.state == Key.State.LIVE:
        if key.ends_at is None:
            return  # nobody asks any more
        if key.ends_at > timezone.now():
            left = (key.ends_at - timezone.now()).total_seconds()
            # Nothing was sent, whatever a restore says: its owner may end it sooner.
            job.settled()
            raise Later(max(1.0, left), "the replaced key still works for a while")
    if key.sealed_id is None and not _named_late(key):
        return
    try:
        _revoke(key)
    except NotFound:
        _demand_ended(key)
    except Refused as error:
        # Needs enable_delete_key_by_hash at the gateway (Tyk docs, key hashing).
        raise Park(
            f"Tyk refuses to delete this key, so it is still live ({error.status})"
        ) from None
    _revoked(key)


def _named_late(key: Key) -> bool:
    """Find Tyk's id of the key; False if it has ended. Raises Later or Park."""
    mint = Mint.objects.select_related("request__developer", "key").get(key=key)
    _read_late_id(mint)
    key.refresh_from_db()
    return key.works


def _revoke(key: Key) -> None:
    key_id = holdings.id_of(key)
    if key.kind == Key.Kind.OAUTH:
        dashboard().delete_oauth_client(key_id)
    else:
        dashboard().revoke_key(key.developer.tyk_id, key_id)


def _demand_ended(key: Key) -> None:
    """Tyk found nothing to delete: believed if the key does not work either.

    A replica that lags does not know a young key yet. The session at the gateway
    is the second, independent look (Tyk docs, Keys: get a key).
    """
    if not _works_in_tyk(key):
        log.info("key was already gone")
        return
    log.warning("key not found, but it works", extra={"key": str(key.code)})
    asked_at = key.ends_at or key.created_at
    if timezone.now() - asked_at > pull.LISTED_WITHIN:
        raise Park("Tyk finds no such key to delete, and it is still live")
    raise Later(SOON, "Tyk does not find the key, but it is still live")


def _works_in_tyk(key: Key) -> bool:
    key_id = holdings.id_of(key)
    try:
        if key.kind == Key.Kind.OAUTH:
            record = dashboard().developer(key.developer.tyk_id)
            held = record.oauth_clients.values()
            return any(one.client_id == key_id for some in held for one in some)
        dashboard().key_detail(key_id, hashed=holdings.goes_by_hash(key_id))
    except NotFound:
        return False
    return True


def _look_again(key: Key) -> None:
    """A pull met a key that we call revoked. If it works, the page must say so.

    Within a day it is the same key, and what its owner asked for is done again.
    After that somebody brought it back in Tyk, and it is theirs to end.
    """
    if not _works_in_tyk(key):
        return  # a list that lags behind
    young = key.ended_at is None or timezone.now() - key.ended_at < OURS_WITHIN
    log.error(
        "revoked key is live", extra={"key": str(key.code), "revoked again": young}
    )
    outcomes.live_after_all(key, revoke=young)


@transaction.atomic
def _revoked(key: Key) -> None:
    now = timezone.now()
    ended = Key.objects.filter(
        pk=key.pk, state__in=[Key.State.LIVE, Key.State.REVOKING]
    ).update(state=Key.State.REVOKED, ended_at=now)
    if ended:
        services.note(Event.Verb.REVOKED, request=key.request, key=key, at=now)
        outbox.enqueue("mail.key_revoked", key.code)


# --- Mints whose answer was lost ---------------------------------------------------


def settle(job: Job) -> None:
    """Find out what became of a mint, and undo only what is provably ours.

    Runs after the quarantine, when no write of the mint can still land.
    """
    mint = Mint.objects.select_related("request__developer", "key").get(
        code=job.subject
    )
    if mint.state == Mint.State.SHOWN:
        _read_late_id(mint)
    elif mint.state in {Mint.State.REFUSED, Mint.State.LOST}:
        # Asked again by a pull that met its request: it landed late.
        _take_back_own_request(mint)
    elif mint.state in {Mint.State.SENDING, Mint.State.UNSURE}:
        # Still "sending" so long after: the process that sent it died.
        Mint.objects.filter(pk=mint.pk, unsure_at=None).update(
            unsure_at=mint.started_at
        )
        _find_out(mint)


def audit(job: Job) -> None:
    """Look again, for a day, whether a settled mint made a key after all.

    A Dashboard or a proxy may carry a call out long after we stopped listening, so
    looking once is not enough: a key that nobody saw would live for ever.
    """
    mint = Mint.objects.select_related("request__developer", "key").get(
        code=job.subject
    )
    if mint.state == Mint.State.SHOWN or not _surely_unseen(mint):
        return
    if mint.request.developer.gone_at is not None:
        return  # their keys went with them
    made = pull.key_made_by(mint)
    if made is not None:
        log.warning("late key found", extra={"mint": str(mint.code)})
        # If that fails the key is still live: the next audit tries again.
        if _revoked_unseen(mint, made):
            services.note(
                Event.Verb.SETTLED, request=mint.request, text="a late key was removed"
            )
    Mint.objects.filter(pk=mint.pk).update(audits=F("audits") + 1)
    raise Later(_until_next(mint.audits), "audited again later")


def _until_next(audits: int) -> float:
    """Seconds until the next look, after one that so many went before.

    Counted and not timed: a worker with much to do may come late to the first, and
    one look alone may have met an odd answer.
    """
    apart: float = settings.OUTBOX_QUARANTINE
    for _ in range(audits):
        apart = min(AUDIT_EVERY, apart * AUDITS_APART)
    return apart


def _read_late_id(mint: Mint) -> None:
    """A key was shown but Tyk's id for it not read back yet.

    Deleted in Tyk before that, it is never listed: looked for long enough, and
    listed nowhere by two looks, it has ended. Raises Later until then.
    """
    if mint.key is None or mint.key.fp is not None:
        return
    made = pull.keys_marked_by(mint)
    waited = timezone.now() - mint.started_at
    if len(made) == 1:
        holdings.keep_id(mint.key, made[0].id)
    elif waited < pull.LISTED_WITHIN:
        young = waited < TRIED_WITHIN
        raise Later(SOON if young else SELDOM, "the key is not listed yet")
    elif made:
        raise Park("Tyk lists several keys of this claim, and nothing tells which")
    elif not _missed_before(mint.key):
        raise Later(SELDOM, "the key is listed nowhere: looked for once more")
    else:
        log.warning("key never listed", extra={"mint": str(mint.code)})
        outcomes.never_listed(mint.key)


def _missed_before(key: Key) -> bool:
    """Whether an earlier look missed it too; this one is noted if it is the first.

    Time alone proves nothing: after an outage the first look may come this late.
    """
    if key.missing_since is None:
        Key.objects.filter(pk=key.pk).update(missing_since=timezone.now())
        return False
    return timezone.now() - key.missing_since >= timedelta(seconds=SELDOM)


def _find_out(mint: Mint) -> None:
    made = pull.key_made_by(mint)
    if made is None:
        _nothing_of_ours(mint)
    elif _surely_unseen(mint):
        _remove_unseen(mint, made)
    else:
        log.error("unseen key left alone", extra={"mint": str(mint.code)})
        _end_mint(mint, Mint.State.LOST, "a key was made, and left as it is")


def _surely_unseen(mint: Mint) -> bool:
    """Whether nobody can have the key: our answer was lost and Tyk mails none."""
    recent = timezone.now() - mint.started_at < OURS_WITHIN
    return recent and not (mint.mailed or Organisation.current().mails_keys)


def _remove_unseen(mint: Mint, made: holdings.Held) -> None:
    if _revoked_unseen(mint, made):
        _end_mint(mint, Mint.State.LOST, "the key nobody saw was removed")
    else:
        _end_mint(mint, Mint.State.LOST, "a key nobody saw is live: Tyk keeps it")


def _revoked_unseen(mint: Mint, made: holdings.Held) -> bool:
    """End a key that is provably ours and was shown to nobody; False if refused.

    Its owner must not wait for a gateway that deletes no keys by hash (Tyk's
    default, enable_delete_key_by_hash): then it is listed as found.
    """
    developer = mint.request.developer
    try:
        dashboard().revoke_key(developer.tyk_id, made.id)
    except NotFound:
        log.info("the unseen key was already gone")
    except (Refused, OutcomeUnknown) as error:
        young = timezone.now() - mint.started_at < TRIED_WITHIN
        if isinstance(error, OutcomeUnknown) and young:
            raise
        log.error("unseen key cannot be removed", extra={"mint": str(mint.code)})
        return False
    # A pull may have listed it as found meanwhile.
    Key.objects.filter(developer=developer, fp=made.fp).update(
        state=Key.State.REVOKED, ended_at=timezone.now()
    )
    return True


def _nothing_of_ours(mint: Mint) -> None:
    """No key is provably ours. Its Tyk request is never used again.

    Deleted, it can't be approved by the lost call that may still arrive, and the
    next claim's key carries another marker.
    """
    request = mint.request
    if mint.tyk_request_id != request.tyk_id:
        _take_back_own_request(mint)
        _end_mint(mint, Mint.State.LOST, "no key of this claim was found")
        return
    try:
        approved = dashboard().request(mint.tyk_request_id).approved
    except NotFound:
        approved = False
    if approved:
        KeyRequest.objects.filter(pk=request.pk).update(tyk_state="approved")
        if timezone.now() - mint.started_at < _looked_for():
            raise Later(SOON, "approved in Tyk, and its key is not listed yet")
        _end_mint(mint, Mint.State.LOST, "a key was made, but never shown")
        return
    delete_in_tyk(mint.tyk_request_id)
    KeyRequest.objects.filter(pk=request.pk).update(tyk_state="gone")
    _end_mint(mint, Mint.State.REFUSED, "no key was made")


def _looked_for() -> timedelta:
    """So long after its call a key that must be there is looked for. One look is too
    few: a list that was read odd, once, would leave the key live until an audit."""
    return timedelta(seconds=4 * settings.OUTBOX_QUARANTINE)


def _take_back_own_request(mint: Mint) -> None:
    """Delete the Tyk request a mint made for itself, if nobody used it."""
    if mint.tyk_request_id == mint.request.tyk_id:
        return
    for tyk_id in waiting_with(Organisation.current().marker(mint.code)):
        delete_in_tyk(tyk_id)


@transaction.atomic
def _end_mint(mint: Mint, state: Mint.State, what: str) -> None:
    ended = Mint.objects.filter(
        pk=mint.pk, state__in=[Mint.State.SENDING, Mint.State.UNSURE]
    ).update(state=state, ended_at=timezone.now())
    if ended:
        services.note(Event.Verb.SETTLED, request=mint.request, text=what)
        outbox.enqueue(
            "mint.audit",
            mint.code,
            lane=lanes.for_developer(mint.request.developer.tyk_id),
            after=settings.OUTBOX_QUARANTINE,
        )
