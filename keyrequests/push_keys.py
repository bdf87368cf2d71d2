"""Outbox handlers: what staff want changed about a key that goes on working."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from keyrequests import holdings, services, staff, usage
from keyrequests.models import Event, Key
from keyrequests.wishes import PolicyChange
from tyk.connect import dashboard
from tyk.outbox import Job, Later, Park

log = logging.getLogger(__name__)

SOON, SELDOM = 10.0, 60.0  # seconds
SHOWN_WITHIN = timedelta(minutes=15)
State = PolicyChange.State


# --- Plans -------------------------------------------------------------------------


def change_policies(job: Job) -> None:
    """Subject: Key.code. Read, compare, write, in the developer's lane.

    The call replaces all policies of the key, so what Tyk holds is read first:
    policies that neither stood here nor came from us were given by somebody else,
    and stay. Repeating the same write is harmless. Raises Later until Tyk shows it.
    """
    change = (
        PolicyChange.objects.filter(key__code=job.subject, state=State.DUE)
        .select_related("key__developer", "key__request")
        .first()
    )
    if change is None:
        return
    if not change.key.works:
        # Its owner may be owed a new one, which carries what this one was to carry.
        _end(change, State.DROPPED, "the key ended first", change.after)
        return
    if not _note_sent(change):
        raise Later(1, "the wish changed while it was carried out")
    # Committed before the read, so that nothing lies between read and write.
    with job.sending():
        held = _held(change.key)
        if _is_anothers(change, held):
            _end(change, State.CONFLICT, "Tyk holds other plans meanwhile", held)
            return
        if not staff.same(held, change.after):
            _write(job, change)
            held = _held(change.key)
    if not staff.same(held, change.after):
        _wait_for_it(change)
    _end(change, State.DONE, "", held)


def _note_sent(change: PolicyChange) -> bool:
    """Commit what Tyk may hold from now on; False if the wish changed meanwhile."""
    if change.after in change.sent:
        return _as_it_was(change).exists()
    change.sent = [*change.sent, change.after]
    return bool(_as_it_was(change).update(sent=change.sent))


def _as_it_was(change: PolicyChange) -> QuerySet[PolicyChange]:
    return PolicyChange.objects.filter(
        pk=change.pk, state=State.DUE, after=change.after
    )


def _held(key: Key) -> list[str]:
    """What Tyk lists the key with. Raises Later if it does not list it.

    The pull that looks twice says whether the key is gone.
    """
    record = dashboard().developer(key.developer.tyk_id)
    for one in holdings.of_developer(key.developer, record).held:
        if key.fp in one.fps:
            return sorted(one.policies)
    raise Later(SELDOM, "Tyk does not list this key")


def _is_anothers(change: PolicyChange, held: list[str]) -> bool:
    known = [change.before, *change.sent]
    return not any(staff.same(held, policies) for policies in known)


def _write(job: Job, change: PolicyChange) -> None:
    key = change.key
    with job.whole_record():
        dashboard().change_key_policies(
            key.developer.tyk_id, holdings.id_of(key), policies=change.after
        )


def _wait_for_it(change: PolicyChange) -> None:
    """A replica that lags shows the old ones yet; for ever, it is no replica."""
    now = timezone.now()
    if change.taken_at is None:
        _as_it_was(change).update(taken_at=now)
    elif now - change.taken_at > SHOWN_WITHIN:
        raise Park("Tyk took the change of plans, and goes on showing the old ones")
    raise Later(SOON, "Tyk does not show the change yet")


@transaction.atomic
def _end(
    change: PolicyChange, state: State, why: str, held: list[str] | None = None
) -> None:
    """Unless the wish was changed meanwhile: then it is still due, and asked for."""
    if held is not None:
        staff.keep_policies(change.key, held)
    if not _as_it_was(change).update(state=state, ended_at=timezone.now()):
        return
    done = state == State.DONE
    services.note(
        Event.Verb.PLANS_SET if done else Event.Verb.REFUSED,
        request=change.key.request,
        key=change.key,
        text=why,
    )


# --- Quota -------------------------------------------------------------------------


def reset_quota(job: Job) -> None:
    """Subject: Key.code. Twice does no harm: the developer has more calls left."""
    key = Key.objects.select_related("developer", "request").get(code=job.subject)
    if not key.works:
        return
    # Before the call, so that what it leaves out was surely called before.
    so_far = usage.so_far(key, timezone.now())
    dashboard().reset_quota(key.developer.tyk_id, holdings.id_of(key))
    with transaction.atomic():
        Key.objects.filter(pk=key.pk).update(**so_far)
        services.note(Event.Verb.QUOTA_RESET, request=key.request, key=key)
