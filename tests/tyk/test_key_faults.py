"""Writes to keys, and the reads around them, against a sandbox that fails.

As test_client_faults.py: the error class is compared with what was really done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tyk.fault_table import FAULTS, IDS, O, limit
from tests.waiting import LATE
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret
from tyk.sandbox import Sandbox, Switches

NOON = datetime(2024, 5, 22, 12, tzinfo=UTC)
TODAY = NOON.date()
SLOW_MODES = {"timeout_before", "timeout_after", "hang", "drip"}


@dataclass
class Scene:
    """A developer with one key that has calls behind it, and a client."""

    box: Sandbox
    client: Dashboard
    ada: str
    key_id: str
    bronze: str
    silver: str

    def truth(self) -> object:
        """What a write to keys could change."""
        held = self.box.keys()
        details = [self.client.key_detail(key.id, hashed=True) for key in held]
        limits = [(one.policies, one.quota_remaining) for one in details]
        return limits, self.box.developer(self.ada)["keys"]


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    switches = Switches(get_documentation="object")
    with Sandbox(seed="empty", switches=switches) as box:
        yield box


@pytest.fixture
def scene(started: Sandbox) -> Iterator[Scene]:
    started.reset(seed="empty")
    ada = started.add_developer("ada@x.test", password="Correct-horse-7")
    bronze = started.add_policy("Bronze", quota_max=1000)
    silver = started.add_policy("Silver", quota_max=1000)
    key_id = started.key_id(started.issue_key(ada, bronze))
    started.record_usage(key_id, hits=40, at=NOON)
    with Dashboard(started.url, api_keys=[Secret(started.api_key)]) as client:
        yield Scene(started, client, ada, key_id, bronze, silver)
    started.faults.clear()


WRITES: dict[str, Callable[[Scene, float], object]] = {
    "addDeveloperKey": lambda s, limit: s.client.add_key(
        s.ada, policies=[s.bronze], fields={}, deadline=limit
    ),
    "changeDeveloperKey": lambda s, limit: s.client.change_key_policies(
        s.ada, s.key_id, policies=[s.silver], deadline=limit
    ),
    "resetDeveloperKeyQuota": lambda s, limit: s.client.reset_quota(
        s.ada, s.key_id, deadline=limit
    ),
    "deleteKey": lambda s, limit: s.client.delete_key(
        s.key_id, hashed=True, deadline=limit
    ),
}


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    ("mode", "options", "on_write"), [(r[1], r[2], r[3]) for r in FAULTS], ids=IDS
)
def test_a_failing_write(
    mode: str, options: dict[str, Any], on_write: Any, operation: str, scene: Scene
):
    before = scene.truth()
    scene.box.faults.add(operation, mode=mode, **options)
    began = time.monotonic()

    with pytest.raises(errors.DashboardError) as caught:
        WRITES[operation](scene, limit(mode))

    assert (type(caught.value), caught.value.reason) == on_write
    assert time.monotonic() - began < limit(mode) + LATE
    # One try, whatever happened; and only an unknown outcome may be an effect.
    assert len(scene.box.journal.calls(operation)) <= 1
    scene.box.faults.clear()
    if on_write[0] is not O:
        assert scene.truth() == before


@pytest.mark.parametrize("operation", WRITES)
def test_the_same_write_without_a_fault_has_an_effect(operation: str, scene: Scene):
    """Or the test above would find nothing undone, whatever happened."""
    before = scene.truth()

    WRITES[operation](scene, 10)

    assert scene.truth() != before


READS: dict[str, Callable[[Scene, float], object]] = {
    "getDeveloperBySsoKey": lambda s, limit: s.client.developer_by_ssokey(
        "idp|ada", deadline=limit
    ),
    "getPolicy": lambda s, limit: s.client.policy(s.bronze, deadline=limit),
    "getApiKey": lambda s, limit: s.client.key_detail(
        s.key_id, hashed=True, api_id="-", deadline=limit
    ),
    "aggregateKeyActivity": lambda s, limit: s.client.usage(
        [s.key_id], start=TODAY, end_inclusive=TODAY, deadline=limit
    ),
    "oauthClientActivity": lambda s, limit: s.client.oauth_usage(
        s.key_id, start=TODAY, end_inclusive=TODAY, deadline=limit
    ),
    "getDocumentation": lambda s, limit: s.client.documentation(
        s.box.add_documentation("e30="), deadline=limit
    ),
}
# Time and bytes are the transport's, the same for all: two of them are enough here.
ANSWERED = [r for r in FAULTS if r[1] not in {*SLOW_MODES, "huge", "gzip_bomb"}]
ANSWERED += [r for r in FAULTS if r[0] in {"hang", "huge"}]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(
    ("mode", "options", "on_read"),
    [(r[1], r[2], r[4]) for r in ANSWERED],
    ids=[r[0] for r in ANSWERED],
)
def test_a_failing_read(
    mode: str, options: dict[str, Any], on_read: Any, operation: str, scene: Scene
):
    scene.box.edit_developer(scene.ada, sso_key="idp|ada")
    scene.box.faults.add(operation, mode=mode, **options)

    if operation == "getDocumentation" and on_read[0] is errors.NotFound:
        assert READS[operation](scene, limit(mode)) is None
        return
    with pytest.raises(errors.DashboardError) as caught:
        READS[operation](scene, limit(mode))

    assert (type(caught.value), caught.value.reason) == on_read


def test_null_lists_are_no_usage(scene: Scene):
    scene.box.faults.add("*", mode="null_lists")

    assert READS["aggregateKeyActivity"](scene, 10) == []
    assert READS["oauthClientActivity"](scene, 10) == []
