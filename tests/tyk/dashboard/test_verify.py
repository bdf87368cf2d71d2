"""Login proof: what lets somebody in, what says no, and what says nothing."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.tyk.dashboard.conftest import KEY, Connect, Serve
from tests.tyk.dashboard.listener import Got, Listener, ok, refusal, reply, reset
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret

PASSWORD = "correct-horse-7"
CONFIGURATION = reply(document={"id": "", "org_id": "o1", "signup_fields": None})
PAGE = "<!doctype html><html>Tyk</html>"
OLD, NEW, NEWEST = "old-key", "new-key", "newest-key"


def verify(client: Dashboard) -> bool:
    return client.verify_credentials(email="ada@x.test", password=Secret(PASSWORD))


def answering(verified: bytes, canary: bytes = CONFIGURATION) -> Any:
    def script(got: Got, _conn: socket.socket) -> bytes:
        return verified if got.method == "POST" else canary

    return script


PROOFS = [
    ("empty", reply(200)),
    ("blank", reply(200, " \n")),
    ("plain_ok", reply(200, "OK")),
    ("plain_ok_line", reply(200, "OK\n")),
    ("envelope", ok("Credentials OK")),
    ("lower_case", reply(200, '{"Status":"ok"}')),
    ("lower_names", reply(200, '{"status":"Ok","message":"x"}')),
    (
        "as_text",
        reply(200, '{"Status":"OK"}', headers={"Content-Type": "text/plain"}),
    ),
]


@pytest.mark.parametrize("answer", [p[1] for p in PROOFS], ids=[p[0] for p in PROOFS])
def test_proof(answer: bytes, serve: Serve, connect: Connect):
    listener = serve(answering(answer))

    assert verify(connect(listener)) is True

    (got,) = listener.got
    assert (got.method, got.target) == (
        "POST",
        "/api/portal/developers/verify_credentials",
    )
    assert got.json == {"username": "ada@x.test", "password": PASSWORD}


X, M, U = errors.Unexpected, errors.Misconfigured, errors.Unreachable
NO_PROOFS = [
    ("html", reply(200, PAGE), X, "not_json"),
    ("html_type", reply(200, "", headers={"Content-Type": "text/html"}), X, "not_json"),
    (
        "ok_as_html",
        reply(200, "OK", headers={"Content-Type": "text/html; charset=utf-8"}),
        X,
        "not_json",
    ),
    (
        "json_as_html",
        reply(200, '{"Status":"OK"}', headers={"Content-Type": "text/html"}),
        X,
        "wrong_shape",
    ),
    ("says_error", reply(200, '{"Status":"Error","Message":"no"}'), X, "wrong_shape"),
    ("true", reply(200, "true"), X, "wrong_shape"),
    ("quoted", reply(200, '"OK"'), X, "wrong_shape"),
    ("lower_text", reply(200, "ok"), X, "not_json"),
    ("other_text", reply(200, "Welcome"), X, "not_json"),
    ("object", reply(200, "{}"), X, "wrong_shape"),
    ("status_true", reply(200, '{"Status":true}'), X, "wrong_shape"),
    ("status_list", reply(200, '{"Status":["OK"]}'), X, "wrong_shape"),
    ("204", reply(204), X, "not_json"),
    ("201_ok", reply(201, "OK"), X, "not_json"),
    ("201_envelope", reply(201, '{"Status":"OK"}'), X, "wrong_shape"),
    ("302", reply(302, headers={"Location": "/"}), M, "redirect"),
    ("304", reply(304), M, "redirect"),
    ("400", refusal(400), errors.Refused, "refused"),
    ("401_html", reply(401, PAGE), X, "not_json"),
    (
        "403",
        refusal(403, "access denied: You do not have permission to access  /x"),
        M,
        "no_permission",
    ),
    ("404", refusal(404), errors.NotFound, "not_found"),
    ("429", refusal(429), errors.Busy, "busy"),
    ("500", refusal(500), X, "server_error"),
    ("503", reply(503, PAGE), X, "server_error"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [row[1:] for row in NO_PROOFS],
    ids=[row[0] for row in NO_PROOFS],
)
def test_no_proof_and_no_verdict_either(
    answer: bytes,
    kind: type[errors.DashboardError],
    reason: str,
    serve: Serve,
    connect: Connect,
):
    listener = serve(answering(answer))

    with pytest.raises(errors.DashboardError) as caught:
        verify(connect(listener))

    assert (type(caught.value), caught.value.reason) == (kind, reason)
    assert len(listener.got) == 1


@pytest.mark.parametrize(
    "answer",
    [refusal(401, "Unauthorised"), refusal(401, "Not authorised"), reply(401)],
    ids=["its_words", "words_of_a_bad_key", "bare"],
)
def test_401_with_a_good_canary_is_a_wrong_password(
    answer: bytes, serve: Serve, connect: Connect
):
    listener = serve(answering(answer))

    assert verify(connect(listener)) is False

    assert [(got.method, got.path) for got in listener.got] == [
        ("POST", "/api/portal/developers/verify_credentials"),
        ("GET", "/api/portal/configuration"),
    ]


CANARIES = [
    ("401", refusal(401, "Not authorised"), M, "key_rejected"),
    ("403", refusal(403, "access denied"), M, "no_permission"),
    ("500", refusal(500), X, "server_error"),
    ("html", reply(200, PAGE), X, "not_json"),
    ("envelope", ok(), X, "wrong_shape"),
    ("429", refusal(429), errors.Busy, "busy"),
]


@pytest.mark.parametrize(
    ("canary", "kind", "reason"),
    [row[1:] for row in CANARIES],
    ids=[row[0] for row in CANARIES],
)
def test_401_with_any_other_canary_is_nobodys_failure(
    canary: bytes,
    kind: type[errors.DashboardError],
    reason: str,
    serve: Serve,
    connect: Connect,
):
    listener = serve(answering(refusal(401), canary))

    with pytest.raises(errors.DashboardError) as caught:
        verify(connect(listener))

    assert (type(caught.value), caught.value.reason) == (kind, reason)


def test_a_reset_is_no_verdict_and_is_not_repeated(serve: Serve, connect: Connect):
    def script(_got: Got, conn: socket.socket) -> None:
        reset(conn)

    listener = serve(script)

    with pytest.raises(U) as caught:
        verify(connect(listener))

    assert caught.value.reason == "reset"
    assert len(listener.got) == 1


# --- rotation of our own key ----------------------------------------------


def dashboard_with(*good: str, password_ok: bool = True) -> Any:
    """A Dashboard that knows some keys, and one developer."""

    def script(got: Got, _conn: socket.socket) -> bytes:
        if got.headers["authorization"] not in good:
            return refusal(401, "Not authorised")
        if got.path.endswith("verify_credentials"):
            return ok() if password_ok else refusal(401, "Unauthorised")
        if got.method == "POST":
            return ok("64a0c0ffee000000000000d1")
        if got.path.endswith("/missing"):
            return refusal(404)
        return CONFIGURATION

    return script


def keys_of(listener: Listener) -> list[str]:
    return [got.headers["authorization"] for got in listener.got]


def test_next_key_takes_over_and_stays(serve: Serve, connect: Connect):
    listener = serve(dashboard_with(NEW))
    told: list[int] = []
    client = connect(
        listener, api_keys=[Secret(OLD), Secret(NEW)], on_key_switched=told.append
    )

    client.configuration()
    client.configuration()

    assert keys_of(listener) == [OLD, NEW, NEW]
    assert (client.key_in_use, told) == (1, [1])


def test_a_rejected_write_goes_out_again_with_the_next_key(
    serve: Serve, connect: Connect
):
    listener = serve(dashboard_with(NEW))
    client = connect(listener, api_keys=[Secret(OLD), Secret(NEW)])

    made = client.create_developer(email="a@x.test", password=Secret("p"), fields={})

    assert made == "64a0c0ffee000000000000d1"
    assert keys_of(listener) == [OLD, NEW]
    assert listener.got[0].body == listener.got[1].body


def test_a_404_also_accepts_the_next_key(serve: Serve, connect: Connect):
    client = connect(serve(dashboard_with(NEW)), api_keys=[Secret(OLD), Secret(NEW)])

    with pytest.raises(errors.NotFound):
        client.developer("missing")

    assert client.key_in_use == 1


def test_both_keys_rejected_keeps_the_first(serve: Serve, connect: Connect):
    listener = serve(dashboard_with())
    client = connect(listener, api_keys=[Secret(OLD), Secret(NEW)])

    for _ in range(2):
        with pytest.raises(M) as caught:
            client.configuration()
        assert caught.value.reason == "key_rejected"

    assert keys_of(listener) == [OLD, NEW, OLD, NEW]
    assert client.key_in_use == 0


def test_a_failing_next_key_is_reported_and_not_kept(serve: Serve, connect: Connect):
    def script(got: Got, _conn: socket.socket) -> bytes:
        return refusal(401 if got.headers["authorization"] == OLD else 500)

    client = connect(serve(script), api_keys=[Secret(OLD), Secret(NEW)])

    with pytest.raises(errors.OutcomeUnknown):
        client.delete_request("r1")

    assert client.key_in_use == 0


def test_one_key_has_nothing_to_fall_back_on(serve: Serve, connect: Connect):
    listener = serve(dashboard_with())

    with pytest.raises(M):
        connect(listener).configuration()

    assert keys_of(listener) == [KEY]


@pytest.mark.parametrize("password_ok", [True, False])
def test_login_during_a_rotation_is_judged_with_the_next_key(
    password_ok: bool, serve: Serve, connect: Connect
):
    listener = serve(dashboard_with(NEW, password_ok=password_ok))
    client = connect(listener, api_keys=[Secret(OLD), Secret(NEW)])

    assert verify(client) is password_ok

    canary = "/api/portal/configuration"
    check = "/api/portal/developers/verify_credentials"
    went = [(got.path, got.headers["authorization"]) for got in listener.got]
    expected = [(check, OLD), (canary, OLD), (canary, NEW), (check, NEW)]
    assert went == (expected if password_ok else [*expected, (canary, NEW)])


def test_lists_use_the_next_key_too(serve: Serve, connect: Connect):
    def script(got: Got, _conn: socket.socket) -> bytes:
        if got.headers["authorization"] == OLD:
            return refusal(401)
        return reply(document={"Data": None, "Pages": 0})

    client = connect(serve(script), api_keys=[Secret(OLD), Secret(NEW)])

    assert list(client.developers()) == []
    assert client.key_in_use == 1


def test_three_keys_are_tried_in_order(serve: Serve, connect: Connect):
    listener = serve(dashboard_with(NEWEST))
    keys = [Secret(OLD), Secret(NEW), Secret(NEWEST)]
    client = connect(listener, api_keys=keys)

    assert client.configuration().org_id == "o1"
    assert keys_of(listener) == [OLD, NEW, NEWEST]


def test_login_answers_within_one_deadline(serve: Serve, connect: Connect):
    """The canary gets what is left of the login's time, not time of its own."""

    def script(got: Got, _conn: socket.socket) -> bytes | None:
        listener.wait(0.3 if got.method == "POST" else 5)
        return refusal(401)

    listener = serve(script)

    with pytest.raises(U) as caught:
        connect(listener).verify_credentials(
            email="a@x.test", password=Secret("p"), deadline=0.6
        )

    assert caught.value.reason == "timeout"
    assert caught.value.operation == "getPortalConfiguration"
    assert json.loads(listener.got[0].body)["username"] == "a@x.test"
