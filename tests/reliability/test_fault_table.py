"""Every call of every outbound handler under every fault: the row, and what is owed.

One row of the table is one call that a handler makes. First the outbox row must say
what is known; then, with the fault gone and time passed, both sides must agree, with
nothing lost, doubled or parked. Calls made during a click: test_fault_table_live.
"""

import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as portal
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import override_settings

from developers import live_address, services as people, vanished
from developers.models import Developer, HeldBefore, MailedLink, ProfileEdit
from keyrequests import acts, closing
from keyrequests.models import Key, KeyRequest
from tests.reliability import stories
from tests.reliability.faults import (
    ABSENT,
    AWAY,
    BY_NAME,
    DONE,
    FAULTS,
    OF_EACH_KIND,
    REFUSED,
    Fault,
    struck,
)
from tests.reliability.mornings import Start, mornings
from tests.reliability.promises import check_at_rest
from tests.reliability.sampling import SOAK, some
from tests.reliability.visits import MIRA, MOVED, NORA, OLD
from tests.reliability.world import World
from tyk import lanes, outbox
from tyk.dashboard.secret import Secret
from tyk.models import Outbox
from tyk.sandbox.faults import ANY

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
SHORT = {"TYK_WRITE_DEADLINE": 0.4, "TYK_READ_DEADLINE": 0.4}


# --- How a handler comes to work ------------------------------------------------------------
def _ask(world: World) -> None:
    world.ask("entry")


def _delivery_lost(world: World) -> None:
    """Delivered, and the answer lost: after the quarantine the worker looks."""
    world.ask("entry")
    world.box.faults.add("createKeyRequest", mode="reset_after", times=1)
    outbox.drain()
    world.box.heal()
    world.pass_time(400)


def _withdraw(world: World) -> None:
    world.withdraw(KeyRequest.objects.get())


def _change_request(_world: World) -> None:
    says = {"What you build": "Twelve bakeries"}
    acts.amend(KeyRequest.objects.get(), answers=says)


def _tell_when_back(_world: World) -> None:
    acts.tell_when_back(KeyRequest.objects.get())


def _revoke(world: World) -> None:
    world.revoke(Key.objects.get())


def _time(world: World) -> None:
    world.pass_time(400)


def _change_plan(world: World) -> None:
    stories.wish_other_plan(world)


def _reset_quota(world: World) -> None:
    stories.ask_for_whole_quota(world)


def _switch_off(world: World) -> None:
    people.set_active(world.scene.developer, active=False)


def _rename(world: World) -> None:
    people.edit_profile(world.scene.developer, fields={"Name": "Mira T."})


def _look_after_a_write(world: World) -> None:
    """Of a process that died before it read the record back."""
    developer = world.scene.developer
    vanished.keep(developer, world.box.developer(developer.tyk_id)["keys"])
    lane = lanes.for_developer(developer.tyk_id)
    outbox.enqueue("developer.profile", developer.code, lane=lane)


def _nothing_vanished(_world: World) -> None:
    assert not HeldBefore.objects.exists()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


def _close(world: World) -> None:
    # Not the scene's own: what is noted on it would outlive this course.
    closing.close(Developer.objects.get(pk=world.scene.developer.pk))


def _close_with_key(world: World) -> None:
    """One that was made in Tyk a moment ago, and that no pull told us of."""
    world.box.issue_key(world.scene.developer.tyk_id, world.scene.policy)
    _close(world)


def _sign_up(_world: World) -> None:
    people.sign_up(NORA, fields={})


def _forget_password(world: World) -> None:
    """Somebody Tyk has and the mirror does not yet."""
    world.box.add_developer(NORA, password=OLD)
    people.ask_for_reset(NORA)


def _new_address(world: World) -> None:
    live_address.ask(world.scene.developer, current=Secret(OLD), address=MOVED)


# --- How it ends ------------------------------------------------------------------------------
def _no_key_there(world: World) -> None:
    assert world.keys_in_tyk() == []


def _renamed_or_told(world: World) -> None:
    """A refusal is the developer's to see: the wish is set aside for them."""
    name = world.box.developer(world.scene.developer.tyk_id)["fields"]["Name"]
    refused = ProfileEdit.objects.filter(state=ProfileEdit.State.REFUSED).exists()
    assert name == ("Mira Tal" if refused else "Mira T.")


def _link_mailed_to(address: str) -> Callable[[World], None]:
    def mailed(_world: World) -> None:
        assert [message.to for message in mail.outbox if address in message.to] != []
        assert MailedLink.objects.exclude(digest=None).count() == 1

    return mailed


def _answered(_world: World) -> None:
    """By a link, or by a mail that the address has an account."""
    assert [message.to for message in mail.outbox] == [[NORA]]


@dataclass(frozen=True)
class Handler:
    """How a handler comes to work, what it calls, and what it is for."""

    kind: str
    name: str
    morning: str
    owe: Callable[[World], object]
    ended_well: Callable[[World], object]
    calls: tuple[str, ...]


CREATE, DELETE = "createKeyRequest", "deleteKeyRequest"
REVOKE, PUT = "revokeDeveloperKey", "updateDeveloper"
CLIENT, GOODBYE = "deleteDeveloperOAuthApp", "deleteDeveloper"
CHANGE, QUOTA = "changeDeveloperKey", "resetDeveloperKeyQuota"
READ, DETAIL, FIND = "getDeveloper", "getKey", "getDeveloperByEmail"
REQUEST, LIST = "getKeyRequest", "listKeyRequests"
WRITES = {CREATE, DELETE, REVOKE, PUT, CLIENT, CHANGE, QUOTA, GOODBYE}
# fmt: off
HANDLERS = [
    Handler("request.create", "deliver", "empty", _ask, stories.is_asked_once, (CREATE, REQUEST)),
    Handler("request.create", "deliver, no id", "text", _ask, stories.is_asked_once, (CREATE, LIST)),
    Handler("request.create", "look", "empty", _delivery_lost, stories.is_asked_once, (LIST,)),
    Handler("request.delete", "take back", "asked", _withdraw, stories.nothing_is_asked, (DELETE,)),
    Handler("request.amend", "amend", "asked", _change_request, stories.is_asked_once_anew, (REQUEST, CREATE, DELETE)),
    Handler("mint.settle", "settle, made", "lost", _time, _no_key_there, (READ, DETAIL, REVOKE)),
    Handler("mint.settle", "settle, not made", "broken", _time, _no_key_there, (READ, REQUEST, DELETE)),
    Handler("mint.audit", "audit", "late", _time, _no_key_there, (READ, DETAIL, REVOKE)),
    Handler("key.revoke", "revoke", "claimed", _revoke, stories.no_key, (REVOKE,)),
    Handler("key.revoke", "revoke a client", "client", _revoke, stories.no_key, (CLIENT,)),
    Handler("key.policies", "change plan", "claimed", _change_plan, stories.has_other_plan, (READ, CHANGE, READ)),
    Handler("key.quota", "reset quota", "claimed", _reset_quota, stories.quota_is_whole, (QUOTA,)),
    Handler("developer.profile", "switch off", "claimed", _switch_off, stories.is_off, (READ, PUT, READ)),
    Handler("developer.profile", "rename", "claimed", _rename, _renamed_or_told, (READ, PUT, READ)),
    Handler("developer.profile", "look after", "claimed", _look_after_a_write, _nothing_vanished, (READ,)),
    Handler("developer.close", "close", "empty", _close, stories.account_is_closed, (READ, GOODBYE)),
    Handler("developer.close", "close with a key", "empty", _close_with_key, stories.account_is_closed, (READ, REVOKE, GOODBYE)),
    Handler("mail.service_back", "back mail", "approved", _tell_when_back, stories.told_that_it_is_back, (READ,)),
    Handler("developer.twin", "twin", "twin", _time, stories.twin_is_gone, (READ, READ, GOODBYE)),
    Handler("mail.sign_up", "sign-up mail", "empty", _sign_up, _answered, (FIND,)),
    Handler("mail.reset", "reset mail", "empty", _forget_password, _link_mailed_to(NORA), (FIND,)),
    Handler("mail.new_address", "address mail", "empty", _new_address, _link_mailed_to(MOVED), (FIND,)),
]
# fmt: on

# --- What the row says --------------------------------------------------------------------------
#: An answer nobody documented: counted, so that a row does not wait for ever.
ODD = "odd answer"
Row = dict[str, str]


def _row(done: str, away: str, refused: str, absent: str, odd: str) -> Row:
    """`odd`: of a write that is "may have been done"."""
    return {DONE: done, AWAY: away, REFUSED: refused, ABSENT: absent, ODD: odd}


#: A call that must not be repeated is unsure and waits out a quarantine; one that may
#: be is tried again; a refusal and an odd answer to a look count as a failed try.
# fmt: off
#                  done    not done  refused   no such thing  odd answer
ONCE       = _row("done",  "later",  "failed", "failed",      "unsure")
AGAIN      = _row("done",  "later",  "failed", "done",        "later")
#: Twice does no harm; a key that Tyk does not list is looked into by a person.
RESETTING  = _row("done",  "later",  "failed", "failed",      "later")
#: Still live is never called gone: Tyk's "not found" is looked into first.
REVOKING   = _row("done",  "later",  "parked", "done",        "later")
#: Its owner must not wait longer for a lost claim: the mint ends at once, and the
#: audit removes the key. An audit goes on for a day.
GIVEN_UP   = _row("done",  "later",  "done",   "done",        "done")
AUDITED    = _row("later", "later",  "later",  "later",       "later")
#: After a write that must not be repeated, all of it is looked at before it goes on.
AFTER_ONCE = _row("done",  "later",  "failed", "done",        "unsure")
#: Any answer but the record itself says that the key service is still away.
STILL_AWAY = _row("done",  "later",  "later",  "done",        "later")
LOOK       = _row("done",  "later",  "failed", "failed",      "failed")
AUDITS     = _row("later", "later",  "failed", "failed",      "failed")
GONE_IS_ALL_RIGHT = _row("done", "later", "failed", "done",   "failed")
KEY_GONE_AUDITS   = _row("later", "later", "failed", "later", "failed")
#: A look that only proves what is known already, or chooses between two mails.
STILL_AWAY_TWIN = _row("done", "later", "failed", "later",    "failed")
NO_MATTER  = _row("done",  "done",   "done",   "done",        "done")
#: What a person typed and Tyk refuses is theirs to see, and the row is served.
SET_ASIDE  = _row("done",  "later",  "done",   "failed",      "unsure")
SET_ASIDE_LOOK = _row("done", "later", "done", "done",        "failed")
UNSURE_LOOK = _row("done", "unsure", "unsure", "unsure",      "unsure")

SAID: dict[tuple[str, str, int], Row] = {
    ("deliver", CREATE, 1): ONCE,               ("deliver", REQUEST, 1): NO_MATTER,
    ("deliver, no id", CREATE, 1): ONCE,        ("deliver, no id", LIST, 1): LOOK,
    ("look", LIST, 1): UNSURE_LOOK,             ("take back", DELETE, 1): AGAIN,
    ("amend", REQUEST, 1): GONE_IS_ALL_RIGHT,   ("amend", CREATE, 1): ONCE,
    ("amend", DELETE, 1): AFTER_ONCE,           ("back mail", READ, 1): STILL_AWAY,
    ("settle, made", READ, 1): LOOK,            ("settle, made", DETAIL, 1): GONE_IS_ALL_RIGHT,
    ("settle, made", REVOKE, 1): GIVEN_UP,      ("settle, not made", READ, 1): LOOK,
    ("settle, not made", REQUEST, 1): GONE_IS_ALL_RIGHT,
    ("settle, not made", DELETE, 1): AGAIN,     ("audit", READ, 1): AUDITS,
    ("audit", DETAIL, 1): KEY_GONE_AUDITS,      ("audit", REVOKE, 1): AUDITED,
    ("revoke", REVOKE, 1): REVOKING,            ("revoke a client", CLIENT, 1): REVOKING,
    ("change plan", READ, 1): LOOK,             ("change plan", CHANGE, 1): ONCE,
    ("change plan", READ, 2): LOOK,             ("reset quota", QUOTA, 1): RESETTING,
    ("switch off", READ, 1): GONE_IS_ALL_RIGHT, ("switch off", PUT, 1): ONCE,
    ("switch off", READ, 2): GONE_IS_ALL_RIGHT, ("rename", READ, 1): SET_ASIDE_LOOK,
    ("rename", PUT, 1): SET_ASIDE,              ("rename", READ, 2): GONE_IS_ALL_RIGHT,
    ("look after", READ, 1): GONE_IS_ALL_RIGHT,
    ("close", READ, 1): GONE_IS_ALL_RIGHT,      ("close", GOODBYE, 1): AGAIN,
    ("close with a key", READ, 1): GONE_IS_ALL_RIGHT,
    ("close with a key", REVOKE, 1): AGAIN,     ("close with a key", GOODBYE, 1): AGAIN,
    ("twin", READ, 1): GONE_IS_ALL_RIGHT,       ("twin", READ, 2): STILL_AWAY_TWIN,
    ("twin", GOODBYE, 1): AGAIN,
    ("sign-up mail", FIND, 1): NO_MATTER,       ("reset mail", FIND, 1): GONE_IS_ALL_RIGHT,
    ("address mail", FIND, 1): GONE_IS_ALL_RIGHT,
}
#: What one fault means at one call: a list may lack one record and be a list.
OTHERWISE: dict[tuple[str, str, str] | tuple[str, str, int, str], str] = {
    ("deliver, no id", LIST, "wrong types"): "later",
    ("deliver, no id", LIST, "null lists"): "later",
    ("look", LIST, "wrong types"): "done",
    ("settle, made", DETAIL, "null lists"): "failed",
    ("audit", DETAIL, "null lists"): "failed",
    # Put back, such a record would take every key: it is read again first.
    ("switch off", READ, 1, "null lists"): "later",
    ("look after", READ, "null lists"): "later",
    # Without the marker it was listed with: looked at again.
    ("twin", READ, 1, "null lists"): "later",
    # Nor is it what was written: looked for again soon.
    ("rename", READ, "null lists"): "later",
    # Not listed at one look is not gone: the pull looks twice.
    ("change plan", READ, "null lists"): "later",
    # Read back without a marker it is nobody's yet: the list tells.
    ("deliver", REQUEST, "null lists"): "later",
    # An audit goes on by itself for a day.
    ("audit", REVOKE, "500"): "later",
    ("audit", REVOKE, "done, then 500"): "later",
}
#: The Dashboard's own error about a call that may be repeated is counted: it may be
#: about this one record, and never end.
OWN_ERROR = {"500", "done, then 500"}
REPEATED = {DELETE, REVOKE, CLIENT, GOODBYE, QUOTA}
BY_EVERY_FAULT = {("deliver", CREATE), ("revoke", REVOKE)}
OF_A_READ = ["400", "401", "500", "503", "wrong types", "null lists"]


def known(fault: Fault, operation: str) -> str:
    """The column of a fault: what the worker can know of the call."""
    if operation in WRITES:
        return ODD if fault.write == "unknown" else fault.write
    unanswered = {"door closed", "reset", "done, then reset", "commits late"}
    told_off = {"401", "403", "429", "429 of a proxy", "redirect"}
    # A proxy's word that nobody is there, or a Dashboard that starts or stops.
    unanswered |= {"502 of a proxy", "503", "504 of a proxy, done"}
    silent = fault.timed or fault.name in unanswered or "before" in fault.name
    if fault.read == AWAY and not (silent or fault.name in told_off):
        return ODD
    return fault.read


def faults_for(handler: Handler, operation: str) -> list[Fault]:
    if (SOAK and operation in WRITES) or (handler.name, operation) in BY_EVERY_FAULT:
        return FAULTS
    names = OF_EACH_KIND if operation in WRITES else OF_A_READ
    chosen = some(names, share=0.25, least=3, of=f"{handler.name} {operation}")
    return [BY_NAME[name] for name in chosen]


def calls_of(handler: Handler) -> Iterator[tuple[str, int]]:
    seen: Counter[str] = Counter()
    for operation in handler.calls:
        seen[operation] += 1
        yield operation, seen[operation]


@pytest.mark.parametrize("handler", [pytest.param(h, id=h.name) for h in HANDLERS])
def test_a_handler_under_every_fault(box, settings, handler):
    with mornings(box, settings, only=handler.morning) as found:
        start, settled = found[handler.morning], set()
        makes_these_calls(start.again(), handler)
        for operation, nth in calls_of(handler):
            for fault in faults_for(handler, operation):
                world = start.again()
                said = said_of(world, handler, operation, nth, fault)
                where = f"{handler.name}: {fault.name} at {operation} {nth}"
                assert said == expected(handler, operation, nth, fault), where
                left = (operation, nth, said, fault.takes)
                if SOAK or left not in settled:
                    ends_well(world, handler, where)
                settled.add(left)


def expected(handler: Handler, operation: str, nth: int, fault: Fault) -> str:
    """What the tables say."""
    name = handler.name
    said = SAID[name, operation, nth][known(fault, operation)]
    if said == "later" and fault.name in OWN_ERROR and operation in REPEATED:
        said = "failed"
    said = OTHERWISE.get((name, operation, fault.name), said)
    return OTHERWISE.get((name, operation, nth, fault.name), said)


def makes_these_calls(world: World, handler: Handler) -> None:
    handler.owe(world)
    world.box.journal.clear()
    outbox.drain()
    assert tuple(world.box.journal.operations()) == handler.calls


def said_of(
    world: World, handler: Handler, operation: str, nth: int, fault: Fault
) -> str:
    """What the row says after the fault."""
    handler.owe(world)
    short = override_settings(**SHORT if fault.timed else {})
    with short, struck(world, fault, operation, nth=nth):
        outbox.drain()
    row = Outbox.objects.filter(kind=handler.kind).latest("pk")
    assert row.lease_until is None
    return outcome_of(row)


def outcome_of(row: Outbox) -> str:
    """What the row says of itself, in the outbox's words."""
    if row.parked_reason:
        return "parked"
    if row.served == row.asked:
        return "done"
    if row.unsure_since is not None:
        return "unsure"
    return "failed" if row.attempts else "later"


def ends_well(world: World, handler: Handler, where: str) -> None:
    try:
        world.come_to_rest()
        check_at_rest(world)
        handler.ended_well(world)
    except AssertionError as broken:
        broken.add_note(where)
        raise


# --- The mail server --------------------------------------------------------------------------
class Away(BaseEmailBackend):
    """A mail server that refuses the connection, puts off, or says never."""

    how: Exception = OSError("refused")

    def send_messages(self, _messages: Any) -> int:
        raise type(self).how


_PUT_OFF = smtplib.SMTPRecipientsRefused({MIRA: (450, b"later")})
_NEVER = smtplib.SMTPRecipientsRefused({MIRA: (550, b"never")})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (ConnectionRefusedError(), "later"),
        (TimeoutError(), "later"),
        (smtplib.SMTPServerDisconnected(), "later"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "later"),
        (_PUT_OFF, "later"),
        (_NEVER, "done"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_mail_server_that_is_away_is_waited_for(
    box, settings, monkeypatch, how, said
):
    with mornings(box, settings, only="empty") as found:
        world = found["empty"].again()
        _sign_up(world)
        monkeypatch.setattr(Away, "how", how)
        with override_settings(EMAIL_BACKEND=f"{__name__}.Away"):
            outbox.drain()
        row = Outbox.objects.get(kind="mail.sign_up")
        assert (outcome_of(row), row.attempts) == (said, 0)

        world.come_to_rest()

        assert len(mail.outbox) == (said == "later")
        assert Outbox.objects.get(pk=row.pk).served == row.asked


# --- Nothing was left out ------------------------------------------------------------------------
#: Kinds that call nobody: a mail is made of our rows; a person's look is only noted.
#: A picture is asked of Gravatar, see tests/developers/test_picture.py.
#: A decision about drift reads Tyk and has a table of its own, test_drift_decisions.
CALL_NOBODY = {"developer.keys_lost", "developer.picture", "drift.decision"} | {
    kind
    for kind in portal.OUTBOX_HANDLERS
    if kind.startswith("mail.")
    and kind
    not in {"mail.sign_up", "mail.reset", "mail.new_address", "mail.service_back"}
}


def test_every_handler_has_its_rows():
    assert {handler.kind for handler in HANDLERS} == (
        set(portal.OUTBOX_HANDLERS) - CALL_NOBODY
    )
    struck_here = {(h.name, op, nth) for h in HANDLERS for op, nth in calls_of(h)}
    assert set(SAID) == struck_here


# --- An outage -----------------------------------------------------------------------------
OUTAGES: dict[str, dict[str, Any]] = {
    "nothing behind the proxy": {"mode": "status_plain", "status": 503},
    "the proxy waits in vain": {"mode": "status_plain", "status": 504},
    "it starts": {"mode": "status", "status": 503},
}
OUTLASTED = ["deliver", "look", "settle, made", "settle, not made", "rename", "revoke"]


CASES = some(
    [(name, outage) for name in OUTLASTED for outage in OUTAGES],
    share=0.3,
    least=6,
    of="outages",
)


@pytest.mark.parametrize(("name", "outage"), CASES)
def test_an_outage_is_waited_out_however_long(box, settings, name, outage):
    """docs/reliability.md: drains by itself. Nothing waits for a person."""
    handler = next(h for h in HANDLERS if h.name == name)
    with mornings(box, settings, only=handler.morning) as found:
        world = found[handler.morning].again()
        handler.owe(world)
        world.box.faults.add(ANY, **OUTAGES[outage])
        for _drain in range(portal.OUTBOX_ATTEMPTS + 2):
            world.pass_time(400)
            outbox.drain()

            assert [r.parked_reason for r in Outbox.objects.all() if r.parked_reason] == []
            assert set(Outbox.objects.values_list("attempts", flat=True)) == {0}

        ends_well(world, handler, outage)


# --- For long -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["deliver", "revoke"])
def test_a_lasting_refusal_is_parked_and_a_person_can_try_again(box, settings, name):
    """Nothing is hammered any more, and nothing is lost either."""
    handler = next(h for h in HANDLERS if h.name == name)
    with mornings(box, settings, only=handler.morning) as found:
        refused_for_long(found[handler.morning], handler)


def refused_for_long(start: Start, handler: Handler) -> None:
    world = start.again()
    handler.owe(world)
    world.box.faults.add(handler.calls[0], mode="status", status=400, message="No.")
    for _try in range(portal.OUTBOX_ATTEMPTS):
        world.pass_time(400)
        outbox.drain()

    row = Outbox.objects.get(kind=handler.kind)
    assert row.parked_reason != ""
    world.box.heal()
    world.pass_time(400)
    outbox.drain()
    again = Outbox.objects.get(kind=handler.kind)
    assert again.served < row.asked, "a parked row waits"

    ends_well(world, handler, "refused for long")
