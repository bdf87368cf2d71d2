"""Replacing a key: one new one, and the old one ends when it should."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from developers.models import Developer
from keyrequests import holdings, live, services
from keyrequests.errors import (
    BeingMade,
    ClaimUnsure,
    KeyServiceAway,
    NotLive,
    SwitchedOff,
)
from keyrequests.live_shown import Shown
from keyrequests.models import Event, Key, KeyRequest, Mint
from tests.keyrequests.scene import Scene, build, in_its_own_time, nothing_begun
from tests.waiting import LATE
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


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


def test_a_request_without_an_id_is_not_looked_for_without_end(
    scene, settings, monkeypatch
):
    """The web process has others to serve; settling goes on without it."""
    settings.TYK_CLAIM_DEADLINE = 20.0
    # Twice as long as it is, so that a busy machine is not late for the second look.
    monkeypatch.setattr(live, "LISTED_WITHIN", 2.0)
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
    box.faults.add("listKeyRequests", mode="latency", seconds=0.9)
    box.journal.clear()
    began = time.monotonic()

    with pytest.raises(ClaimUnsure):
        live.replace(shown.key, overlap=0)

    assert time.monotonic() - began < 2.0 + 0.9 + LATE
    looks = box.journal.operations().count("listKeyRequests")
    assert looks == 2, "at 0 and 1.1 s; a third would begin after 2 s"
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


def revoked_while_replaced(scene, *, actor: str | Developer) -> Shown | NotLive:
    """Claim a key, replace it, and revoke it while Tyk makes the new one."""
    old = live.claim(scene.approved()).key
    scene.box.faults.add("approveKeyRequest", mode="latency", seconds=1.0, times=1)

    def tab() -> Shown | NotLive:
        try:
            return live.replace(Key.objects.get(pk=old.pk), overlap=0)
        except NotLive as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as owner:
        told = owner.submit(tab)
        while not told.done() and not Mint.objects.filter(replaces=old).exists():
            time.sleep(0.02)
        services.revoke(old, actor=actor)
    scene.deliver()
    return told.result()


def test_a_key_that_staff_end_meanwhile_gets_no_successor(scene, settings):
    in_its_own_time(settings)

    told = revoked_while_replaced(scene, actor=str(scene.reviewer))

    assert str(told) == live.ENDED_MEANWHILE
    assert scene.box.keys() == []
    states = Key.objects.values_list("state", flat=True)
    assert list(states) == [Key.State.REVOKED, Key.State.REVOKED]


def test_a_key_that_its_owner_ends_meanwhile_is_replaced(scene, settings):
    in_its_own_time(settings)

    told = revoked_while_replaced(scene, actor=scene.developer)

    assert isinstance(told, Shown)
    assert scene.box.gateway_accepts(told.pairs[0][1].reveal())
    assert len(scene.box.keys()) == 1


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


def test_an_account_switched_off_in_tyk_replaces_nothing(scene, old):
    scene.box.edit_developer(scene.developer.tyk_id, inactive=True)

    with pytest.raises(SwitchedOff):
        live.replace(old.key, overlap=0)

    assert nothing_begun(scene)
    [held] = scene.box.keys()
    assert held.id == holdings.id_of(old.key)
    assert Key.objects.get().state == Key.State.LIVE
