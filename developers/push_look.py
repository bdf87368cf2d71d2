"""Whom an address belongs to in Tyk, for a mail that depends on it.

Some releases don't find an address with a "+" in it though it exists
(TykTechnologies/tyk#1697): then only the list of all developers tells. Anybody may
type as many such addresses as they like, so all mails share few looks through it,
and a mail that gets none is sent later.
"""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from developers import pull, throttle
from developers.errors import Throttled
from developers.models import MailedLink
from tyk.dashboard import records
from tyk.outbox import Later


def needs_list(address: str) -> bool:
    """Whether "not found" by this address may be wrong."""
    return "+" in address


def look_up(address: str, *, deadline: float | None = None) -> records.Developer | None:
    """One record of Tyk by address, or None; seconds, but for the list.

    Raises Later if it is not to be known yet, and DashboardError.
    """
    record = pull.look_up(address, deadline=deadline)
    if record is not None or not needs_list(address):
        return record
    try:
        throttle.spend("look_through")
    except Throttled as full:
        why = "waits for a look through all developers"
        raise Later(full.retry_after, why) from None
    # A list that outlived the lease would be asked for by two at once. The other half
    # is for the look before it and the mail after it.
    return pull.find(address, set(), deadline=settings.OUTBOX_LEASE / 2)


def look_up_for(link: MailedLink) -> records.Developer | None:
    """The same for a link that is not mailed yet: the wait is none of its time.

    After two pulls of all developers the mirror knows everybody who was there, and
    nobody waits any more.
    """
    try:
        return look_up(link.email)
    except Later:
        wait = timedelta(seconds=2 * settings.PULL_DEVELOPERS_EVERY)
        until = link.created_at + wait
        # Not one that was ended meanwhile.
        rows = MailedLink.objects.filter(pk=link.pk, expires_at__gt=timezone.now())
        rows.filter(expires_at__lt=until).update(expires_at=until)
        raise
