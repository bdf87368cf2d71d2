"""What the run asks of the portal's own code, each in a process of its own."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

LONGEST_WAIT = 75.0  # seconds: the longest pause a row is given while it is young


def prepare(email: str, password: str) -> None:
    """Tables, roles, one member of staff, and a first look at Tyk."""
    from portal_site import staff

    call_command("migrate", interactive=False, verbosity=0)
    staff.ensure_roles()
    staff.ensure(email, password, only_first=False)
    call_command("sync_once")


def sweep(to: str) -> None:
    """Let every wait be over that a row states, then one round without a broker."""
    waited = _wait_until_due()
    began = time.monotonic()
    try:
        call_command("sync_once")
        failed = ""
    except CommandError as error:
        failed = str(error)
    Path(to).write_text(
        json.dumps(
            {"waited": waited, "seconds": time.monotonic() - began, "failed": failed}
        )
    )


def _wait_until_due() -> float:
    """Seconds waited: until what is owed is due, leased by nobody, in no lane."""
    from tyk.models import Lane

    moments = [
        moment
        for row in _owed()
        for moment in (row.next_at, row.lease_until)
        if moment is not None
    ]
    lanes = Lane.objects.exclude(until=None).values_list("until", flat=True)
    latest = max([*moments, *(one for one in lanes if one)], default=timezone.now())
    seconds = min(LONGEST_WAIT, _seconds_until(latest))
    time.sleep(seconds)
    return seconds


def _seconds_until(moment: datetime) -> float:
    return max(0.0, (moment - timezone.now()).total_seconds() + 0.1)


def _owed() -> Any:
    """Rows not done yet, parked ones left out. An audit goes on for a day."""
    from tyk import outbox

    return outbox.due().exclude(kind="mint.audit")


def try_again() -> None:
    """A person says so to everything that is parked, once."""
    from tyk import outbox
    from tyk.models import Outbox

    for row in Outbox.objects.exclude(parked_reason=""):
        if row.kind != "developer.keys_lost":
            outbox.try_again(row.pk)


def tables(to: str) -> None:
    """Write what the portal's tables hold, for the checker. No key is in them."""
    from developers.models import ProfileEdit
    from keyrequests import holdings
    from keyrequests.models import Key, KeyRequest, Mint
    from tyk.models import Organisation, Outbox

    Path(to).write_text(
        json.dumps(
            {
                "instance": Organisation.current().instance,
                "requests": [
                    {
                        "code": str(row.code),
                        "developer": row.developer.email,
                        "status": row.status,
                        "origin": row.origin,
                        "tyk_id": row.tyk_id or "",
                        "tyk_state": row.tyk_state,
                        "decided_in": row.decided_in,
                    }
                    for row in KeyRequest.objects.select_related("developer")
                ],
                "mints": [
                    {
                        "code": str(row.code),
                        "request": str(row.request.code),
                        "state": row.state,
                        "key": str(row.key.code) if row.key else "",
                        # Told to nobody: it helps to find out what went wrong.
                        "tyk_request": row.tyk_request_id,
                        "audits": row.audits,
                        "ended": str(row.ended_at or ""),
                    }
                    for row in Mint.objects.select_related("request", "key")
                ],
                "keys": [
                    {
                        "code": str(row.code),
                        "developer": row.developer.tyk_id,
                        "request": str(row.request.code) if row.request else "",
                        "origin": row.origin,
                        "state": row.state,
                        "id": holdings.id_of(row) if row.sealed_id else "",
                    }
                    for row in Key.objects.select_related("developer", "request")
                ],
                "owed": [
                    {
                        "kind": row.kind,
                        "subject": row.subject,
                        "parked": row.parked_reason,
                        "said": row.last_outcome,
                    }
                    for row in [*_owed(), *Outbox.objects.exclude(parked_reason="")]
                ],
                "edits": [
                    {
                        "developer": row.developer.email,
                        "state": row.state,
                        "after": row.after,
                    }
                    for row in ProfileEdit.objects.select_related("developer").order_by(
                        "pk"
                    )
                ],
                "errors": list(
                    Outbox.objects.filter(
                        last_outcome__startswith="error:"
                    ).values_list("kind", "last_outcome")
                ),
                "lease": settings.OUTBOX_LEASE,
            }
        )
    )
