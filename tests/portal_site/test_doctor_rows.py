"""What the doctor reads in our own tables."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.keyrequests.scene import build
from tests.portal_site.ward import examined, wrong
from tyk.models import Organisation, Outbox, PullState

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_was_ever_read(box):
    assert wrong(examined())["beat"] == "Nothing was ever read from Tyk."


def test_the_beat_is_dead(box):
    build(box)
    PullState.objects.update(started_at=timezone.now() - timedelta(minutes=7))

    assert wrong(examined()) == {"beat": "The last pull began 7 minutes ago."}


def test_a_pull_that_failed_and_one_that_held_back(box):
    build(box)
    PullState.objects.filter(kind="developers").update(last_error="listDevelopers: x")
    PullState.objects.filter(kind="policies").update(held_back_reason="all would go")

    assert wrong(examined()) == {
        "pulls": "Not in step with Tyk: developers (listDevelopers: x) and policies "
        "(all would go)."
    }


def test_parked_work(box):
    build(box)
    for number in range(2):
        factories.OutboxFactory(subject=number, parked_reason="no such address")

    assert wrong(examined()) == {"parked": "Work waits for a person: 2 of mail.reset."}


def test_late_work(box):
    build(box)
    factories.OutboxFactory(next_at=timezone.now() - timedelta(minutes=30))
    assert wrong(examined()) == {"outbox": "Rows due: 1, the oldest for 30 minutes."}

    Outbox.objects.update(next_at=timezone.now())
    assert examined()["outbox"].sentence == "Rows due: 1, none of them late."


def test_a_seal_key_that_is_gone(box, settings, alice):
    key = alice.keys.get()
    settings.SEAL_KEYS = ["5a" * 32]

    assert examined()["seal keys"].sentence == (
        f"SEAL_KEYS do not open the id of a key of {key.created_at:%Y-%m-%d}: it can "
        "be neither revoked nor replaced here."
    )


def test_a_seal_key_behind_the_first(box, settings, alice):
    settings.SEAL_KEYS = ["5a" * 32, *settings.SEAL_KEYS]

    assert examined()["seal keys"].sentence == (
        "SEAL_KEYS open the oldest and the newest key id."
    )


def test_somebody_elses_database(box):
    build(box)
    Organisation.objects.update(base_url_seen="https://developers.example.com")

    assert wrong(examined()) == {
        "fence": "This database belongs to the portal at developers.example.com, and "
        "this is testserver. Nothing is sent."
    }
