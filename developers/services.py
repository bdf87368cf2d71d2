"""What people may do about accounts. No network: the rest is in push and live."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.utils import timezone

from developers import links, throttle
from developers.errors import EditsOff, SignUpClosed, Throttled
from developers.models import (
    LONGEST_ADDRESS,
    Developer,
    MailedLink,
    ProfileEdit,
    SignUp,
    User,
    email_key,
)
from tyk import lanes
from tyk.models import Organisation, Outbox
from tyk.outbox import enqueue

log = logging.getLogger(__name__)

# Members of a Tyk record that begin so are ours: markers, states.
RESERVED_PREFIX = "portal_"
# In a developer's `fields`: which sign-up made the record.
MARKER_FIELD = "portal_ref"
# Members of a wish: `inactive`, and fields under this prefix.
INACTIVE = "inactive"
FIELD = "fields."
Members = dict[str, bool | str]


def sign_up_fields(organisation: Organisation) -> list[str]:
    """The fields to ask a new developer for, in the organisation's order."""
    names = [str(name).strip() for name in organisation.signup_fields]
    return [name for name in dict.fromkeys(names) if name and not _reserved(name)]


def _reserved(name: str) -> bool:
    return name.casefold().startswith(RESERVED_PREFIX)


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


def sign_up_again(code: UUID | None, email: str, *, ip: str = "") -> bool:
    """Mail the link of a sign-up once more; the newest link is the one that works.

    False if there is nothing to send: unknown, done, or mailed too often. Counted
    whatever came of the sign-up, or the count would tell who has an account.
    """
    if not _may_mail("sign_up", email, ip):
        return False
    unfinished = {SignUp.State.WAITING, SignUp.State.SENDING}
    known = SignUp.objects.filter(state__in=unfinished)
    row = known.filter(code=code).first() if code else None
    if row is None:
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


def made_here(address: str) -> str:
    """The Tyk id of the account that a sign-up of this address made last; or "".

    Some releases don't find an address with `+` (TykTechnologies/tyk#1697), and a
    pull may not have listed the account yet.
    """
    done = SignUp.objects.filter(
        email_key=email_key(address), state=SignUp.State.DONE
    ).exclude(tyk_id="")
    return done.order_by("-pk").values_list("tyk_id", flat=True).first() or ""


def _sign_up_ends() -> datetime:
    return timezone.now() + timedelta(seconds=settings.CONFIRM_LINK_SECONDS)


def ask_for_reset(email: str, *, ip: str = "") -> MailedLink | None:
    """Ask for a mail with a link to a new password; None if asked too often.

    The same for every address. Raises Throttled for `ip`.
    """
    address = email.strip()
    # A letter may stand for many when addresses are compared.
    known = len(email_key(address)) <= LONGEST_ADDRESS
    if not _may_mail("reset", address, ip) or not known:
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


def others_with(address: str, *, but: Developer) -> bool:
    """Whether any present developer but this one spells this address in any case."""
    return Developer.objects.with_address(address).exclude(pk=but.pk).exists()


def report_ambiguous(found: Candidates) -> None:
    """For staff: the portal can't tell these developers apart."""
    codes = [str(row.code) for row in found.several]
    log.error("several developers with one address", extra={"developers": codes})


def login_row_of(address: str) -> User | None:
    """The login row of the developer an address means, if they ever signed in."""
    found = who_has(address).exact
    return User.objects.filter(developer=found).first() if found else None


def user_of(developer: Developer) -> User:
    """The developer's login row, made at the first proven sign-in."""
    user, _ = User.objects.get_or_create(
        developer=developer, defaults={"password": make_password(None)}
    )
    return user


def end_sessions(developer: Developer) -> None:
    """End every session of the developer, every link Django signed for them, and a
    link to another address: whoever asked for that was signed in.

    The local password is unusable; its random rest is what sessions hang on.
    """
    links.end(developer=developer, purpose=MailedLink.Purpose.NEW_ADDRESS)
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
    # Whatever the mirror says: staff saw it, and Tyk's own value decides.
    _wish(developer, {INACTIVE: not active}, today={INACTIVE: active})
    if not active:
        end_sessions(developer)


def is_being_switched_off(developer: Developer) -> bool:
    """Whether staff switched the account off and Tyk was not told yet."""
    wishes = ProfileEdit.objects.filter(developer=developer, after__inactive=True)
    return wishes.filter(state=ProfileEdit.State.DUE).exists()


# --- E-mail address --------------------------------------------------------------------
def ask_for_new_address(
    developer: Developer, *, address: str, ip: str = ""
) -> MailedLink | None:
    """Ask for a mail to the new address; None if that mailbox got enough of them.

    Whether anybody has the address is the worker's to find out, so that the page
    answers alike. Only the newest link of a developer works. Raises Throttled.
    """
    if not _may_mail("new_address", address, ip):
        return None
    with transaction.atomic():
        links.end(developer=developer, purpose=MailedLink.Purpose.NEW_ADDRESS)
        link = MailedLink.objects.create(
            purpose=MailedLink.Purpose.NEW_ADDRESS,
            email=address,
            email_key=email_key(address),
            old_email=developer.email,
            developer=developer,
            expires_at=timezone.now() + links.lifetime(MailedLink.Purpose.NEW_ADDRESS),
        )
        enqueue("mail.new_address", link.code)
    return link


@transaction.atomic
def address_was_changed(link: MailedLink) -> None:
    """After Tyk took the new address: sessions and the old one's links end.

    The old mailbox is told.
    """
    if link.developer is None:
        return
    end_sessions(link.developer)
    links.end(developer=link.developer)
    links.end(
        email_key=email_key(link.old_email),
        purpose__in=[MailedLink.Purpose.CONFIRM, MailedLink.Purpose.RESET],
    )
    enqueue("mail.address_changed", link.code)


# --- Profile ---------------------------------------------------------------------------
def profile_fields(organisation: Organisation) -> list[str]:
    """The fields developers may edit: their name, and what sign-up asks for."""
    names = sign_up_fields(organisation)
    named = any(name.casefold() == "name" for name in names)
    return names if named else ["Name", *names]


def profile_of(developer: Developer) -> dict[str, str]:
    """What the mirror holds in these fields; "" for what was never given."""
    held = {"Name": developer.name, **developer.fields}
    names = profile_fields(Organisation.current())
    return {name: str(held.get(name, "")) for name in names}


def member_of(name: str) -> str:
    """How a field is called in a ProfileEdit."""
    return f"{FIELD}{name}"


@transaction.atomic
def edit_profile(
    developer: Developer,
    *,
    fields: dict[str, str],
    seen: Mapping[str, str] | None = None,
) -> ProfileEdit | None:
    """Wish these fields changed in Tyk; None if nothing is left to change.

    Fields that aren't the developer's to edit are left out, and those that stand as
    they were `seen` on the page: another may have changed them since. Where the two
    changed the same field, the worker meets a conflict. A wish that still waits takes
    these in; one that was refused or met another's change is settled by them. Keys and
    sessions have no part in it. Raises EditsOff.
    """
    demand_edits_on()
    held = profile_of(developer)
    today = {name: (seen or {}).get(name, text) for name, text in held.items()}
    wanted = {
        member_of(name): fields[name].strip()
        for name in held
        if name in fields
        and (today[name] == held[name] or fields[name].strip() != today[name].strip())
    }
    unsettled(developer).update(state=ProfileEdit.State.DROPPED)
    return _wish(
        developer,
        wanted,
        today={member_of(name): text for name, text in today.items()},
    )


def demand_edits_on() -> None:
    """Raise EditsOff where changing a record would lock its owner out."""
    if Organisation.current().refuses_edits:
        raise EditsOff


def waiting_edits(developer: Developer) -> list[ProfileEdit]:
    """Wishes that are on their way or need a decision, the latest last."""
    over = [ProfileEdit.State.DONE, ProfileEdit.State.DROPPED]
    rows = ProfileEdit.objects.filter(developer=developer).exclude(state__in=over)
    return list(rows.order_by("pk"))


def is_parked(developer: Developer) -> bool:
    """Whether the developer's wish waits for somebody of staff."""
    return (
        Outbox.objects.filter(kind="developer.profile", subject=str(developer.code))
        .exclude(parked_reason="")
        .exists()
    )


def unsettled(developer: Developer) -> models.QuerySet[ProfileEdit]:
    """Wishes the developer has to decide about: refused, or changed by others."""
    waiting = [ProfileEdit.State.CONFLICT, ProfileEdit.State.REFUSED]
    return ProfileEdit.objects.filter(developer=developer, state__in=waiting)


@transaction.atomic
def keep_mine(edit: ProfileEdit) -> ProfileEdit | None:
    """The developer saw what others wrote, and wants their own values all the same.

    None if the conflict is settled already, or nothing differs.
    """
    settled = ProfileEdit.objects.filter(
        pk=edit.pk, state=ProfileEdit.State.CONFLICT
    ).update(state=ProfileEdit.State.DROPPED)
    # Against what they were shown: a further change is a conflict of its own.
    return _wish(edit.developer, edit.after, today=edit.theirs) if settled else None


def take_theirs(edit: ProfileEdit) -> bool:
    """The developer lets Tyk's values stand; False if that was settled already."""
    rows = unsettled(edit.developer).filter(pk=edit.pk)
    return bool(rows.update(state=ProfileEdit.State.DROPPED))


def _wish(
    developer: Developer,
    wanted: Mapping[str, bool | str],
    *,
    today: Mapping[str, bool | str],
) -> ProfileEdit | None:
    """Merge `wanted` into the wish that waits, in the caller's transaction."""
    # Wishes of one developer come one after the other, and after the worker's step.
    Developer.objects.select_for_update().get(pk=developer.pk)
    edit = (
        ProfileEdit.objects.select_for_update()
        .filter(developer=developer, state=ProfileEdit.State.DUE)
        .first()
    ) or ProfileEdit(developer=developer, before={}, after={})
    old = dict(edit.after)
    for member, value in wanted.items():
        _merge(edit, member, value, today[member])
    if edit.after == old:
        return None
    if not edit.after:
        edit.state = ProfileEdit.State.DROPPED
    edit.save()
    if edit.state == ProfileEdit.State.DROPPED:
        return None
    enqueue(
        "developer.profile",
        developer.code,
        lane=lanes.for_developer(developer.tyk_id),
    )
    return edit


def _merge(
    edit: ProfileEdit, member: str, value: bool | str, today: bool | str
) -> None:
    now = edit.after.get(member, today)
    # What a form only trimmed is no wish.
    if value == (now.strip() if isinstance(now, str) else now):
        return
    edit.before.setdefault(member, today)
    edit.after[member] = value
    # Taken back before anything was sent. Whether an account is on, Tyk must be told.
    back = value == edit.before[member] and member not in edit.sent
    if back and member != INACTIVE:
        del edit.before[member], edit.after[member]
