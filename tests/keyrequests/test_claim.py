"""Claim and replace against the sandbox: one key, shown once, and every fault."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from keyrequests import acts, live, services
from keyrequests.errors import (
    BeingDelivered,
    BeingMade,
    ClaimUnsure,
    KeyMailIsOn,
    KeyServiceAway,
    NotClaimable,
)
from keyrequests.live_shown import Shown
from keyrequests.models import Event, Key, KeyRequest, Mint
from tests.keyrequests.scene import Scene, build, in_its_own_time
from tyk import lanes, outbox, pull
from tyk.models import Organisation, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def test_claim_shows_a_key_the_gateway_accepts(scene):
    request = scene.approved()

    shown = live.claim(request)

    [(label, secret)] = shown.pairs
    assert label == "Key"
    assert scene.box.gateway_accepts(secret.reveal())
    request.refresh_from_db()
    assert request.status == KeyRequest.Status.GRANTED
    assert shown.mint.state == Mint.State.SHOWN
    assert shown.key.fp is not None
    assert len(scene.box.keys()) == 1


def test_claim_again_mints_no_second_key(scene):
    request = scene.approved()
    live.claim(request)

    with pytest.raises(NotClaimable):
        live.claim(KeyRequest.objects.get(pk=request.pk))

    assert len(scene.box.keys()) == 1
    assert Mint.objects.count() == 1


def test_waiting_for_the_lane_takes_no_time_from_the_call(scene, settings, monkeypatch):
    """More than half of the deadline passes first, and the key is made all the same."""
    settings.TYK_CLAIM_DEADLINE = 2.0
    monkeypatch.setattr(live, "LANE_WAIT", 30.0)
    request = scene.approved()
    name = lanes.for_developer(scene.developer.tyk_id)
    epoch = lanes.take(name, seconds=60)
    freed = threading.Timer(1.3, lambda: _release(name, epoch))
    freed.start()

    shown = live.claim(request)

    freed.join()
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def _release(name: str, epoch: int) -> None:
    lanes.release(name, epoch)
    connection.close()


def test_two_clicks_at_once_mint_one_key(scene, settings):
    in_its_own_time(settings)
    request = scene.approved()
    outcomes: list[object] = []

    def click() -> None:
        try:
            outcomes.append(live.claim(KeyRequest.objects.get(pk=request.pk)))
        except (NotClaimable, BeingMade) as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()

    assert len(outcomes) == 4
    assert len([o for o in outcomes if isinstance(o, Shown)]) == 1
    assert len(scene.box.keys()) == 1


def test_claim_before_delivery_is_refused(scene):
    request = scene.ask()
    services.approve(request, by=scene.reviewer)

    with pytest.raises(BeingDelivered):
        live.claim(request)

    assert scene.box.journal.calls("approveKeyRequest") == []


def test_claim_of_a_pending_request_is_refused(scene):
    request = scene.ask()
    scene.deliver()

    with pytest.raises(NotClaimable):
        live.claim(request)

    assert scene.box.keys() == []


def test_claim_is_refused_while_tyk_mails_keys(scene):
    request = scene.approved()
    Organisation.objects.update(key_mail_on=True)

    with pytest.raises(KeyMailIsOn):
        live.claim(request)

    assert scene.box.keys() == []
    assert Mint.objects.count() == 0


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        pytest.param("getDeveloper", {"mode": "status", "status": 500}, id="look 500"),
        pytest.param("getDeveloper", {"mode": "html_200"}, id="look html"),
        pytest.param("approveKeyRequest", {"mode": "status", "status": 429}, id="busy"),
        pytest.param(
            "approveKeyRequest",
            {"mode": "status", "status": 401, "message": "Not authorised"},
            id="key rejected",
        ),
    ],
)
def test_a_call_that_certainly_did_nothing_leaves_the_approval(scene, operation, fault):
    request = scene.approved()
    scene.box.faults.add(operation, times=1, **fault)

    with pytest.raises(KeyServiceAway):
        live.claim(request)

    assert scene.box.keys() == []
    request.refresh_from_db()
    assert request.status == KeyRequest.Status.APPROVED
    assert live.claim(request).key.state == Key.State.LIVE
    assert len(scene.box.keys()) == 1


def test_dashboard_off_makes_no_key_and_uses_nothing_up(scene):
    request = scene.approved()
    scene.box.refuse()

    with pytest.raises(KeyServiceAway):
        live.claim(request)

    scene.box.heal()
    assert scene.box.gateway_accepts(live.claim(request).pairs[0][1].reveal())


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"mode": "timeout_after", "seconds": 2}, id="timeout"),
        pytest.param({"mode": "reset_after"}, id="reset"),
        pytest.param({"mode": "truncated"}, id="truncated"),
        pytest.param({"mode": "html_200", "commit": True}, id="html"),
        pytest.param({"mode": "status", "status": 500, "commit": True}, id="500"),
    ],
)
def test_a_lost_answer_is_settled_and_the_unseen_key_removed(scene, fault):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", times=1, **fault)

    with pytest.raises(ClaimUnsure):
        live.claim(request)

    [unseen] = scene.box.keys()
    assert Mint.objects.get().state == Mint.State.UNSURE
    with pytest.raises(BeingMade):
        live.claim(request)

    scene.due_now("mint.settle")
    scene.deliver()

    assert scene.box.keys() == []
    assert Mint.objects.get().state == Mint.State.LOST
    shown = live.claim(KeyRequest.objects.get(pk=request.pk))
    [key] = scene.box.keys()
    assert key.id != unseen.id
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def test_an_answer_lost_before_tyk_did_anything_is_claimed_again(scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="timeout_before", seconds=2, times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)

    scene.due_now("mint.settle")
    scene.deliver()

    assert Mint.objects.get().state == Mint.State.REFUSED
    live.claim(KeyRequest.objects.get(pk=request.pk))
    assert len(scene.box.keys()) == 1
    assert len(scene.box.requests()) == 1


def test_a_key_that_one_look_overlooks_is_found_by_the_next(scene):
    """Tyk says that it approved, so a key is there: one odd list is no proof of none."""
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(scene.approved())
    scene.box.faults.add("getDeveloper", mode="null_lists", times=1)
    scene.due_now("mint.settle")

    scene.deliver()
    assert Mint.objects.get().state == Mint.State.UNSURE
    assert len(scene.box.keys()) == 1
    scene.due_now("mint.settle")
    scene.deliver()

    assert Mint.objects.get().state == Mint.State.LOST
    assert scene.box.keys() == []


def test_a_key_made_long_after_the_answer_was_lost_is_removed(scene):
    """The call lands when everybody has stopped waiting: the audit finds its key."""
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="commit_late", seconds=1.5, times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)
    # The look comes too early: nothing is there yet, and Tyk keeps the request.
    scene.box.faults.add("deleteKeyRequest", mode="status", status=404, times=1)
    scene.due_now("mint.settle")
    scene.deliver()
    assert Mint.objects.get().state == Mint.State.REFUSED
    scene.box.wait_for_late_commits()
    assert len(scene.box.keys()) == 1
    pull.run("developers")
    assert Key.objects.get().state == Key.State.LIVE

    shown = live.claim(KeyRequest.objects.get(pk=request.pk))
    scene.due_now("mint.audit")
    scene.deliver()

    assert len(scene.box.keys()) == 1
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    found = Key.objects.get(origin=Key.Origin.FOUND)
    assert found.state == Key.State.REVOKED


def test_the_first_audits_are_counted_however_late_they_begin(scene):
    """A worker with much to do may begin long after the first minutes are over."""
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(scene.approved())
    scene.due_now("mint.settle")
    scene.deliver()
    Mint.objects.update(started_at=timezone.now() - timedelta(hours=3))
    waits = []

    for _ in range(6):
        scene.due_now("mint.audit")
        scene.deliver()
        row = Outbox.objects.get(kind="mint.audit")
        waits.append(round((row.next_at - timezone.now()).total_seconds(), -1))

    assert waits == [90, 270, 810, 2430, 3600, 3600]


def test_the_audit_ends_after_a_day_and_removes_nothing_of_strangers(scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="timeout_before", seconds=2, times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)
    scene.due_now("mint.settle")
    scene.deliver()
    by_hand = scene.box.issue_key(scene.developer.tyk_id, scene.policy)

    scene.due_now("mint.audit")
    scene.deliver()
    assert scene.box.gateway_accepts(by_hand)
    assert outbox.due().filter(kind="mint.audit").exists()

    Mint.objects.update(started_at=timezone.now() - timedelta(hours=25))
    scene.due_now("mint.audit")
    scene.deliver()
    assert not outbox.due().filter(kind="mint.audit").exists()


def test_settling_leaves_a_strangers_key_alone(scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="timeout_before", seconds=2, times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)
    by_hand = scene.box.issue_key(scene.developer.tyk_id, scene.policy)

    scene.due_now("mint.settle")
    scene.deliver()

    assert scene.box.gateway_accepts(by_hand)
    assert Mint.objects.get().state == Mint.State.REFUSED


def test_an_unseen_key_is_left_alone_while_tyk_mails_keys(scene, settings):
    settings.CLAIM_ACCEPTS_KEY_MAIL = True
    request = scene.approved()
    Organisation.objects.update(key_mail_on=True)
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)

    scene.due_now("mint.settle")
    scene.deliver()

    assert len(scene.box.keys()) == 1
    assert Mint.objects.get().state == Mint.State.LOST


def test_a_key_whose_id_could_not_be_read_back_is_shown_and_found_later(scene):
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="status", status=500, after=1, times=1)

    shown = live.claim(request)

    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    assert shown.key.fp is None
    scene.deliver()
    pull.run("developers")
    assert Key.objects.get().fp is not None


def test_a_gateway_that_deletes_no_keys_does_not_block_the_next_claim(scene):
    """Tyk's default: without enable_delete_key_by_hash a hash can't be deleted."""
    scene.box.switch(delete_by_hash="refused")
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)

    scene.due_now("mint.settle")
    scene.deliver()
    shown = live.claim(KeyRequest.objects.get(pk=request.pk))
    pull.run("developers")

    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    origins = sorted(Key.objects.values_list("origin", flat=True))
    assert origins == [Key.Origin.CLAIMED, Key.Origin.FOUND]


def test_no_call_is_sent_that_can_not_be_waited_for(scene):
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="latency", seconds=0.7, times=1)

    with pytest.raises(KeyServiceAway):
        live.claim(request)

    assert scene.box.journal.calls("approveKeyRequest") == []
    assert Mint.objects.count() == 0


def test_a_request_is_not_claimed_before_its_change_is_in_tyk(scene):
    """What reviewers approved is what the key must be made of."""
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    acts.amend(request, answers={"What you build": "Twelve bakeries"})
    services.approve(request, by=scene.reviewer)

    with pytest.raises(BeingDelivered):
        live.claim(request)
    assert scene.box.keys() == []

    scene.deliver()
    live.claim(KeyRequest.objects.get())
    [held] = scene.box.keys()
    assert held.fields["What you build"] == ("Twelve bakeries")


@pytest.mark.parametrize("kind", ["basic", "oauth"])
def test_other_credentials_are_shown_once_too(scene, kind):
    policy = scene.box.add_policy(f"plan-{kind}", auth_type=kind)
    scene.box.add_entry(f"Entry {kind}", policy, auth_type=kind)
    pull.run("policies")
    pull.run("catalogue")
    entry = type(scene.entry).objects.get(name=f"Entry {kind}")
    request = services.submit(
        scene.developer,
        entry=entry,
        answers={"What you build": "x"},
        nonce=scene.developer.code,
        redirect_uri="https://app.example/cb" if kind == "oauth" else "",
    )
    scene.deliver()
    services.approve(request, by=scene.reviewer)
    request.refresh_from_db()

    shown = live.claim(request)

    first, second = (secret.reveal() for _, secret in shown.pairs)
    names = {
        "basic": ("username", "password"),
        "oauth": ("client_id", "secret"),
    }[kind]
    assert scene.box.gateway_accepts(**dict(zip(names, (first, second), strict=True)))
    assert shown.key.kind == kind
    assert shown.key.fp is not None
    services.revoke(shown.key, actor="Mira Tal")
    scene.deliver()
    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKED
    assert scene.box.keys() == []


def test_claiming_is_on_the_time_line(scene):
    request = scene.approved()
    live.claim(request)

    verbs = [event.verb for event in request.events.order_by("pk")]

    assert verbs == [
        Event.Verb.SENT,
        Event.Verb.DELIVERED,
        Event.Verb.APPROVED,
        Event.Verb.CLAIMED,
    ]
