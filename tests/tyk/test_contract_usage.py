"""Usage and documents against every Dashboard we know of: as test_contract.py.

Nobody can be made to call a gateway from here, so most cases are for the sandbox.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.tyk.contract_world import (
    DASHBOARDS,
    World,
    eventually,
    issue,
    opened,
    sandbox_of,
    sandboxed,
    with_keys,
)
from tyk.dashboard import errors
from tyk.dashboard.records import MintedOAuth, UsageRow
from tyk.dashboard.usage import Resolution
from tyk.sandbox import Sandbox

NOBODY = "0123456789abcdef01234567"
NO_KEY = "0123456789abcdef"
FIRST, LAST = date(2024, 3, 2), date(2024, 3, 31)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed="empty") as started:
        yield started


@pytest.fixture(params=DASHBOARDS)
def world(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[World]:
    with opened(request.param, box) as made:
        yield made


def used(box: Sandbox, key_id: str) -> None:
    """Calls on the first and the last day asked for, and on those just outside."""
    day, noon = timedelta(days=1), datetime(2024, 3, 31, 12, tzinfo=UTC)
    start = datetime(2024, 3, 2, tzinfo=UTC)
    for at, code, hits in (
        (start - timedelta(hours=1), 200, 100),
        (start, 200, 3),
        (noon, 200, 10),
        (noon, 429, 2),
        (noon + timedelta(hours=1), 500, 1),
        (noon + day, 200, 1000),
        (noon + 40 * day, 200, 9),
    ):
        box.record_usage(key_id, hits=hits, code=code, at=at)


def short(rows: list[UsageRow]) -> list[tuple[str, int, int, int]]:
    return [(f"{r.at:%m-%d %H}", r.hits, r.ok, r.errors) for r in rows]


BY_DAY = [("03-02 00", 3, 3, 0), ("03-31 00", 13, 10, 3)]
BY_HOUR = [("03-02 00", 3, 3, 0), ("03-31 12", 12, 10, 2), ("03-31 13", 1, 0, 1)]


@pytest.mark.parametrize(("resolution", "rows"), [("day", BY_DAY), ("hour", BY_HOUR)])
def test_usage_of_the_days_asked_for_whatever_the_end_means(
    world: World, resolution: Resolution, rows: object
):
    box = sandbox_of(world)
    _ada, key_id, _hashed = issue(world)
    used(box, key_id)

    def asked() -> list[UsageRow]:
        found = world.client.usage(
            [key_id], start=FIRST, end_inclusive=LAST, resolution=resolution
        )
        assert short(found) == rows
        return found

    last = eventually(asked)[-1].last_hit
    assert last is not None
    assert last.date() == LAST


def test_usage_by_month_of_whole_months(world: World):
    box = sandbox_of(world)
    _ada, key_id, _hashed = issue(world)
    used(box, key_id)

    def asked() -> None:
        found = world.client.usage(
            [key_id], start=date(2024, 3, 1), end_inclusive=LAST, resolution="month"
        )
        assert short(found) == [("03-01 00", 116, 113, 3)]

    eventually(asked)


def test_usage_of_several_keys_is_added_up_and_can_be_narrowed(world: World):
    box = sandbox_of(world)
    ada, first, _hashed = issue(world)
    other = box.add_policy("Winds", apis=["Winds"])
    world.client.add_key(ada.id, policies=[other], fields={})
    held = eventually(lambda: with_keys(world, ada.id, 2)).keys
    (second,) = set(held) - {first}
    noon = datetime(2024, 3, 20, 12, tzinfo=UTC)
    box.record_usage(first, hits=2, at=noon)
    box.record_usage(second, hits=5, at=noon)

    def hits(api_id: str | None = None) -> list[int]:
        rows = world.client.usage(
            list(held), start=FIRST, end_inclusive=LAST, api_id=api_id
        )
        return [row.hits for row in rows]

    def all_there() -> None:
        assert (hits(), hits(other), hits(world.policy_id)) == ([7], [5], [2])

    eventually(all_there)


def test_usage_of_an_oauth_client(world: World):
    box = sandbox_of(world)
    ada = world.developer()
    oauth = box.add_policy("Tides oauth", auth_type="oauth")
    app = world.client.add_key(ada.id, policies=[oauth], fields={})
    assert isinstance(app, MintedOAuth)
    used(box, app.client_id)

    def asked() -> None:
        found = world.client.oauth_usage(app.client_id, start=FIRST, end_inclusive=LAST)
        assert short(found) == BY_DAY

    eventually(asked)


def test_a_key_nobody_used_has_no_rows(world: World):
    _ada, key_id, _hashed = issue(world)

    assert world.client.usage([key_id], start=FIRST, end_inclusive=LAST) == []


def test_without_the_right_to_read_analytics_there_is_no_usage(box: Sandbox):
    world = sandboxed(box, "restricted")

    for ask in (
        lambda: world.client.usage([NO_KEY], start=FIRST, end_inclusive=LAST),
        lambda: world.client.oauth_usage(NO_KEY, start=FIRST, end_inclusive=LAST),
        lambda: world.client.policy(world.policy_id),
        lambda: world.client.add_key(NOBODY, policies=[world.policy_id], fields={}),
    ):
        with pytest.raises(errors.Misconfigured) as caught:
            ask()
        assert caught.value.reason == "no_permission"


# --- documentation --------------------------------------------------------


def test_a_document_is_shown_or_its_absence_is_tolerated(world: World):
    box = sandbox_of(world)
    text = '{"openapi": "3.0.3"}'
    packed = base64.encodebytes(text.encode() * 9).decode()
    swagger = box.add_documentation(packed)
    address = box.add_documentation(
        "https://x.test/o.json", doc_type="swagger_custom_url"
    )

    def read() -> None:
        found = world.client.documentation(swagger)
        linked = world.client.documentation(address)
        if box.switches.get_documentation == "missing":
            assert (found, linked) == (None, None)
            return
        assert found is not None
        assert linked is not None
        assert (found.kind, found.content) == ("swagger", text.encode() * 9)
        assert (linked.kind, linked.url) == (
            "swagger_custom_url",
            "https://x.test/o.json",
        )

    eventually(read)


def test_no_document_is_none(world: World):
    assert world.client.documentation(NOBODY) is None
