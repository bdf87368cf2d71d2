"""Every outbound handler under every fault: our row, Tyk's truth, and what is owed.

One row of the table is one handler that calls Tyk, struck at the call that changes
something. First the outbox row must say what is known; then, with the fault gone and
time passed, both sides must agree, with nothing lost, doubled or parked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as portal
from django.db import connection

from developers import services as people
from keyrequests.models import Key, KeyRequest
from tests.reliability import stories
from tests.reliability.promises import check_at_rest
from tests.reliability.world import Start, World, mornings
from tyk import outbox
from tyk.models import Outbox
from tyk.sandbox import Sandbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]

#: "away" closes the door; the others strike the call once.
FAULTS: dict[str, dict[str, Any]] = {
    "away": {},
    "timeout before": {"mode": "timeout_before", "seconds": 1},
    "timeout after": {"mode": "timeout_after", "seconds": 1},
    "reset after": {"mode": "reset_after"},
    "401": {"mode": "status", "status": 401, "message": "Not authorised"},
    "403": {"mode": "status", "status": 403, "message": "Access denied"},
    "404": {"mode": "status", "status": 404, "message": "Not found"},
    "429": {"mode": "status", "status": 429},
    "500": {"mode": "status", "status": 500},
    "page": {"mode": "html_200"},
    "204": {"mode": "empty_204"},
    "truncated": {"mode": "truncated"},
    "wrong types": {"mode": "wrong_types"},
}


@dataclass(frozen=True)
class Handler:
    """How a handler comes to work, which call is struck, and what it is for."""

    kind: str
    morning: str
    operation: str
    owe: Callable[[World], object]
    ended_well: Callable[[World], object]


def _ask(world: World) -> None:
    world.ask("entry")


def _withdraw(world: World) -> None:
    world.withdraw(KeyRequest.objects.get())


def _revoke(world: World) -> None:
    world.revoke(Key.objects.get())


def _time(world: World) -> None:
    world.pass_time(400)


def _switch_off(world: World) -> None:
    people.set_active(world.scene.developer, active=False)


def _no_key_there(world: World) -> None:
    assert world.keys_in_tyk() == []


HANDLERS = [
    Handler("request.create", "empty", "createKeyRequest", _ask, stories.is_asked_once),
    Handler(
        "request.delete",
        "asked",
        "deleteKeyRequest",
        _withdraw,
        stories.nothing_is_asked,
    ),
    Handler("mint.settle", "lost", "revokeDeveloperKey", _time, _no_key_there),
    Handler("mint.settle", "broken", "deleteKeyRequest", _time, _no_key_there),
    Handler("mint.audit", "late", "revokeDeveloperKey", _time, _no_key_there),
    Handler("key.revoke", "claimed", "revokeDeveloperKey", _revoke, stories.no_key),
    Handler(
        "developer.profile", "claimed", "updateDeveloper", _switch_off, stories.is_off
    ),
]
#: What the outbox says at once, by what the write allows: a call that must not be
#: repeated is unsure and waits out a quarantine, one that may be is tried again.
ONCE = {
    "away": "later",
    "timeout before": "unsure",
    "timeout after": "unsure",
    "reset after": "unsure",
    "401": "later",
    "403": "later",
    "404": "failed",
    "429": "later",
    "500": "unsure",
    "page": "unsure",
    "204": "unsure",
    "truncated": "unsure",
    "wrong types": "unsure",
}
AGAIN = {
    fault: {"unsure": "later", "failed": "done"}.get(outcome, outcome)
    for fault, outcome in ONCE.items()
}
# Its owner must not wait longer for a claim that was lost minutes ago: the mint ends
# at once, and the audit removes the key.
GIVEN_UP = {
    fault: "done" if AGAIN[fault] == "later" and ONCE[fault] == "unsure" else outcome
    for fault, outcome in AGAIN.items()
}
# An audit goes on for a day.
AUDITED = dict.fromkeys(FAULTS, "later")
EXPECTED = {
    ("request.create", "createKeyRequest"): ONCE,
    ("request.delete", "deleteKeyRequest"): AGAIN,
    ("mint.settle", "revokeDeveloperKey"): GIVEN_UP,
    ("mint.settle", "deleteKeyRequest"): AGAIN,
    ("mint.audit", "revokeDeveloperKey"): AUDITED,
    ("key.revoke", "revokeDeveloperKey"): AGAIN,
    ("developer.profile", "updateDeveloper"): ONCE,
}


@contextmanager
def morning_of(handler: Handler, box: Sandbox, settings: Any) -> Iterator[Start]:
    with mornings(box, settings, only=handler.morning) as found:
        settings.TYK_WRITE_DEADLINE = 0.3  # what a timeout here takes
        yield found[handler.morning]


def strike(world: World, handler: Handler, fault: str) -> None:
    if fault == "away":
        world.box.refuse()
        return
    # "Not found" to a deletion is the truth: it was done a moment ago.
    commit = {"commit": True} if fault == "404" and _deletes(handler) else {}
    plan = {**FAULTS[fault], **commit}
    world.box.faults.add(handler.operation, times=1, **plan)


def _deletes(handler: Handler) -> bool:
    return handler.operation.startswith(("delete", "revoke"))


@pytest.mark.parametrize(
    "handler", [pytest.param(h, id=f"{h.kind}, {h.operation}") for h in HANDLERS]
)
def test_a_handler_under_every_fault(box, settings, handler):
    with morning_of(handler, box, settings) as start:
        said = {fault: struck(start.again(), handler, fault) for fault in FAULTS}

    assert said == EXPECTED[handler.kind, handler.operation]


def struck(world: World, handler: Handler, fault: str) -> str:
    """What the row says after the fault; then all must end well."""
    handler.owe(world)
    strike(world, handler, fault)
    outbox.drain()
    row = Outbox.objects.get(kind=handler.kind)
    said = outcome_of(row)
    assert row.parked_reason == ""
    assert row.attempts == (1 if said in {"unsure", "failed"} else 0)
    assert row.lease_until is None
    world.come_to_rest()
    check_at_rest(world)
    handler.ended_well(world)
    return said


def outcome_of(row: Outbox) -> str:
    """What the row says of itself, in the outbox's words."""
    if row.served == row.asked:
        return "done"
    if row.unsure_since is not None:
        return "unsure"
    return "failed" if row.attempts else "later"


def test_every_handler_that_writes_to_tyk_has_its_rows():
    writing = {
        kind
        for kind, path in portal.OUTBOX_HANDLERS.items()
        if not kind.startswith("mail.")
    }

    assert {handler.kind for handler in HANDLERS} == writing
    assert set(EXPECTED) == {(h.kind, h.operation) for h in HANDLERS}
    for (kind, operation), said in EXPECTED.items():
        assert set(said) == set(FAULTS), (kind, operation)


@pytest.mark.parametrize("kind", ["request.create", "key.revoke"])
def test_a_lasting_refusal_is_parked_and_a_person_can_try_again(box, settings, kind):
    """Nothing is hammered any more, and nothing is lost either."""
    handler = next(h for h in HANDLERS if h.kind == kind)
    with morning_of(handler, box, settings) as start:
        refused_for_long(start.again(), handler)


def refused_for_long(world: World, handler: Handler) -> None:
    handler.owe(world)
    world.box.faults.add(handler.operation, mode="status", status=400, message="No.")
    for _try in range(portal.OUTBOX_ATTEMPTS):
        world.pass_time(400)
        outbox.drain()

    row = Outbox.objects.get(kind=handler.kind)
    assert row.parked_reason != ""
    world.box.heal()
    world.pass_time(400)
    outbox.drain()
    assert Outbox.objects.get(kind=handler.kind).served < row.asked, (
        "a parked row waits"
    )

    world.come_to_rest()
    check_at_rest(world)
    handler.ended_well(world)
