"""Courses that once broke a promise, found by the machine; each as short as it gets."""

import pytest
from django.db import connection

from keyrequests.models import Key, KeyRequest, Mint
from tests.reliability.mornings import mornings
from tests.reliability.promises import check_at_rest
from tests.reliability.troubles import Trouble
from tests.reliability.world import World
from tyk import pull

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]


@pytest.fixture
def at(box, settings):
    """`at(name)` is the world on that morning."""
    with mornings(box, settings) as starts:
        yield lambda name: starts[name].again()


def rest(world: World) -> None:
    world.come_to_rest()
    check_at_rest(world)


def test_a_delivery_carried_out_late_leaves_one_request(at):
    world = at("empty")
    world.ask("entry")
    with Trouble(late="createKeyRequest").during(world):
        world.work(rows=20)
    world.pass_time(400)
    world.work(rows=20)  # looked, found nothing, sent it again
    world.land()
    assert len(world.box.requests()) == 2

    rest(world)

    [record] = world.box.requests()
    assert record["id"] == KeyRequest.objects.get().tyk_id


def test_a_withdrawn_request_delivered_late_is_taken_back(at):
    world = at("empty")
    world.ask("entry")
    with Trouble(late="createKeyRequest").during(world):
        world.work(rows=20)
    world.withdraw(KeyRequest.objects.get())
    world.pass_time(400)
    world.work(rows=20)
    world.land()

    rest(world)

    assert world.box.requests() == []


def test_a_replacements_own_request_made_late_is_taken_back(at):
    world = at("claimed")
    with Trouble(late="createKeyRequest").during(world):
        world.replace(Key.objects.get(), overlap=0)
    world.pass_time(400)
    world.work(rows=20)  # settled: nothing was made
    world.land()
    assert len(world.box.requests()) == 2

    rest(world)

    assert [record["approved"] for record in world.box.requests()] == [True]


def test_the_mirror_learns_that_a_lost_claim_was_approved(at):
    world = at("lost")
    assert KeyRequest.objects.get().tyk_state == "pending"

    rest(world)

    assert KeyRequest.objects.get().tyk_state == "approved"


def test_a_replacement_that_had_nothing_to_approve_takes_nobodys_key(at):
    """Tyk answered without an id, listed nothing, and somebody approved it there."""
    world = at("claimed")
    world.box.switch(create_request_answer="text")
    world.box.faults.add("listKeyRequests", mode="null_lists")
    world.replace(Key.objects.get(), overlap=0)
    world.box.heal()
    [own] = [r["id"] for r in world.box.requests() if not r["approved"]]
    world.approve_by_hand(own)

    rest(world)

    [by_hand] = world.by_hand
    assert world.box.gateway_accepts(by_hand.raw)


def test_of_two_keys_with_one_marker_neither_is_taken_for_the_claims(at):
    """A Tyk that mints on every approve, and somebody approved in the same second."""
    world = at("approved")
    world.box.switch(approve_again="mint")
    [waiting] = [r["id"] for r in world.box.requests()]
    world.boundaries.meanwhile = (
        "before approveKeyRequest",
        lambda: world.approve_by_hand(waiting),
    )
    world.claim(KeyRequest.objects.get())

    world.pass_time(400)
    pull.run("developers")
    world.work(rows=20)

    assert Mint.objects.get().state == Mint.State.SHOWN
    assert Key.objects.get(origin=Key.Origin.CLAIMED).fp is None
    for seen in [*world.shown, *world.by_hand]:
        assert world.box.gateway_accepts(seen.raw)
