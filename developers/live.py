"""Calls made inside a request: proving a password, and setting one.

Nothing here runs in a transaction, and every story has one deadline for all its
calls. A password lives in one request's memory, wrapped in a Secret. "Tyk did not
prove it" is never "wrong password", and never anybody's failed try.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from developers import closing, links, pull, services, throttle, twins
from developers.errors import (
    AccountBusy,
    AccountClosed,
    AccountError,
    AccountGone,
    AccountInactive,
    AlreadyRegistered,
    AmbiguousAccount,
    AwaitingReview,
    FieldsRefused,
    InvalidCredentials,
    LinkBusy,
    LinkDead,
    OutcomeUnclear,
    PasswordRefused,
    PortalBusy,
    UpstreamUnavailable,
)
from developers.models import Developer, MailedLink, SignUp, email_key
from developers.refusals import field_words, password_words
from tyk import connect, fence, lanes
from tyk.budget import Budget
from tyk.dashboard import records
from tyk.dashboard.errors import (
    DashboardError,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    Unreachable,
)
from tyk.dashboard.secret import Secret
from tyk.models import CredentialState, Organisation

log = logging.getLogger(__name__)

MOST_SPELLINGS = 3


@contextmanager
def away_is_nobodys_failure() -> Iterator[None]:
    try:
        yield
    except DashboardError as error:
        if isinstance(error, Misconfigured):
            log.error("dashboard misconfigured", extra={"why": str(error)})
            if error.reason == "key_rejected":
                connect.note_credential(CredentialState.REJECTED)
        log.warning("account call failed", extra={"why": str(error)})
        if isinstance(error, Unreachable) and error.is_shed:
            raise PortalBusy from error
        raise UpstreamUnavailable from error


# --- Sign-in -----------------------------------------------------------------------
@sensitive_variables("password")
def sign_in(
    email: str, password: Secret, *, ip: str = "", device: str = ""
) -> Developer:
    """The developer this address and password prove, fresh from Tyk.

    `device` names a browser known to be the owner's (developers/device.py), or the
    owner who is signed in (developers/live_owner.py). Raises
    Throttled, InvalidCredentials, AmbiguousAccount, AccountInactive or
    UpstreamUnavailable. The try is counted before Tyk is asked and given back
    unless the password was wrong.
    """
    typed = email.strip()
    if not password or not _may_be_an_address(typed):
        raise InvalidCredentials
    whose = {"device": device} if device else {"address": typed}
    spent = throttle.spend("login", ip=ip, **whose)
    try:
        developer = _prove(typed, password, Budget(settings.TYK_LOGIN_DEADLINE))
    except InvalidCredentials:
        raise
    except AccountError:
        spent.give_back()
        raise
    spent.give_back()
    return developer


def _may_be_an_address(typed: str) -> bool:
    return "@" in typed and len(typed) <= 254 and typed.isprintable()


@sensitive_variables("password")
def _prove(typed: str, password: Secret, deadline: Budget) -> Developer:
    found = services.who_has(typed)
    spellings = {row.email for row in found.several}
    spelling = _spelling_that_proves(
        spellings or {found.exact.email if found.exact else typed}, password, deadline
    )
    if found.several:
        services.report_ambiguous(found)
        raise AmbiguousAccount
    record = _read_back(found.exact, spelling, deadline)
    _demand_ours(record, typed)
    return _enter(record)


@sensitive_variables("password")
def _spelling_that_proves(
    spellings: set[str], password: Secret, deadline: Budget
) -> str:
    """Which spelling of the address Tyk takes the password for."""
    with away_is_nobodys_failure():
        for spelling in sorted(spellings)[:MOST_SPELLINGS]:
            if connect.dashboard().verify_credentials(
                email=spelling, password=password, deadline=deadline.part()
            ):
                return spelling
    raise InvalidCredentials


def _read_back(
    known: Developer | None, spelling: str, deadline: Budget
) -> records.Developer:
    """The record behind the proof: by the id we know, else by address."""
    with away_is_nobodys_failure():
        record = known and pull.read(known.tyk_id, deadline=deadline.part())
        # Not there any more: deleted, and perhaps made again under this address.
        record = record or pull.look_up(spelling, deadline=deadline.part())
        if record is None:
            # Made here a moment ago, and not to be found by its address yet.
            made = services.made_here(spelling)
            record = pull.read(made, deadline=deadline.part()) if made else None
    if record is None:
        log.error("proved developer can't be read back")
        raise UpstreamUnavailable
    return record


def _demand_ours(record: records.Developer, typed: str) -> None:
    """Of our organisation and the typed address, kept here, not closed by its owner."""
    if not pull.is_ours(record, Organisation.current()):
        log.error("developer of another organisation")
        raise UpstreamUnavailable
    if not pull.fits(record):
        log.error("proved developer that no column holds")
        raise UpstreamUnavailable
    if email_key(record.email) != email_key(typed):
        log.error("developer read back has another address")
        raise UpstreamUnavailable
    if closing.is_closed(record.id):
        raise AccountClosed


def _enter(record: records.Developer) -> Developer:
    """Mirror the record just read; its developer, if they may enter."""
    developer = pull.mirror(record)
    if services.is_being_switched_off(developer):
        raise AccountInactive
    if record.inactive:
        raise AwaitingReview if settings.SIGNUP_REVIEW else AccountInactive
    return developer


# --- Confirming a sign-up --------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Confirmed:
    """The account exists. `developer` is None if it could not be read back."""

    developer: Developer | None
    awaiting_review: bool = False


@sensitive_variables("password")
def confirm(
    link: MailedLink, password: Secret, *, ip: str = "", take_over: bool = False
) -> Confirmed:
    """Make the account of a sign-up in Tyk, or set its password.

    `take_over`: the person was told that an account exists already and wants to
    set its password; the mail proved the mailbox. Any exception leaves the link
    open: Throttled, LinkDead, LinkBusy, AccountBusy, AlreadyRegistered,
    AccountInactive, PasswordRefused, FieldsRefused, OutcomeUnclear,
    UpstreamUnavailable.
    """
    throttle.spend("link", ip=ip)
    if link.signup is None:
        raise LinkDead
    deadline = Budget(settings.TYK_PASSWORD_DEADLINE)
    with (
        holding(link) as held,
        in_lane(lanes.for_address(link.email_key)) as alone,
    ):
        tyk_id = _open_account(
            link.signup, password, deadline, alone=alone, take_over=take_over
        )
        with transaction.atomic():
            # Both or neither: a used link of an unfinished sign-up can't be mended.
            held.use()
            SignUp.objects.filter(pk=link.signup.pk).update(
                state=SignUp.State.DONE, tyk_id=tyk_id
            )
    return _confirmed(tyk_id, link, deadline)


@contextmanager
def holding(link: MailedLink) -> Iterator[links.Taken]:
    """Hold the link; whatever goes wrong gives it back."""
    held = links.take(link, seconds=settings.TYK_PASSWORD_DEADLINE * 2 + 10)
    try:
        yield held
    except BaseException:
        held.give_back()
        raise


@contextmanager
def in_lane(name: str, *, wait: float = 0) -> Iterator[lanes.Held]:
    """Hold the lane while the story lasts; raises LinkBusy and AccountBusy.

    And UpstreamUnavailable in a copy of the portal: these stories write to Tyk.
    `wait`: seconds a click waits for a worker's call to the same developer.
    """
    if fence.closed():
        raise UpstreamUnavailable
    try:
        seconds = settings.TYK_PASSWORD_DEADLINE * 2 + 10
        with lanes.lane(name, seconds=seconds, wait=wait) as held:
            yield held
    except lanes.MayStillLand as out:
        raise AccountBusy(out.seconds) from None
    except lanes.LaneBusy:
        raise LinkBusy from None


@sensitive_variables("password")
def _open_account(
    signup: SignUp,
    password: Secret,
    deadline: Budget,
    *,
    alone: lanes.Held,
    take_over: bool,
) -> str:
    """The Tyk id of the account that now has this password."""
    record = _look(signup, deadline)
    if record is None:
        return _create(signup, password, deadline, alone=alone)
    _demand_ours(record, signup.email)
    marker = record.fields.get(services.MARKER_FIELD, "")
    if marker in services.unfinished_markers(signup):
        set_password(record, password, deadline)
        return record.id
    if not take_over:
        raise AlreadyRegistered
    if record.inactive:
        raise AccountInactive
    set_password(record, password, deadline)
    services.password_was_changed(pull.mirror(record))
    return record.id


def _look(signup: SignUp, deadline: Budget) -> records.Developer | None:
    """The address's record in Tyk, if there is one.

    By the id first, which the mirror or an earlier try may know. The whole list
    is read only for an earlier try whose answer was lost, where it must be: the
    account may be there though its address is not found, and must not be made twice.
    """
    found = services.who_has(signup.email)
    if found.several:
        raise AmbiguousAccount
    known = signup.tyk_id or (found.exact.tyk_id if found.exact else "")
    with away_is_nobodys_failure():
        record = known and pull.read(known, deadline=deadline.part(0.3))
        record = record or pull.look_up(signup.email, deadline=deadline.part(0.3))
        ours = services.unfinished_markers(signup)
        if not twins.may_be_made(signup) or _bears(record, ours):
            return record
        listed = pull.find(signup.email, ours, deadline=deadline.part(0.3))
        return listed or record


def _bears(record: records.Developer | None, markers: set[str]) -> bool:
    return (
        record is not None and record.fields.get(services.MARKER_FIELD, "") in markers
    )


@sensitive_variables("password")
def _create(
    signup: SignUp, password: Secret, deadline: Budget, *, alone: lanes.Held
) -> str:
    marker = services.marker_of(signup)
    mine = SignUp.objects.filter(pk=signup.pk)
    first = mine.filter(state=SignUp.State.WAITING).update(state=SignUp.State.SENDING)
    seconds = deadline.part(0.4)
    with away_is_nobodys_failure():
        try:
            # A repeat that overtook it would make a twin, and nobody could tell
            # which account the address means.
            with alone.writing(deadline=seconds):
                made = connect.dashboard().create_developer(
                    email=signup.email,
                    password=password,
                    fields={**signup.fields, services.MARKER_FIELD: marker},
                    inactive=settings.SIGNUP_REVIEW,
                    deadline=seconds,
                )
        except Refused as refused:
            if first:
                # Surely not made: the next try need not look through the whole list.
                mine.update(state=SignUp.State.WAITING)
            raise _refusal(refused) from None
        except OutcomeUnknown:
            made = None
    if made is None:
        made = _find_made(signup, password, marker, deadline)
        alone.settled()
    return made


def _refusal(refused: Refused) -> AccountError:
    """Tyk's rule in plain words; its own text is never shown."""
    other = field_words(refused.errors)
    return FieldsRefused(other) if other else PasswordRefused(password_words(refused))


@sensitive_variables("password")
def _find_made(signup: SignUp, password: Secret, marker: str, deadline: Budget) -> str:
    """After a lost answer: look, and let the password prove it; or OutcomeUnclear."""
    try:
        record = pull.look_up(signup.email, deadline=deadline.part(0.3))
        if not _bears(record, {marker}):
            record = pull.find(signup.email, {marker}, deadline=deadline.part(0.3))
        if (
            record
            and _bears(record, {marker})
            and _is_proved(record, password, deadline)
        ):
            return record.id
    except (DashboardError, UpstreamUnavailable) as error:
        log.warning("sign-up outcome unclear", extra={"why": str(error)})
    raise OutcomeUnclear


def _confirmed(tyk_id: str, link: MailedLink, deadline: Budget) -> Confirmed:
    """Mirror what was made. A failing look takes nothing back."""
    try:
        developer = pull.pull_one(tyk_id, deadline=deadline.part())
    except (DashboardError, UpstreamUnavailable) as error:
        log.warning("account not read back", extra={"why": str(error)})
        return Confirmed(None, awaiting_review=settings.SIGNUP_REVIEW)
    if developer is None or developer.email_key != link.email_key:
        return Confirmed(None)
    return Confirmed(developer, awaiting_review=developer.inactive)


# --- Passwords -------------------------------------------------------------------------
@sensitive_variables("password")
def reset(link: MailedLink, password: Secret, *, ip: str = "") -> None:
    """Set a new password for the developer the link was mailed to.

    Every session of the developer ends. Any exception leaves password and link
    as they were: Throttled, LinkDead, LinkBusy, AccountBusy, AccountInactive,
    PasswordRefused, OutcomeUnclear, UpstreamUnavailable.
    """
    throttle.spend("link", ip=ip)
    developer = link.developer
    if developer is None:
        raise LinkDead
    deadline = Budget(settings.TYK_PASSWORD_DEADLINE)
    with holding(link) as held, in_lane(lanes.for_developer(developer.tyk_id)):
        try:
            record = record_to_reset(developer, deadline)
        except AccountGone:
            raise LinkDead from None
        if email_key(record.email) != link.email_key or links.is_over(link):
            raise LinkDead
        set_password(record, password, deadline)
        with transaction.atomic():
            # A link used up by a process that died here would end no session.
            held.use()
            services.password_was_changed(developer)
    mirror_if_possible(developer, deadline)


def record_to_reset(developer: Developer, deadline: Budget) -> records.Developer:
    """Today's record: an account switched off or gone gets no new password."""
    with away_is_nobodys_failure():
        record = pull.read(developer.tyk_id, deadline=deadline.part(0.3))
    if record is None:
        raise AccountGone
    if record.inactive:
        raise AccountInactive
    return record


@sensitive_variables("password")
def set_password(record: records.Developer, password: Secret, deadline: Budget) -> None:
    """Set it, or prove that it is set.

    Raises PasswordRefused, OutcomeUnclear, and AccountBusy while an earlier one may
    still land: it would undo this one after somebody was told that it holds. An
    answer that was lost keeps the next one waiting even if the password proves
    right, since it may have been right before.
    """
    seconds = deadline.part(0.4)
    with in_lane(lanes.for_password(record.id)) as alone, away_is_nobodys_failure():
        try:
            with alone.writing(deadline=seconds):
                connect.dashboard().set_password(record.id, password, deadline=seconds)
        except Refused as refused:
            # A history rule refuses the repeat of a try whose answer was lost.
            if not _is_proved(record, password, deadline):
                raise PasswordRefused(password_words(refused)) from None
        except OutcomeUnknown:
            if not _is_proved(record, password, deadline):
                raise OutcomeUnclear from None


@sensitive_variables("password")
def _is_proved(record: records.Developer, password: Secret, deadline: Budget) -> bool:
    try:
        return connect.dashboard().verify_credentials(
            email=record.email, password=password, deadline=deadline.part()
        )
    except (DashboardError, UpstreamUnavailable):
        return False


def mirror_if_possible(developer: Developer, deadline: Budget) -> None:
    """Take Tyk's new `password_updated` now, so that no pull wonders about it."""
    try:
        pull.pull_one(developer.tyk_id, deadline=deadline.part())
    except (DashboardError, UpstreamUnavailable) as error:
        log.info("developer not read back", extra={"why": str(error)})
