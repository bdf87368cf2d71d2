"""What people may do about accounts. No network: the rest is in push and live."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from developers import links, throttle
from developers.errors import SignUpClosed, Throttled
from developers.models import (
    Developer,
    MailedLink,
    ProfileEdit,
    SignUp,
    ThrottleCount,
    User,
    email_key,
)
from tyk import lanes
from tyk.models import Organisation
from tyk.outbox import enqueue

log = logging.getLogger(__name__)

# Members of a Tyk record that begin so are ours: markers, states.
RESERVED_PREFIX = "portal_"
# In a developer's `fields`: which sign-up made the record.
MARKER_FIELD = "portal_ref"
# So long a link that ran out still says so, instead of "nothing at this address".
KEPT_AFTER_EXPIRY = timedelta(days=7)


def sign_up_fields(organisation: Organisation) -> list[str]:
    """The fields to ask a new developer for, in the organisation's order."""
    names = [str(name).strip() for name in organisation.signup_fields]
    return [name for name in dict.fromkeys(names) if name and not _reserved(name)]


def _reserved(name: str) -> bool:
    return name.casefold().startswith(RESERVED_PREFIX)


def forget_what_ran_out() -> dict[str, int]:
    """Delete expired sign-ups, links, throttle counts and sessions; how many each."""
    now = timezone.now()
    old = now - KEPT_AFTER_EXPIRY
    return {
        "links": MailedLink.objects.filter(expires_at__lt=old).delete()[0],
        "sign_ups": SignUp.objects.filter(expires_at__lt=old).delete()[0],
        "counts": ThrottleCount.objects.filter(expires_at__lt=now).delete()[0],
        "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
    }


def sign_up(
    email: str, *, fields: dict[str, str], next_url: str = "", ip: str = ""
) -> SignUp | None:
    """Keep a sign-up and ask for its mail; None if the address had too many.

    Says nothing about whether the address has an account: the worker that sends
    the mail decides which one. Raises SignUpClosed, and Throttled for `ip`.
    """
    organisation = Organisation.current()
    if organisation.disable_signup:
        raise SignUpClosed
    address = email.strip().lower()
    if not _may_mail("sign_up", address, ip):
        return None
    wanted = set(sign_up_fields(organisation))
    with transaction.atomic():
        row = SignUp.objects.create(
            email=address,
            email_key=email_key(address),
            fields={k: v for k, v in fields.items() if k in wanted and v},
            next_url=next_url[:500],
            expires_at=_sign_up_ends(),
        )
        enqueue("mail.sign_up", row.code)
    return row


def sign_up_again(code: UUID, *, ip: str = "") -> bool:
    """Mail the link of a sign-up once more; the newest link is the one that works.

    False if there is nothing to send: unknown, done, or mailed too often.
    """
    unfinished = {SignUp.State.WAITING, SignUp.State.SENDING}
    row = SignUp.objects.filter(code=code, state__in=unfinished).first()
    if row is None or not _may_mail("sign_up", row.email, ip):
        return False
    with transaction.atomic():
        SignUp.objects.filter(pk=row.pk).update(expires_at=_sign_up_ends())
        enqueue("mail.sign_up", row.code)
    return True


def marker_of(signup: SignUp) -> str:
    """What the record made for this sign-up carries in Tyk."""
    return Organisation.current().marker(signup.code)


def unfinished_markers(signup: SignUp) -> set[str]:
    """The markers of sign-ups of this address whose account isn't known to be made.

    A record that carries one was made by a confirmation whose answer was lost.
    """
    organisation = Organisation.current()
    rows = SignUp.objects.filter(email_key=signup.email_key).exclude(
        state=SignUp.State.DONE
    )
    return {organisation.marker(code) for code in rows.values_list("code", flat=True)}


def _sign_up_ends() -> datetime:
    return timezone.now() + timedelta(seconds=settings.CONFIRM_LINK_SECONDS)


def ask_for_reset(email: str, *, ip: str = "") -> MailedLink | None:
    """Ask for a mail with a link to a new password; None if asked too often.

    The same for every address. Raises Throttled for `ip`.
    """
    address = email.strip()
    if not _may_mail("reset", address, ip):
        return None
    return _reset_link(address)


def send_reset_link(developer: Developer) -> MailedLink:
    """Staff send a developer the link; nobody but the mailbox sees it."""
    return _reset_link(developer.email, developer=developer)


@transaction.atomic
def _reset_link(address: str, developer: Developer | None = None) -> MailedLink:
    link = MailedLink.objects.create(
        purpose=MailedLink.Purpose.RESET,
        email=address,
        email_key=email_key(address),
        developer=developer,
        expires_at=timezone.now() + links.lifetime(MailedLink.Purpose.RESET),
    )
    enqueue("mail.reset", link.code)
    return link


def _may_mail(action: str, address: str, ip: str) -> bool:
    """Count the try. A mailbox that got enough mails gets no more, silently:
    the page must not tell whose address was asked for before."""
    throttle.spend(action, ip=ip)
    try:
        throttle.spend(action, address=address)
    except Throttled:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who an address may mean: at most one `exact`, or `several`."""

    exact: Developer | None
    several: tuple[Developer, ...] = ()


def who_has(address: str) -> Candidates:
    """The present developers of an address: exact spelling wins, else a single one.

    Tyk holds duplicates, and spells addresses as it pleases.
    """
    typed = address.strip()
    rows = list(Developer.objects.with_address(typed).order_by("pk"))
    spelt = [row for row in rows if row.email == typed]
    for found in (spelt, rows):
        if len(found) == 1:
            return Candidates(found[0])
        if found:
            return Candidates(None, tuple(found))
    return Candidates(None)


def report_ambiguous(found: Candidates) -> None:
    """For staff: the portal can't tell these developers apart."""
    codes = [str(row.code) for row in found.several]
    log.error("several developers with one address", extra={"developers": codes})


def user_of(developer: Developer) -> User:
    """The developer's login row, made at the first proven sign-in."""
    user, _ = User.objects.get_or_create(
        developer=developer, defaults={"password": make_password(None)}
    )
    return user


def end_sessions(developer: Developer) -> None:
    """End every session of the developer and every link Django signed for them.

    The local password is unusable; its random rest is what sessions hang on.
    """
    for user in User.objects.filter(developer=developer):
        user.set_unusable_password()
        user.save(update_fields=["password"])


@transaction.atomic
def password_was_changed(developer: Developer) -> None:
    """After Tyk took a new password: sessions end, the mailbox is told."""
    Developer.objects.filter(pk=developer.pk).update(written_here_at=timezone.now())
    end_sessions(developer)
    enqueue("mail.password_changed", developer.code)


@transaction.atomic
def set_active(developer: Developer, *, active: bool) -> None:
    """Wish the account switched on or off in Tyk; off ends its sessions at once.

    The mirror follows when Tyk has it. A later wish takes the earlier one's place.
    """
    ProfileEdit.objects.update_or_create(
        developer=developer,
        state=ProfileEdit.State.DUE,
        defaults={
            "before": {"inactive": active},
            "after": {"inactive": not active},
        },
    )
    if not active:
        end_sessions(developer)
    enqueue(
        "developer.profile",
        developer.code,
        lane=lanes.for_developer(developer.tyk_id),
    )
