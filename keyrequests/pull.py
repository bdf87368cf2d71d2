"""Tyk → mirror: developers with their keys, and key requests.

Developers are pulled here and not in `developers`, since one record carries both
the person and the keys, and a list of 100,000 is read once.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from developers import pull as people
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import holdings, outcomes, services
from keyrequests.models import (
    Event,
    Key,
    KeyPolicy,
    KeyRequest,
    Mint,
    RequestedPlan,
)
from tyk.connect import dashboard
from tyk.dashboard.errors import NotFound
from tyk.dashboard.records import BadRecord, Developer as Person, KeyRequest as Asked
from tyk.models import Organisation
from tyk.pull import Pulled

log = logging.getLogger(__name__)

CHUNK = 500
TWO_LOOKS_APART = timedelta(seconds=60)
T = TypeVar("T")


# --- Developers and their keys -----------------------------------------------------


def developers() -> Pulled:
    """Every developer of the organisation, streamed."""
    return _apply_people(dashboard().developers(), began=timezone.now())


def recent_developers() -> Pulled:
    """Those who were here in the last minutes, one by one."""
    since = timezone.now() - timedelta(seconds=settings.RECENT_DEVELOPER_WINDOW)
    ids = Developer.objects.present().filter(seen_here_at__gte=since)
    return _apply_people(
        _each(ids.values_list("tyk_id", flat=True)), began=timezone.now()
    )


def one_developer(developer: Developer) -> Pulled:
    """Read one developer and their keys now; raises DashboardError."""
    return _apply_people(_each([developer.tyk_id]), began=timezone.now())


def _each(tyk_ids: Iterable[str]) -> Iterator[Person]:
    for tyk_id in tyk_ids:
        record = people.read(tyk_id)
        if record is not None:
            yield record


def _apply_people(stream: Iterable[Person | BadRecord], *, began: datetime) -> Pulled:
    pulled = Pulled()
    for chunk in _chunks(stream):
        good = [record for record in chunk if not isinstance(record, BadRecord)]
        applied = people.apply(good)
        pulled.seen += len(chunk)
        pulled.bad += len(chunk) - len(good) + applied.refused
        pulled.changed += len(applied.changed) + _apply_keys(good, began=began)
    return pulled


def _chunks(stream: Iterable[T]) -> Iterator[list[T]]:
    source = iter(stream)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _apply_keys(records: list[Person], *, began: datetime) -> int:
    """Bring the key rows of these developers in step; how many changed."""
    rows = Developer.objects.in_bulk(
        [record.id for record in records], field_name="tyk_id"
    )
    known = _keys_of(rows.values())
    settling = _being_settled(rows.values())
    found: list[tuple[Developer, holdings.Held]] = []
    listed: set[tuple[int, str]] = set()
    for record in records:
        developer = rows.get(record.id)
        if developer is None:
            continue
        for held in holdings.of_developer(developer, record).held:
            listed.add((developer.pk, held.fp))
            if (developer.pk, held.fp) not in known and developer.pk not in settling:
                found.append((developer, held))
    missing = [
        key
        for place, key in known.items()
        if place not in listed and key.works and key.created_at < began
    ]
    if not found and not missing:
        return 0
    with transaction.atomic():
        _keep_found(found)
        _keep_gone(missing)
    return len(found) + len(missing)


def _keys_of(developers: Iterable[Developer]) -> dict[tuple[int, str], Key]:
    keys = Key.objects.filter(developer__in=list(developers)).exclude(fp=None)
    return {(key.developer_id, key.fp or ""): key for key in keys}


def _being_settled(developers: Iterable[Developer]) -> set[int]:
    """Developers with a key whose id isn't known yet: what is new may be that one."""
    rows = list(developers)
    unnamed = Key.objects.filter(
        developer__in=rows, fp=None, state__in=[Key.State.LIVE, Key.State.REVOKING]
    )
    minting = Mint.objects.filter(
        request__developer__in=rows,
        state__in=[Mint.State.SENDING, Mint.State.UNSURE],
    )
    return set(unnamed.values_list("developer", flat=True)) | set(
        minting.values_list("request__developer", flat=True)
    )


def _keep_found(found: list[tuple[Developer, holdings.Held]]) -> None:
    """List keys that Tyk has and we did not make, or lost sight of."""
    if not found:
        return
    now = timezone.now()
    plans = plans_for({policy for _, held in found for policy in held.policies})
    for developer, held in found:
        names = [plans[p].name for p in sorted(held.policies) if p in plans]
        key = Key(
            developer=developer,
            origin=Key.Origin.FOUND,
            kind=_kind_of(held, plans),
            name=", ".join(names)[:100],
            created_at=now,
        )
        for column, value in holdings.sealed(key, held.id).items():
            setattr(key, column, value)
        key.save()
        KeyPolicy.objects.bulk_create(
            KeyPolicy(key=key, policy_id=policy, plan=plans.get(policy))
            for policy in sorted(held.policies)
        )
        services.note(Event.Verb.FOUND, key=key, at=now)


def _kind_of(held: holdings.Held, plans: dict[str, Plan]) -> Key.Kind:
    if held.is_oauth:
        return Key.Kind.OAUTH
    kinds = {plans[policy].auth_kind for policy in held.policies if policy in plans}
    return Key.Kind.BASIC if kinds == {"basic"} else Key.Kind.TOKEN


def _keep_gone(missing: list[Key]) -> None:
    """What Tyk no longer lists has ended; what we asked to end is revoked."""
    now = timezone.now()
    for key in missing:
        ended = Key.State.REVOKED if key.state == Key.State.REVOKING else Key.State.GONE
        moved = Key.objects.filter(pk=key.pk, state=key.state).update(
            state=ended, ended_at=now
        )
        if moved:
            services.note(
                Event.Verb.REVOKED, request=key.request, key=key, text="seen in Tyk"
            )


# --- Key requests ------------------------------------------------------------------


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
    for chunk in _chunks(dashboard().requests(approved=approved)):
        good = [record for record in chunk if not isinstance(record, BadRecord)]
        listed.update(record.id for record in good)
        pulled.seen += len(chunk)
        pulled.bad += len(chunk) - len(good)
        pulled.changed += _apply_asked(good)
    pulled.retired = _look_for_missing(listed, began)
    return pulled


def _apply_asked(records: list[Asked]) -> int:
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
    if ours.exists() or not outcomes.granted_in_tyk(request):
        return False
    one_developer(request.developer)
    return True


def _keep_new(records: list[Asked]) -> int:
    """Requests made in Tyk. Ours that are still being delivered are not new."""
    ours = Organisation.current().marker("")
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
            _keep_made_there(record, developer, plans, entries)
            kept += 1
    return kept


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
        elif request.missing_since is None:
            KeyRequest.objects.filter(pk=request.pk).update(missing_since=began)
        elif began - request.missing_since >= TWO_LOOKS_APART:
            retired += _decided_there(request)
    return retired


def _decided_there(request: KeyRequest) -> bool:
    try:
        record = dashboard().request(request.tyk_id or "")
    except NotFound:
        return outcomes.declined_in_tyk(request)
    return _approved_there(request) if record.approved else False
