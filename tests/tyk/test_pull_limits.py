"""A list that trickles in for ever is given up, and the sync page says why."""

import time

import pytest

from tests.keyrequests.scene import build
from tyk import connect, pull
from tyk.dashboard.errors import Unreachable
from tyk.models import PullState

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_list_has_a_time_limit_of_its_own_beside_the_idle_one(box, settings):
    build(box)
    settings.TYK_LISTING_IDLE, settings.TYK_LISTING_DEADLINE = 30.0, 1.0
    connect.close()
    box.faults.add("listDevelopers", mode="drip", seconds=0.02)
    began = time.monotonic()

    with pytest.raises(Unreachable):
        pull.run("developers")

    assert time.monotonic() - began < 5
    state = PullState.objects.get(kind="developers")
    assert "timeout" in state.last_error
    assert "the whole list took over 1 s" in state.last_error
    assert state.completed_at is not None, "of the one before: as of then"
    box.heal()
    pull.run("developers")
    state.refresh_from_db()
    assert state.last_error == ""


def test_the_limit_is_far_above_a_list_of_a_hundred_thousand(settings):
    assert settings.TYK_LISTING_DEADLINE == 1200
    assert settings.TYK_LISTING_IDLE == 30


def breaks() -> pull.Pulled:
    raise OverflowError("a number that nobody expected")


def test_a_pull_that_breaks_is_told_of_like_one_that_fails(organisation, settings):
    settings.PULLS = {"policies": "tests.tyk.test_pull_limits.breaks"}

    with pytest.raises(OverflowError):
        pull.run("policies")

    assert PullState.objects.get().last_error == "error: OverflowError"
