"""Outbox handler: the second account of a sign-up, deleted if it is provably ours."""

import logging
from datetime import timedelta

from django.utils import timezone

from developers import pull, twins
from developers.models import Developer, SignUp, User, email_key
from developers.services import MARKER_FIELD
from tyk import connect
from tyk.dashboard import records
from tyk.dashboard.errors import NotFound, Refused
from tyk.models import Outbox
from tyk.outbox import Job, Later, Park

log = logging.getLogger(__name__)

# A link is good for a day, and a write lands within minutes of its click; a marker on
# an account made later was copied by somebody.
OURS_WITHIN = timedelta(hours=48)
PATIENCE = timedelta(hours=1)
SELDOM = 60.0  # seconds: a pull's two looks are so far apart


def look(job: Job) -> None:
    """Subject: Developer.code of the twin. Delete it if nobody ever used it.

    Deleted and not switched off, since an address with two accounts lets nobody in.
    Reads both first; what is not certain is for a person: raises Park.
    """
    row = Developer.objects.get(code=job.subject)
    twin = pull.read(row.tyk_id)
    if twin is None or not _has_rival(twin):
        return
    _demand_marker(job, twin)
    why = _why_not_ours(twin, row)
    if why:
        raise Park(f"a second account of one address, and it {why}")
    try:
        connect.dashboard().delete_developer(twin.id)
    except (NotFound, Refused) as error:
        if not pull.says_absent(error):
            raise
    pull.mark_gone(twin.id)
    log.warning("twin of a sign-up removed", extra={"developer": twin.id})


def _demand_marker(job: Job, twin: records.Developer) -> None:
    """A pull read one, or there were no row: an answer without any is looked at again."""
    asked_at = Outbox.objects.values_list("asked_at", flat=True).get(pk=job.pk)
    young = timezone.now() - asked_at < PATIENCE
    if young and not twin.fields.get(MARKER_FIELD):
        raise Later(SELDOM, "read without the marker it was listed with")


def _has_rival(twin: records.Developer) -> bool:
    """Whether the account in use is there: else this one is nobody's twin."""
    address = email_key(twin.email)
    others = twins.in_use({address}).get(address, set())
    if twin.id in others:
        return False
    present = Developer.objects.present().filter(tyk_id__in=others)
    found = [_rival(tyk_id) for tyk_id in present.values_list("tyk_id", flat=True)]
    return any(email_key(one.email) == address for one in found)


def _rival(tyk_id: str) -> records.Developer:
    """The account in use, read. Gone is only what a pull has found gone."""
    try:
        return connect.dashboard().developer(tyk_id)
    except (NotFound, Refused) as error:
        if not pull.says_absent(error):
            raise
    raise Later(SELDOM, "the account in use is not found, though it is listed")


def _why_not_ours(twin: records.Developer, row: Developer) -> str:
    code = twins.code_of(twin.fields.get(MARKER_FIELD, ""))
    signup = SignUp.objects.filter(code=code).first() if code else None
    if signup is None or signup.email_key != email_key(twin.email):
        return "was made by no sign-up of this address"
    if timezone.now() - signup.created_at > OURS_WITHIN:
        return "may be in use: its sign-up is too old"
    if pull.holdings(twin):
        return "holds keys"
    if twin.last_login is not None or _is_used_here(row):
        return "was used"
    return ""


def _is_used_here(row: Developer) -> bool:
    users = User.objects.filter(developer=row)
    return users.exists() or row.requests.exists() or row.keys.exists()
