"""A Dashboard that does not answer is left alone, and asked again soon enough."""

import random
from functools import cache
from typing import Any

import pytest
from django.test import Client

from tests.cast import in_tyk
from tests.developers.steps import log_in, words
from tests.factories import DeveloperFactory
from tyk import connect
from tyk.dashboard.breaker import LONGEST, SHORTEST, Breaker
from tyk.dashboard.errors import DashboardError

AWAY = "Login is not available right now"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock, *, opens_after: int = 3) -> Breaker:
    """One whose open time is always 10 seconds."""
    return Breaker(opens_after, clock=clock, draw=lambda low, high: 10.0)


def play(steps: str) -> list[str]:
    """Do what each letter says to a breaker that opens after 3; its states.

    f failed · a answered · c a call asks to go out (upper case: it is refused) ·
    n the admitted call did not go out · digits: so many seconds pass
    """
    clock = Clock()
    one = breaker(clock)
    states: list[str] = []
    for step in steps.split():
        if step.isdigit():
            clock.now += int(step)
        elif step in "cC":
            assert one.admits() is (step == "c"), (steps, states)
        else:
            {"f": one.failed, "a": one.answered, "n": one.not_sent}[step]()
        states.append(one.state)
    return states


COURSES = {
    "an answer forgives what failed": ("f f a f f c", "closed"),
    "three in a row open it": ("f f f C", "open"),
    "it stays open for its time": ("f f f 9 C", "open"),
    "then one call may try": ("f f f 10", "half open"),
    "and only one": ("f f f 10 c C C", "open"),
    "its answer closes it": ("f f f 10 c a c c", "closed"),
    "its failure opens it again": ("f f f 10 c f 9 C", "open"),
    "for the same time": ("f f f 10 c f 10 c f 10 c a c", "closed"),
    "after that it takes three again": ("f f f 10 c a f f c", "closed"),
    "a late failure of before is no news": ("f f f 9 f 1 c", "open"),
    "a late answer of before closes it": ("f f f 5 a c", "closed"),
    "a probe that found no slot is not one": ("f f f 10 c n c C", "open"),
    "a probe that never reports blocks no more than its time": (
        "f f f 10 c 14 C 1 c",
        "open",
    ),
}


@pytest.mark.parametrize("_case", COURSES)
def test_states(_case):
    steps, last = COURSES[_case]

    assert play(steps)[-1] == last


def test_zero_never_opens():
    one = breaker(Clock(), opens_after=0)
    for _ in range(100):
        one.failed()

    assert one.admits()


def test_processes_do_not_probe_at_once():
    """Ten processes open together: their probes are spread, and none is late."""
    clock = Clock()
    drawn = random.Random(7)  # noqa: S311 -- a seed, not a secret
    ten = [Breaker(1, clock=clock, draw=drawn.uniform) for _ in range(10)]
    for one in ten:
        one.failed()
    probed = []
    for tick in range(200):
        clock.now = 1000 + tick / 10
        probed += [clock.now - 1000 for one in ten if one.admits()]

    first = probed[:10]
    assert min(first) >= SHORTEST
    assert max(first) <= LONGEST + 0.1
    assert len(set(first)) >= 8


# --- At the portal -------------------------------------------------------------------
@pytest.fixture
def clock(box, settings, monkeypatch) -> Clock:
    """The portal's breaker on a clock of the test's; opens after 3."""
    made = Clock()
    one = breaker(made)
    monkeypatch.setattr(connect, "breaker", cache(lambda: one))
    return made


@pytest.mark.django_db
def test_a_person_is_told_at_once_and_let_in_again(box, clock, organisation, settings):
    settings.TYK_LOGIN_DEADLINE = 0.3
    dora = in_tyk(box, DeveloperFactory())
    box.hang()
    for _ in range(3):
        assert log_in(Client(), dora.email).status_code == 503
    asked = len(box.journal)

    page = log_in(Client(), dora.email)

    assert page.status_code == 503
    assert AWAY in words(page)
    assert page.headers["Retry-After"] == "30"
    assert len(box.journal) == asked
    box.heal()
    assert log_in(Client(), dora.email).status_code == 503
    clock.now += 10
    assert log_in(Client(), dora.email).status_code == 302


ANSWERS: dict[str, dict[str, Any]] = {
    "wrong key": {"mode": "status", "status": 401, "message": "Not authorised"},
    "no permission": {"mode": "status", "status": 403, "message": "access denied"},
    "not found": {"mode": "status", "status": 404, "message": "Not found"},
    "refused": {"mode": "status", "status": 400, "message": "No"},
    "slow down": {"mode": "status", "status": 429},
    "odd record": {"mode": "wrong_types"},
}
SILENCES: dict[str, dict[str, Any]] = {
    "hang": {"mode": "hang"},
    "reset": {"mode": "refuse_connection"},
    "server error": {"mode": "status", "status": 500},
    "of a proxy": {"mode": "status_plain", "status": 503},
    "html": {"mode": "html_200"},
    "truncated": {"mode": "truncated"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("_case", [*ANSWERS, *SILENCES])
def test_what_opens_it(_case, box, clock, settings, organisation):
    settings.TYK_READ_DEADLINE = 0.3
    connect.dashboard.cache_clear()
    dora = in_tyk(box, DeveloperFactory())
    box.faults.add("getDeveloper", **(ANSWERS | SILENCES)[_case])
    for _ in range(4):
        with pytest.raises(DashboardError):
            connect.dashboard().developer(dora.tyk_id)

    assert connect.breaker().state == ("closed" if _case in ANSWERS else "open")


@pytest.mark.django_db
def test_pages_cost_nothing(box, clock, organisation, client):
    box.refuse()
    for _ in range(3):
        log_in(Client(), "nobody@shop.example")
    assert connect.breaker().state == "open"
    asked = len(box.journal)

    assert client.get("/catalogue/").status_code == 200
    assert client.get("/login/").status_code == 200
    assert len(box.journal) == asked


@pytest.mark.django_db
def test_a_call_that_had_no_time_left_says_nothing_of_the_dashboard(box, clock):
    for _ in range(4):
        with pytest.raises(DashboardError):
            connect.dashboard().configuration(deadline=0)

    assert connect.breaker().state == "closed"
    assert len(box.journal) == 0


@pytest.mark.django_db
def test_a_probe_that_had_no_time_left_was_none(box, clock):
    for _ in range(3):
        connect.breaker().failed()
    clock.now += 10
    with pytest.raises(DashboardError):
        connect.dashboard().configuration(deadline=0)

    assert connect.breaker().state == "half open"
