"""Our own database fails under a worker: told once, nothing lost, the next goes on."""

import json
import logging
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from tests.keyrequests.scene import build
from tyk import outbox, pull, tasks
from tyk.models import Outbox, PullState

pytestmark = pytest.mark.django_db(transaction=True)

served: list[str] = []


def handler(job: outbox.Job) -> None:
    served.append(job.subject)
    Outbox.objects.filter(pk=job.pk).count()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    served.clear()


@contextmanager
def failing(when: Callable[[str], bool], *, times: int = 1):
    """Statements for which `when` holds fail like a lock that is held too long."""
    left = [times]

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if left[0] and when(sql):
            left[0] -= 1
            raise OperationalError("could not obtain lock, says a row of a person")
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
    assert left == [0], "nothing failed"


def told(caplog) -> list[logging.LogRecord]:
    return [r for r in caplog.records if r.getMessage() == "database failed"]


def thing(settings) -> None:
    settings.OUTBOX_HANDLERS = {"thing": "tests.tyk.test_database.handler"}
    outbox.enqueue("thing", "a")
    outbox.enqueue("thing", "b")


def due_now() -> None:
    Outbox.objects.update(next_at="2020-01-01T00:00Z", lease_until=None)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(lambda sql: '"next_at" <=' in sql, id="finding"),
        pytest.param(lambda sql: '"lease_until" =' in sql, id="leasing"),
        pytest.param(lambda sql: '"served" =' in sql, id="settling"),
    ],
)
def test_a_drain_survives_and_loses_nothing(when, settings, caplog):
    thing(settings)

    with failing(when):
        outcomes = outbox.drain()

    assert outcomes["database"] == 1
    [event] = told(caplog)
    assert event.__dict__["why"] == "database: OperationalError"
    assert "a person" not in caplog.text
    due_now()
    outbox.drain()
    assert {"a", "b"} <= set(served)
    assert not outbox.due().exists()


def test_a_handler_that_meets_an_outage_counts_no_failure(settings, caplog):
    settings.OUTBOX_ATTEMPTS = 1
    thing(settings)

    with failing(lambda sql: sql.startswith("SELECT COUNT")):
        assert outbox.drain() == {"later": 1, "done": 1}

    assert len(told(caplog)) == 1
    row = Outbox.objects.get(subject=served[0])
    assert (row.attempts, row.waits, row.parked_reason) == (0, 1, "")
    assert row.last_outcome == "database: OperationalError"


def in_developers(sql: str) -> bool:
    return sql.startswith("INSERT") and '"developers_developer"' in sql


def test_a_pull_says_why_and_the_next_one_makes_it_good(box, caplog):
    build(box)
    box.add_developer("new@shop.example", password="correct horse")

    with failing(in_developers):
        tasks.pull("developers")

    assert len(told(caplog)) == 1
    state = PullState.objects.get(kind="developers")
    assert state.last_error == "database: OperationalError"
    tasks.pull("developers")
    state.refresh_from_db()
    assert (state.last_error, state.changed) == ("", 1)


def test_one_kind_that_fails_does_not_keep_the_others_from_being_pulled(box, capsys):
    scene = build(box)
    PullState.objects.all().delete()
    box.add_developer("new@shop.example", password="correct horse")
    scene.ask()

    with failing(in_developers), pytest.raises(CommandError, match="developers"):
        call_command("sync_once", "--json")

    report = json.loads(capsys.readouterr().out)
    assert report["developers"] == {"error": "database: OperationalError"}
    assert report["requests"].get("error") is None
    assert report["outbox"]["done"] >= 1
    done = PullState.objects.exclude(completed_at=None)
    assert {"configuration", "policies", "requests"} <= set(
        done.values_list("kind", flat=True)
    )


def test_a_connection_that_is_cut_is_made_again(settings, box):
    """What a restart of PostgreSQL does to a worker."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection that could be cut")
    build(box)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()

    tasks.pull("policies")  # meets the dead connection
    assert pull.run("policies").seen == 2
    assert outbox.drain() == {}
