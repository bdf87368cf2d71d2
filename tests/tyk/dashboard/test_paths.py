"""Hostile ids and addresses: one path segment each, or nothing is sent at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import date, datetime
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from tests.tyk.dashboard.conftest import KEY, Connect, Serve
from tests.tyk.dashboard.listener import Listener, ok, reply
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret

ADA = {"id": "d1", "email": "ada@x.test"}
# What may stand in a path: any text but control characters and lone surrogates.
NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."})
HOSTILE = ["a/../../users?x=@y.z", "%2e%2e", "..%2f", "../x", "a#b", "a;b", "a\\b"]
HOSTILE += ["ada+shop@x.test", "ä@ö.test", "a%40b", "eyJvcmciOiI=", "a b", "//x", "?"]


@pytest.fixture(scope="module")
def wire() -> object:
    with ExitStack() as stack:
        listener = Listener(
            lambda got, _conn: ok() if got.method == "DELETE" else ADA_REPLY
        )
        stack.callback(listener.close)
        client = Dashboard(listener.url, api_keys=[Secret(KEY)])
        stack.callback(client.close)
        yield listener, client


ADA_REPLY = reply(document=ADA)


def segments(listener: Listener) -> list[str]:
    got = listener.got[-1]
    assert "?" not in got.target
    assert "#" not in got.target
    return [unquote(part, errors="strict") for part in got.target.split("/")[1:]]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(NAMES)
def test_any_id_is_one_segment_and_comes_back_equal(
    wire: tuple[Listener, Dashboard], name: str
):
    listener, client = wire
    prefix = ["api", "portal", "developers"]

    with suppress(errors.Unexpected):  # Ada is not who was asked for
        client.developer(name)
    assert segments(listener) == [*prefix, name]
    client.developer_by_email(name)
    assert segments(listener) == [*prefix, "email", name]


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(NAMES, NAMES)
@example("a/keys/b", "../c")
def test_two_ids_are_two_segments(
    wire: tuple[Listener, Dashboard], developer: str, key: str
):
    listener, client = wire

    client.revoke_key(developer, key)

    assert segments(listener) == ["api", "portal", "developers", developer, "keys", key]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(wire: tuple[Listener, Dashboard], name: str):
    listener, client = wire

    client.developer_by_email(name)

    assert segments(listener) == ["api", "portal", "developers", "email", name]


TODAY = date(2024, 5, 22)
BAD = ["", ".", "..", "a\nb", "a\r\nX: y", "\x00", "a\x7f", "a\x85", "\ud800", "\t"]
CALLS: dict[str, Callable[[Dashboard, str], object]] = {
    "developer": lambda c, x: c.developer(x),
    "raw_developer": lambda c, x: c.raw_developer(x),
    "developer_by_email": lambda c, x: c.developer_by_email(x),
    "update_developer": lambda c, x: c.update_developer(x, {}),
    "delete_developer": lambda c, x: c.delete_developer(x),
    "set_password": lambda c, x: c.set_password(x, Secret("p")),
    "revoke_key_of": lambda c, x: c.revoke_key(x, "k1"),
    "revoke_key": lambda c, x: c.revoke_key("d1", x),
    "developer_by_ssokey": lambda c, x: c.developer_by_ssokey(x),
    "add_key": lambda c, x: c.add_key(x, policies=["p1"], fields={}),
    "change_key_of": lambda c, x: c.change_key_policies(x, "k1", policies=["p1"]),
    "change_key": lambda c, x: c.change_key_policies("d1", x, policies=["p1"]),
    "reset_quota_of": lambda c, x: c.reset_quota(x, "k1"),
    "reset_quota": lambda c, x: c.reset_quota("d1", x),
    "delete_key": lambda c, x: c.delete_key(x, hashed=True),
    "key_by_api": lambda c, x: c.key_detail(x, hashed=True, api_id="-"),
    "key_of_api": lambda c, x: c.key_detail("k1", hashed=True, api_id=x),
    "documentation": lambda c, x: c.documentation(x),
    "policy": lambda c, x: c.policy(x),
    "usage": lambda c, x: c.usage(["k1", x], start=TODAY, end_inclusive=TODAY),
    "oauth_usage": lambda c, x: c.oauth_usage(x, start=TODAY, end_inclusive=TODAY),
    "delete_oauth_client": lambda c, x: c.delete_oauth_client(x),
    "key_detail": lambda c, x: c.key_detail(x, hashed=True),
    "request": lambda c, x: c.request(x),
    "approve": lambda c, x: c.approve(x),
    "delete_request": lambda c, x: c.delete_request(x),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", BAD)
def test_an_impossible_id_is_refused_before_anything_is_sent(
    wire: tuple[Listener, Dashboard], call: str, name: str
):
    listener, client = wire
    before = len(listener.got)

    with pytest.raises(ValueError, match=r"id|email|sso_key") as caught:
        CALLS[call](client, name)

    assert len(listener.got) == before
    assert not name.strip(".") or repr(name)[1:-1] not in str(caught.value)


@pytest.mark.parametrize("policies", [[], [""], ["p1", ""], "p1", ()])
def test_a_key_needs_a_list_of_policies(
    wire: tuple[Listener, Dashboard], policies: list[str]
):
    listener, client = wire
    before = len(listener.got)

    with pytest.raises(ValueError, match="policies"):
        client.add_key("d1", policies=policies, fields={})
    with pytest.raises(ValueError, match="policies"):
        client.change_key_policies("d1", "k1", policies=policies)

    assert len(listener.got) == before


def test_whether_a_key_id_is_a_hash_is_said(wire: tuple[Listener, Dashboard]):
    listener, client = wire

    client.delete_key("k/1", hashed=True)
    client.delete_key("k/1", hashed=False)
    for hashed in (True, False):
        with pytest.raises(errors.Unexpected) as caught:
            client.key_detail("k/1", hashed=hashed, api_id="a/1")
        assert caught.value.where == "key.data: null, expected object"

    assert [(got.method, got.target) for got in listener.got[-4:]] == [
        ("DELETE", "/api/keys/k%2F1?hashed=true"),
        ("DELETE", "/api/keys/k%2F1"),
        ("GET", "/api/apis/a%2F1/keys/k%2F1?hashed=true"),
        ("GET", "/api/apis/a%2F1/keys/k%2F1"),
    ]


def test_a_date_without_a_zone_is_refused(wire: tuple[Listener, Dashboard]):
    listener, client = wire
    before = len(listener.got)

    with pytest.raises(ValueError, match="aware"):
        client.create_request(
            by_user="d1",
            policies=["p1"],
            fields={},
            date_created=datetime(2024, 5, 22),  # noqa: DTZ001 - naive on purpose
        )

    assert len(listener.got) == before


# --- base URLs ------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_url", "base", "path"),
    [
        ("{}", "{}", "/api/portal/configuration"),
        ("{}/", "{}", "/api/portal/configuration"),
        ("{}/api", "{}", "/api/portal/configuration"),
        ("{}/api/", "{}", "/api/portal/configuration"),
        ("{}/tyk", "{}/tyk", "/tyk/api/portal/configuration"),
        ("{}/tyk/api/", "{}/tyk", "/tyk/api/portal/configuration"),
        ("{}/my-api", "{}/my-api", "/my-api/api/portal/configuration"),
    ],
)
def test_forms_of_the_address(
    given_url: str, base: str, path: str, serve: Serve, connect: Connect
):
    listener = serve(reply(document={}))
    client = connect(given_url.format(listener.url))

    client.configuration()

    assert client.base_url == base.format(listener.url)
    assert listener.got[0].target == path
    assert listener.got[0].headers["host"] == f"127.0.0.1:{listener.port}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "dashboard.test",
        "//dashboard.test",
        "ftp://dashboard.test",
        "file:///etc/passwd",
        "http://",
        "http:///api",
        "http://ada:s3cr3t@dashboard.test",
        "http://ada@dashboard.test",
        "http://dashboard.test?x=s3cr3t",
        "http://dashboard.test/#s3cr3t",
        "http://dashboard.test/?",
        "http://dashboard.test/a/../b",
        "http://dash board.test",
        "http://dashboard.test\n",
        "http://dashboard.test\\@evil.test",
        "http://dashboard.test:0",
        "http://dashboard.test:http",
        "http://dashboard.test:99999",
        "http://*.test",
        "http://[::1",
    ],
)
def test_an_impossible_address_is_refused(address: str):
    with pytest.raises(ValueError, match=r".") as caught:
        Dashboard(address, api_keys=[Secret(KEY)])

    assert "s3cr3t" not in str(caught.value)


def test_the_key_goes_out_bare_and_the_body_as_json(serve: Serve, connect: Connect):
    listener = serve(ok())
    client = connect(listener)

    client.set_password("d1", Secret('pä"ss\\wörd'))
    with pytest.raises(errors.OutcomeUnknown):
        client.approve("r1")

    first, second = listener.got
    assert first.headers["authorization"] == KEY
    assert first.headers["content-type"] == "application/json"
    assert first.json == {"password": 'pä"ss\\wörd'}
    assert (second.method, second.body) == ("PUT", b"")
    assert second.headers["content-length"] == "0"
