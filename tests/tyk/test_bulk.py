"""Rows without objects are the rows that objects would have made."""

import traceback
import uuid
from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from developers.models import Developer
from keyrequests.models import Event, Key, KeyRequest
from tests.factories import DeveloperFactory
from tyk import bulk

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)


def columns_of(model, **of) -> dict[str, object]:
    """What stands in the row, but for what is made anew for each."""
    row = model.objects.filter(**of).values().get()
    return {name: row[name] for name in row.keys() - {"id", "code", "nonce", "tyk_id"}}


def test_a_row_is_what_saving_an_object_makes():
    who = DeveloperFactory()
    values = {
        "developer_id": who.pk,
        "answers": {"What for": "Größe, “quoted”", "n": 1},
        "entry_name": "Orders",
        "created_at": AT,
        "origin": KeyRequest.Origin.TYK,
    }
    KeyRequest(tyk_id="saved", **values).save()

    bulk.insert(
        KeyRequest,
        ("tyk_id", "answers", "created_at", "developer_id"),
        [("one", values["answers"], AT, who.pk), ("two", {}, AT, who.pk)],
        alike={"origin": KeyRequest.Origin.TYK, "entry_name": "Orders"},
    )

    saved = columns_of(KeyRequest, tyk_id="saved")
    assert columns_of(KeyRequest, tyk_id="one") == saved
    assert columns_of(KeyRequest, tyk_id="two") == {**saved, "answers": {}}
    # What is made for each row is made for each row.
    assert len(set(KeyRequest.objects.values_list("code", flat=True))) == 3
    assert len(set(KeyRequest.objects.values_list("nonce", flat=True))) == 3


def test_bytes_and_foreign_keys_are_kept():
    who, code = DeveloperFactory(), uuid.uuid4()

    bulk.insert(
        Key,
        ("developer_id", "code", "sealed_id", "kind"),
        [(who.pk, code, b"\x00\xff sealed", Key.Kind.BASIC)],
        alike={"created_at": AT},
    )
    key = Key.objects.get(code=code)
    bulk.insert(Event, ("key_id",), [(key.pk,)], alike={"verb": "found", "at": AT})

    assert (key.developer, key.kind, key.state) == (who, "basic", "live")
    assert bytes(key.sealed_id or b"") == b"\x00\xff sealed"
    assert (key.fp, key.missing_since, key.created_at) == (None, None, AT)
    assert key.events.get().at == AT


def test_nothing_to_insert_is_nothing():
    bulk.insert(Event, ("key_id",), [], alike={"verb": "found", "at": AT})

    assert Event.objects.count() == 0


def test_a_taken_row_is_refused_and_takes_the_others_with_it():
    who = DeveloperFactory()
    rows = [("new", who.pk, AT), ("taken", who.pk, AT)]
    columns = ("tyk_id", "developer_id", "created_at")
    bulk.insert(KeyRequest, columns, rows[1:])

    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(KeyRequest, columns, rows)

    assert list(KeyRequest.objects.values_list("tyk_id", flat=True)) == ["taken"]


def test_a_taken_row_is_updated_in_the_columns_asked_for():
    who = DeveloperFactory(email="old@x.example", name="Old")
    columns = ("tyk_id", "email", "name", "email_key", "code")
    rows = [
        (tyk_id, "new@x.example", "New", "new@x.example", uuid.uuid4())
        for tyk_id in (who.tyk_id, "another")
    ]

    bulk.insert(Developer, columns, rows, unique="tyk_id", update=("email",))

    assert Developer.objects.get(tyk_id="another").name == "New"
    row = Developer.objects.get(pk=who.pk)
    assert (row.email, row.name, row.code) == ("new@x.example", "Old", who.code)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite keeps any length")
def test_a_text_that_is_too_long_is_refused_and_not_cut():
    who = DeveloperFactory()
    columns = ("tyk_id", "developer_id", "created_at")

    with pytest.raises(DataError) as caught, transaction.atomic():
        bulk.insert(KeyRequest, columns, [("x" * 65, who.pk, AT)])

    # Not what it was: an answer of somebody's would stand in the log.
    told = "".join(traceback.format_exception(caught.value))
    assert "value too long for type character varying(64)" in told
    assert "xxx" not in told
    assert KeyRequest.objects.count() == 0
