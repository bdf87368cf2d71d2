"""Outbox handlers: making Tyk agree with requests for keys."""

import logging
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from django.conf import settings

from developers.services import MARKER_FIELD
from keyrequests import services
from keyrequests.models import Event, KeyRequest
from tyk import looks, outbox
from tyk.connect import dashboard
from tyk.dashboard.errors import DashboardError, NotFound
from tyk.dashboard.records import BadRecord, KeyRequest as TykRequest
from tyk.models import Organisation
from tyk.outbox import Job, Later, Park

log = logging.getLogger(__name__)

SOON = 10.0  # seconds, where another of our writes must go first


def create_request(job: Job) -> None:
    """Have the request of this code stand in Tyk, once, and know its id."""
    request = KeyRequest.objects.select_related("developer").get(code=job.subject)
    if request.tyk_id is not None:
        _delete_twins(request)
        return
    # Ended before it was known to be there: a late write may have brought it.
    looked = job.must_look
    if looked or not request.is_open:
        if _found_in_tyk(request):
            return
        job.settled()
    if not request.is_open:
        return
    with job.sending():
        tyk_id = dashboard().create_request(
            by_user=request.developer.tyk_id,
            policies=[request.plans.get().policy_id],
            fields=services.fields_for_tyk(request, code=request.code),
            date_created=request.created_at,
            redirect_uri=request.redirect_uri or None,
        )
    if tyk_id is None:
        # Some releases answer "Data updated": then the marker finds it.
        if not _found_in_tyk(request):
            raise Later(SOON, "delivered, but not listed yet")
        return
    _demand_ours(tyk_id, request, again=looked)
    _delivered(request, tyk_id)


def _demand_ours(tyk_id: str, request: KeyRequest, *, again: bool) -> None:
    """Proved by reading it back. What can't be read now is taken at Tyk's word.

    Raises Park if it bears another's marker. If it bears none, Later: the row stays
    unsure, and the next look goes through the list. If that found nothing and it is
    so `again`, and in the list too, Tyk keeps no markers: sending it a third time would
    not help.
    """
    try:
        marker = _marker_of(dashboard().request(tyk_id))
    except DashboardError as error:
        log.info("delivery not read back", extra={"why": str(error)})
        return
    if not marker:
        if not again:
            raise Later(SOON, "delivered, but read back without a marker")
        if not _found_in_tyk(request):
            raise Park("Tyk keeps requests without our marker: run the doctor")
    elif marker != _marker(request):
        raise Park("Tyk answered with the id of another request")


def _found_in_tyk(request: KeyRequest) -> bool:
    """Look for it there by its marker; True if its id is known now."""
    _adopt_delivered()
    return KeyRequest.objects.filter(pk=request.pk).exclude(tyk_id=None).exists()


def _adopt_delivered() -> None:
    """One listing finds every request of ours that Tyk holds and we don't know.

    The other deliveries that wait for such a look are told what it saw of theirs.
    """
    others = looks.awaited("request.create")
    unknown = KeyRequest.objects.filter(tyk_id=None, origin=KeyRequest.Origin.PORTAL)
    sought = _by_marker(unknown.select_related("developer"))
    listed = _listed_with(sought, approved=None)
    for marker, found in listed.found.items():
        # Sent twice: the first made stays, ids of Tyk rise with time.
        first, *later = sorted(found, key=lambda record: record.id)
        request = sought[marker]
        _delivered(request, first.id)
        # Another worker that looked may have kept another one of them.
        request.refresh_from_db(fields=["tyk_id"])
        for one in (first, *later):
            if not one.approved and one.id != request.tyk_id:
                delete_in_tyk(one.id)
    there = {
        str(request.code): marker in listed.found for marker, request in sought.items()
    }
    for other in others:
        if there.get(other.subject):
            other.found()
        elif other.subject in there and listed.whole:
            other.not_found()


def _delete_twins(request: KeyRequest) -> None:
    """Delete what else carries its marker: a write landed after we sent another.

    Of the others that wait for such a look, those without a twin are told. A twin of
    theirs is theirs to delete, in their developer's lane: it may be a change.
    """
    others = looks.awaited("request.create")
    known = KeyRequest.objects.exclude(tyk_id=None).exclude(pk=request.pk)
    theirs = _by_marker(known.filter(code__in=[other.subject for other in others]))
    ours = _marker(request)
    listed = _listed_with({ours, *theirs}, approved=False)
    for record in listed.having(ours):
        if record.id != request.tyk_id:
            delete_in_tyk(record.id)
    alone = {
        str(one.code)
        for marker, one in theirs.items()
        if listed.whole
        and {record.id for record in listed.having(marker)} <= {one.tyk_id}
    }
    for other in others:
        if other.subject in alone:
            other.found()


def waiting_with(marker: str) -> list[str]:
    """Ids of the unapproved requests in Tyk that carry this marker."""
    listed = _listed_with({marker}, approved=False)
    return [record.id for record in listed.having(marker)]


def _by_marker(requests: Iterable[KeyRequest]) -> dict[str, KeyRequest]:
    organisation = Organisation.current()
    return {organisation.marker(request.code): request for request in requests}


@dataclass
class _Listed:
    """Records by our marker, and whether each record of the list could be read."""

    found: dict[str, list[TykRequest]] = field(default_factory=dict)
    whole: bool = True

    def having(self, marker: str) -> list[TykRequest]:
        return self.found.get(marker, [])


def _listed_with(markers: Container[str], *, approved: bool | None) -> _Listed:
    """What Tyk lists with one of these markers.

    The whole list first: it holds a slot, and a call meanwhile may find none.
    """
    listed = _Listed()
    deadline = _within_the_lease()
    for record in dashboard().requests(approved=approved, deadline=deadline):
        if isinstance(record, BadRecord):
            listed.whole = False
        elif _marker_of(record) in markers:
            listed.found.setdefault(_marker_of(record), []).append(record)
    return listed


def _within_the_lease() -> float:
    """Seconds for a list: one that outlived the lease would be asked for twice."""
    return float(settings.OUTBOX_LEASE) / 2


def _delivered(request: KeyRequest, tyk_id: str) -> None:
    kept = KeyRequest.objects.filter(pk=request.pk, tyk_id=None).update(
        tyk_id=tyk_id, tyk_state="pending"
    )
    if not kept:
        return
    services.note(Event.Verb.DELIVERED, request=request)
    request.refresh_from_db()
    if not request.is_open:
        # Declined or withdrawn while nobody knew whether it had arrived.
        services.take_back_in_tyk(request)


def _marker(request: KeyRequest) -> str:
    return Organisation.current().marker(request.code)


def _marker_of(record: TykRequest) -> str:
    return record.fields.get(MARKER_FIELD, "")


def delete_request(job: Job) -> None:
    """Take a declined or withdrawn request back in Tyk; its record stays here."""
    request = KeyRequest.objects.get(code=job.subject)
    if request.tyk_id is None:
        if still_being_delivered(request):
            raise Later(SOON, "waits for the delivery to end")
        return
    if request.tyk_state == "pending":
        delete_in_tyk(request.tyk_id)
        KeyRequest.objects.filter(pk=request.pk).update(tyk_state="gone")


def still_being_delivered(request: KeyRequest) -> bool:
    owed = outbox.owed("request.create").filter(subject=str(request.code))
    return owed.filter(parked_reason="").exists()


def delete_in_tyk(tyk_id: str) -> None:
    """Delete a request in Tyk; one that is gone already is all right."""
    try:
        dashboard().delete_request(tyk_id)
    except NotFound:
        log.info("key request was already gone")
