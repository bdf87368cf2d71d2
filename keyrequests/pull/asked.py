"""Tyk → mirror: key requests, made here or there, and what was decided there."""

import logging
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import outcomes, services
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
            tyk_id__in={record.by_user for record in made_there}
        )
    }
    plans = plans_for({policy for record in made_there for policy in record.policies})
    entries = {
        entry.plan_id: entry
        for entry in Entry.objects.present().exclude(plan=None).order_by("-position")
    }
    kept = 0
    for record in made_there:
        developer = people_by_id.get(record.by_user)
        # A request outlives its developer in Tyk; without one it is nobody's.
        if developer is not None and record.policies:
            kept += _kept_made_there(record, developer, plans, entries)
    return kept


def _kept_made_there(
    record: Asked,
    developer: Developer,
    plans: dict[str, Plan],
    entries: dict[int | None, Entry],
) -> bool:
    try:
        _keep_made_there(record, developer, plans, entries)
    except IntegrityError:
        return False  # another pull met the same new request
    return True


@transaction.atomic
def _keep_made_there(
    record: Asked,
    developer: Developer,
    plans: dict[str, Plan],
    entries: dict[int | None, Entry],
) -> None:
    plan = plans.get(record.policies[0])
    entry = entries.get(plan.pk) if plan else None
    status = KeyRequest.Status.GRANTED if record.approved else KeyRequest.Status.PENDING
    decided = KeyRequest.DecidedIn.TYK if record.approved else ""
    request = KeyRequest.objects.create(
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
        decided_in=decided,
    )
    for policy in dict.fromkeys(record.policies):
        RequestedPlan.objects.create(
            request=request,
            developer=developer,
            policy_id=policy,
            plan=plans.get(policy),
            open=not record.approved,
            origin=KeyRequest.Origin.TYK,
        )
    services.note(
        Event.Verb.SENT, request=request, actor=str(developer), at=request.created_at
    )


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
