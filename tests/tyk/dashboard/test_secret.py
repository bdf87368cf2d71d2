"""A secret is shown to nobody: not by printing, copying, logging or failing."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import signal
import socket
import traceback
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.tyk.dashboard.conftest import KEY, Connect, Serve
from tests.tyk.dashboard.listener import Got, ok, refusal, reply, reset
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import DashboardError
from tyk.dashboard.exact import RawDeveloper
from tyk.dashboard.records import MintedToken
from tyk.dashboard.secret import Secret

TEXT = "hunter2-hunter2"
PASSWORD = "the-password-of-ada"
RAW_KEY = "64a0c0ffee00000000000001" + "ab" * 16
OAUTH_SECRET = "ZXhhbXBsZS1vbmx5"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - the old way too
        lambda secret: str([secret]),
        lambda secret: str({"key": secret}),
        lambda secret: repr(MintedToken(secret)),
        lambda secret: str(dir(secret)),
    ],
)
def test_no_way_of_printing_shows_it(show: Callable[[Secret], str]):
    assert TEXT not in show(Secret(TEXT))


@pytest.mark.parametrize(
    "give_away",
    [
        json.dumps,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        hash,
        vars,
        iter,
        len,
        bytes,
        lambda secret: "key " + secret,
        lambda secret: json.dumps({"key": secret}),
        lambda secret: pickle.dumps([secret], protocol=0),
        lambda secret: secret.__getstate__(),
    ],
)
def test_no_way_of_copying_takes_it(give_away: Callable[[Any], object]):
    with pytest.raises(TypeError) as caught:
        give_away(Secret(TEXT))

    assert TEXT not in str(caught.value)


def test_it_is_compared_and_tested_but_not_changed():
    secret = Secret(TEXT)

    assert secret == Secret(TEXT)
    assert secret != Secret("other")
    assert secret != TEXT
    assert bool(secret)
    assert not Secret("")
    assert secret.reveal() == TEXT
    with pytest.raises(AttributeError):
        secret._text = "x"
    with pytest.raises(AttributeError):
        del secret._text
    with pytest.raises(TypeError):
        Secret(7)  # type: ignore[arg-type]  # what a caller might do


# --- failures of the client -----------------------------------------------


def hang_up(_got: Got, conn: socket.socket) -> None:
    reset(conn)


def half(_got: Got, conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")


LEAKY = {
    "id": 5,
    "email": "ada@x.test",
    "keys": {RAW_KEY: "wrong"},
    "oauth_clients": {"p": [{"client_id": "c", "secret": OAUTH_SECRET}]},
}
ANSWERS = {
    "refused": refusal(400, f"{PASSWORD} is too short"),
    "rejected": refusal(401),
    "forbidden": refusal(403, "access denied"),
    "missing": refusal(404),
    "failed": refusal(500, f"{PASSWORD} {RAW_KEY}"),
    "page": reply(200, f"<p>{RAW_KEY}</p>"),
    "leaky": reply(document={**LEAKY, "RawKey": 5, "data": RAW_KEY}),
    "leaky_list": reply(document={"Data": [LEAKY], "Pages": 1, "x": RAW_KEY}),
    "broken_list": reply(200, f'{{"Data":[{{"id":"{RAW_KEY}"}},]'),
    "half_key": reply(document={"RawKey": [RAW_KEY]}),
    "reset": hang_up,
    "truncated": half,
}
TODAY = date(2024, 5, 22)
CALLS: dict[str, Callable[[Dashboard], object]] = {
    "create": lambda c: c.create_developer(
        email="a@x.test", password=Secret(PASSWORD), fields={}
    ),
    "verify": lambda c: c.verify_credentials(
        email="a@x.test", password=Secret(PASSWORD)
    ),
    "set_password": lambda c: c.set_password("d1", Secret(PASSWORD)),
    "approve": lambda c: c.approve("r1"),
    "add_key": lambda c: c.add_key("d1", policies=["p1"], fields={}),
    "developer": lambda c: c.developer("d1"),
    "raw_developer": lambda c: c.raw_developer("d1"),
    "developers": lambda c: list(c.developers()),
    "policies": lambda c: c.policies(),
    "key_detail": lambda c: c.key_detail("0123abcd", hashed=True),
    "documentation": lambda c: c.documentation("e1"),
    "usage": lambda c: c.usage(["k1"], start=TODAY, end_inclusive=TODAY),
    "by_ssokey": lambda c: c.developer_by_ssokey("idp|ada"),
}


# A list with one bad record in it is no failure, nor is a document that is not there.
TOLERATED = {
    ("developers", "leaky_list"),
    ("policies", "leaky_list"),
    ("documentation", "missing"),
}
FAILURES = [
    (call, answer)
    for call in CALLS
    for answer in ANSWERS
    if (call, answer) not in TOLERATED
]


@pytest.mark.parametrize(("call", "answer"), FAILURES)
def test_no_failure_shows_a_secret(
    call: str, answer: str, serve: Serve, connect: Connect
):
    """Not even with the local variables of every frame, as error pages show them.

    Frames of the test are left out: the caller's own variables are his.
    """
    client = connect(serve(ANSWERS[answer]))

    with pytest.raises(DashboardError) as caught:
        CALLS[call](client)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    shown = _with_locals(caught.value)
    for secret in (KEY, PASSWORD, RAW_KEY, OAUTH_SECRET):
        assert secret not in shown


def _with_locals(error: Exception) -> str:
    rendered = traceback.TracebackException.from_exception(error, capture_locals=True)
    rendered.stack = traceback.StackSummary.from_list(
        [frame for frame in rendered.stack if "/tests/" not in frame.filename]
    )
    assert any("tyk/dashboard/" in frame.filename for frame in rendered.stack)
    attributes = {k: v for k, v in vars(error).items() if k not in {"message"}}
    return "".join(rendered.format()) + repr(error) + repr(attributes)


class TimeIsUp(Exception):
    """As a worker's soft time limit: raised by a signal, wherever we are."""


def test_an_exception_from_outside_shows_no_secret_either(
    serve: Serve, connect: Connect
):
    def strike(_signal: int, _frame: object) -> None:
        raise TimeIsUp

    def hang(_got: Got, conn: socket.socket) -> None:
        conn.settimeout(5)
        conn.recv(1)

    client = connect(serve(hang))
    usual = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeIsUp) as caught:
            client.set_password("d1", Secret(PASSWORD))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)

    shown = _with_locals(caught.value)
    assert "urllib3" in shown
    assert KEY not in shown
    assert PASSWORD not in shown


def test_nothing_is_logged_about_a_call(serve: Serve, connect: Connect):
    """urllib3 logs each path at debug level, and a path can hold a raw key."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        client = connect(serve(ok()))
        client.revoke_key("d1", RAW_KEY)
        with pytest.raises(DashboardError):
            client.key_detail(RAW_KEY, hashed=False)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    assert written.getvalue() == ""


def test_a_raw_developer_shows_its_id_only():
    members = {**LEAKY, "id": "d1", "keys": {RAW_KEY: ["p"]}, "sso_key": TEXT}
    raw = RawDeveloper(members)

    assert repr(raw) == "RawDeveloper(d1)"
    assert RAW_KEY not in repr(raw.record)
    with pytest.raises(TypeError):
        pickle.dumps(raw)


@pytest.mark.parametrize("key", ["", "with space", "line\nbreak", "clé", "tab\t"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_unseen(key: str):
    with pytest.raises(ValueError, match="API key 2") as caught:
        Dashboard("http://127.0.0.1:1", api_keys=[Secret("good"), Secret(key)])

    assert not key or key not in str(caught.value)


def test_keys_have_to_be_wrapped():
    with pytest.raises(ValueError, match="at least one Secret"):
        Dashboard("http://127.0.0.1:1", api_keys=[])
    with pytest.raises(ValueError, match="at least one Secret") as caught:
        Dashboard("http://127.0.0.1:1", api_keys=[KEY])  # type: ignore[list-item]  # a likely slip

    assert KEY not in str(caught.value)
