"""Read, merge, write: only what we mean to change differs on the wire."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import given, settings, strategies as st

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import Got, ok, reply
from tyk.dashboard import errors, exact
from tyk.dashboard.exact import RawDeveloper

# As no serialiser of ours would write it: order, numbers and strange members.
STORED = (
    '{"zebra":{"b":1,"a":[1.10,1e400,-0,-0.0,1E+2,12345678901234567890123]},'
    '"email":"ada@x.test","id":"d1","inactive":false,"fields":{"z":"1","Name":"Ada"},'
    '"keys":null,"PWHistory":[],"oauth_clients":{"p1":[{"client_id":"c1",'
    '"secret":"s3cr3t","dcr_registration":{"x":1.50}}]},"nonce":"","text":"\\u00e9\\ud83d\\ude00"}'
)


def test_an_untouched_record_goes_back_as_it_came():
    raw = RawDeveloper.from_body(STORED.encode(), "d1")

    assert exact.dumps(raw) == STORED
    assert raw.record.email == "ada@x.test"


def test_only_the_changed_fields_differ():
    raw = RawDeveloper.from_body(STORED.encode(), "d1")

    changed = raw.merged(fields={"Name": "Ada B.", "company": "Tide", "z": None})

    expected = STORED.replace(
        '{"z":"1","Name":"Ada"}', '{"Name":"Ada B.","company":"Tide"}'
    )
    assert exact.dumps(changed) == expected
    assert exact.dumps(raw) == STORED
    assert changed.record.fields == {"Name": "Ada B.", "company": "Tide"}


def test_address_and_flag_keep_their_places():
    raw = RawDeveloper.from_body(STORED.encode(), "d1")

    changed = raw.merged(email="new@x.test", inactive=True)

    assert exact.dumps(changed) == STORED.replace("ada@x.test", "new@x.test").replace(
        '"inactive":false', '"inactive":true'
    )


def test_fields_are_made_where_there_were_none():
    raw = RawDeveloper({"id": "d1", "email": "a@x.test", "fields": None})

    assert raw.merged(fields={"Name": "Ada"})["fields"] == {"Name": "Ada"}


def test_a_password_hash_of_an_old_release_is_not_sent_back():
    raw = RawDeveloper({"id": "d1", "email": "a@x.test", "password": "$2a$10$x"})

    assert "password" not in raw.merged(inactive=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_json_comes_back_byte_for_byte(document: dict[str, object]):
    written = json.dumps(document, separators=(",", ":"))

    assert exact.dumps(exact.loads(written.encode())) == written


@pytest.mark.parametrize("value", [object(), {"x": {1}}, float("nan"), b"x"])
def test_what_json_has_no_word_for_is_an_error(value: object):
    with pytest.raises((TypeError, ValueError)):
        exact.dumps(value)


def test_over_the_wire(serve: Serve, connect: Connect):
    def script(got: Got, _conn: socket.socket) -> bytes:
        return reply(200, STORED) if got.method == "GET" else ok()

    listener = serve(script)
    client = connect(listener)

    client.update_developer("d1", client.raw_developer("d1").merged(inactive=True))

    assert listener.got[1].body.decode() == STORED.replace(
        '"inactive":false', '"inactive":true'
    )


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        '{"id":"d1"}',
        '{"id":7,"email":"a"}',
        '{"id":"d1","email":"a","x":%s}' % ("9" * 5000),
    ],
)
def test_what_is_no_developer_is_unexpected(body: str, serve: Serve, connect: Connect):
    client = connect(serve(reply(200, body)))

    with pytest.raises(errors.Unexpected):
        client.raw_developer("d1")
