"""Keeps a copy of a portal from acting as the portal it was copied from.

A database restored elsewhere, or a staging copy of production, holds the same
outbox and the same instance name: its workers would repeat what is already done,
on the same Dashboard. So the first address is kept, and under another one nothing
is sent until an operator says what this is (`manage.py after_restore`).
"""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tyk.models import Organisation, Outbox


def closed() -> str:
    """Why nothing may be sent to Tyk or to mailboxes now; "" if it may.

    The first call on a new database remembers the address. Ports don't count:
    one machine may move them about.
    """
    here = _host(settings.PORTAL_BASE_URL)
    organisation = Organisation.current()
    seen = organisation.base_url_seen
    if not seen:
        Organisation.objects.filter(pk=organisation.pk, base_url_seen="").update(
            base_url_seen=settings.PORTAL_BASE_URL
        )
        return ""
    if _host(seen) == here:
        return ""
    return (
        f"This database belongs to the portal at {_host(seen)}, and this is {here}. "
        "Nothing is sent until you say which it is: manage.py after_restore"
    )


@transaction.atomic
def this_is_it() -> int:
    """This is the same portal, moved or restored: go on from here.

    Every row still owed may have been sent after the backup was made, so each
    looks first. Returns how many.
    """
    Organisation.objects.filter(pk=1).update(base_url_seen=settings.PORTAL_BASE_URL)
    long_ago = Now() - timedelta(seconds=2 * settings.OUTBOX_QUARANTINE)
    return Outbox.objects.filter(asked__gt=F("served")).update(
        sending_since=long_ago, unsure_since=None, lease_until=None, next_at=Now()
    )


@transaction.atomic
def this_is_a_copy() -> int:
    """This is another portal beside the first: a new name, and nothing owed.

    Returns how many owed rows were given up; the first portal does them.
    """
    Organisation.objects.filter(pk=1).update(
        base_url_seen=settings.PORTAL_BASE_URL, instance=secrets.token_hex(4)
    )
    owed = Outbox.objects.filter(asked__gt=F("served"))
    return owed.update(
        served=F("asked"),
        last_outcome="left to the first portal",
        # Or what is asked next would still be parked, or wait for a lost answer.
        parked_reason="",
        sending_since=None,
        unsure_since=None,
        lease_until=None,
        attempts=0,
        waits=0,
        epoch=F("epoch") + 1,
    )


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()
