"""Pushing ours where Tyk differs: never a write of its own, always an outbox row.

A developer's field becomes a wish (ProfileEdit), which is read, merged and
written by its own handler and meets a later change in Tyk as a conflict.
"""

from django.db import transaction

from developers import services as people
from developers.models import Developer, ProfileEdit, SignUp
from developers.services import FIELD, INACTIVE, MARKER_FIELD
from keyrequests import services as keys
from keyrequests.models import Key
from portal_site.drift.differences import Difference, shown
from portal_site.drift.owners import (
    ADDRESS,
    BOTH,
    DEVELOPER,
    KEY,
    NAME,
    OURS,
    REQUEST,
)
from portal_site.drift.people import masked
from portal_site.models import Act
from tyk import connect, lanes, outbox
from tyk.models import Organisation, Outbox


class CannotPush(Exception):
    """Why ours can't be pushed any more, in words for staff."""


class MovedOn(Exception):
    """Tyk holds another value than staff were shown: nothing was done."""


def why_not(kind: str, field: str, owner: str) -> str:
    """Why this can't be pushed; "" if it can."""
    if kind == DEVELOPER and field == ADDRESS:
        return "An address is changed by its owner alone, from the new mailbox."
    if kind == REQUEST and owner == OURS:
        return "Tyk cannot change the fields of a request."
    if owner not in {OURS, BOTH}:
        return "Tyk owns this: it is only read here."
    return ""


def push(act: Act, one: Difference) -> str:
    """Hand ours to the outbox; what was done, in words.

    `one` is the difference as it was seen a moment ago. Raises CannotPush,
    MovedOn, DashboardError.
    """
    reason = why_not(one.kind, one.field, one.owner)
    if reason:
        raise CannotPush(reason)
    if one.kind == KEY:
        return _revoke_again(act)
    developer = Developer.objects.get(tyk_id=one.record)
    if one.owner == OURS and one.field != MARKER_FIELD:
        return _hurry(developer)
    member, ours = _ours(developer, one.field)
    return _wish(developer, member, ours, one)


def _ours(developer: Developer, field: str) -> tuple[str, bool | str]:
    """The member of a wish this field is, and our value of it."""
    if field == INACTIVE:
        return INACTIVE, developer.inactive
    if field == MARKER_FIELD:
        return people.member_of(MARKER_FIELD), _marker(developer)
    if field == NAME:
        return people.member_of("Name"), developer.name
    return field, str(developer.fields.get(field.removeprefix(FIELD), ""))


def _marker(developer: Developer) -> str:
    signup = SignUp.objects.filter(
        tyk_id=developer.tyk_id, state=SignUp.State.DONE
    ).first()
    if signup is None:
        raise CannotPush("The sign-up the marker stood for was forgotten.")
    return Organisation.current().marker(signup.code)


def _wish(developer: Developer, member: str, ours: bool | str, one: Difference) -> str:
    """Wish our value in Tyk, against the value Tyk holds now.

    It is what a developer does who saw another's change and keeps their own: a
    conflict, decided. A change after this one is a conflict again.
    """
    theirs = _theirs(developer, member)
    if one.field != MARKER_FIELD and shown(theirs) != one.there:
        raise MovedOn
    with transaction.atomic():
        conflict = ProfileEdit.objects.create(
            developer=developer,
            before={member: ours},
            after={member: ours},
            theirs={member: theirs},
            state=ProfileEdit.State.CONFLICT,
        )
        people.keep_mine(conflict)
    return "Our value is on its way to Tyk."


def _theirs(developer: Developer, member: str) -> bool | str:
    record = connect.dashboard().developer(developer.tyk_id)
    if member == INACTIVE:
        return record.inactive
    return str(record.fields.get(member.removeprefix(FIELD), ""))


def _hurry(developer: Developer) -> str:
    """The wish is on its way already: try it now, parked or not."""
    lane = lanes.for_developer(developer.tyk_id)
    outbox.enqueue("developer.profile", developer.code, lane=lane)
    rows = Outbox.objects.filter(kind="developer.profile", subject=str(developer.code))
    for row in rows.exclude(parked_reason=""):
        outbox.try_again(row.pk)
    return "The wish that waits is tried again now."


def _revoke_again(act: Act) -> str:
    """A key revoked here that Tyk still takes: it is live, and revoked anew."""
    rows = Key.objects.filter(
        developer__tyk_id=act.within, state=Key.State.REVOKED
    ).exclude(fp=None)
    found = [key for key in rows if masked(key.fp or "") == act.record]
    if len(found) != 1:
        raise CannotPush("This key can't be told from another one here.")
    with transaction.atomic():
        Key.objects.filter(pk=found[0].pk).update(state=Key.State.LIVE, ended_at=None)
        found[0].refresh_from_db()
        keys.revoke(found[0], actor=act.actor)
    return "The key is being revoked again."
