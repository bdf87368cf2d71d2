"""The outbox: leases, quarantine, parking, coalescing, and the doorbell."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from portal_site.celery import app
from tyk import connect, lanes, outbox
from tyk.dashboard.breaker import Breaker
from tyk.dashboard.errors import (
    Busy,
    Call,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    Unexpected,
    Unreachable,
)
from tyk.models import CredentialState, Lane, Organisation, Outbox

pytestmark = pytest.mark.django_db(transaction=True)

CALL = Call("createKeyRequest", "POST", "/api/portal/requests", writes=True)
LONG_AGO = "2020-01-01T00:00Z"

served: list[outbox.Job] = []
behaviour: list[Callable[[outbox.Job], None]] = []


def handler(job: outbox.Job) -> None:
    """The handler under the runner: does what the test says, and is counted."""
    served.append(job)
    for act in behaviour:
        act(job)


@pytest.fixture(autouse=True)
def _handler(settings) -> None:
    settings.OUTBOX_HANDLERS = {"thing": "tests.tyk.test_outbox.handler"}
    served.clear()
    behaviour.clear()


def fails(error: Exception) -> None:
    def act(job: outbox.Job) -> None:
        with job.sending():
            raise error

    behaviour.append(act)


def row() -> Outbox:
    return Outbox.objects.get()


def test_what_was_asked_is_served_once():
    outbox.enqueue("thing", "a")

    assert outbox.drain() == {"done": 1}
    assert outbox.drain() == {}
    assert (row().asked, row().served) == (1, 1)
    assert len(served) == 1


def test_asking_twice_before_it_is_served_is_one_row_and_one_turn():
    outbox.enqueue("thing", "a")
    outbox.enqueue("thing", "a")

    outbox.drain()

    assert (row().asked, row().served) == (2, 2)
    assert len(served) == 1


def test_asking_while_it_is_served_serves_it_again():
    asked_again: list[bool] = []

    def ask_once_more(job: outbox.Job) -> None:
        if not asked_again:
            asked_again.append(True)
            outbox.enqueue("thing", "a")

    behaviour.append(ask_once_more)
    outbox.enqueue("thing", "a")

    outbox.drain()

    assert (row().asked, row().served) == (2, 2)
    assert len(served) == 2


def test_nothing_is_asked_when_the_transaction_rolls_back():
    with transaction.atomic():
        outbox.enqueue("thing", "a")
        transaction.set_rollback(True)

    assert Outbox.objects.count() == 0


def test_an_unknown_kind_is_refused_at_once():
    with pytest.raises(LookupError):
        outbox.enqueue("nonsense", "a")
    assert Outbox.objects.count() == 0


@pytest.mark.parametrize(
    ("error", "outcome", "attempts", "must_look"),
    [
        pytest.param(Unreachable(CALL, reason="refused"), "later", 0, False, id="off"),
        pytest.param(Busy(CALL, retry_after=7), "later", 0, False, id="busy"),
        pytest.param(
            Misconfigured(CALL, reason="key_rejected"), "later", 0, False, id="key"
        ),
        pytest.param(
            OutcomeUnknown(CALL, reason="timeout"), "unsure", 0, True, id="lost answer"
        ),
        pytest.param(
            Refused(CALL, reason="refused", message="No"),
            "failed",
            1,
            False,
            id="refused",
        ),
        pytest.param(Unexpected(CALL, reason="not_json"), "failed", 1, False, id="odd"),
        pytest.param(
            Unexpected(CALL, reason="server_error", status=500),
            "failed",
            1,
            False,
            id="its own error",
        ),
        pytest.param(
            Unexpected(CALL, reason="server_error", status=502),
            "later",
            0,
            False,
            id="nobody behind the proxy",
        ),
        pytest.param(ValueError("ours"), "failed", 1, True, id="our own bug"),
    ],
)
def test_a_failed_write_is_kept_as_what_it_was(error, outcome, attempts, must_look):
    fails(error)
    outbox.enqueue("thing", "a")

    assert outbox.drain() == {outcome: 1}

    assert row().served == 0
    assert row().attempts == attempts
    assert (row().sending_since is not None) is must_look
    assert row().lease_until is None
    assert row().next_at > timezone.now()


def test_a_lost_answer_to_a_call_that_may_be_repeated_is_repeated_soon():
    def revoke(job: outbox.Job) -> None:
        raise OutcomeUnknown(CALL, reason="timeout")

    behaviour.append(revoke)
    outbox.enqueue("thing", "a")

    assert outbox.drain() == {"later": 1}

    assert (row().sending_since, row().attempts, row().waits) == (None, 0, 1)
    assert row().next_at < timezone.now() + timedelta(seconds=3)


def test_its_own_error_about_a_call_that_may_be_repeated_waits_for_a_person(settings):
    """It may be about this one record, and then it never ends."""
    settings.OUTBOX_ATTEMPTS = 3

    def revoke(job: outbox.Job) -> None:
        raise OutcomeUnknown(CALL, reason="server_error", status=500)

    behaviour.append(revoke)
    outbox.enqueue("thing", "a")

    outcomes: list[str] = []
    for _ in range(3):
        Outbox.objects.update(next_at=LONG_AGO)
        outcomes += outbox.drain()

    assert outcomes == ["failed", "failed", "parked"]
    assert row().parked_reason == "Tyk answers with an error of its own (500)"
    assert row().sending_since is None


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unreachable(CALL, reason="refused"), id="nobody"),
        pytest.param(Unexpected(CALL, reason="server_error", status=503), id="503"),
        pytest.param(Unexpected(CALL, reason="server_error", status=504), id="504"),
    ],
)
def test_an_outage_spaces_out_the_tries_and_never_parks(settings, error):
    settings.OUTBOX_ATTEMPTS = 2
    fails(error)
    outbox.enqueue("thing", "a")

    for _ in range(12):
        Outbox.objects.update(next_at=LONG_AGO)
        assert outbox.drain() == {"later": 1}

    assert (row().waits, row().attempts, row().parked_reason) == (12, 0, "")
    behaviour.clear()
    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}
    assert row().waits == 0


@pytest.mark.parametrize(
    ("reason", "outcome", "at_most"),
    [("shed", "later", 4), ("breaker", "turned away", 19)],
)
def test_what_was_not_even_tried_comes_back_soon_however_often(
    reason, outcome, at_most
):
    """We were busy, or waited for a probe: that says nothing of an outage."""
    fails(Unreachable(CALL, reason=reason))
    outbox.enqueue("thing", "a")
    waits = set()

    for _ in range(12):
        Outbox.objects.update(next_at=LONG_AGO)
        assert outbox.drain() == {outcome: 1}
        waits.add((row().next_at - timezone.now()).total_seconds())

    assert (row().waits, row().attempts, row().parked_reason) == (0, 0, "")
    assert 0 < min(waits) < max(waits) < at_most


@pytest.fixture
def shut(settings) -> Iterator[Breaker]:
    """The breaker of this process, open."""
    settings.TYK_BREAKER_AFTER = 1
    connect.breaker.cache_clear()
    connect.breaker().failed()
    yield connect.breaker()
    connect.breaker.cache_clear()


def kinds(settings, **handlers: str) -> None:
    settings.OUTBOX_HANDLERS = {
        kind: f"tests.tyk.test_outbox.{name}" for kind, name in handlers.items()
    }


def call(job: outbox.Job) -> None:
    """A handler that asks the Dashboard, and passes the breaker as every call does."""
    served.append(job)
    if not connect.breaker().admits():
        raise Unreachable(CALL, reason="breaker")
    connect.breaker().answered()


def test_while_the_breaker_is_open_one_of_a_kind_is_tried_and_the_others_stay(
    settings, shut
):
    kinds(settings, call="call", mail="handler")
    for number in range(7):
        outbox.enqueue("call", number)
    outbox.enqueue("mail", "a")

    assert outbox.drain(limit=3) == {"turned away": 1, "done": 1}

    tried = Outbox.objects.exclude(epoch=0).values_list("kind", flat=True)
    assert sorted(tried) == ["call", "mail"]
    assert outbox.due().filter(next_at__lte=timezone.now()).count() == 6


def test_the_others_go_as_soon_as_somebody_answers(settings, shut):
    kinds(settings, call="call", mail="heal")
    outbox.enqueue("call", 1)
    outbox.enqueue("mail", "a")
    for number in range(2, 5):
        outbox.enqueue("call", number)

    assert outbox.drain() == {"turned away": 1, "done": 4}
    assert [job.kind for job in served] == ["call", "mail", "call", "call", "call"]


def heal(job: outbox.Job) -> None:
    """Meanwhile somebody else's probe is answered."""
    served.append(job)
    connect.breaker().answered()


def test_an_answer_that_will_not_change_waits_for_a_person(settings):
    settings.OUTBOX_ATTEMPTS = 2
    fails(OutcomeUnknown(CALL, reason="server_error", status=500))
    outbox.enqueue("thing", "a")
    outbox.drain()
    Outbox.objects.update(next_at=LONG_AGO, sending_since=LONG_AGO, unsure_since=None)

    assert outbox.drain() == {"parked": 1}
    assert row().parked_reason == "answer lost: server_error, 2 times"


def test_a_rejected_key_is_noted_for_staff():
    Organisation.current()
    fails(Misconfigured(CALL, reason="key_rejected"))
    outbox.enqueue("thing", "a")

    outbox.drain()

    assert Organisation.current().credential_state == CredentialState.REJECTED


def test_nobody_looks_before_the_quarantine_is_over(settings):
    fails(OutcomeUnknown(CALL, reason="timeout"))
    outbox.enqueue("thing", "a")
    outbox.drain()
    behaviour.clear()
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"quarantined": 1}
    assert len(served) == 1

    Outbox.objects.update(
        next_at=LONG_AGO, sending_since=LONG_AGO, unsure_since=LONG_AGO
    )
    assert outbox.drain() == {"done": 1}
    assert served[-1].must_look
    assert row().sending_since is None


def test_a_crash_while_sending_makes_the_next_one_look(settings):
    class Killed(BaseException):
        pass

    fails(Killed())  # type: ignore[arg-type]  # a crash is no Exception
    outbox.enqueue("thing", "a")
    with pytest.raises(Killed):
        outbox.drain()
    behaviour.clear()

    assert outbox.drain() == {}  # the lease of the dead worker still holds
    Outbox.objects.update(
        lease_until=LONG_AGO, next_at=LONG_AGO, sending_since=LONG_AGO
    )
    assert outbox.drain() == {"done": 1}
    assert [job.must_look for job in served] == [False, True]


def test_enough_failures_park_the_row_and_nothing_else_is_held(settings):
    settings.OUTBOX_ATTEMPTS = 2
    behaviour.append(lambda job: (_ for _ in ()).throw(ValueError("ours")))
    outbox.enqueue("thing", "a")
    outbox.drain()
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"parked": 1}

    assert row().parked_reason == "error: ValueError"
    behaviour.clear()
    outbox.enqueue("thing", "b")
    assert outbox.drain() == {"done": 1}


def test_a_handler_can_park_with_its_reason():
    def park(job: outbox.Job) -> None:
        raise outbox.Park("Tyk refuses to delete this key")

    behaviour.append(park)
    outbox.enqueue("thing", "a")

    assert outbox.drain() == {"parked": 1}
    assert row().parked_reason == "Tyk refuses to delete this key"


def test_later_counts_no_attempt():
    def later(job: outbox.Job) -> None:
        raise outbox.Later(30, "not yet")

    behaviour.append(later)
    outbox.enqueue("thing", "a")

    assert outbox.drain() == {"later": 1}
    assert row().attempts == 0
    assert row().last_outcome == "not yet"


def test_after_waits():
    outbox.enqueue("thing", "a", after=60)
    assert outbox.drain() == {}

    outbox.enqueue("thing", "a")
    assert outbox.drain() == {"done": 1}


def test_a_zombie_keeps_nothing():
    def lose_the_lease(job: outbox.Job) -> None:
        Outbox.objects.update(epoch=job.epoch + 1)

    behaviour.append(lose_the_lease)
    outbox.enqueue("thing", "a")

    assert outbox.drain(limit=1) == {"lost": 1}
    assert row().served == 0


def test_a_zombie_does_not_send():
    sent: list[bool] = []

    def lose_then_send(job: outbox.Job) -> None:
        Outbox.objects.update(epoch=job.epoch + 1)
        with job.sending():
            sent.append(True)

    behaviour.append(lose_then_send)
    outbox.enqueue("thing", "a")

    assert outbox.drain(limit=1) == {"lost": 1}
    assert sent == []


def test_two_workers_serve_a_row_once():
    for number in range(20):
        outbox.enqueue("thing", str(number))

    def work() -> None:
        outbox.drain()
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(int(job.subject) for job in served) == list(range(20))


def test_a_row_waits_for_its_lane():
    outbox.enqueue("thing", "a", lane="dev:1")

    with lanes.lane("dev:1", seconds=30):
        assert outbox.drain() == {"later": 1}
    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}


def test_a_lane_is_held_by_one_and_runs_out():
    epoch = lanes.take("dev:1", seconds=30)
    with pytest.raises(lanes.LaneBusy):
        lanes.take("dev:1", seconds=30)

    Lane.objects.update(until=LONG_AGO)
    newer = lanes.take("dev:1", seconds=30)
    assert newer == epoch + 1
    lanes.release("dev:1", epoch)  # the one that ran out changes nothing
    with pytest.raises(lanes.LaneBusy):
        lanes.take("dev:1", seconds=30)


def test_a_waiting_click_gets_the_lane_when_it_comes_free():
    epoch = lanes.take("dev:1", seconds=30)

    def give_it_back() -> None:
        lanes.release("dev:1", epoch)
        connection.close()

    threading.Timer(0.1, give_it_back).start()

    with lanes.lane("dev:1", seconds=30, wait=5):
        pass


def test_committing_rings_the_doorbell(valkey_client):
    outbox.enqueue("thing", "a")

    assert valkey_client.llen("celery") == 1


@pytest.fixture
def dead_broker(monkeypatch):
    """Celery's own connection to a port where nobody listens."""
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setitem(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")


def test_a_dead_broker_does_not_fail_the_commit(dead_broker, valkey_client, caplog):
    began = time.monotonic()

    outbox.enqueue("thing", "a")

    assert "doorbell not rung" in caplog.text
    assert time.monotonic() - began < 3
    assert valkey_client.llen("celery") == 0
    assert outbox.drain() == {"done": 1}
