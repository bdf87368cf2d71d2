"""Doors and wires: credential, Host, routes, content types, keep-alive."""

import socket

import pytest
import requests

from tests.tyk.sandbox import schema
from tests.tyk.sandbox.caller import error
from tyk.sandbox.routes import ROUTES


@pytest.mark.parametrize("key", ["", "0" * 32, "Bearer nothing", "Basic abc"])
def test_a_missing_or_wrong_key_is_a_401_in_the_envelope(api, key):
    answer = api.get("developers", key=key)

    assert answer.status_code == 401
    assert answer.json() == error("Not authorised")


def test_the_key_goes_bare_or_as_a_bearer(api, box):
    assert api.get("policies", key=box.api_key).status_code == 200
    assert api.get("policies", key=f"Bearer {box.api_key}").status_code == 200


def test_a_rotated_key_opens_and_the_old_one_does_not(api, box):
    old = box.api_key
    new = box.rotate_api_key()

    assert api.get("policies", key=old).status_code == 401
    assert api.get("policies", key=new).status_code == 200
    box.accept_also(old)
    assert api.get("policies", key=old).status_code == 200


def test_slashes_at_the_end_route_and_other_methods_do_not(api):
    assert api.get("catalogue/").status_code == 200
    assert api.get("policies/search/?q=x").status_code == 200
    for answer in (
        api.put("developers/verify_credentials", {}),
        api.post("developers/64a0c0ffee000000000000ff", {}),
        api.call("UPDATE", "requests/64a0c0ffee000000000000ff", {}),
        api.get("nothing/here"),
        api.get("/api//portal/developers"),
    ):
        assert answer.status_code == 404
        assert answer.json() == error("404")


@pytest.mark.parametrize("path", ["/", "/portal/developers", "/apis", "/apix/portal"])
def test_outside_the_api_there_is_the_dashboard_s_own_page(api, path):
    answer = api.get(path, key="")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "Application/json", "text/plain", ""],
)
def test_a_body_is_json_whatever_its_type_says(api, box, content_type):
    raw = '{"email": "a@example.test", "password": "long-enough"}'

    answer = api.post("developers", raw=raw, headers={"Content-Type": content_type})

    assert answer.status_code == 200
    assert len(box.developers()) == 1


@pytest.mark.parametrize("raw", ['{"email":', "", "email=a", "[" * 100_000])
def test_a_malformed_body_is_a_403(api, raw):
    answer = api.post("developers", raw=raw)

    assert answer.status_code == 403
    assert answer.json() == error("Request body malformed.")


@pytest.mark.parametrize("host", ["portal.example", "127.0.0.1.example:3000", ""])
def test_a_foreign_host_is_refused_everywhere(api, box, host):
    for path in ("/api/portal/developers", "/_sandbox/", "/"):
        answer = api.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert answer.text == "This sandbox answers on loopback only.\n"
    assert len(box.journal) == 0


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:1", "LOCALHOST:3000", "[::1]"]
)
def test_our_own_names_are_welcome(api, host):
    assert api.get("policies", headers={"Host": host}).status_code == 200


def test_it_listens_on_loopback_only(box):
    others = [
        str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)
    ]
    outside = [address for address in others if not address.startswith(("127.", "::"))]
    for address in outside:
        with pytest.raises(OSError):  # noqa: PT011 - refused, or no route
            socket.create_connection((address, box.port), timeout=1).close()


def test_a_connection_serves_many_calls(box):
    asked = (
        f"GET /api/portal/policies HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {box.api_key}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", box.port), timeout=5) as wire:
        for _ in range(3):
            wire.sendall(asked)
            assert wire.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_denied_rights_are_a_403_with_two_spaces(api, box):
    box.switch(denied_rights=("analytics", "portal:write"))
    text = "access denied: You do not have permission to access"

    denied = api.post("catalogue", {})

    assert denied.status_code == 403
    assert denied.json() == error(f"{text}  /api/portal/catalogue")
    assert api.get("catalogue").status_code == 200
    assert api.get("/api/usage/1/1/2024/2/1/2024").status_code == 403


def test_every_described_operation_has_a_route_and_no_route_is_undescribed():
    described = {
        (name, operation["method"], operation["path"])
        for name, operation in schema.described_operations().items()
    }
    routed = {(route.operation, route.method, route.path) for route in ROUTES}

    assert described - routed == set()
    assert {name for name, _, _ in routed - described} == {"getDocumentation"}


def test_a_long_list_comes_in_chunks(api, box):
    box.add_many(
        "developers",
        ((f"{n:024x}", {"email": f"d{n}@example.test"}) for n in range(1_500)),
    )

    answer = api.get("developers?p=-1")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    rows = answer.json()["Data"]
    assert [row["email"] for row in rows] == [
        f"d{n}@example.test" for n in range(1_500)
    ]


def test_the_door_can_be_shut_and_opened_again(api, box):
    port = box.port
    box.refuse()
    with pytest.raises(requests.ConnectionError):
        api.get("policies")

    box.heal()

    assert box.port == port
    assert api.get("policies").status_code == 200


def test_dropped_connections_leave_a_dead_keep_alive(box):
    with socket.create_connection(("127.0.0.1", box.port), timeout=5) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.recv(4096)

        box.drop_connections()

        assert wire.recv(1) == b""
