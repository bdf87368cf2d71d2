"""What holds when the doorbell is lost, rung early, or a worker's clock is wrong."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as portal
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from tyk import lanes, outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

served: list[str] = []


def handler(job: outbox.Job) -> None:
    served.append(job.subject)


@pytest.fixture(autouse=True)
def _handler(settings) -> None:
    settings.OUTBOX_HANDLERS = {"thing": "tests.tyk.test_sweep.handler"}
    served.clear()


def test_the_beat_sweeps_what_no_doorbell_was_heard_for(valkey_client):
    outbox.enqueue("thing", "a")
    valkey_client.flushdb()

    beats: Iterable[dict[str, Any]] = portal.CELERY_BEAT_SCHEDULE.values()
    sweeps = [beat for beat in beats if beat["task"] == "tyk.tasks.drain_outbox"]
    assert [beat["schedule"] <= timedelta(minutes=1) for beat in sweeps] == [True]
    import_string(sweeps[0]["task"])()

    assert served == ["a"]


def test_nobody_is_woken_before_the_commit(valkey_client):
    with transaction.atomic():
        outbox.enqueue("thing", "a")
        assert valkey_client.llen("celery") == 0

    assert valkey_client.llen("celery") == 1


@pytest.fixture
def clock(monkeypatch) -> Callable[[int], None]:
    """`clock(hours)` sets our own clock wrong; the database's stays right."""
    right = timezone.now
    return lambda hours: monkeypatch.setattr(
        timezone, "now", lambda: right() + timedelta(hours=hours)
    )


CLOCKS = pytest.mark.parametrize(
    ("holder", "other"),
    [pytest.param(0, 1, id="other ahead"), pytest.param(-1, 0, id="holder behind")],
)


@CLOCKS
def test_a_row_is_leased_by_the_databases_clock(clock, holder, other):
    clock(holder)
    outbox.enqueue("thing", "a")
    # A worker takes the row, and goes on working at it.
    assert outbox._lease(Outbox.objects.get().pk) is not None

    clock(other)
    assert outbox.drain() == {}


@CLOCKS
def test_a_lane_is_leased_by_the_databases_clock(clock, holder, other):
    clock(holder)
    lanes.take("dev:1", seconds=30)

    clock(other)
    with pytest.raises(lanes.LaneBusy):
        lanes.take("dev:1", seconds=30)
