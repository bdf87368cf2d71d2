"""What somebody takes along: all of theirs, and nothing of anybody else's."""

import json
from datetime import date
from typing import Any

import pytest
from django.test import Client

from developers import mail_choices, services as people
from keyrequests import services
from keyrequests.models import Event, KeyRequest
from tests.factories import SINCE, KeyRequestFactory, UsageDayFactory

pytestmark = pytest.mark.django_db

EXPORT = "/account/data/export/"


def _export(browser: Client) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(browser.get(EXPORT).content)
    return whole


def test_all_of_it_to_the_letter(alice, alices_key, signed_in, rita):
    request = alices_key.request
    KeyRequest.objects.filter(pk=request.pk).update(
        answers={"Use case": "A shop"}, project="Shop", reason="Fine."
    )
    UsageDayFactory(key=alices_key, day=date(2026, 11, 20), hits=7, ok=5, errors=2)
    Event.objects.all().delete()
    services.note(Event.Verb.SENT, request=request, actor=alice, at=SINCE)
    services.note(
        Event.Verb.APPROVED, request=request, actor=str(rita), at=SINCE, text="Hm."
    )
    services.note(Event.Verb.CLAIMED, key=alices_key, actor=alice, at=SINCE)
    mail_choices.choose(alice, ["approval_reminder"])
    people.edit_profile(alice, fields={"Company": "Tinfold"})
    request.refresh_from_db()
    browser = signed_in(alice)
    browser.get("/account/")
    alice.refresh_from_db()
    since = "2025-09-03T08:30:00Z"

    whole = _export(browser)

    [asked], [key] = whole.pop("requests"), whole.pop("keys")
    [session] = whole.pop("sessions")
    [change] = whole.pop("profile_changes")
    assert whole.pop("made_at")
    account = whole.pop("account")
    assert account.pop("as_of")
    assert account.pop("last_here_at")
    assert account == {
        "email": "alice@shop.example",
        "name": "Alice Arnold",
        "fields": {"Name": "Alice Arnold"},
        "since": since,
        "password_changed_at": since,
    }
    assert whole == {
        "mails": {
            "request_received": False,
            "approval_reminder": True,
            "quota": False,
        },
        "picture": {"gravatar_allowed_since": None, "kept_here": False},
    }
    assert (change["from"], change["to"]) == ({"Company": ""}, {"Company": "Tinfold"})
    assert session.pop("last_seen_at")
    assert session == {
        "browser": "A browser we do not know",
        "since": None,
        "this_one": True,
    }
    assert asked.pop("sent_at")
    assert asked.pop("decided_at")
    assert asked == {
        "number": request.number,
        "api": request.entry_name,
        "plans": [request.entry.plan.name],
        "project": "Shop",
        "answers": {"Use case": "A shop"},
        "redirect_addresses": "",
        "state": "key made",
        "reason": "Fine.",
        "events": [
            {"at": since, "what": "sent the request", "by": "you"},
            {"at": since, "what": "approved", "by": "the API team"},
        ],
    }
    assert key.pop("made_at")
    assert key == {
        "name": "Shop window",
        "shown_as": alices_key.masked,
        "kind": "token",
        "plans": [request.entry.plan.name],
        "request": request.number,
        "state": "active",
        "ended_at": None,
        "calls_by_day": [
            {"day": "2026-11-20", "calls": 7, "succeeded": 5, "failed": 2}
        ],
        "events": [{"at": since, "what": "claimed the key", "by": "you"}],
    }


def test_it_comes_as_a_file_that_nobody_keeps(alice, signed_in):
    answer = signed_in(alice).get(EXPORT)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="northwind-apis-'
    )
    assert "no-store" in answer.headers["Cache-Control"]


def test_nothing_of_anybody_else(alice, alices_key, charlie, rita, signed_in):
    theirs = signed_in(charlie).get(EXPORT).content.decode()
    own = signed_in(alice).get(EXPORT).content.decode()

    for word in ("alice", "Alice", "Shop window", alices_key.masked):
        assert word not in theirs
        assert word in own
    assert "rita" not in own.lower()
    assert alices_key.fp not in own


def test_strangers_log_in_first(sam, signed_in):
    for visitor in (Client(), signed_in(sam)):
        assert visitor.get(EXPORT).headers["Location"] == f"/login/?next={EXPORT}"


def test_as_many_queries_for_many_rows(alice, signed_in, django_assert_max_num_queries):
    for _ in range(5):
        KeyRequestFactory(developer=alice)
    browser = signed_in(alice)

    with django_assert_max_num_queries(15):
        assert len(_export(browser)["requests"]) == 6
