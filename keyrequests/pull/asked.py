"""Tyk → mirror: key requests, made here or there, and what was decided there."""

import logging
from datetime import datetime

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from catalogue.words import NO_ENTRY
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import outcomes
from keyrequests.models import (
    Event,
    KeyRequest,
    Mint,
    RequestedPlan,
)
from keyrequests.pull import plans as missing_plans
from keyrequests.pull.people import TWO_LOOKS_APART, in_chunks, one_developer
from tyk import bulk, fitting
from tyk.connect import dashboard
from tyk.dashboard.errors import NotFound, Unexpected
from tyk.dashboard.records import BadRecord, KeyRequest as Asked
from tyk.models import Organisation
from tyk.pull import Pulled

log = logging.getLogger(__name__)


def requests() -> Pulled:
    """Every key request, approved ones included."""
    return _apply_requests(approved=None)


def pending_requests() -> Pulled:
    """Requests Tyk has not approved; ours that are missing were decided there."""
    return _apply_requests(approved=False)


def _apply_requests(*, approved: bool | None) -> Pulled:
    began = timezone.now()
    pulled = Pulled()
    listed: set[str] = set()
    for chunk in in_chunks(dashboard().requests(approved=approved)):
        good = [r for r in chunk if not isinstance(r, BadRecord) and _fits(r)]
        # Also those that could not be read or kept: they are there.
        listed.update(record.id for record in chunk if record.id)
        pulled.seen += len(chunk)
        pulled.bad += len(chunk) - len(good)
        pulled.changed += apply_asked(good)
    pulled.retired = _look_for_missing(listed, began)
    # Here, since no kind of pull is made more often.
    pulled.changed += missing_plans.link()
    return pulled


def _fits(record: Asked) -> bool:
    """Whether our columns hold its ids: cut they would be another's."""
    ids = (record.id, record.by_user, *record.policies)
    return all(fitting.fits(one, 64) for one in ids)


def apply_asked(records: list[Asked]) -> int:
    # No objects: of a list of 200,000 nearly all are as they were.
    listed = [record.id for record in records]
    known = dict(
        bulk.select(KeyRequest, ("tyk_id", "tyk_state"), named="tyk_id", by=listed)
    )
    approved = [
        record.id
        for record in records
        if record.approved and known.get(record.id, "approved") != "approved"
    ]
    changed = 0
    rows = KeyRequest.objects.filter(tyk_id__in=approved)
    for row in rows.select_related("developer") if approved else ():
        changed += _approved_there(row)
    return changed + _keep_new([r for r in records if r.id not in known])


def _approved_there(request: KeyRequest) -> bool:
    """Approved in Tyk and not by a claim of ours: tell, and list its key."""
    ours = request.mints.exclude(state=Mint.State.REFUSED)
    if ours.exists():
        # Its mint says the rest; that the answer was lost must not hide this.
        KeyRequest.objects.filter(pk=request.pk).update(tyk_state="approved")
        return False
    if not outcomes.granted_in_tyk(request):
        return False
    one_developer(request.developer)
    return True


def _keep_new(records: list[Asked]) -> int:
    """Requests made in Tyk. Ours that no row names yet are not new."""
    ours = Organisation.current().marker("")
    outcomes.sent_late(
        record.fields[MARKER_FIELD].removeprefix(ours)
        for record in records
        if not record.approved and record.fields.get(MARKER_FIELD, "").startswith(ours)
    )
    made_there = [
        record
        for record in records
        if not record.fields.get(MARKER_FIELD, "").startswith(ours)
    ]
    if not made_there:
        return 0
    people = _people({record.by_user for record in made_there})
    # A request outlives its developer in Tyk; without one it is nobody's.
    news = [r for r in made_there if r.by_user in people and r.policies]
    plans = plans_for({policy for record in news for policy in record.policies})
    if _are_kept(news, people, plans):
        return len(news)
    # Another pull met some of them too, or one is odd: the others one by one.
    return sum(_are_kept([new], people, plans) for new in news)


def _people(tyk_ids: set[str]) -> dict[str, tuple[int, str]]:
    """Row and name of each developer; who closed the account stays forgotten."""
    rows = Developer.objects.filter(tyk_id__in=tyk_ids, erased_at=None)
    return {
        tyk_id: (pk, name or email)
        for tyk_id, pk, name, email in rows.values_list("tyk_id", "pk", "name", "email")
    }


def _are_kept(
    news: list[Asked], people: dict[str, tuple[int, str]], plans: dict[str, Plan]
) -> bool:
    try:
        _keep_made_there(news, people, plans)
    except IntegrityError:
        return False
    except DataError:
        # Cleaned as it is, no value should come to this. One by one it costs itself.
        log.exception("requests not kept", extra={"n": len(news)})
        return False
    return True


@transaction.atomic
def _keep_made_there(
    news: list[Asked], people: dict[str, tuple[int, str]], plans: dict[str, Plan]
) -> None:
    """In bulk and without objects: a first import lists two hundred thousand."""
    now = timezone.now()
    entries = {
        entry.plan_id: entry
        for entry in Entry.objects.present().exclude(plan=None).order_by("-position")
    }
    bulk.insert(
        KeyRequest,
        ("developer_id", "tyk_id", *_AS_MADE_THERE),
        (
            (people[new.by_user][0], new.id, *_as_made_there(new, plans, entries, now))
            for new in news
        ),
        alike={"origin": KeyRequest.Origin.TYK},
    )
    kept = KeyRequest.objects.filter(tyk_id__in=[new.id for new in news])
    pks = dict(kept.values_list("tyk_id", "pk"))
    bulk.insert(
        RequestedPlan,
        ("request_id", "developer_id", "policy_id", "plan_id", "open"),
        (
            (pks[new.id], people[new.by_user][0], policy, _pk(plans, policy), is_open)
            for new in news
            for is_open in [not new.approved]
            for policy in dict.fromkeys(new.policies)
        ),
        alike={"origin": KeyRequest.Origin.TYK},
    )
    bulk.insert(
        Event,
        ("request_id", "actor", "at"),
        (
            (pks[new.id], people[new.by_user][1][:200], new.date_created or now)
            for new in news
        ),
        alike={"verb": Event.Verb.SENT, "by_owner": True},
    )


_AS_MADE_THERE = (
    "status",
    "tyk_state",
    "decided_in",
    "entry_id",
    "entry_name",
    "answers",
    "redirect_uri",
    "created_at",
)


def _as_made_there(
    record: Asked,
    plans: dict[str, Plan],
    entries: dict[int | None, Entry],
    now: datetime,
) -> tuple[object, ...]:
    """The columns of a request made in Tyk, in the order of `_AS_MADE_THERE`."""
    plan = plans.get(record.policies[0])
    entry = entries.get(plan.pk) if plan else None
    state = (KeyRequest.Status.PENDING, "pending", KeyRequest.DecidedIn.NOBODY)
    if record.approved:
        state = (KeyRequest.Status.GRANTED, "approved", KeyRequest.DecidedIn.TYK)
    return (
        *state,
        entry.pk if entry else None,
        entry.name if entry else plan.name if plan else NO_ENTRY,
        fitting.clean_json(record.fields),
        fitting.clean(record.redirect_uri or "", 2000),
        record.date_created or now,
    )


def _pk(plans: dict[str, Plan], policy_id: str) -> int | None:
    return plans[policy_id].pk if policy_id in plans else None


def _look_for_missing(listed: set[str], began: datetime) -> int:
    """Ours that Tyk lists no longer: two looks and a 404 say "declined there"."""
    pending = KeyRequest.objects.filter(
        tyk_state="pending",
        status__in=[KeyRequest.Status.PENDING, KeyRequest.Status.APPROVED],
        created_at__lt=began,
    )
    seen, missed = [], []
    for pk, tyk_id, since in pending.values_list("pk", "tyk_id", "missing_since"):
        if tyk_id not in listed:
            missed.append(pk)
        elif since is not None:
            seen.append(pk)
    for pks in in_chunks(seen):
        KeyRequest.objects.filter(pk__in=pks).update(missing_since=None)
    retired = 0
    for pks in in_chunks(missed):
        for request in pending.filter(pk__in=pks).select_related("developer"):
            try:
                retired += _missed(request, began)
            except Unexpected as error:
                log.warning("request not readable", extra={"why": str(error)})
    return retired


def _missed(request: KeyRequest, began: datetime) -> bool:
    """An approval shows as soon as it is read; a 404 must be met twice."""
    if request.missing_since and began - request.missing_since >= TWO_LOOKS_APART:
        return decided_there(request)
    if request.missing_since is None:
        KeyRequest.objects.filter(pk=request.pk).update(missing_since=began)
    try:
        approved = dashboard().request(request.tyk_id or "").approved
    except NotFound:
        return False
    return approved and _approved_there(request)


def decided_there(request: KeyRequest) -> bool:
    """Read one of ours from Tyk and follow it; whether it moved."""
    try:
        record = dashboard().request(request.tyk_id or "")
    except NotFound:
        return outcomes.declined_in_tyk(request)
    return _approved_there(request) if record.approved else False
