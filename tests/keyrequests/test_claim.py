"""Claim and replace against the sandbox: one key, shown once, and every fault."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from keyrequests import acts, holdings, live, services
from keyrequests.errors import (
    BeingDelivered,
    BeingMade,
    ClaimUnsure,
    KeyMailIsOn,
    KeyServiceAway,
    MadeElsewhere,
    NotClaimable,
    NotLive,
    SwitchedOff,
)
from keyrequests.live_shown import Shown
from keyrequests.models import Event, Key, KeyRequest, Mint
from tests.keyrequests.scene import Scene, build
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


def in_its_own_time(settings) -> None:
    """On a machine that is busy, no deadline of a test decides who wins."""
    settings.TYK_CLAIM_DEADLINE = 30.0


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

    for _ in range(11):
        scene.due_now("mint.audit")
        scene.deliver()
        row = Outbox.objects.get(kind="mint.audit")
        waits.append(round((row.next_at - timezone.now()).total_seconds(), -2))

    assert waits == [100] * 10 + [3600]


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

    shown = live.claim(KeyRequest.objects.get(pk=request.pk))

    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())


def test_a_key_whose_id_could_not_be_read_back_is_shown_and_found_later(scene):
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="status", status=500, after=1, times=1)

    shown = live.claim(request)

    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    assert shown.key.fp is None
    scene.deliver()
    pull.run("developers")
    assert Key.objects.get().fp is not None


def test_replace_shows_a_new_key_and_ends_the_old_one(scene):
    old = live.claim(scene.approved())

    new = live.replace(old.key, overlap=0)
    scene.deliver()

    assert scene.box.gateway_accepts(new.pairs[0][1].reveal())
    assert not scene.box.gateway_accepts(old.pairs[0][1].reveal())
    old.key.refresh_from_db()
    assert old.key.state == Key.State.REVOKED
    assert new.mint.replaces == old.key
    assert KeyRequest.objects.count() == 1


def test_replace_with_overlap_keeps_the_old_key_for_a_while(scene):
    old = live.claim(scene.approved())

    live.replace(old.key, overlap=3600)
    scene.deliver()

    old.key.refresh_from_db()
    assert old.key.state == Key.State.LIVE
    assert old.key.ends_at is not None
    assert scene.box.gateway_accepts(old.pairs[0][1].reveal())
    Key.objects.filter(pk=old.key.pk).update(ends_at="2020-01-01T00:00Z")
    scene.due_now("key.revoke")
    scene.deliver()
    assert not scene.box.gateway_accepts(old.pairs[0][1].reveal())


def test_replace_whose_answer_is_lost_leaves_the_old_key(scene):
    old = live.claim(scene.approved())
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    with pytest.raises(ClaimUnsure):
        live.replace(old.key, overlap=0)
    Outbox.objects.filter(kind="mint.settle").update(next_at="2020-01-01T00:00Z")
    scene.deliver()

    assert scene.box.gateway_accepts(old.pairs[0][1].reveal())
    assert len(scene.box.keys()) == 1


def test_a_request_without_an_id_is_looked_for_no_longer_than_a_second(scene, settings):
    """The web process has others to serve; settling goes on without it."""
    settings.TYK_CLAIM_DEADLINE = 20.0
    shown = live.claim(scene.approved())
    scene.deliver()
    box = scene.box
    box.faults.add(
        "createKeyRequest",
        mode="status",
        status=200,
        body='{"Status":"OK","Message":"Data updated","Meta":null}',
        commit=False,
    )
    box.faults.add("listKeyRequests", mode="latency", seconds=0.4)
    box.journal.clear()
    began = time.monotonic()

    with pytest.raises(ClaimUnsure):
        live.replace(shown.key, overlap=0)

    assert time.monotonic() - began < 2.5
    looks = box.journal.operations().count("listKeyRequests")
    assert looks == 2, "at 0 and 0.6 s; a third would begin after 1 s"
    assert Mint.objects.latest("pk").state == Mint.State.UNSURE
    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.LIVE
    assert box.gateway_accepts(shown.pairs[0][1].reveal())
    assert "approveKeyRequest" not in box.journal.operations()


def test_two_tabs_replace_a_key_once(scene, settings):
    in_its_own_time(settings)
    old = live.claim(scene.approved())
    refused: list[NotLive | BeingMade] = []

    def tab() -> None:
        try:
            live.replace(Key.objects.get(pk=old.key.pk), overlap=3600)
        except (NotLive, BeingMade) as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    tabs = [threading.Thread(target=tab) for _ in range(2)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()

    assert len(refused) == 1
    assert len(scene.box.keys()) == 2


def test_a_key_being_replaced_is_not_replaced_again(scene):
    old = live.claim(scene.approved())
    live.replace(old.key, overlap=3600)
    ends = Key.objects.get(pk=old.key.pk).ends_at

    with pytest.raises(NotLive, match="being replaced already"):
        live.replace(Key.objects.get(pk=old.key.pk), overlap=3600)

    assert Key.objects.get(pk=old.key.pk).ends_at == ends
    assert len(scene.box.keys()) == 2


def test_replacements_that_failed_leave_no_request_in_tyk(scene):
    old = live.claim(scene.approved())
    scene.box.faults.add("approveKeyRequest", mode="status", status=429, times=2)
    for _ in range(2):
        with pytest.raises(KeyServiceAway):
            live.replace(old.key, overlap=0)

    Outbox.objects.filter(kind="mint.settle").update(next_at="2020-01-01T00:00Z")
    scene.deliver()

    assert [r["approved"] for r in scene.box.requests()] == [True]
    assert scene.box.gateway_accepts(old.pairs[0][1].reveal())


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


def test_a_key_revoked_in_tyk_is_not_had_again_without_review(scene):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    raw = scene.box.approve(request.tyk_id)["RawKey"]
    pull.run("requests")
    scene.box.delete_key(scene.box.key_id(raw))
    Key.objects.update(missing_since="2020-01-01T00:00Z")
    pull.run("developers")

    with pytest.raises(NotClaimable):
        live.claim(KeyRequest.objects.get(pk=request.pk))

    assert scene.box.keys() == []


def test_a_key_handed_out_and_revoked_in_tyk_is_not_had_again_either(scene):
    """The mirror has not looked since."""
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    raw = scene.box.approve(request.tyk_id)["RawKey"]
    pull.run("requests")
    pull.run("developers")
    scene.box.delete_key(scene.box.key_id(raw))
    scene.box.journal.clear()

    with pytest.raises(NotClaimable, match="has ended"):
        live.claim(KeyRequest.objects.get(pk=request.pk))

    assert nothing_begun(scene)
    assert scene.box.keys() == []


def nothing_begun(scene: Scene) -> bool:
    """Tyk was read and told nothing, and no try is noted or to be settled."""
    return (
        set(scene.box.journal.operations()) == {"getDeveloper"}
        and not Mint.objects.exclude(state=Mint.State.SHOWN).exists()
        and not Outbox.objects.filter(kind="mint.settle").exists()
    )


@pytest.fixture
def old(scene) -> Shown:
    """A key claimed so long ago that every replica lists it; no call noted since."""
    shown = live.claim(scene.approved())
    scene.deliver()
    Outbox.objects.filter(kind="mint.settle").delete()
    Key.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    scene.box.journal.clear()
    return shown


def test_a_key_revoked_in_tyk_is_not_replaced_without_review(scene, old):
    scene.box.delete_key(scene.box.keys()[0].id)

    with pytest.raises(NotLive, match="The gateway has ended this key"):
        live.replace(old.key, overlap=0)

    assert nothing_begun(scene)
    assert scene.box.keys() == []
    assert Mint.objects.get() == old.mint
    key = Key.objects.get()
    assert (key.state, key.ends_at) == (Key.State.LIVE, None)
    assert not key.events.filter(verb=Event.Verb.REPLACED).exists()


def test_another_key_of_the_developer_stands_for_none_that_was_revoked(scene, old):
    scene.box.delete_key(scene.box.keys()[0].id)
    other = scene.box.issue_key(scene.developer.tyk_id, scene.policy)

    with pytest.raises(NotLive, match="The gateway has ended this key"):
        live.replace(old.key, overlap=0)

    assert nothing_begun(scene)
    [held] = scene.box.keys()
    assert held.id == scene.box.key_id(other)


def test_a_key_named_by_an_older_seal_key_is_replaced(scene, settings, old):
    settings.SEAL_KEYS = ["n" * 32, *settings.SEAL_KEYS]

    new = live.replace(old.key, overlap=0)

    assert scene.box.gateway_accepts(new.pairs[0][1].reveal())


def test_a_young_key_that_a_replica_does_not_list_yet_is_replaced(scene):
    scene.box.switch(replica_lag=60.0)
    shown = live.claim(scene.approved())
    holdings.keep_id(shown.key, scene.box.keys()[0].id)

    new = live.replace(shown.key, overlap=0)

    assert scene.box.gateway_accepts(new.pairs[0][1].reveal())


def test_a_key_whose_id_is_not_known_yet_is_replaced(scene, old):
    Key.objects.update(fp=None, sealed_id=None)

    new = live.replace(Key.objects.get(), overlap=0)

    assert scene.box.gateway_accepts(new.pairs[0][1].reveal())


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


def test_an_account_switched_off_in_tyk_replaces_nothing(scene, old):
    scene.box.edit_developer(scene.developer.tyk_id, inactive=True)

    with pytest.raises(SwitchedOff):
        live.replace(old.key, overlap=0)

    assert nothing_begun(scene)
    [held] = scene.box.keys()
    assert held.id == holdings.id_of(old.key)
    assert Key.objects.get().state == Key.State.LIVE


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


def test_an_older_key_of_that_plan_is_not_the_one_that_was_handed_out(scene):
    """Else a key that was revoked in Tyk could be had again unreviewed."""
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    Key.objects.update(created_at=timezone.now() - timedelta(days=1))
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    raw = scene.box.approve(request.tyk_id)["RawKey"]
    pull.run("requests")
    pull.run("developers")
    scene.box.delete_key(scene.box.key_id(raw))

    with pytest.raises(NotClaimable):
        live.claim(KeyRequest.objects.get(pk=request.pk))

    assert len(scene.box.keys()) == 1


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
