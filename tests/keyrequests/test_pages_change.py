"""Changing a request while nobody has decided: the page, and what Tyk holds then."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from keyrequests import acts, services
from keyrequests.errors import AlreadyDecided
from keyrequests.models import Event, KeyRequest
from tests.keyrequests import rows
from tests.keyrequests.scene import Scene, build
from tyk import pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

TWELVE = "A checkout for twelve bakeries"


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def page(client, scene) -> Client:
    return rows.sign_in(client, scene.developer)


def change_url(request: KeyRequest) -> str:
    return reverse("keyrequests:change", args=[request.code])


def change(page: Client, request: KeyRequest, answer: str = TWELVE) -> Any:
    typed = {"nonce": uuid4(), "ask-what-you-build": answer, "project": ""}
    return page.post(change_url(request), typed, follow=True)


def told(scene: Scene) -> list[str]:
    """What the requests in Tyk say, in the order they were made."""
    records = sorted(scene.box.requests(), key=lambda record: record["id"])
    return [record["fields"]["What you build"] for record in records]


# --- The page ------------------------------------------------------------------------
def test_form_holds_what_was_asked_and_saves_what_is_typed(page, scene):
    request = scene.ask()

    form = page.get(change_url(request))
    answer = change(page, request)

    assert "A checkout</textarea>" in form.text
    assert answer.redirect_chain[-1][0] == request.get_absolute_url()
    assert TWELVE in answer.text
    assert "You changed the request" in answer.text


def test_staff_read_what_the_developer_changed(page, scene, client):
    request = scene.ask()
    change(page, request)
    staff = Client()
    staff.force_login(
        scene.reviewer, backend="django.contrib.auth.backends.ModelBackend"
    )
    [event] = Event.objects.filter(verb=Event.Verb.CHANGED)

    assert (event.actor, event.note) == (str(scene.developer), "What you build")
    assert event.get_verb_display() == "changed the request"


def test_missing_answer_is_named_and_nothing_changes(page, scene):
    request = scene.ask()

    answer = change(page, request, answer=" ")

    request.refresh_from_db()
    assert "Answer “What you build” in a sentence" in answer.text
    assert request.answers == {"What you build": "A checkout"}


def test_saving_the_same_changes_nothing(page, scene):
    request = scene.ask()

    change(page, request, answer="A checkout")

    assert not Event.objects.filter(verb=Event.Verb.CHANGED).exists()
    assert not Outbox.objects.filter(kind="request.amend").exists()


@pytest.mark.parametrize("decide", ["approve", "decline", "withdraw"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_decided_request_can_not_be_changed(page, scene, decide, method):
    request = scene.ask()
    if decide == "approve":
        services.approve(request, by=scene.reviewer)
    elif decide == "decline":
        services.decline(request, by=scene.reviewer, reason="No.")
    else:
        services.withdraw(request)

    answer = getattr(page, method)(change_url(request), follow=True)

    request.refresh_from_db()
    assert "this request was decided already" in answer.text
    assert request.answers == {"What you build": "A checkout"}


def test_a_decision_between_look_and_save_wins(scene):
    """Two tabs: what staff approved is what they read."""
    request = scene.ask()
    stale = KeyRequest.objects.get(pk=request.pk)
    services.approve(request, by=scene.reviewer)

    with pytest.raises(AlreadyDecided):
        acts.amend(stale, answers={"What you build": TWELVE})

    request.refresh_from_db()
    assert request.answers == {"What you build": "A checkout"}


def test_stranger_changes_nothing(client, scene):
    request = scene.ask()
    stranger = rows.sign_in(client, rows.developer("Charlie"))

    assert stranger.get(change_url(request)).status_code == 404
    assert change(stranger, request).status_code == 404


def test_changes_are_counted_like_requests(page, scene, settings):
    settings.LIMITS_SCALE = 0.1  # one a day
    request = scene.ask()

    change(page, request)
    answer = change(page, request, answer="A checkout for a hundred bakeries")

    request.refresh_from_db()
    assert "Too many attempts" in answer.text
    assert request.answers == {"What you build": TWELVE}


# --- What Tyk holds ------------------------------------------------------------------
def test_change_reaches_tyk_and_leaves_one_request_there(page, scene):
    request = scene.ask()
    scene.deliver()
    before = KeyRequest.objects.get(pk=request.pk).tyk_id

    change(page, request)
    scene.deliver()

    request.refresh_from_db()
    assert told(scene) == [TWELVE]
    assert request.tyk_id == scene.box.requests()[0]["id"] != before


def test_change_before_the_delivery_is_sent_once(page, scene):
    request = scene.ask()
    change(page, request)

    scene.deliver()

    assert told(scene) == [TWELVE]
    assert scene.box.journal.operations().count("createKeyRequest") == 1


def test_asked_twice_sends_nothing_twice(page, scene):
    request = scene.ask()
    scene.deliver()
    change(page, request)
    scene.deliver()
    Outbox.objects.filter(kind="request.amend").update(served=0)
    scene.box.journal.clear()

    scene.deliver()

    assert told(scene) == [TWELVE]
    assert "createKeyRequest" not in scene.box.journal.operations()


def test_lost_answer_leaves_one_request_with_the_new_words(page, scene):
    request = scene.ask()
    scene.deliver()
    change(page, request)
    scene.box.faults.add("createKeyRequest", mode="reset_after", times=1)

    scene.deliver()
    scene.due_now("request.amend")
    scene.deliver()

    request.refresh_from_db()
    assert told(scene) == [TWELVE]
    assert request.tyk_id == scene.box.requests()[0]["id"]


def test_no_pull_takes_a_change_for_a_decline(page, scene):
    request = scene.ask()
    scene.deliver()
    change(page, request)
    scene.box.refuse()
    scene.deliver()
    scene.box.heal()
    for _look in range(3):
        pull.run("pending")
    scene.due_now("request.amend")
    scene.deliver()
    for _look in range(3):
        pull.run("pending")

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.PENDING
    assert told(scene) == [TWELVE]


def test_key_of_a_changed_request_carries_the_new_words(page, scene):
    request = scene.ask()
    scene.deliver()
    change(page, request)
    services.approve(KeyRequest.objects.get(), by=scene.reviewer)
    scene.deliver()

    shown = page.post(reverse("keyrequests:claim", args=[request.code]))

    assert shown.status_code == 200
    [key] = scene.box.keys()
    assert len(scene.box.requests()) == 1
    assert TWELVE in str(scene.box.world.store.get("keys", key.id))


def test_declined_in_tyk_stays_declined(page, scene):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    scene.box.decline(request.tyk_id)
    change(page, request)

    scene.deliver()

    assert scene.box.requests() == []
