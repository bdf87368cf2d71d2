"""No secret is ever at rest: a full journey, then a search through everything.

Searched: every table, every key of the broker, every mail, every log record at
debug level, and every page but the one that shows the key. The search must find
each secret where it belongs, or it would prove nothing.
"""

import base64
import json
import logging
import re
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from developers.models import BrowserSession, User
from keyrequests.models import Key, KeyRequest
from tests.journey import Journey
from tests.keyrequests.scene import build

pytestmark = pytest.mark.django_db(transaction=True)


def forms(secret: str) -> set[str]:
    """A secret as it may be written: plain, base64, hex, quoted, in JSON."""
    raw = secret.encode()
    return {
        secret,
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        secret[::-1],
    }


@dataclass
class Haystack:
    """Everything that stays after a request, as text by place."""

    places: dict[str, str] = field(default_factory=dict)

    def found(self, secret: str) -> list[str]:
        return [
            place
            for place, text in self.places.items()
            if any(form in text for form in forms(secret))
        ]


def database() -> dict[str, str]:
    """Every row of every table, bytes decoded so that text in them is seen."""
    tables = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own table names
            tables[f"table {table}"] = "\n".join(
                " ".join(_text(value) for value in row) for row in cursor.fetchall()
            )
    return tables


def _text(value: object) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("latin-1")
    return str(value)


def sessions() -> str:
    """The decoded sessions: at rest they are signed and packed, not secret."""
    return "\n".join(
        json.dumps(row.get_decoded(), default=str)
        for row in BrowserSession.objects.all()
    )


def broker(client) -> str:
    """Every value in the Redis-protocol server."""
    texts = []
    for key in client.scan_iter("*"):
        texts.append(_text(key))
        kind = client.type(key)
        if kind == b"list":
            texts += [_text(item) for item in client.lrange(key, 0, -1)]
        elif kind == b"hash":
            texts += [_text(item) for item in client.hgetall(key).values()]
        elif kind == b"string":
            texts.append(_text(client.get(key)))
    return "\n".join(texts)


@pytest.mark.parametrize("hashing", ["murmur64", "off"])
def test_no_secret_is_at_rest_after_a_full_journey(
    box, settings, caplog, mailoutbox, valkey_client, hashing
):
    caplog.set_level(logging.DEBUG)
    box.switch(hashing=hashing)
    box.set_configuration(HashKeys=hashing != "off")
    scene = build(box)
    journey = Journey(box=box, mails=mailoutbox, reviewer=scene.reviewer)

    journey.sign_up("nora@tinfold.example", "an uncommon walrus")
    first = journey.ask_and_claim("Orders")
    second = journey.replace()
    journey.change_password("a second walrus came")
    journey.reset_password("the third walrus sat")
    tokens = [token for mail in mailoutbox for token in _tokens(mail.body)]

    secrets = {
        "first key": first.key,
        "second key": second.key,
        "first password": "an uncommon walrus",
        "second password": "a second walrus came",
        "third password": "the third walrus sat",
        "dashboard key": box.api_key,
        **{f"token {n}": token for n, token in enumerate(tokens)},
    }
    assert len(tokens) == 2
    haystack = Haystack(
        {
            **database(),
            "sessions": sessions(),
            "broker": broker(valkey_client),
            "logs": "\n".join(_whole(record) for record in caplog.records),
            "other pages": "\n".join(journey.other_pages),
        }
    )
    mails = Haystack({"mails": "\n".join(_mail_text(mail) for mail in mailoutbox)})

    assert {name: haystack.found(secret) for name, secret in secrets.items()} == {
        name: [] for name in secrets
    }
    assert mails.found(first.key) == mails.found(box.api_key) == []
    assert [mails.found(value) for value in _passwords(secrets)] == [[], [], []]
    # The same search finds them where they belong.
    assert Haystack({"page": first.page}).found(first.key) == ["page"]
    assert Haystack({"page": second.page}).found(second.key) == ["page"]
    assert all(mails.found(token) == ["mails"] for token in tokens)
    assert box.gateway_accepts(second.key)


def test_every_table_was_searched(db):
    searched = set(database())

    assert {f"table {model._meta.db_table}" for model in apps.get_models()} <= searched
    for model in (User, Key, KeyRequest, BrowserSession):
        assert f"table {model._meta.db_table}" in searched


def test_staff_pages_never_hold_a_key(box, mailoutbox):
    scene = build(box)
    journey = Journey(box=box, mails=mailoutbox, reviewer=scene.reviewer)
    journey.sign_up("nora@tinfold.example", "an uncommon walrus")
    shown = journey.ask_and_claim("Orders")
    key = Key.objects.get()
    staff = Client()
    staff.force_login(scene.reviewer, "developers.backends.StaffBackend")

    pages = [
        staff.get(path).content.decode()
        for path in (
            "/admin/",
            "/admin/keyrequests/keyrequest/?state=all",
            f"/admin/keyrequests/keyrequest/{key.request_id}/change/",
            "/admin/keyrequests/key/",
            f"/admin/keyrequests/key/{key.pk}/change/",
            f"/admin/developers/developer/{key.developer_id}/change/",
        )
    ]

    [held] = box.keys()
    text = Haystack({"staff pages": "\n".join(pages)})
    assert text.found(shown.key) == []
    assert text.found(held.id) == []
    assert key.masked in text.places["staff pages"]


def _passwords(secrets: dict[str, str]) -> list[str]:
    return [value for name, value in secrets.items() if "password" in name]


def _tokens(body: str) -> list[str]:
    """The tokens of links in a mail: the only secrets a mail may hold."""
    return re.findall(
        r"http://testserver/(?:confirm|password/reset)/([\w-]{20,})/", body
    )


def _mail_text(mail) -> str:
    return "\n".join(
        [mail.subject, mail.body, *(part for part, _ in mail.alternatives)]
    )


def _whole(record: logging.LogRecord) -> str:
    return " ".join(str(value) for value in vars(record).values())
