"""The cap on calls in flight, counted at the Dashboard over all processes."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from celery import current_app
from django.conf import settings

from developers import throttle
from developers.errors import Throttled
from portal_site.runner import story
from tests.cast import in_tyk
from tests.factories import PASSWORD, DeveloperFactory, OrganisationFactory
from tests.reliability.served import Broker, Site, serving
from tyk import connect
from tyk.dashboard.slots import NoSlot
from tyk.sandbox import Sandbox

CAP = 8
BACKGROUND = {"listPolicies", "getCatalogue", "listKeyRequests", "listDevelopers"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("broker") / "valkey")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def site(
    _sandbox: Sandbox, django_db_setup, tmp_path_factory, broker
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with serving(_sandbox, folder, broker=broker, worker=True) as made:
        yield made


@pytest.fixture
def people(box) -> list[tuple[str, str]]:
    OrganisationFactory()
    rows = [DeveloperFactory() for _ in range(24)]
    return [(in_tyk(box, row).email, PASSWORD) for row in rows]


def keep_the_worker_busy(broker: Broker, turns: int) -> None:
    """More pulls than two worker processes can do while the test lasts."""
    with current_app.connection_for_write(broker.url) as connection:
        for _ in range(turns):
            for kind in ("policies", "catalogue", "pending", "developers"):
                current_app.send_task(
                    "tyk.tasks.pull", args=[kind], connection=connection
                )


def wait_for(number: int, box: Sandbox, operations: set[str]) -> int:
    """Wait until so many calls of these operations came; how many there are."""
    deadline = time.monotonic() + 10
    while True:
        came = sum(name in operations for name in box.journal.operations())
        if came >= number or time.monotonic() > deadline:
            return came
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_login_and_worker_share_the_cap(box, people, site, broker):
    """Two web processes and two of the worker, all as busy as they can be."""
    box.faults.add("*", mode="latency", seconds=0.1)
    keep_the_worker_busy(broker, turns=30)
    assert wait_for(4, box, BACKGROUND) >= 4
    before = wait_for(0, box, BACKGROUND)

    answers = site.log_in(people)

    during = wait_for(0, box, BACKGROUND) - before
    assert [answer.status for answer in answers] == [302] * len(people)
    assert during >= 5  # the worker went on, at its own pace
    # All that logins may have in two processes, beside one call of each worker.
    assert 5 <= box.journal.max_in_flight <= CAP
    with current_app.connection_for_write(broker.url) as connection:
        current_app.control.purge(connection=connection)


@pytest.mark.django_db(transaction=True)
def test_a_full_cap_sheds_at_once_and_uses_up_nothing(box, people, site, broker):
    box.faults.add("*", mode="latency", seconds=1.0)
    enough = people[:4]
    first = threading.Thread(target=site.log_in, args=(enough,))
    first.start()
    assert wait_for(4, box, {"verifyCredentials"}) == 4
    late = people[4:6]

    answers = site.log_in(late)

    assert first.is_alive()  # nobody waited for a call in flight
    first.join()
    assert [answer.status for answer in answers] == [503, 503]
    for answer in answers:
        assert answer.headers["retry-after"] == "5"
        assert "Too many people are here right now" in answer.body
        assert f"{answer.headers['x-request-id']}</span>" in answer.body
    assert box.journal.max_in_flight <= CAP
    for address, _ in late:
        assert tries_left(address) == 5
    box.heal()
    assert [answer.status for answer in site.log_in(late)] == [302, 302]


def tries_left(address: str) -> int:
    """How many wrong tries the address has; afterwards it has them again."""
    spent = []
    with suppress(Throttled):
        while True:
            spent.append(throttle.spend("login", address=address))
    for one in spent:
        one.give_back()
    return len(spent)


def test_processes_of_make_run_are_those_the_cap_is_divided_by():
    worker = 2  # `--concurrency` in portal_site/runner/story.py
    assert story._WEB_WORKERS + worker == settings.PORTAL_PROCESSES


PARTS = [
    # cap, kept for login, processes: slots of one process, of these for others
    (8, 4, 4, 2, 1),
    (8, 4, 1, 8, 4),
    (8, 4, 8, 1, 1),
    (9, 4, 4, 2, 1),
    (12, 12, 3, 4, 1),
    (16, 0, 4, 4, 4),
]


@pytest.mark.parametrize(("cap", "kept", "processes", "slots", "others"), PARTS)
def test_part_of_one_process(
    cap, kept, processes, slots, others, settings, monkeypatch
):
    monkeypatch.setattr("tyk.dashboard.slots.WAIT", 0.01)
    settings.TYK_CALLS_IN_FLIGHT = cap
    settings.TYK_CALLS_KEPT_FOR_LOGIN = kept
    settings.PORTAL_PROCESSES = processes
    connect.close()
    try:
        assert taken(login=True) == slots
        assert taken(login=False) == others
    finally:
        connect.close()
    assert slots * processes <= cap


def taken(*, login: bool) -> int:
    """How many slots of one sort can be held at once."""
    slots = connect.slots()
    with ExitStack() as held:
        with suppress(NoSlot):
            while True:
                held.enter_context(slots.hold(login=login))
        return slots.in_flight
