"""Links that prove a mailbox: open, taken by one request, used.

    open ──► taken ──► used
      ▲        │
      └────────┘   certainly not done, or the taker died: it lapses

Every step is a compare-and-set, so that a link opens one account under two clicks
and two workers. Tokens are random, mailed, and kept as a digest only.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from developers.errors import LinkBusy, LinkDead
from developers.models import MailedLink
from tyk.seal import digest

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Taken:
    """A link this request holds alone until `until`."""

    link: MailedLink
    until: datetime

    def give_back(self) -> None:
        """Nothing was done: the link is open again."""
        _mine(self).update(taken_until=None)

    def use(self) -> None:
        """It did what it was for; it never opens again."""
        _mine(self).update(used_at=timezone.now(), taken_until=None)


def _mine(taken: Taken) -> models.QuerySet[MailedLink]:
    return MailedLink.objects.filter(pk=taken.link.pk, taken_until=taken.until)


@transaction.atomic
def renew(link: MailedLink) -> str:
    """A new token for `link`, valid from now; every other open link like it ends.

    Only the worker that mails it calls this and sees the token. A repeat makes
    another token, and the newest is the one that works. "" if the link was ended,
    perhaps while the worker asked Tyk whose it is: then nothing is to be mailed.
    A sign-up's is mailed anew as long as the sign-up is open.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    MailedLink.objects.filter(
        purpose=link.purpose, email_key=link.email_key, used_at=None
    ).exclude(pk=link.pk).filter(expires_at__gt=now).update(expires_at=now)
    link.digest = digest(token)
    link.expires_at = now + lifetime(link.purpose)
    mine = MailedLink.objects.filter(pk=link.pk)
    if link.purpose != MailedLink.Purpose.CONFIRM:
        mine = mine.filter(used_at=None, expires_at__gt=now)
    kept = mine.update(
        digest=link.digest, expires_at=link.expires_at, developer=link.developer
    )
    return token if kept else ""


def end(**which: object) -> None:
    """Open links with these members work no longer."""
    now = timezone.now()
    rows = MailedLink.objects.filter(used_at=None, expires_at__gt=now)
    rows.filter(**which).update(expires_at=now)


def lifetime(purpose: str) -> timedelta:
    """How long a link of this purpose works once it was mailed."""
    if purpose == MailedLink.Purpose.RESET:
        return timedelta(seconds=settings.RESET_LINK_SECONDS)
    return timedelta(seconds=settings.CONFIRM_LINK_SECONDS)


def find(token_digest: str, *, purpose: str) -> MailedLink | None:
    """The link with this digest in whatever state; None if there never was one."""
    return (
        MailedLink.objects.select_related("signup", "developer")
        .filter(purpose=purpose, digest=token_digest)
        .first()
    )


def is_open(link: MailedLink) -> bool:
    return link.used_at is None and link.expires_at > timezone.now()


def is_over(link: MailedLink) -> bool:
    """Whether it ended since it was taken: a new password ends links, for one."""
    link.refresh_from_db(fields=["used_at", "expires_at"])
    return not is_open(link)


def take(link: MailedLink, *, seconds: float) -> Taken:
    """Hold the link alone for `seconds`; raises LinkDead or LinkBusy."""
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    taken = (
        MailedLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now)
        .filter(Q(taken_until=None) | Q(taken_until__lt=now))
        .update(taken_until=until)
    )
    if taken:
        return Taken(link, until)
    link.refresh_from_db()
    raise LinkBusy if is_open(link) else LinkDead
