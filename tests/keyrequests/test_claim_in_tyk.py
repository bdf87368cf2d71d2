"""What people do in Tyk, and a claim here: no key unreviewed, none unnamed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keyrequests import holdings, live, services
from keyrequests.errors import (
    ClaimUnsure,
    KeyServiceAway,
    MadeElsewhere,
    NotClaimable,
    SwitchedOff,
)
from keyrequests.models import Key, KeyRequest, Mint
from tests.keyrequests.scene import Scene, build, nothing_begun
from tyk import pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def test_approved_in_the_dashboard_is_told_and_a_new_key_can_be_claimed(scene):
    request = scene.approved()
    handed_out = scene.box.approve(request.tyk_id)["RawKey"]

    with pytest.raises(MadeElsewhere):
        live.claim(request)

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.GRANTED
    assert request.decided_in == KeyRequest.DecidedIn.TYK
    shown = live.claim(request)
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    assert scene.box.gateway_accepts(handed_out)
    assert len(scene.box.keys()) == 2


def test_a_request_deleted_in_tyk_is_asked_anew(scene):
    request = scene.approved()
    scene.box.decline(request.tyk_id)
    with pytest.raises((KeyServiceAway, ClaimUnsure)):
        live.claim(request)
    scene.due_now("mint.settle")
    scene.deliver()

    shown = live.claim(request)

    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def approved_in_tyk(scene: Scene) -> tuple[KeyRequest, str]:
    """Asked for here, and its key handed out there; and that key's id."""
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    raw = scene.box.approve(request.tyk_id or "")["RawKey"]
    pull.run("requests")
    request.refresh_from_db()
    return request, scene.box.key_id(raw)


def test_a_key_revoked_in_tyk_is_not_had_again_without_review(scene):
    request, key_id = approved_in_tyk(scene)
    scene.box.delete_key(key_id)
    Key.objects.update(missing_since="2020-01-01T00:00Z")
    pull.run("developers")

    with pytest.raises(NotClaimable):
        live.claim(request)

    assert scene.box.keys() == []


def test_a_key_handed_out_and_revoked_in_tyk_is_not_had_again_either(scene):
    """The mirror has not looked since."""
    request, key_id = approved_in_tyk(scene)
    pull.run("developers")
    scene.box.delete_key(key_id)
    scene.box.journal.clear()

    with pytest.raises(NotClaimable, match="has ended"):
        live.claim(request)

    assert nothing_begun(scene)
    assert scene.box.keys() == []


def test_an_older_key_of_that_plan_is_not_the_one_that_was_handed_out(scene):
    """Else a key that was revoked in Tyk could be had again unreviewed."""
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    Key.objects.update(created_at=timezone.now() - timedelta(days=1))
    request, key_id = approved_in_tyk(scene)
    pull.run("developers")
    scene.box.delete_key(key_id)

    with pytest.raises(NotClaimable):
        live.claim(request)

    assert len(scene.box.keys()) == 1


def test_an_account_switched_off_in_tyk_claims_nothing(scene):
    request = scene.approved()
    scene.box.edit_developer(scene.developer.tyk_id, inactive=True)
    Outbox.objects.all().delete()

    with pytest.raises(SwitchedOff):
        live.claim(request)

    assert Mint.objects.count() == Outbox.objects.count() == 0
    assert scene.box.keys() == []
    assert [r["approved"] for r in scene.box.requests()] == [False]
    request.refresh_from_db()
    assert request.status == KeyRequest.Status.APPROVED


def test_an_old_approval_made_in_tyk_is_no_free_key(scene):
    tyk_id = scene.box.add_request(scene.developer.tyk_id, scene.policy)
    scene.box.approve(tyk_id)
    pull.run("requests")
    pull.run("developers")

    with pytest.raises(NotClaimable):
        live.claim(KeyRequest.objects.get())

    assert len(scene.box.keys()) == 1


def made_in_tyk(scene: Scene) -> KeyRequest:
    """Asked for in Tyk's own portal, and approved here."""
    scene.box.add_request(scene.developer.tyk_id, scene.policy)
    pull.run("requests")
    request = KeyRequest.objects.get()
    services.approve(request, by=scene.reviewer)
    scene.deliver()
    return request


def test_the_key_of_a_request_made_in_tyk_is_known_as_ours(scene):
    """The request bears no marker of ours, so one of ours is approved in its place."""
    request = made_in_tyk(scene)

    shown = live.claim(request)
    scene.deliver()

    [(_, secret)] = shown.pairs
    [held] = scene.box.keys()
    assert scene.box.gateway_accepts(secret.reveal())
    assert holdings.id_of(Key.objects.get()) == held.id
    # Nobody can have a second key of the one that was left.
    [record] = scene.box.requests()
    assert (record["id"], record["approved"]) == (shown.mint.tyk_request_id, True)
    request.refresh_from_db()
    assert (request.status, request.tyk_state) == (KeyRequest.Status.GRANTED, "gone")


def test_a_lost_answer_of_a_request_made_in_tyk_leaves_no_live_key(scene):
    request = made_in_tyk(scene)
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    with pytest.raises(ClaimUnsure):
        live.claim(request)
    assert len(scene.box.keys()) == 1
    Mint.objects.update(
        started_at=timezone.now() - timedelta(seconds=400),
        unsure_at=timezone.now() - timedelta(seconds=400),
    )
    scene.due_now("mint.settle")
    scene.deliver()

    assert scene.box.keys() == []
    assert Mint.objects.get().state == Mint.State.LOST
    assert live.claim(KeyRequest.objects.get()).key.fp is not None


def test_a_request_for_two_plans_made_in_tyk_is_refused_in_words(scene):
    other = scene.box.add_policy("extra")
    tyk_id = scene.box.add_request(scene.developer.tyk_id, scene.policy)
    scene.box.edit_request(tyk_id, apply_policies=[scene.policy, other])
    pull.run("policies")
    pull.run("requests")
    services.approve(KeyRequest.objects.get(), by=scene.reviewer)

    with pytest.raises(NotClaimable, match="several plans"):
        live.claim(KeyRequest.objects.get())


def test_a_key_made_by_hand_meanwhile_is_not_taken_for_ours(scene):
    """Its id is the only new one listed when ours is read back."""
    request = scene.approved()
    scene.box.switch(replica_lag=30.0)
    shown = live.claim(request)
    assert shown.key.fp is None
    scene.box.switch(replica_lag=0.0)
    by_hand = scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    services.revoke(shown.key, actor="Mira Tal")
    scene.due_now("mint.settle")
    scene.due_now("key.revoke")
    scene.deliver()
    scene.due_now("key.revoke")
    scene.deliver()

    assert scene.box.gateway_accepts(by_hand)
    assert not scene.box.gateway_accepts(shown.pairs[0][1].reveal())
