"""Drift of key requests, chunk by chunk as Tyk lists them."""

from collections.abc import Callable, Iterator
from typing import TypeGuard

from django.utils import timezone

from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import pull as requests_pull
from keyrequests.models import KeyRequest
from portal_site.drift.differences import (
    ABSENT,
    PRESENT,
    Difference,
    compared,
    difference,
)
from portal_site.drift.owners import OURS, REQUEST
from tyk import connect, fitting
from tyk.dashboard.errors import NotFound
from tyk.dashboard.records import BadRecord, KeyRequest as Asked
from tyk.models import Organisation


def differences(
    tell: Callable[[int], None] = lambda _read: None,
) -> Iterator[Difference]:
    """Memory holds one chunk and the ids of requests that should be pending."""
    began = timezone.now()
    marker = Organisation.current().marker
    pending = KeyRequest.objects.filter(tyk_state="pending", created_at__lt=began)
    expected = set(pending.exclude(tyk_id=None).values_list("tyk_id", flat=True))
    unreadable, read = False, 0
    tell(read)
    for chunk in requests_pull.in_chunks(connect.dashboard().requests()):
        expected.difference_update(record.id for record in chunk if record.id)
        unreadable |= any(record.id is None for record in chunk)
        good = [record for record in chunk if _is_good(record)]
        yield from _of_chunk(good, ours=marker(""))
        read += len(chunk)
        tell(read)
    for tyk_id in () if unreadable else sorted(filter(None, expected)):
        yield _gone(tyk_id)


def of_one(tyk_id: str) -> Iterator[Difference]:
    """The differences of one request, read now. Raises DashboardError."""
    try:
        record = connect.dashboard().request(tyk_id)
    except NotFound:
        if KeyRequest.objects.filter(tyk_id=tyk_id, tyk_state="pending").exists():
            yield _gone(tyk_id)
        return
    yield from _of_chunk([record], ours=Organisation.current().marker(""))


def _is_good(record: Asked | BadRecord) -> TypeGuard[Asked]:
    """Read, and of ids that a column holds: no query may ask for others."""
    if isinstance(record, BadRecord):
        return False
    return fitting.fits(record.id, 64) and fitting.fits(record.by_user, 64)


def _gone(tyk_id: str) -> Difference:
    return difference(REQUEST, tyk_id, "record", here=PRESENT, there=ABSENT)


def _of_chunk(records: list[Asked], *, ours: str) -> Iterator[Difference]:
    rows = {
        row.tyk_id: row
        for row in KeyRequest.objects.filter(tyk_id__in=[r.id for r in records])
        .select_related("developer")
        .prefetch_related("plans")
    }
    people = set(
        Developer.objects.filter(
            tyk_id__in={record.by_user for record in records}
        ).values_list("tyk_id", flat=True)
    )
    for record in records:
        row = rows.get(record.id)
        if row is not None:
            yield from _of_request(row, record, ours=ours)
        elif (
            record.by_user in people and record.policies and not _is_ours(record, ours)
        ):
            yield difference(REQUEST, record.id, "record", here=ABSENT, there=PRESENT)


def _is_ours(record: Asked, ours: str) -> bool:
    """Made by the portal: being delivered, or made for a replacement."""
    return record.fields.get(MARKER_FIELD, "").startswith(ours)


def _of_request(row: KeyRequest, record: Asked, *, ours: str) -> Iterator[Difference]:
    here = {
        "state": row.tyk_state,
        "developer": row.developer.tyk_id,
        "policies": sorted(plan.policy_id for plan in row.plans.all()),
    }
    there = {
        "state": "approved" if record.approved else "pending",
        "developer": record.by_user,
        "policies": sorted(set(record.policies)),
    }
    yield from compared(REQUEST, record.id, here=here, there=there)
    made_here = row.origin == KeyRequest.Origin.PORTAL
    if made_here and record.fields.get(MARKER_FIELD) != f"{ours}{row.code}":
        yield difference(
            REQUEST, record.id, MARKER_FIELD, here=PRESENT, there=ABSENT, owner=OURS
        )
