"""What a contract case needs of a Dashboard, whichever one it is."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.records import Developer, KeyRequest, MintedToken, Policy
from tyk.dashboard.secret import Secret
from tyk.sandbox import PROFILES, Sandbox

REAL = os.environ.get("TYK_CONTRACT_URL"), os.environ.get("TYK_CONTRACT_KEY")
# One profile may not write at all; it has a test of its own.
DASHBOARDS = [name for name in PROFILES if name != "restricted"]
DASHBOARDS += ["real"] if all(REAL) else []
LAG = 0.2  # of the profile whose reads lag: long enough to be met, no longer
QUOTA = 1000
T = TypeVar("T")
PASSWORD = Secret("Correct-horse-7")
PATIENCE = 5.0


@dataclass
class World:
    """One Dashboard with a policy to ask for, and what to clear away afterwards."""

    client: Dashboard
    policy_id: str
    other_policy_id: str | None  # None if the Dashboard has only one to offer
    box: Sandbox | None = None  # for what only the other side can do or see
    developers: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def developer(self, **fields: str) -> Developer:
        """A new developer as the Dashboard shows it."""
        email = f"contract-{uuid.uuid4().hex}@example.test"
        made = self.client.create_developer(
            email=email, password=PASSWORD, fields=fields
        )
        found = eventually(lambda: self.client.developer_by_email(email))
        self.developers.append(found.id)
        assert made in {found.id, None}
        return eventually(lambda: self.client.developer(found.id))

    def request(self, developer: Developer, **fields: str) -> KeyRequest:
        """A new pending request, found by its marker as production code does."""
        marker = str(uuid.uuid4())
        made = self.client.create_request(
            by_user=developer.id,
            policies=[self.policy_id],
            fields={"portal_ref": marker, **fields},
            date_created=datetime.now(UTC),
        )
        found = eventually(lambda: self._pending(marker))
        self.requests.append(found.id)
        assert made in {found.id, None}
        return found

    def _pending(self, marker: str) -> KeyRequest:
        for request in self.client.requests(approved=False):
            assert isinstance(request, KeyRequest)
            if request.fields.get("portal_ref") == marker:
                return request
        raise NotThereYet

    def clear(self) -> None:
        """Put the Dashboard back as it was, as far as it lets us."""
        for request in self.requests:
            with suppress(errors.DashboardError):
                self.client.delete_request(request)
        for developer in self.developers:
            with suppress(errors.DashboardError):
                for key in self.client.developer(developer).keys:
                    self.client.revoke_key(developer, key)
                self.client.delete_developer(developer)


class NotThereYet(Exception):
    """A read that a lagging replica may still answer with the past."""


def eventually(read: Callable[[], T]) -> T:
    """Repeat a read until it succeeds: a Dashboard may read from a replica."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except (NotThereYet, errors.NotFound, errors.Refused, AssertionError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


@contextmanager
def opened(name: str, box: Sandbox) -> Iterator[World]:
    """The Dashboard of that name: a profile of the sandbox, or the real one."""
    made = _real() if name == "real" else sandboxed(box, name)
    with made.client:
        yield made
        if name == "real":
            made.clear()


def sandboxed(box: Sandbox, profile: str) -> World:
    """The sandbox, emptied, with this profile's habits and two policies."""
    box.reset(seed="empty")
    profiled = PROFILES[profile]
    box.switches = profiled.changed(replica_lag=min(profiled.replica_lag, LAG))
    bronze = box.add_policy(
        "Tides bronze", rate=5, per=1, quota_max=QUOTA, apis=["Tides"]
    )
    silver = box.add_policy("Tides silver", rate=9, per=1, apis=["Tides"])
    box.add_entry("Tides", bronze)
    box.set_configuration(signup_fields=["company"])
    client = Dashboard(box.url, api_keys=[Secret(box.api_key)])
    return World(client, bronze, silver, box)


def _real() -> World:
    url, key = REAL
    client = Dashboard(url or "", api_keys=[Secret(key or "")])
    shown = {entry.policy_id for entry in client.catalogue().entries if entry.show}
    live = [
        policy.id
        for policy in client.policies()
        if isinstance(policy, Policy) and policy.live and policy.id in shown
    ]
    return World(client, live[0], live[1] if len(live) > 1 else None)


def no_such_object(error: errors.DashboardError) -> bool:
    """404, or 400 where the Dashboard says so of ids it cannot resolve."""
    return isinstance(error, errors.NotFound | errors.Refused)


def gone(read: Callable[[], object]) -> None:
    """Raise `NotThereYet` while the read still finds something."""
    try:
        read()
    except errors.DashboardError as error:
        assert no_such_object(error)  # noqa: PT017 - reading once more is the else
    else:
        raise NotThereYet


def with_keys(world: World, developer_id: str, count: int) -> Developer:
    """The developer, once the record lists so many keys."""
    developer = world.client.developer(developer_id)
    assert len(developer.keys) == count
    return developer


def issue(world: World, *, marker: str = "i.1") -> tuple[Developer, str, bool]:
    """A developer with a key: the record, the key's id, whether that is a hash."""
    ada = world.developer()
    minted = world.client.add_key(
        ada.id, policies=[world.policy_id], fields={"portal_ref": marker}
    )
    assert isinstance(minted, MintedToken)
    held = eventually(lambda: with_keys(world, ada.id, 1))
    (key_id,) = held.keys
    return held, key_id, key_id != minted.raw.reveal()


def sandbox_of(world: World) -> Sandbox:
    """The sandbox behind it; a real Dashboard skips the test."""
    if world.box is None:
        pytest.skip("only the sandbox lets a test do this")
    return world.box
