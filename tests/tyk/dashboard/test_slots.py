"""Calls in flight: capped, with a share that only login may use."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import Got, ok, reply
from tests.waiting import assert_ended_in_time
from tyk.dashboard import errors
from tyk.dashboard.secret import Secret
from tyk.dashboard.slots import NoSlot, Slots


def take(slots: Slots, stack: ExitStack, *, login: bool) -> None:
    stack.enter_context(slots.hold(login=login))


def test_the_last_slots_are_for_login():
    slots = Slots(3, kept_for_login=1)
    with ExitStack() as held:
        take(slots, held, login=False)
        take(slots, held, login=False)
        began = time.monotonic()
        with pytest.raises(NoSlot):
            take(slots, held, login=False)
        assert_ended_in_time(began, 0.25)

        take(slots, held, login=True)
        with pytest.raises(NoSlot):
            take(slots, held, login=True)
        assert slots.in_flight == 3

    assert slots.in_flight == 0


def test_a_stream_of_logins_passes_nobody_by():
    """Both slots are busy with logins all the time; a claim still gets its turn."""
    slots = Slots(2, kept_for_login=1)
    over = threading.Event()

    def logins() -> None:
        while not over.is_set():
            with suppress(NoSlot), slots.hold(login=True):
                time.sleep(0.02)

    people = [threading.Thread(target=logins) for _ in range(6)]
    for person in people:
        person.start()
    try:
        waits = []
        for _ in range(10):
            began = time.monotonic()
            with slots.hold(login=False):
                waits.append(time.monotonic() - began)
    finally:
        over.set()
        for person in people:
            person.join()

    assert len(waits) == 10


def test_others_never_have_more_than_their_share_while_logins_wait():
    slots = Slots(2, kept_for_login=1)
    with slots.hold(login=False):
        with pytest.raises(NoSlot), slots.hold(login=False):
            pass
        with slots.hold(login=True):
            assert slots.in_flight == 2


def test_nobody_waits_for_a_dashboard_that_hangs(monkeypatch):
    monkeypatch.setattr("tyk.dashboard.slots.WAIT", 30)
    monkeypatch.setattr("tyk.dashboard.slots.STILL", 0.05)
    slots = Slots(1, kept_for_login=0)
    with slots.hold(login=True):
        time.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(NoSlot), slots.hold(login=True):
            pass
    assert time.monotonic() - began < 10

    time.sleep(0.1)
    with slots.hold(login=False):  # a quiet time with a free slot is no hang
        assert slots.in_flight == 1


def test_who_gave_up_waiting_blocks_nobody():
    slots = Slots(1, kept_for_login=0)
    with slots.hold(login=True), pytest.raises(NoSlot), slots.hold(login=False):
        pass

    with slots.hold(login=True):
        assert slots.in_flight == 1


def test_a_slot_that_comes_free_in_time_is_taken(monkeypatch):
    monkeypatch.setattr("tyk.dashboard.slots.WAIT", 30)
    slots = Slots(1, kept_for_login=0)
    with ExitStack() as first:
        take(slots, first, login=False)
        threading.Timer(0.1, first.pop_all().close).start()

    with slots.hold(login=False):
        assert slots.in_flight == 1


def test_a_failing_call_gives_its_slot_back():
    slots = Slots(1, kept_for_login=0)

    with pytest.raises(RuntimeError), slots.hold(login=False):
        raise RuntimeError

    assert slots.in_flight == 0


@pytest.mark.parametrize(("total", "kept"), [(0, 0), (1, 1), (2, 3), (2, -1)])
def test_shares_that_leave_nothing_are_refused(total: int, kept: int):
    with pytest.raises(ValueError, match="kept_for_login"):
        Slots(total, kept_for_login=kept)


def test_the_cap_holds_at_the_dashboard(serve: Serve, connect: Connect):
    """Background calls never use more than their share; login still gets in."""
    at_once: list[int] = []
    inside = threading.Semaphore(0)
    lock = threading.Lock()
    now = 0

    def script(got: Got, _conn: socket.socket) -> bytes:
        nonlocal now
        if got.method == "POST":
            return ok()
        with lock:
            now += 1
            at_once.append(now)
        inside.release()
        listener.wait(0.8)
        with lock:
            now -= 1
        return reply(document={})

    listener = serve(script)
    client = connect(listener, limiter=Slots(3, kept_for_login=1))
    outcomes: list[str] = []

    def work() -> None:
        try:
            client.configuration()
        except errors.Unreachable as error:
            outcomes.append(error.reason)
        else:
            outcomes.append("ok")

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    inside.acquire()
    inside.acquire()
    assert client.verify_credentials(email="a@x.test", password=Secret("p")) is True
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["ok", "ok", "shed", "shed", "shed"]
    assert max(at_once) == 2


def test_a_listing_without_a_slot_is_shed(serve: Serve, connect: Connect):
    slots = Slots(1, kept_for_login=0)
    listener = serve(reply(document={"Data": None}))
    client = connect(listener, limiter=slots)

    with slots.hold(login=False), pytest.raises(errors.Unreachable) as caught:
        list(client.developers())

    assert (caught.value.reason, listener.connections) == ("shed", 0)
