"""The client against a sandbox that fails: what it reports, and what was done.

The error class is a promise about the Dashboard's state. So each case looks at
the sandbox's own truth: nothing may have been done under any error but
`OutcomeUnknown`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tyk.fault_table import FAULTS, IDS, SLOW, O, U, limit
from tests.waiting import LATE
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret
from tyk.sandbox import Sandbox

ASKED = datetime(2024, 5, 22, 9, 34, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    with Sandbox(seed="empty") as box:
        yield box


@pytest.fixture
def box(started: Sandbox) -> Sandbox:
    started.reset(seed="empty")
    return started


@pytest.fixture
def client(box: Sandbox) -> Iterator[Dashboard]:
    with Dashboard(box.url, api_keys=[Secret(box.api_key)]) as made:
        yield made


def ask(client: Dashboard, developer: str, policy: str, deadline: float) -> str | None:
    return client.create_request(
        by_user=developer,
        policies=[policy],
        fields={},
        date_created=ASKED,
        deadline=deadline,
    )


@pytest.mark.parametrize(
    ("mode", "options", "on_write"), [(r[1], r[2], r[3]) for r in FAULTS], ids=IDS
)
def test_a_failing_write(
    mode: str, options: dict[str, Any], on_write: Any, box: Sandbox, client: Dashboard
):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    policy = box.add_policy("Tides")
    box.faults.add("createKeyRequest", mode=mode, **options)
    began = time.monotonic()

    with pytest.raises(errors.DashboardError) as caught:
        ask(client, developer, policy, limit(mode))

    assert (type(caught.value), caught.value.reason) == on_write
    assert time.monotonic() - began < limit(mode) + LATE
    # One try, whatever happened; and only an unknown outcome may be an effect.
    assert len(box.journal.calls("createKeyRequest")) <= 1
    if on_write[0] is not O:
        assert box.requests() == []
    box.faults.clear()


@pytest.mark.parametrize(
    ("mode", "options", "on_read"), [(r[1], r[2], r[4]) for r in FAULTS], ids=IDS
)
def test_a_failing_read(
    mode: str, options: dict[str, Any], on_read: Any, box: Sandbox, client: Dashboard
):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    box.faults.add("getDeveloper", mode=mode, **options)
    began = time.monotonic()

    with pytest.raises(errors.DashboardError) as caught:
        client.developer(developer, deadline=limit(mode))

    assert (type(caught.value), caught.value.reason) == on_read
    assert time.monotonic() - began < limit(mode) + LATE
    box.faults.clear()


# What is too large for a record is nothing for a list: see test_stream.py.
LISTED = [row for row in FAULTS if row[1] not in {"wrong_types", "huge", "gzip_bomb"}]


@pytest.mark.parametrize(
    ("mode", "options", "on_read"),
    [(r[1], r[2], r[4]) for r in LISTED],
    ids=[r[0] for r in LISTED],
)
def test_a_failing_list(
    mode: str, options: dict[str, Any], on_read: Any, box: Sandbox, client: Dashboard
):
    box.add_developer("ada@x.test", password="Correct-horse-7")
    box.faults.add("listDevelopers", mode=mode, **options)
    began = time.monotonic()

    with pytest.raises(errors.DashboardError) as caught:
        list(client.developers(deadline=limit(mode)))

    assert (type(caught.value), caught.value.reason) == on_read
    assert time.monotonic() - began < limit(mode) + LATE
    box.faults.clear()


@pytest.mark.parametrize(("mode", "options"), [(r[1], r[2]) for r in FAULTS], ids=IDS)
def test_no_fault_lets_anybody_in(
    mode: str, options: dict[str, Any], box: Sandbox, client: Dashboard
):
    """Nor does one count as a wrong password, which would lock people out."""
    box.add_developer("ada@x.test", password="Correct-horse-7")
    box.faults.add("verifyCredentials", mode=mode, **options)
    if options.get("status") == 401:
        box.faults.add("getPortalConfiguration", mode=mode, **options)

    with pytest.raises(errors.DashboardError) as caught:
        client.verify_credentials(
            email="ada@x.test",
            password=Secret("Correct-horse-7"),
            deadline=limit(mode),
        )

    assert not isinstance(caught.value, O)
    box.faults.clear()


def test_null_lists_are_empty_ones(box: Sandbox, client: Dashboard):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    box.faults.add("*", mode="null_lists")

    assert list(client.developers()) == []
    assert client.developer(developer).keys == {}
    assert client.catalogue().entries == ()


def test_a_closed_port_is_refused_and_nothing_is_done(box: Sandbox, client: Dashboard):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    policy = box.add_policy("Tides")
    box.refuse()

    with pytest.raises(U) as caught:
        ask(client, developer, policy, 2)

    box.heal()
    assert caught.value.reason == "refused"
    assert box.requests() == []


def test_dead_connections_cost_a_read_nothing(box: Sandbox, client: Dashboard):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    for _ in range(3):
        client.developer(developer)
        box.drop_connections()

    assert client.developer(developer).email == "ada@x.test"


def test_a_late_commit_shows_why_unknown_is_unknown(box: Sandbox, client: Dashboard):
    developer = box.add_developer("ada@x.test", password="Correct-horse-7")
    policy = box.add_policy("Tides")
    box.faults.add("createKeyRequest", mode="commit_late", seconds=0.8, hold=2)

    with pytest.raises(O):
        ask(client, developer, policy, SLOW)
    before = len(box.requests())
    box.wait_for_late_commits()

    assert (before, len(box.requests())) == (0, 1)


def test_a_rotated_key_is_followed(box: Sandbox):
    old, new = box.api_key, "0123456789abcdef0123456789abcdef"
    told: list[int] = []
    with Dashboard(
        box.url, api_keys=[Secret(old), Secret(new)], on_key_switched=told.append
    ) as client:
        client.configuration()
        box.rotate_api_key(new)

        assert client.configuration().hash_keys in {True, False}
        box.add_developer("ada@x.test", password="Correct-horse-7")
        verify = client.verify_credentials
        assert verify(email="ada@x.test", password=Secret("Correct-horse-7")) is True
        assert verify(email="ada@x.test", password=Secret("wrong")) is False

    assert told == [1]
