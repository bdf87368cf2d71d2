"""What the page says of a key that ended, or did not: true, and in bounded time."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.utils import timezone

from keyrequests import holdings, live, pull as pulls, services
from keyrequests.models import Event, Key, Mint
from tests.factories import KeyFactory, MintFactory
from tests.keyrequests.scene import Scene, build
from tyk import outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = "2020-01-01T00:00Z"
NOT_FOUND = {"mode": "status", "status": 404, "message": "Not found"}
LIVE, REVOKING = Key.State.LIVE, Key.State.REVOKING
REVOKED, GONE = Key.State.REVOKED, Key.State.GONE


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def claimed(scene: Scene) -> Key:
    shown = live.claim(scene.approved())
    scene.deliver()
    return shown.key


def state() -> str:
    return Key.objects.get().state


def in_a_while(seconds: float) -> None:
    """Let time pass for keys and mints, and let what is owed be due."""
    passed = timedelta(seconds=seconds)
    for column in ("created_at", "ends_at", "ended_at", "missing_since"):
        Key.objects.update(**{column: F(column) - passed})
    Mint.objects.update(started_at=F("started_at") - passed)
    Outbox.objects.update(next_at=LONG_AGO)


# --- Revoked, says Tyk ------------------------------------------------------------------
def test_not_found_is_believed_when_the_key_does_not_work_either(scene):
    key = claimed(scene)
    scene.box.delete_key(scene.box.keys()[0].id)
    services.revoke(key, actor="Mira")

    scene.deliver()

    assert state() == REVOKED
    assert scene.box.journal.operations().count("getKey") >= 1


def test_a_lying_not_found_is_no_revocation(scene):
    key = claimed(scene)
    services.revoke(key, actor="Mira")
    scene.box.faults.add("revokeDeveloperKey", times=2, **NOT_FOUND)
    mail.outbox.clear()

    outbox.drain()

    assert state() == REVOKING, "still live, and the page says so"
    assert len(scene.box.keys()) == 1
    assert mail.outbox == []
    row = Outbox.objects.get(kind="key.revoke")
    assert row.last_outcome == "Tyk does not find the key, but it is still live"
    assert row.attempts == 0

    for _try in range(2):
        Outbox.objects.update(next_at=LONG_AGO)
        outbox.drain()
    assert state() == REVOKED
    assert scene.box.keys() == []
    assert len(mail.outbox) == 1


def test_a_not_found_that_lasts_waits_for_a_person_and_the_key_is_called_live(scene):
    services.revoke(claimed(scene), actor="Mira")
    scene.box.faults.add("revokeDeveloperKey", **NOT_FOUND)
    outbox.drain()
    in_a_while(1000)
    outbox.drain()

    row = Outbox.objects.get(kind="key.revoke")
    assert row.parked_reason == "Tyk finds no such key to delete, and it is still live"
    assert state() == REVOKING


@pytest.mark.parametrize("status", ["500", "away"])
def test_a_second_look_that_fails_says_nothing(scene, status):
    services.revoke(claimed(scene), actor="Mira")
    scene.box.faults.add("revokeDeveloperKey", times=1, **NOT_FOUND)
    mode = (
        {"mode": "status", "status": 500}
        if status == "500"
        else {"mode": "refuse_connection"}
    )
    scene.box.faults.add("getKey", times=1, **mode)

    outbox.drain()

    assert state() == REVOKING
    Outbox.objects.update(next_at=LONG_AGO)
    outbox.drain()
    assert state() == REVOKED
    assert scene.box.keys() == []


# --- Listed, though revoked ---------------------------------------------------------------
def believed_revoked(scene: Scene, *, ago: float = 300) -> None:
    """Tyk answered "done", and the key lives on."""
    key = claimed(scene)
    services.revoke(key, actor="Mira")
    scene.box.faults.add(
        "revokeDeveloperKey",
        mode="status",
        status=200,
        body='{"Status":"OK","Message":"Data deleted","Meta":null}',
        times=1,
    )
    scene.deliver()
    assert state() == REVOKED
    assert len(scene.box.keys()) == 1
    in_a_while(ago)


def test_a_revoked_key_that_is_still_listed_is_revoked_again_and_told(scene, caplog):
    believed_revoked(scene)

    pull.run("developers")
    outbox.drain()

    assert scene.box.keys() == []
    assert state() == REVOKED
    assert "revoked key is live" in caplog.messages
    told = Event.objects.filter(verb=Event.Verb.FOUND).values_list("note", flat=True)
    assert list(told) == ["still live after it was revoked: revoked again"]


def test_the_page_says_live_while_it_is_revoked_again(scene):
    believed_revoked(scene)
    scene.box.faults.add("revokeDeveloperKey", mode="status", status=500, times=1)

    pull.run("developers")
    outbox.drain()

    assert state() == REVOKING


def test_a_key_that_works_again_long_after_is_shown_and_left_alone(scene):
    """Somebody at the Dashboard brought it back: ending theirs would be an outage."""
    believed_revoked(scene, ago=90_000)

    pull.run("developers")
    outbox.drain()

    assert state() == LIVE
    assert Key.objects.get().ends_at is None
    assert len(scene.box.keys()) == 1
    [event] = Event.objects.filter(verb=Event.Verb.FOUND)
    assert event.note == "still live after it was revoked"


def test_a_list_that_lags_behind_brings_nothing_back(scene):
    """The record still names the key; the gateway does not know it any more."""
    key = claimed(scene)
    key_id = scene.box.keys()[0].id
    services.revoke(key, actor="Mira")
    scene.deliver()
    in_a_while(300)
    mail.outbox.clear()
    scene.box.edit_developer(scene.developer.tyk_id, keys={key_id: [scene.policy]})

    for _look in range(2):
        pull.run("developers")
        outbox.drain()

    assert state() == REVOKED
    assert not Event.objects.filter(verb=Event.Verb.FOUND).exists()
    assert mail.outbox == []
    assert scene.box.journal.operations().count("revokeDeveloperKey") == 1


def test_a_list_read_right_after_the_revocation_asks_nobody(scene):
    believed_revoked(scene, ago=0)

    pull.run("developers")

    row = Outbox.objects.get(kind="key.revoke")
    assert row.asked == row.served


# --- Never listed ---------------------------------------------------------------------------
@pytest.fixture
def shown_and_deleted(scene) -> Key:
    """A key was shown, its id not read back, and somebody deleted it in Tyk."""
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="status", status=500, after=1, times=1)
    shown = live.claim(request)
    assert shown.key.fp is None
    scene.box.delete_key(scene.box.keys()[0].id)
    scene.deliver()
    return shown.key


def test_a_key_deleted_before_its_id_was_read_ends_as_gone(scene, shown_and_deleted):
    row = Outbox.objects.get(kind="mint.settle")
    assert row.last_outcome == "the key is not listed yet"
    assert state() == LIVE

    in_a_while(600)
    scene.deliver()
    assert state() == LIVE, "a replica may lag for minutes"
    in_a_while(600)
    scene.deliver()
    assert state() == LIVE, "one look may meet a list that lags"
    in_a_while(60)
    scene.deliver()

    assert state() == GONE
    assert Key.objects.get().ended_at is not None
    row.refresh_from_db()
    assert (row.served, row.parked_reason) == (row.asked, "")
    assert Event.objects.filter(note="Tyk never listed it").count() == 1
    assert not pulls.being_settled([scene.developer])


def test_a_worker_that_was_away_for_long_still_names_the_claimed_key(scene):
    """A pull that runs before it lists the key beside the claimed one nowhere."""
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="status", status=500, after=1, times=1)
    shown = live.claim(request)
    assert shown.key.fp is None
    in_a_while(3600)

    pull.run("developers")
    outbox.drain()

    key = Key.objects.get()
    assert (key.origin, key.state) == (Key.Origin.CLAIMED, LIVE)
    assert holdings.id_of(key) == scene.box.keys()[0].id
    assert not pulls.being_settled([scene.developer])


def test_one_late_look_at_a_list_that_lags_ends_no_key(scene):
    scene.box.switch(replica_lag=30.0)
    shown = live.claim(scene.approved())
    in_a_while(3600)
    scene.deliver()
    assert (state(), shown.key.fp) == (LIVE, None)

    scene.box.switch(replica_lag=0.0)
    in_a_while(60)
    scene.deliver()

    key = Key.objects.get()
    assert (key.state, key.missing_since) == (LIVE, None)
    assert holdings.id_of(key) == scene.box.keys()[0].id


def test_a_claim_that_ends_while_a_pull_looks_still_counts(scene):
    """Its mint is read first and its key second, or a pull would list the key twice."""
    mint = MintFactory(request__developer=scene.developer)
    looks: list[str] = []

    def end_before_the_second(execute, sql, params, many, context):
        looks.append(sql)
        if len(looks) == 2:
            key = KeyFactory(developer=scene.developer, fp=None, sealed_id=None)
            Mint.objects.filter(pk=mint.pk).update(state=Mint.State.SHOWN, key=key)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(end_before_the_second):
        settling = pulls.being_settled([scene.developer])

    assert settling == {scene.developer.pk}


def test_one_that_was_also_revoked_ends_as_revoked(scene, shown_and_deleted):
    services.revoke(shown_and_deleted, actor="Mira")
    scene.deliver()
    assert state() == REVOKING

    in_a_while(1000)
    scene.deliver()
    in_a_while(1)
    scene.deliver()
    assert state() == REVOKING, "two looks within a minute are one"
    in_a_while(60)
    scene.deliver()

    assert state() == REVOKED
    owed = Outbox.objects.exclude(asked=F("served"))
    assert list(owed.values_list("kind", "parked_reason")) == []
    assert scene.box.journal.operations().count("revokeDeveloperKey") == 0


def test_an_outage_is_no_proof_that_it_was_never_listed(scene, shown_and_deleted):
    in_a_while(1000)
    scene.box.refuse()
    outbox.drain()
    assert state() == LIVE

    scene.box.heal()
    in_a_while(1)
    outbox.drain()
    assert state() == LIVE
    in_a_while(60)
    outbox.drain()
    assert state() == GONE


def test_what_is_new_meanwhile_is_listed_as_found_once_that_is_settled(
    scene, shown_and_deleted
):
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    assert Key.objects.count() == 1, "it may be the one that was shown"

    in_a_while(1000)
    scene.deliver()
    pull.run("developers")
    assert Key.objects.count() == 1, "it is still looked for"
    in_a_while(60)
    scene.deliver()
    pull.run("developers")

    rows = Key.objects.order_by("pk").values_list("origin", "state")
    assert list(rows) == [("claimed", GONE), ("found", LIVE)]


def test_a_late_id_is_still_kept(scene):
    request = scene.approved()
    scene.box.faults.add("getDeveloper", mode="status", status=500, after=1, times=1)
    live.claim(request)
    in_a_while(600)
    scene.deliver()

    assert Key.objects.get().fp is not None
    assert Key.objects.get().created_at < timezone.now()
    assert state() == LIVE
