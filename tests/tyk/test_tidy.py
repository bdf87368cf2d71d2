"""Outbox rows that were done long ago go, in small steps; nothing asked is lost."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import OutboxFactory
from tyk import outbox, tasks, tidy
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

OLD = timedelta(days=31)


def handler(job: outbox.Job) -> None:
    """Does nothing."""


def done(**members: object) -> Outbox:
    """A row that was served `OLD` ago, unless `members` say otherwise."""
    row = OutboxFactory(served=1, next_at=timezone.now() - OLD)
    changes = {"asked_at": timezone.now() - OLD, **members}
    Outbox.objects.filter(pk=row.pk).update(**changes)
    return row


def test_only_what_owes_nothing_for_long_goes():
    now = timezone.now()
    kept = [
        done(asked=2),
        done(asked_at=now),
        done(next_at=now),
        done(asked=2, parked_reason="look"),
        done(sending_since=now),
    ]
    done()

    tasks.tidy()

    assert list(Outbox.objects.order_by("pk")) == kept


def test_it_takes_small_bites(monkeypatch):
    monkeypatch.setattr(tidy, "CHUNK", 10)
    for _row in range(25):
        done()

    with CaptureQueriesContext(connection) as queries:
        assert tidy.forget_done_outbox() == 25

    deletes = [q["sql"] for q in queries if q["sql"].startswith("DELETE")]
    assert len(deletes) == 3


def test_the_chunk_is_what_the_house_allows():
    assert tidy.CHUNK <= 500


def test_what_is_asked_for_while_it_is_tidied_away_is_asked_all_the_same(settings):
    """An old row goes between a look and the wish: the wish makes another."""
    settings.OUTBOX_HANDLERS = {"thing": "tests.tyk.test_tidy.handler"}
    settings.OUTBOX_KEPT_DAYS = 0
    stop = threading.Event()

    def tidy_all_the_time() -> None:
        while not stop.wait(0.001):
            tidy.forget_done_outbox()
        connection.close()

    tidying = threading.Thread(target=tidy_all_the_time)
    tidying.start()
    lost = 0
    try:
        for _wish in range(60):
            with transaction.atomic():
                outbox.enqueue("thing", "a")
            lost += not outbox.drain()
    finally:
        stop.set()
        tidying.join()
    assert lost == 0
