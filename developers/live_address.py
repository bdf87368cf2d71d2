"""Another e-mail address: asked for with the password, proved by the new mailbox.

The developer's record in Tyk stays the same one, with its keys: only its address
changes, by read, merge and write in the developer's lane.
"""

import logging

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from developers import links, live, live_owner, pull, services, throttle, vanished
from developers.errors import (
    AccountInactive,
    AddressRefused,
    AddressTaken,
    LinkDead,
    OutcomeUnclear,
    UpstreamUnavailable,
)
from developers.models import Developer, MailedLink
from tyk import connect, lanes, outbox
from tyk.budget import Budget
from tyk.dashboard import records
from tyk.dashboard.errors import DashboardError, OutcomeUnknown, Refused
from tyk.dashboard.exact import RawDeveloper
from tyk.dashboard.secret import Secret

log = logging.getLogger(__name__)


@sensitive_variables("current")
def ask(developer: Developer, *, current: Secret, address: str, ip: str = "") -> None:
    """Mail a link to the new address, for somebody who proves the password.

    Raises EditsOff and what `live_owner.prove` does.
    """
    services.demand_edits_on()
    live_owner.prove(developer, current, ip=ip)
    services.ask_for_new_address(developer, address=address, ip=ip)


def change(link: MailedLink, *, ip: str = "") -> Developer:
    """Give the developer the address the link was mailed to.

    Every session of theirs ends; the caller keeps its own. Any exception leaves
    the link open, and Tyk's record as it was unless it is OutcomeUnclear:
    Throttled, LinkDead, LinkBusy, AccountBusy, AccountInactive, AddressTaken,
    AddressRefused, EditsOff, OutcomeUnclear, UpstreamUnavailable.
    """
    services.demand_edits_on()
    throttle.spend("link", ip=ip)
    developer = link.developer
    if developer is None:
        raise LinkDead
    deadline = Budget(settings.TYK_PASSWORD_DEADLINE)
    with (
        live.holding(link) as held,
        live.in_lane(lanes.for_address(link.email_key)),
        live.in_lane(lanes.for_developer(developer.tyk_id)) as alone,
    ):
        if links.is_over(link):
            raise LinkDead
        raw = _record_to_change(developer, deadline)
        if raw.record.email != link.email:
            _demand_unchanged(raw.record, link)
            _demand_free(link, developer, deadline)
            raw = _record_to_change(developer, deadline)
            _demand_unchanged(raw.record, link)
            _keep_what_it_holds(developer, raw.record)
            _write(raw, link, deadline, alone=alone)
        with transaction.atomic():
            # A link used up by a process that died here would end no session and
            # leave the old mailbox untold.
            held.use()
            services.address_was_changed(link)
    _follow(developer.tyk_id, deadline)
    developer.refresh_from_db()
    return developer


def _record_to_change(developer: Developer, deadline: Budget) -> RawDeveloper:
    with live.away_is_nobodys_failure():
        raw = pull.read_whole(
            developer.tyk_id, for_login=True, deadline=deadline.part(0.2)
        )
    if raw is None:
        raise LinkDead
    if raw.record.inactive:
        raise AccountInactive
    return raw


def _demand_unchanged(record: records.Developer, link: MailedLink) -> None:
    """Somebody else gave them another address since: theirs stands."""
    if record.email != link.old_email:
        raise LinkDead


def _demand_free(link: MailedLink, developer: Developer, deadline: Budget) -> None:
    """Nobody else has the address now, here or in Tyk."""
    if services.others_with(link.email, but=developer):
        raise AddressTaken
    with live.away_is_nobodys_failure():
        record = pull.look_up(link.email, deadline=deadline.part(0.2))
    if record is not None and record.id != developer.tyk_id:
        raise AddressTaken


@transaction.atomic
def _keep_what_it_holds(developer: Developer, record: records.Developer) -> None:
    """The worker compares it, once the write can't land any more."""
    vanished.keep(developer, pull.holdings(record))
    outbox.enqueue(
        "developer.profile",
        developer.code,
        lane=lanes.for_developer(developer.tyk_id),
        after=settings.TYK_PASSWORD_DEADLINE + settings.OUTBOX_QUARANTINE,
    )


def _write(
    raw: RawDeveloper, link: MailedLink, deadline: Budget, *, alone: lanes.Held
) -> None:
    seconds = deadline.part(0.4)
    with live.away_is_nobodys_failure():
        try:
            with alone.writing(deadline=seconds):
                connect.dashboard().update_developer(
                    raw.record.id, raw.merged(email=link.email), deadline=seconds
                )
        except Refused:
            raise AddressRefused from None
        except OutcomeUnknown:
            _demand_done(raw.record, link, deadline)
            alone.settled()


def _demand_done(before: records.Developer, link: MailedLink, deadline: Budget) -> None:
    """After a lost answer: the address at Tyk is the new one, or OutcomeUnclear."""
    try:
        record = pull.read(before.id, deadline=deadline.part(0.3))
    except (DashboardError, UpstreamUnavailable) as error:
        log.warning("address outcome unclear", extra={"why": str(error)})
        raise OutcomeUnclear from None
    if record is None or record.email != link.email:
        raise OutcomeUnclear


def _follow(tyk_id: str, deadline: Budget) -> None:
    """Mirror what is there now; a failing look takes nothing back."""
    try:
        today = pull.read(tyk_id, deadline=deadline.part())
    except (DashboardError, UpstreamUnavailable) as error:
        log.warning("new address not read back", extra={"why": str(error)})
        return
    if today is not None:
        pull.apply([today])
