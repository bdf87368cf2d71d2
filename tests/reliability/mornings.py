"""Mornings: where a course of things may begin, and a copy to start over from."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection

from catalogue.models import Entry
from developers import live as accounts, services as people
from developers.models import MailedLink, User
from keyrequests import live, services
from tests.keyrequests.scene import build
from tests.reliability.boundaries import placed
from tests.reliability.world import LONG_ENOUGH, World
from tyk import outbox, pull
from tyk.dashboard.secret import Secret
from tyk.sandbox import Sandbox
from tyk.sandbox.switches import DEFAULT, Switches

SESSIONS_HANG_ON = "!the first unusable password"
NEW, MOVED = "nora@tinfold.example", "mira@elsewhere.example"


@dataclass
class Start:
    """A world to start over from: both databases, copied."""

    world: World
    portal: sqlite3.Connection
    tyk: dict[str, dict[str, Any]]
    switches: Any

    def again(self) -> World:
        """The same morning once more."""
        boundaries, box = self.world.boundaries, self.world.box
        boundaries.restart()
        boundaries.clear()
        mail.outbox.clear()
        box.reset("empty")
        box.world.store.replace_all({k: dict(v) for k, v in self.tyk.items()})
        box.switches = self.switches
        connection.ensure_connection()
        self.portal.backup(connection.connection)
        return replace(
            self.world,
            shown=[*self.world.shown],
            by_hand=[*self.world.by_hand],
            given_up={*self.world.given_up},
            given_up_rows={*self.world.given_up_rows},
            twice={*self.world.twice},
            happened=Counter(),
        )


def start(world: World, *, lag: float = 0.0) -> Start:
    """Copy the world as it is now. SQLite only. From here on replicas lag."""
    world.box.switch(replica_lag=lag)
    connection.ensure_connection()
    copy = sqlite3.connect(":memory:")
    connection.connection.backup(copy)
    store = world.box.world.store
    held = {kind: dict(store.items(kind)) for kind in list(store._kinds)}
    return Start(world, copy, held, world.box.switches)


@contextmanager
def mornings(
    box: Sandbox, settings: Any, *, only: str = "", on: Switches = DEFAULT
) -> Iterator[dict[str, Start]]:
    """Where a course may begin, by name: all of MORNINGS, or `only` one.

    With boundaries placed, on a Dashboard with the habits `on`. Nothing waits for a
    clock: faults answer at once, and time is moved.
    """
    # A replica that lags would show nothing yet of what is only just set up.
    box.switches = on.changed(replica_lag=0.0)
    for name in ("READ", "WRITE", "CLAIM", "LOGIN", "PASSWORD"):
        setattr(settings, f"TYK_{name}_DEADLINE", 60.0)
    settings.LIMITS_SCALE = 1_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "LANE_WAIT", 0.0)
        scene = build(box)
        with placed(patch) as boundaries:
            empty = start(World(scene, boundaries))
            yield {
                name: start(dress(empty.again()), lag=on.replica_lag)
                for name, dress in MORNINGS.items()
                if only in ("", name)
            }


def _empty(world: World) -> World:
    return world


def _answered_by_text(world: World) -> World:
    world.box.switch(create_request_answer="text")
    return world


def _signed_up(world: World) -> World:
    people.sign_up(NEW, fields={})
    outbox.drain()
    return world


def _twin(world: World) -> World:
    """An account was made, then the record of a lost first try landed, and was read."""
    _signed_up(world)
    link = MailedLink.objects.get(purpose=MailedLink.Purpose.CONFIRM)
    accounts.confirm(link, Secret("an uncommon walrus"))
    [made] = [one for one in world.box.developers() if one["email"] == NEW]
    world.box.add_developer(NEW, fields=dict(made["fields"]))
    pull.run("developers")
    return world


def _reset_asked(world: World) -> World:
    """Somebody is signed in elsewhere, and the owner asked for a new password."""
    User.objects.create(developer=world.scene.developer, password=SESSIONS_HANG_ON)
    people.ask_for_reset(world.scene.developer.email)
    outbox.drain()
    return world


def _renamed_there(world: World) -> World:
    """Somebody at the Dashboard gave the developer another name."""
    _claimed(world)
    world.box.edit_developer(
        world.scene.developer.tyk_id, fields={"Name": "Mira of Tyk"}
    )
    return world


def _address_asked(world: World) -> World:
    """Signed in elsewhere, with a key; a link went to the new mailbox."""
    _claimed(world)
    User.objects.create(developer=world.scene.developer, password=SESSIONS_HANG_ON)
    people.ask_for_new_address(world.scene.developer, address=MOVED)
    outbox.drain()
    return world


def _asked(world: World) -> World:
    world.scene.ask()
    outbox.drain()
    return world


def _approved(world: World) -> World:
    world.scene.approved()
    return world


def _approved_there(world: World) -> World:
    """Approved here, and a moment ago in the Dashboard too; nobody here knows."""
    world.scene.approved()
    [record] = world.box.requests()
    world.approve_by_hand(record["id"])
    return world


def _claimed(world: World) -> World:
    world.claim(world.scene.approved())
    outbox.drain()
    return world


def _client(world: World) -> World:
    """An OAuth client was claimed; its secret is not what these stories are about."""
    policy = world.box.add_policy("plan-oauth", auth_type="oauth")
    world.box.add_entry("Entry OAuth", policy, auth_type="oauth")
    pull.run("policies")
    pull.run("catalogue")
    request = services.submit(
        world.scene.developer,
        entry=Entry.objects.get(name="Entry OAuth"),
        answers={},
        nonce=uuid4(),
        redirect_uri="https://app.example/cb",
    )
    outbox.drain()
    services.approve(request, by=world.scene.reviewer)
    live.claim(request)
    outbox.drain()
    return world


def _died_sending(world: World) -> World:
    """A worker delivered a request, and was killed before it could note that."""
    world.ask("entry")
    world.boundaries.meanwhile = ("after createKeyRequest", world.boundaries.die)
    world.work(rows=20)
    return world


def _away_sending(world: World) -> World:
    """A delivery broke off before Tyk did anything; nobody here can know that."""
    world.ask("entry")
    world.box.faults.add("createKeyRequest", mode="refuse_connection", times=1)
    world.work(rows=20)
    world.box.heal()
    return world


def _lost(world: World) -> World:
    """A claim made its key, and the answer was lost."""
    request = world.scene.approved()
    world.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    world.claim(request)
    world.box.heal()
    return world


def _broken(world: World) -> World:
    """A claim's call broke off before Tyk did anything."""
    request = world.scene.approved()
    world.box.faults.add("approveKeyRequest", mode="refuse_connection", times=1)
    world.claim(request)
    world.box.heal()
    return world


def _late(world: World) -> World:
    """A claim was settled as not made, and Tyk carried its call out after that."""
    request = world.scene.approved()
    world.boundaries.hold_back = "approveKeyRequest"
    world.box.faults.add("approveKeyRequest", mode="refuse_connection", times=1)
    world.claim(request)
    # Tyk says that the request is gone, and has it still.
    world.box.faults.add("deleteKeyRequest", mode="status", status=404, times=1)
    world.pass_time(LONG_ENOUGH)
    world.work(rows=1)
    world.box.heal()
    world.land()
    return world


MORNINGS: dict[str, Callable[[World], World]] = {
    "empty": _empty,
    "text": _answered_by_text,
    "signed up": _signed_up,
    "twin": _twin,
    "reset asked": _reset_asked,
    "renamed there": _renamed_there,
    "address asked": _address_asked,
    "asked": _asked,
    "approved": _approved,
    "approved there": _approved_there,
    "claimed": _claimed,
    "client": _client,
    "died sending": _died_sending,
    "away sending": _away_sending,
    "lost": _lost,
    "broken": _broken,
    "late": _late,
}
