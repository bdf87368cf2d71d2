"""`sync_once` and `outbox`, as an operator or a script runs them."""

import itertools
import json
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from catalogue.models import Plan
from tests.keyrequests.scene import build
from tyk import outbox
from tyk.models import CredentialState, Organisation, Outbox, PullState

pytestmark = pytest.mark.django_db(transaction=True)


def told(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_a_round_prints_counts_by_kind(box):
    scene = build(box)
    scene.ask()

    counts = json.loads(told("sync_once", "--json"))

    assert counts["developers"] == {
        "seen": 1,
        "changed": 0,
        "retired": 0,
        "bad": 0,
        "held_back": "",
    }
    assert counts["outbox"] == {"done": 3}
    assert len(box.requests()) == 1


def test_a_round_goes_on_however_long_what_is_due_takes(box, monkeypatch):
    """A worker's task begins nothing after 200 seconds; this is no task."""
    scene = build(box)
    scene.ask()
    slow = SimpleNamespace(monotonic=itertools.count(0, 300).__next__)
    monkeypatch.setattr(outbox, "time", slow)

    counts = json.loads(told("sync_once", "--json"))

    assert counts["outbox"] == {"done": 3}


def test_a_round_that_failed_says_what_and_exits_non_zero(box):
    build(box)
    box.rotate_api_key()

    with pytest.raises(CommandError, match="configuration, policies"):
        told("sync_once")

    assert Organisation.current().credential_state == CredentialState.REJECTED
    assert PullState.objects.get(kind="developers").last_error != ""


def test_another_organisation_is_refused_and_nothing_enters(box):
    build(box)
    Organisation.objects.update(org_id="0" * 24)
    box.add_developer("else@x.example", password="long enough")
    box.add_policy("theirs")

    with pytest.raises(CommandError, match="configuration, policies, catalogue"):
        told("sync_once")

    assert Organisation.current().org_id == "0" * 24
    assert not Plan.objects.filter(name="theirs").exists()


def test_the_outbox_lists_due_and_parked_rows(box):
    scene = build(box)
    request = scene.ask()
    Outbox.objects.filter(kind="mail.to_review").update(parked_reason="no address")
    Outbox.objects.filter(kind="mail.request_received").delete()

    rows = json.loads(told("outbox", "--json"))

    assert [(row["kind"], row["state"], row["subject"]) for row in rows] == [
        ("request.create", "due", str(request.code)),
        ("mail.to_review", "parked", str(request.code)),
    ]
    assert rows[1]["reason"] == "no address"
    outbox.drain()
    Outbox.objects.all().delete()
    assert told("outbox") == "Nothing is due and nothing is parked.\n"
