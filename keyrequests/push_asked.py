"""Outbox handler: what a developer changed about a request that is in Tyk already.

The Dashboard's own update writes the whole record, `approved` included: sent while
somebody approves there, it would take the approval back, and a second key could be
made. So a new request takes the old one's place; Tyk allows duplicates.
"""

import logging

from keyrequests import services
from keyrequests.models import KeyRequest
from keyrequests.push_requests import (
    delete_in_tyk,
    still_being_delivered,
    waiting_with,
)
from tyk.connect import dashboard
from tyk.dashboard.errors import NotFound
from tyk.dashboard.records import KeyRequest as TykRequest
from tyk.models import Organisation
from tyk.outbox import Job, Later

log = logging.getLogger(__name__)

SOON = 10.0  # seconds


def amend_request(job: Job) -> None:
    """Subject: KeyRequest.code. Have Tyk hold what the request says today.

    At every moment the id that the row knows stands in Tyk, so that no pull takes
    the change for a decline. What is left over carries our marker and is deleted,
    here or by `request.create` when a pull meets it.
    """
    request = KeyRequest.objects.select_related("developer").get(code=job.subject)
    if request.tyk_id is None and still_being_delivered(request):
        raise Later(SOON, "waits for the delivery to end")
    if request.tyk_id is None or not _is_untouched(request):
        return
    if job.must_look:
        _take_newest(request)
        job.settled()
    record = _standing(request)
    if record is None or record.approved or _says_the_same(record, request):
        return
    with job.sending():
        new_id = dashboard().create_request(
            by_user=request.developer.tyk_id,
            policies=[request.plans.get().policy_id],
            fields=services.fields_for_tyk(request, code=request.code),
            date_created=request.created_at,
            redirect_uri=request.redirect_uri or None,
        )
    if new_id is None:
        # Some releases answer "Data updated": then the marker finds it. Until it is
        # listed the row stays unsure, and the next turn looks first.
        before = request.tyk_id
        _take_newest(request)
        if request.tyk_id == before:
            raise Later(SOON, "changed, but not listed yet")
    elif not _swapped(request, new_id):
        delete_in_tyk(new_id)


def _is_untouched(request: KeyRequest) -> bool:
    """Open, and no claim was begun on what stands in Tyk."""
    return (
        request.is_open
        and request.tyk_state == "pending"
        and not request.mints.exists()
    )


def _standing(request: KeyRequest) -> TykRequest | None:
    """What Tyk holds; None if it was deleted there, which a pull follows."""
    try:
        return dashboard().request(request.tyk_id or "")
    except NotFound:
        return None


def _says_the_same(record: TykRequest, request: KeyRequest) -> bool:
    wanted = services.fields_for_tyk(request, code=request.code)
    return dict(record.fields) == wanted and (
        not request.redirect_uri or record.redirect_uri == request.redirect_uri
    )


def _swapped(request: KeyRequest, new_id: str) -> bool:
    """Know the new one, then delete the old one; False if Tyk decided meanwhile."""
    old_id = request.tyk_id or ""
    kept = KeyRequest.objects.filter(
        pk=request.pk, tyk_id=old_id, tyk_state="pending"
    ).update(tyk_id=new_id, missing_since=None)
    if not kept:
        return False
    request.refresh_from_db()
    delete_in_tyk(old_id)
    return True


def _take_newest(request: KeyRequest) -> None:
    """Of several with our marker the newest stays: ids of Tyk rise with time."""
    listed = sorted(waiting_with(Organisation.current().marker(request.code)))
    if not listed or listed[-1] < (request.tyk_id or ""):
        return  # a list that lags: what we know is newer
    if listed[-1] != request.tyk_id and not _swapped(request, listed[-1]):
        delete_in_tyk(listed[-1])
    for left_over in listed[:-1]:
        delete_in_tyk(left_over)
