"""Comparing in the background: one at a time, kept when it fails, started again."""

import json

import pytest
from django.conf import settings
from django.utils import timezone

from portal_site import looks
from portal_site.celery import app
from portal_site.drift import decisions, findings
from portal_site.models import Act, DriftFinding, Look
from portal_site.tasks import WORK, look as task
from tests.keyrequests.scene import build
from tests.portal_site.desks import found, look
from tests.tyk.test_database import failing

pytestmark = pytest.mark.django_db(transaction=True)

DRIFT = Look.Kind.DRIFT


@pytest.fixture
def moved(box):
    scene = build(box)
    box.edit_developer(scene.developer.tyk_id, email="mira@new.example")
    return scene


def test_a_look_is_asked_for_once_at_a_time(moved):
    assert looks.ask(DRIFT, by="Olga")
    assert not looks.ask(DRIFT, by="Rita")

    task.run("drift")
    task.run("drift")  # a message too many

    row = Look.objects.get()
    assert (row.asked, row.served, row.found) == (1, 1, 1)
    assert row.completed_by == "Olga"
    assert [act.actor for act in Act.objects.all()] == ["Olga"]


def test_only_one_worker_looks(moved):
    looks.ask(DRIFT, by="Olga")

    assert looks.take(DRIFT)
    assert looks.take(DRIFT) is None


def test_what_was_known_stays_while_the_dashboard_is_away(moved, box):
    look()
    before = found()
    box.faults.add("listKeyRequests", mode="status", status=500, message="away")
    box.edit_developer(moved.developer.tyk_id, inactive=True)

    row = look()

    assert not row.is_due
    assert row.failed_at
    assert "an error of its own" in row.failure
    assert list(findings.shown().values_list("field", flat=True)) == ["email"]
    assert before == [("email", "mira@tinfold.example", "mira@new.example", "both")]
    box.faults.clear()
    row = look()
    assert (row.failed_at, row.failure, row.found) == (None, "", 2)
    assert DriftFinding.objects.count() == 2  # the half look left nothing


def test_a_worker_that_died_is_followed_by_another(moved):
    looks.ask(DRIFT, by="Olga")
    first = looks.take(DRIFT)
    assert first
    Look.objects.update(lease_until=timezone.now() - looks.LEASE)

    looks.run(DRIFT, WORK[DRIFT])

    assert Look.objects.get().found == 1
    # The first one wakes up: what it brings is no longer wanted.
    with pytest.raises(looks.LeaseLost):
        findings.compare(first)
    assert [one[0] for one in found()] == ["email"]
    assert findings.shown().count() == 1


def test_a_look_survives_a_database_that_fails_and_is_taken_again(moved):
    looks.ask(DRIFT, by="Olga")

    # While it looks, and while it would say so.
    with failing(lambda sql: "portal_site_look" in sql and "lease_until" in sql):
        task(DRIFT.value)
    assert Look.objects.get().is_due
    Look.objects.update(lease_until=timezone.now() - looks.LEASE)
    task(DRIFT.value)

    row = Look.objects.get()
    assert (row.is_due, row.failure, row.found) == (False, "", 1)


def test_a_look_that_kills_its_worker_is_given_up(moved):
    looks.ask(DRIFT, by="Olga")
    for _ in range(looks.MOST_TRIES):
        assert looks.take(DRIFT)
        Look.objects.update(lease_until=timezone.now() - looks.LEASE)

    assert looks.take(DRIFT) is None
    row = Look.objects.get()
    assert (row.is_due, row.failure) == (
        False,
        "The worker died 3 times while it looked.",
    )
    assert looks.ask(DRIFT, by="Olga")
    assert looks.take(DRIFT)


@pytest.mark.parametrize("first", ["ignore", "notice"])
def test_what_is_decided_while_a_look_runs_holds_in_what_it_shows(first, moved):
    """The look had asked already what is ignored."""
    look()
    shown = findings.shown().get()
    if first == "notice":
        decisions.decide(shown, Act.Verb.IGNORE, actor="Olga")
    looks.ask(DRIFT, by="Otto")
    hold = looks.take(DRIFT)
    assert hold
    comparing = findings.compared(hold)
    met = next(comparing)
    assert met.ignored is (first == "notice")

    if first == "ignore":
        decisions.decide(shown, Act.Verb.IGNORE, actor="Olga")
    else:
        decisions.notice(findings.shown().get(), actor="Olga")
    list(comparing)

    row = findings.shown().get()
    assert (row.run, row.ignored) == (hold.epoch, first == "ignore")
    standing = Act.objects.filter(verb=Act.Verb.IGNORE, state=Act.State.STANDING)
    assert standing.count() == (1 if first == "ignore" else 0)


def test_progress_is_told_and_renews_the_lease(moved, monkeypatch):
    monkeypatch.setattr(looks, "TELL_EVERY", 0.0)
    told = []
    looks.ask(DRIFT, by="Olga")
    hold = looks.take(DRIFT)
    assert hold
    tell = hold.tell

    def watched(step: str, read: int) -> None:
        Look.objects.update(lease_until=timezone.now())
        tell(step, read)
        row = Look.objects.get()
        told.append((row.step, row.read))
        assert row.is_running

    monkeypatch.setattr(hold, "tell", watched)
    findings.compare(hold)

    assert told == [
        ("the organisation's settings", 0),
        ("policies", 0),
        ("the catalogue", 0),
        ("developers and keys", 0),
        ("developers and keys", 1),
        ("key requests", 0),
    ]


def test_beyond_a_number_differences_are_only_counted(box, monkeypatch):
    monkeypatch.setattr(findings, "MOST_KEPT", 3)
    build(box)
    for number in range(5):
        box.add_developer(f"dev{number}@x.example", password="long enough")

    row = look()

    assert (row.found, DriftFinding.objects.count()) == (5, 3)


def test_an_error_of_ours_is_named_and_no_more(moved, monkeypatch):
    def broken(hold: looks.Hold) -> None:
        raise ValueError("canary of a value")

    looks.ask(DRIFT, by="Olga")
    looks.run(DRIFT, broken)

    assert Look.objects.get().failure == "It ended with an error of ours: ValueError."


def test_the_beat_finds_what_no_message_woke():
    """A broker that is away fails nobody: the row is there, and the beat looks."""
    for kind in Look.Kind.values:
        beat = settings.CELERY_BEAT_SCHEDULE[f"look: {kind}"]
        assert beat["task"] == task.name
        assert beat["args"] == [kind]


def test_asking_rings_a_worker_and_a_refusal_does_not(moved, valkey_client):
    looks.ask(DRIFT, by="Olga")
    looks.ask(DRIFT, by="Rita")

    assert valkey_client.llen("celery") == 1
    message = json.loads(valkey_client.lindex("celery", 0))
    assert message["headers"]["task"] == task.name


def test_a_broker_that_is_away_fails_nobody(moved, monkeypatch, caplog):
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setitem(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    assert looks.ask(DRIFT, by="Olga")

    assert "doorbell not rung" in caplog.text
    looks.run(DRIFT, WORK[DRIFT])
    assert Look.objects.get().found == 1
