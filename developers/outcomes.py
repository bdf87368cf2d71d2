"""Facts about an account that arrive from Tyk. What people decide is in `services`."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from developers import links, services
from developers.models import Developer, MailedLink, email_key
from tyk.outbox import enqueue

log = logging.getLogger(__name__)

# A replica that lags may show the address before our own change for so long.
REPLICAS_AGREE = timedelta(minutes=10)
NEW_ADDRESS = MailedLink.Purpose.NEW_ADDRESS


@transaction.atomic
def address_moved(developer: Developer, *, old: str, since: datetime | None) -> None:
    """Tyk holds another address than `old`, which the mirror held since `since`.

    Our own change was told already, or is finished here if its answer was lost.
    Otherwise somebody changed it in Tyk, and the old mailbox, which may belong to
    whoever owned the account all along, hears of it. What it could still open ends.

    Sessions go on. Who a developer is, is Tyk's id: neither that nor the password
    moved, so the person behind the session is the one that proved it. They end when
    the password moves, or the account is switched off or deleted.
    """
    asked = MailedLink.objects.filter(purpose=NEW_ADDRESS, developer=developer)
    if _was_ours(asked, {old, developer.email}, since):
        return
    log.info("address changed in Tyk", extra={"developer": str(developer.code)})
    lost = asked.filter(email=developer.email, old_email=old, used_at=None).first()
    if lost is not None:
        _finish(lost)
        return
    _end_links(developer, old)
    enqueue("mail.address_changed", _note(developer, old).code)


def _was_ours(
    asked: QuerySet[MailedLink], addresses: set[str], since: datetime | None
) -> bool:
    """Whether a change here explains it, or a list read a little too early."""
    recent = timezone.now() - REPLICAS_AGREE
    used = asked.filter(email__in=addresses, old_email__in=addresses)
    return used.filter(used_at__gte=min(since or recent, recent)).exists()


def _finish(link: MailedLink) -> None:
    """The change was carried out after everybody had stopped listening."""
    MailedLink.objects.filter(pk=link.pk).update(
        used_at=timezone.now(), taken_until=None
    )
    services.address_was_changed(link)


def _end_links(developer: Developer, old: str) -> None:
    links.end(developer=developer)
    if not services.others_with(old, but=developer):
        links.end(
            email_key=email_key(old),
            purpose__in=[MailedLink.Purpose.CONFIRM, MailedLink.Purpose.RESET],
        )


def _note(developer: Developer, old: str) -> MailedLink:
    """What the mail is written from: a link that nobody was sent and none can open."""
    now = timezone.now()
    return MailedLink.objects.create(
        purpose=NEW_ADDRESS,
        email=developer.email,
        email_key=email_key(developer.email),
        old_email=old,
        developer=developer,
        expires_at=now,
        used_at=now,
    )
