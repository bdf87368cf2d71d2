"""Tyk → mirror: key requests, made here or there, and what was decided there."""

import logging
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import outcomes
from keyrequests.models import (
    Event,
    KeyRequest,
    Mint,
    RequestedPlan,
)
from keyrequests.pull.people import TWO_LOOKS_APART, in_chunks, one_developer
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
        good = [record for record in chunk if not isinstance(record, BadRecord)]
        # Also those that could not be read: they are there.
        listed.update(record.id for record in chunk if record.id)
        pulled.seen += len(chunk)
        pulled.bad += len(chunk) - len(good)
        pulled.changed += apply_asked(good)
    pulled.retired = _look_for_missing(listed, began)
    return pulled


def apply_asked(records: list[Asked]) -> int:
    known = {
        row.tyk_id: row
        for row in KeyRequest.objects.filter(
            tyk_id__in=[record.id for record in records]
        ).select_related("developer")
    }
    changed = 0
    new: list[Asked] = []
    for record in records:
        row = known.get(record.id)
        if row is None:
            new.append(record)
        elif record.approved and row.tyk_state != "approved":
            changed += _approved_there(row)
    return changed + _keep_new(new)


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
    people_by_id = {
        row.tyk_id: row
        for row in Developer.objects.filter(
            tyk_id__in={record.by_user for record in made_there},
            erased_at=None,  # who closed the account stays forgotten
        )
    }
    plans = plans_for({policy for record in made_there for policy in record.policies})
    entries = {
        entry.plan_id: entry
        for entry in Entry.objects.present().exclude(plan=None).order_by("-position")
    }
    # A request outlives its developer in Tyk; without one it is nobody's.
    news = [
        _as_made_there(record, people_by_id[record.by_user], plans, entries)
        for record in made_there
        if record.by_user in people_by_id and record.policies
    ]
    if _are_kept(news):
        return len(news)
    # Another pull met some of them too: the others one by one.
    return sum(_are_kept([new]) for new in news)


def _are_kept(news: list[tuple[KeyRequest, list[RequestedPlan]]]) -> bool:
    try:
        _keep_made_there(news)
    except IntegrityError:
        return False
    return True


@transaction.atomic
def _keep_made_there(news: list[tuple[KeyRequest, list[RequestedPlan]]]) -> None:
    """In bulk: a first import lists two hundred thousand."""
    for request, plans in news:
        request.pk = None  # as before a try that was rolled back
        for plan in plans:
            plan.pk = None
    KeyRequest.objects.bulk_create(request for request, _ in news)
    for request, plans in news:
        for plan in plans:
            plan.request = request
    RequestedPlan.objects.bulk_create(plan for _, plans in news for plan in plans)
    Event.objects.bulk_create(
        Event(
            verb=Event.Verb.SENT,
            request=request,
            actor=str(request.developer),
            at=request.created_at,
        )
        for request, _ in news
    )


def _as_made_there(
    record: Asked,
    developer: Developer,
    plans: dict[str, Plan],
    entries: dict[int | None, Entry],
) -> tuple[KeyRequest, list[RequestedPlan]]:
    """The rows of a request made in Tyk, not kept yet."""
    plan = plans.get(record.policies[0])
    entry = entries.get(plan.pk) if plan else None
    status = KeyRequest.Status.GRANTED if record.approved else KeyRequest.Status.PENDING
    request = KeyRequest(
        developer=developer,
        origin=KeyRequest.Origin.TYK,
        status=status,
        entry=entry,
        entry_name=entry.name if entry else plan.name if plan else "(No Catalog Entry)",
        answers=dict(record.fields),
        redirect_uri=record.redirect_uri or "",
        tyk_id=record.id,
        tyk_state="approved" if record.approved else "pending",
        created_at=record.date_created or timezone.now(),
        decided_in=KeyRequest.DecidedIn.TYK if record.approved else "",
    )
    return request, [
        RequestedPlan(
            developer=developer,
            policy_id=policy,
            plan=plans.get(policy),
            open=not record.approved,
            origin=KeyRequest.Origin.TYK,
        )
        for policy in dict.fromkeys(record.policies)
    ]


def _look_for_missing(listed: set[str], began: datetime) -> int:
    """Ours that Tyk lists no longer: two looks and a 404 say "declined there"."""
    pending = KeyRequest.objects.filter(
        tyk_state="pending",
        status__in=[KeyRequest.Status.PENDING, KeyRequest.Status.APPROVED],
        created_at__lt=began,
    ).select_related("developer")
    retired = 0
    for request in pending:
        if request.tyk_id in listed:
            if request.missing_since is not None:
                KeyRequest.objects.filter(pk=request.pk).update(missing_since=None)
        else:
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
