"""While a write of ours may still land no other such write is sent, and no longer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tyk import lanes, outbox
from tyk.dashboard.errors import Call, OutcomeUnknown, Refused, Unreachable
from tyk.models import Lane, Outbox

pytestmark = pytest.mark.django_db(transaction=True)

CALL = Call("updateDeveloper", "PUT", "/api/portal/developers/{id}", writes=True)
LOST = OutcomeUnknown(CALL, reason="timeout")
LONG_AGO = "2020-01-01T00:00Z"


class Killed(BaseException):
    """What a process that is told to stop raises."""


def write(error: BaseException | None = None) -> None:
    with lanes.lane("dev:1", seconds=30) as held, held.writing(deadline=10):
        if error is not None:
            raise error


def left() -> float | None:
    """Seconds until others may write; None if they may. Looks may go on at once."""
    assert Lane.objects.get(name="dev:1").until is None
    until = Lane.objects.get(name="late:dev:1").until
    return (until - timezone.now()).total_seconds() if until else None


@pytest.mark.parametrize(
    "error",
    [Unreachable(CALL, reason="refused"), Refused(CALL, reason="r", message="")],
)
def test_what_certainly_did_nothing_keeps_nobody_out(error):
    with pytest.raises(type(error)):
        write(error)
    assert left() is None


def test_what_was_answered_keeps_nobody_out():
    write()
    assert left() is None


def test_a_lost_answer_keeps_other_writers_out_for_the_quarantine(settings):
    settings.OUTBOX_QUARANTINE = 70
    with pytest.raises(OutcomeUnknown):
        write(LOST)

    assert left() == pytest.approx(70, abs=2)
    with pytest.raises(lanes.MayStillLand) as out:
        write()
    assert 67 <= out.value.seconds <= 70
    with lanes.lane("dev:1", seconds=5) as held, pytest.raises(lanes.MayStillLand):
        held.demand_quiet()
    with lanes.lane("dev:2", seconds=5) as held, held.writing(deadline=10):
        pass  # others go on

    Lane.objects.filter(name="late:dev:1").update(until=LONG_AGO)
    write()
    assert left() is None


def test_a_process_that_dies_in_its_write_keeps_others_out_and_not_for_ever(settings):
    settings.OUTBOX_QUARANTINE = 70
    with pytest.raises(Killed):
        write(Killed())

    assert left() == pytest.approx(80, abs=2)  # the call's own 10 seconds before


def test_a_look_that_proved_the_outcome_keeps_nobody_out():
    with lanes.lane("dev:1", seconds=30) as held:
        with pytest.raises(OutcomeUnknown), held.writing(deadline=10):
            raise LOST
        held.settled()
    assert left() is None


def test_a_writer_whose_lane_ran_out_sends_nothing():
    with lanes.lane("dev:1", seconds=30) as held:
        Lane.objects.update(until=LONG_AGO)
        newer = lanes.take("dev:1", seconds=30)
        with pytest.raises(lanes.LaneBusy), held.writing(deadline=10):
            pytest.fail("sent")
    row = Lane.objects.get(name="dev:1")
    assert row.epoch == newer
    assert row.until is not None, "the newer one's lane is not given back"
    assert Lane.objects.get(name="late:dev:1").until is None


def handler(job: outbox.Job) -> None:
    with job.sending(), job.whole_record():
        raise LOST


def writer(job: outbox.Job) -> None:
    with job.sending(), job.whole_record():
        pass


def bystander(job: outbox.Job) -> None:
    """Work that writes no whole record, such as a revocation."""


def test_an_outbox_row_in_quarantine_stops_nobody_but_the_next_writer(settings):
    settings.OUTBOX_HANDLERS = {
        "profile": "tests.tyk.test_lanes.handler",
        "writer": "tests.tyk.test_lanes.writer",
        "other": "tests.tyk.test_lanes.bystander",
    }
    outbox.enqueue("profile", "a", lane="dev:1")
    assert outbox.drain() == {"unsure": 1}

    outbox.enqueue("writer", "same developer", lane="dev:1")
    outbox.enqueue("other", "same developer", lane="dev:1")
    outbox.enqueue("writer", "another developer", lane="dev:2")
    assert outbox.drain() == {"later": 1, "done": 2}

    row = Outbox.objects.get(kind="writer", subject="same developer")
    assert row.last_outcome == "waits for a lost write to be over"
    assert (row.attempts, row.sending_since) == (0, None)
    assert row.next_at > timezone.now() + timedelta(seconds=80)
    over = timezone.now() - timedelta(seconds=1)
    Lane.objects.update(until=over)
    Outbox.objects.filter(pk=row.pk).update(next_at=over)
    assert outbox.drain() == {"done": 1}
