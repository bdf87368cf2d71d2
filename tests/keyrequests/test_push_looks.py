"""Deliveries whose answers were lost: one list of Tyk serves all who wait for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from developers.models import Developer
from keyrequests import services
from keyrequests.models import KeyRequest
from tests.keyrequests.scene import Scene, build
from tyk import looks, outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(hours=1)
ARRIVES, DOES_NOT = "reset_after", "refuse_connection"


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def lost(scene: Scene, *faults: str) -> list[KeyRequest]:
    """A request for each fault, of a developer of its own; every answer was lost."""
    for number in range(len(faults)):
        scene.box.add_developer(f"n{number}@tinfold.example", password="correct horse")
    pull.run("developers")
    asked = []
    for number, fault in enumerate(faults):
        scene.developer = Developer.objects.get(email=f"n{number}@tinfold.example")
        asked.append(scene.ask())
        scene.box.faults.add("createKeyRequest", mode=fault, times=1)
        assert deliveries_drained()["unsure"] == 1
    scene.box.journal.clear()
    return asked


def deliveries_drained() -> dict[str, int]:
    Outbox.objects.exclude(kind="request.create").delete()
    return dict(outbox.drain())


def row_of(request: KeyRequest) -> Outbox:
    return Outbox.objects.get(kind="request.create", subject=str(request.code))


def let_time_pass(*requests: KeyRequest) -> None:
    """The quarantine of these is over."""
    then = timezone.now() - LONG_AGO
    subjects = [str(request.code) for request in requests]
    Outbox.objects.filter(subject__in=subjects).update(
        next_at=then, sending_since=then, unsure_since=then
    )


def calls(scene: Scene, operation: str) -> int:
    return scene.box.journal.operations().count(operation)


def assert_each_stands_once(scene: Scene, requests: list[KeyRequest]) -> None:
    for request in requests:
        request.refresh_from_db()
    assert sorted(record["id"] for record in scene.box.requests()) == sorted(
        str(request.tyk_id) for request in requests
    )


def test_one_list_finds_all_that_arrived_and_frees_what_did_not(scene):
    asked = lost(scene, ARRIVES, DOES_NOT, ARRIVES, DOES_NOT)
    let_time_pass(*asked)

    deliveries_drained()

    assert calls(scene, "listKeyRequests") == 1
    assert calls(scene, "createKeyRequest") == 2
    assert_each_stands_once(scene, asked)
    for request in asked:
        row = row_of(request)
        assert (row.served, row.sending_since, row.unsure_since) == (1, None, None)


def test_what_may_still_land_waits_for_a_look_of_its_own(scene):
    over, *young = lost(scene, DOES_NOT, ARRIVES, DOES_NOT)
    let_time_pass(over)
    before = [(row_of(one).sending_since, row_of(one).unsure_since) for one in young]

    deliveries_drained()

    assert calls(scene, "createKeyRequest") == 1
    assert [(row_of(o).sending_since, row_of(o).unsure_since) for o in young] == before
    assert [row_of(one).served for one in young] == [0, 0]
    let_time_pass(*young)
    deliveries_drained()
    assert_each_stands_once(scene, [over, *young])


def test_what_another_look_found_too_early_needs_one_list_more_for_all(scene):
    """It is known by then, and only a twin of it could be left."""
    over, *young = lost(scene, DOES_NOT, ARRIVES, ARRIVES, ARRIVES)
    let_time_pass(over)
    deliveries_drained()
    let_time_pass(*young)
    scene.box.journal.clear()

    deliveries_drained()

    assert calls(scene, "listKeyRequests") == 1
    assert [row_of(one).served for one in young] == [1, 1, 1]
    assert_each_stands_once(scene, [over, *young])


def test_a_twin_of_another_is_left_to_its_own_look(scene):
    over, one, other = lost(scene, DOES_NOT, ARRIVES, ARRIVES)
    let_time_pass(over)
    deliveries_drained()
    other.refresh_from_db()
    [sent] = [it for it in scene.box.requests() if it["id"] == other.tyk_id]
    twin = scene.box.add_request(
        other.developer.tyk_id, scene.policy, fields=dict(sent["fields"])
    )
    let_time_pass(one, other)
    Outbox.objects.filter(pk=row_of(other).pk).update(next_at=timezone.now() + LONG_AGO)

    deliveries_drained()

    assert row_of(one).served == 1
    assert row_of(other).served == 0
    assert twin in {it["id"] for it in scene.box.requests()}
    let_time_pass(other)
    deliveries_drained()
    assert_each_stands_once(scene, [over, one, other])


def test_a_list_that_breaks_off_says_nothing_of_anybody(scene):
    asked = lost(scene, ARRIVES, DOES_NOT, DOES_NOT)
    let_time_pass(*asked)
    scene.box.faults.add("listKeyRequests", mode="truncated")

    deliveries_drained()

    assert calls(scene, "createKeyRequest") == 0
    assert all(row_of(one).unsure_since for one in asked)
    assert all(row_of(one).served == 0 for one in asked)


def test_a_list_with_unreadable_records_tells_nobody_that_theirs_is_absent(scene):
    """Each of them may be the one that is missed."""
    asked = lost(scene, DOES_NOT, DOES_NOT, ARRIVES)
    let_time_pass(*asked)
    scene.box.faults.add("listKeyRequests", mode="wrong_types", times=1)

    deliveries_drained()

    assert calls(scene, "listKeyRequests") == 2
    assert calls(scene, "createKeyRequest") == 2
    assert_each_stands_once(scene, asked)


def test_a_delivery_that_is_asked_for_again_meanwhile_is_still_owed(scene):
    [request] = lost(scene, ARRIVES)
    let_time_pass(request)
    [waiting] = looks.awaited("request.create")
    outbox.enqueue("request.create", request.code)

    waiting.found()

    row = row_of(request)
    assert (row.served, row.asked, row.sending_since) == (1, 2, None)


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"lease_until": timezone.now() + LONG_AGO},
        {"epoch": 99},
        {"parked_reason": "a person looks"},
        {"served": 1},
    ],
    ids=["leased", "leased and given back", "parked", "given up"],
)
def test_a_row_that_moved_meanwhile_is_left_as_it_is(scene, meanwhile):
    [request] = lost(scene, DOES_NOT)
    let_time_pass(request)
    [waiting] = looks.awaited("request.create")
    Outbox.objects.filter(pk=waiting.pk).update(**meanwhile)
    before = Outbox.objects.values().get(pk=waiting.pk)

    waiting.not_found()
    waiting.found()

    assert Outbox.objects.values().get(pk=waiting.pk) == before


def test_a_request_withdrawn_meanwhile_is_taken_back_and_not_sent_again(scene):
    asked = lost(scene, ARRIVES, ARRIVES, DOES_NOT)
    for request in asked[1:]:
        services.withdraw(request)
    let_time_pass(*asked)

    outbox.drain()

    assert_each_stands_once(scene, asked[:1])
    assert calls(scene, "createKeyRequest") == 0
