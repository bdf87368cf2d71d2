"""Keys and OAuth clients against every Dashboard we know of.

As test_contract.py. Some cases need what no API can do, such as calls made with a
key: those run against the sandbox only, or check less against a real Dashboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.tyk.contract_world import (
    DASHBOARDS,
    QUOTA,
    World,
    eventually,
    gone,
    issue,
    no_such_object,
    opened,
    sandbox_of,
    with_keys,
)
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.records import (
    Developer,
    KeyDetail,
    KeyRequest,
    MintedBasic,
    MintedOAuth,
    Policy,
)
from tyk.sandbox import Sandbox

NOBODY = "0123456789abcdef01234567"
NO_KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed="empty") as started:
        yield started


@pytest.fixture(params=DASHBOARDS)
def world(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[World]:
    with opened(request.param, box) as made:
        yield made


def test_a_developer_is_found_by_the_identity_of_a_provider(world: World):
    ada = world.developer(Name="Ada")
    identity = f"idp|{ada.id}/ä+b"
    record = {**world.client.raw_developer(ada.id), "sso_key": identity}
    world.client.update_developer(ada.id, record)

    found = eventually(lambda: world.client.developer_by_ssokey(identity))

    assert (found.id, found.email, found.fields) == (ada.id, ada.email, ada.fields)
    with pytest.raises(errors.DashboardError) as caught:
        world.client.developer_by_ssokey(identity.upper())
    assert no_such_object(caught.value)


def test_a_key_is_issued_without_a_request(world: World):
    ada, key_id, hashed = issue(world, marker="i.2")

    assert ada.keys == {key_id: (world.policy_id,)}
    detail = world.client.key_detail(key_id, hashed=hashed)
    assert detail.request_fields == {"portal_ref": "i.2"}
    assert detail.developer_id == ada.id
    asked = [
        request.by_user
        for request in world.client.requests()
        if isinstance(request, KeyRequest)
    ]
    assert ada.id not in asked


def test_every_call_issues_another_key(world: World):
    ada, _key_id, _hashed = issue(world)

    world.client.add_key(ada.id, policies=[world.policy_id], fields={})

    eventually(lambda: with_keys(world, ada.id, 2))


def test_kinds_of_keys(world: World):
    box = sandbox_of(world)
    ada = world.developer()
    basic = box.add_policy("Tides basic", auth_type="basic")
    oauth = box.add_policy("Tides oauth", auth_type="oauth")
    uri = "https://app.example.test/cb"

    named = world.client.add_key(ada.id, policies=[basic], fields={})
    app = world.client.add_key(ada.id, policies=[oauth], fields={}, redirect_uri=uri)

    assert isinstance(named, MintedBasic)
    name, password = named.username.reveal(), named.password.reveal()
    assert box.gateway_accepts(username=name, password=password)
    assert isinstance(app, MintedOAuth)
    assert (app.policy_id, app.redirect_uri) == (oauth, uri)
    assert box.gateway_accepts(client_id=app.client_id, secret=app.secret.reveal())
    held = eventually(lambda: _with_clients(world, ada.id, 1))
    assert held.oauth_clients[oauth][0].client_id == app.client_id

    world.client.delete_oauth_client(app.client_id)

    eventually(lambda: _with_clients(world, ada.id, 0))
    assert not box.gateway_accepts(client_id=app.client_id, secret=app.secret.reveal())


def _with_clients(world: World, developer_id: str, count: int) -> Developer:
    developer = world.client.developer(developer_id)
    assert len(developer.oauth_clients) == count
    return developer


def test_a_key_for_a_policy_without_keys_is_refused(world: World):
    box = sandbox_of(world)
    ada = world.developer()
    keyless = box.add_policy("Open tides", auth_type="keyless")

    with pytest.raises(errors.Refused):
        world.client.add_key(ada.id, policies=[keyless], fields={})

    assert box.keys() == []


def test_the_policies_of_a_key_change_and_the_key_does_not(world: World):
    ada, key_id, hashed = issue(world)
    if world.other_policy_id is None:
        pytest.skip("there is no second live policy")

    for policies in (
        [world.other_policy_id],
        [world.policy_id, world.other_policy_id],
        [world.policy_id],
    ):
        world.client.change_key_policies(ada.id, key_id, policies=policies)
        world.client.change_key_policies(ada.id, key_id, policies=policies)

        held = eventually(partial(_holding, world, ada.id, key_id, tuple(policies)))
        assert list(held.keys) == [key_id]
        detail = world.client.key_detail(key_id, hashed=hashed)
        assert detail.policies == tuple(policies)
        assert detail.request_fields == {"portal_ref": "i.1"}


def _holding(
    world: World, developer_id: str, key_id: str, policies: tuple[str, ...]
) -> Developer:
    developer = world.client.developer(developer_id)
    assert developer.keys[key_id] == policies
    return developer


def test_a_quota_is_whole_again(world: World):
    ada, key_id, hashed = issue(world)
    if world.box is not None:
        world.box.record_usage(key_id, hits=40)
        eventually(lambda: _remaining(world, key_id, hashed, QUOTA - 40))

    world.client.reset_quota(ada.id, key_id)
    world.client.reset_quota(ada.id, key_id)

    detail = world.client.key_detail(key_id, hashed=hashed)
    wanted = detail.quota_max if world.box is None else QUOTA
    eventually(lambda: _remaining(world, key_id, hashed, wanted))


def _remaining(
    world: World, key_id: str, hashed: bool, wanted: int | None
) -> KeyDetail:
    detail = world.client.key_detail(key_id, hashed=hashed)
    # Until a key is first used it may not show its quota: TykTechnologies/tyk#1455.
    assert detail.quota_remaining in ({wanted, None} if world.box is None else {wanted})
    return detail


def test_a_key_by_way_of_an_api_is_the_same(world: World):
    _ada, key_id, hashed = issue(world)

    direct = eventually(lambda: world.client.key_detail(key_id, hashed=hashed))
    by_api = world.client.key_detail(key_id, hashed=hashed, api_id="-")

    assert by_api.policies == direct.policies == (world.policy_id,)
    assert by_api.request_fields == direct.request_fields


def test_a_key_deleted_at_the_gateway_stays_on_the_record(world: World):
    ada, key_id, hashed = issue(world)

    try:
        world.client.delete_key(key_id, hashed=hashed)
    except (errors.Refused, errors.OutcomeUnknown):
        # Deleting by hash is off at the gateway, so that the key is still live.
        assert world.client.key_detail(key_id, hashed=hashed).policies
    else:
        eventually(lambda: gone(lambda: world.client.key_detail(key_id, hashed=hashed)))
    assert list(world.client.developer(ada.id).keys) == [key_id]


@pytest.mark.parametrize(
    "act",
    [
        lambda client, ada: client.developer_by_ssokey("idp|nobody"),
        lambda client, ada: client.policy(NOBODY),
        lambda client, ada: client.policy("zzz"),
        lambda client, ada: client.add_key(NOBODY, policies=[NOBODY], fields={}),
        lambda client, ada: client.change_key_policies(ada, NO_KEY, policies=[NOBODY]),
        lambda client, ada: client.reset_quota(ada, NO_KEY),
        lambda client, ada: client.key_detail(NO_KEY, hashed=True, api_id="-"),
    ],
    ids=["ssokey", "policy", "bad_policy", "add", "change", "quota", "key_by_api"],
)
def test_what_is_not_there(world: World, act: Callable[[Dashboard, str], object]):
    ada = world.developer()

    with pytest.raises(errors.DashboardError) as caught:
        act(world.client, ada.id)

    assert no_such_object(caught.value), caught.value


def test_deleting_a_key_that_is_not_there_proves_nothing(world: World):
    with pytest.raises((errors.OutcomeUnknown, errors.NotFound, errors.Refused)):
        world.client.delete_key(NO_KEY, hashed=True)


def test_one_policy_reads_as_in_the_list(world: World):
    listed = eventually(world.client.policies)

    for policy in listed:
        assert isinstance(policy, Policy)
        assert world.client.policy(policy.id) == policy
