"""A whole record is written, and keys stand in it: none is lost without a word."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from developers import services, vanished
from developers.models import Developer, HeldBefore, ProfileEdit
from keyrequests.models import Key
from tests.developers.profiles import (
    LONG_AGO,
    dora_with_a_key,
    edit,
    fields_in_tyk,
    try_now,
)
from tests.factories import KeyFactory
from tests.reliability.boundaries import Died, placed
from tyk import alarms, lanes, outbox, pull as sync
from tyk.dashboard.client import Dashboard
from tyk.models import Lane, Outbox
from tyk.seal import key_fingerprints

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    return dora_with_a_key(box)


def test_key_made_while_another_writer_has_the_lane_is_kept(box, dora, settings):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    with lanes.lane(lanes.for_developer(dora.tyk_id), seconds=30):
        outbox.drain()
        assert box.journal.operations() == []
        box.issue_key(dora.tyk_id, box.add_policy("Silver"))
    try_now(settings)

    assert fields_in_tyk(box, dora)["Name"] == "Dora Night"
    assert len(box.developer(dora.tyk_id)["keys"]) == 2


def test_key_lost_beside_the_write_is_told_to_staff(box, dora, monkeypatch, caplog):
    write = Dashboard.update_developer

    def meanwhile(self: Dashboard, *args: Any, **more: Any) -> None:
        write(self, *args, **more)
        (key,) = box.developer(dora.tyk_id)["keys"]
        box.delete_key(key)

    monkeypatch.setattr(Dashboard, "update_developer", meanwhile)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    outbox.drain()

    assert edit().state == "done"
    parked = Outbox.objects.get(kind="developer.keys_lost")
    assert parked.subject == str(dora.code)
    assert parked.parked_reason == (
        "1 of the developer's keys vanished beside this write"
    )
    assert alarms.VANISHED in parked.parked_reason
    assert "keys lost beside a write" in caplog.messages

    monkeypatch.undo()
    dora.refresh_from_db()
    services.edit_profile(dora, fields={"Name": "Dora Dawn"})
    outbox.drain()
    assert fields_in_tyk(box, dora)["Name"] == "Dora Dawn"
    assert Outbox.objects.get(kind="developer.profile").parked_reason == ""
    parked.refresh_from_db()
    assert parked.served < parked.asked, "nobody looked yet"
    assert outbox.try_again(parked.pk)
    outbox.drain()
    parked.refresh_from_db()
    assert (parked.served, parked.parked_reason) == (parked.asked, "")


def die_after_the_put(box, dora, monkeypatch, *, then) -> None:
    """The worker's write is done, `then` happens, and the worker is killed."""
    with placed(monkeypatch) as boundaries:

        def end() -> None:
            then()
            boundaries.die()

        boundaries.meanwhile = ("after updateDeveloper", end)
        with boundaries.watched(), pytest.raises(Died):
            outbox.drain()
    monkeypatch.undo()
    assert HeldBefore.objects.get().developer == dora
    Lane.objects.update(until=LONG_AGO)
    Outbox.objects.update(
        next_at=LONG_AGO, lease_until=LONG_AGO, sending_since=LONG_AGO
    )


@pytest.mark.django_db(transaction=True)
def test_key_lost_beside_a_write_that_nobody_read_back_is_told_later(
    box, dora, monkeypatch
):
    """The record read next looks well, unless one knows what it held before."""
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]
    die_after_the_put(box, dora, monkeypatch, then=lambda: box.delete_key(key))
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()

    outbox.drain()

    assert edit().state == "done"
    assert box.journal.operations().count("updateDeveloper") == 1
    parked = Outbox.objects.get(kind="developer.keys_lost")
    assert parked.parked_reason == (
        "1 of the developer's keys vanished beside this write"
    )
    assert not HeldBefore.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_key_lost_beside_a_write_is_told_though_the_wish_is_set_aside(
    box, dora, monkeypatch
):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]

    def others() -> None:
        box.delete_key(key)
        box.edit_developer(dora.tyk_id, fields={"Name": "Named there"})

    die_after_the_put(box, dora, monkeypatch, then=others)

    outbox.drain()

    assert edit().state == "conflict"
    assert Outbox.objects.get(kind="developer.keys_lost").parked_reason
    assert not HeldBefore.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_key_revoked_here_meanwhile_did_not_vanish(box, dora, monkeypatch):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]
    KeyFactory(developer=dora, raw=key, state="revoked")
    die_after_the_put(box, dora, monkeypatch, then=lambda: box.delete_key(key))

    outbox.drain()

    assert edit().state == "done"
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


@pytest.mark.django_db(transaction=True)
def test_with_the_whole_record_no_key_vanished(box, dora, monkeypatch):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    die_after_the_put(
        box, dora, monkeypatch, then=lambda: box.delete_developer(dora.tyk_id)
    )

    outbox.drain()

    assert edit().state == "dropped"
    assert not HeldBefore.objects.exists()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


def test_no_key_id_stands_beside_a_write(box, dora, monkeypatch):
    """With hashing off an id is the key."""
    (key,) = box.developer(dora.tyk_id)["keys"]
    vanished.keep(dora, [key])

    (kept,) = HeldBefore.objects.get().fps
    assert kept == key_fingerprints(key, tyk_id=dora.tyk_id)[0]
    assert key not in kept
    vanished.keep(dora, ["another"])
    assert len(HeldBefore.objects.get().fps) == 2
    assert vanished.check(dora, ["another"]) == 1


def test_what_tyk_took_and_does_not_show_yet_is_looked_for_again(box, dora, caplog):
    """A replica lags: no error, no try counted, and no quarantine."""
    box.switch(replica_lag=60.0)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}

    row = Outbox.objects.get()
    assert edit().state == "due"
    assert row.last_outcome == "Tyk does not show the new fields.Name"
    assert (row.attempts, row.sending_since) == (0, None)
    assert row.next_at < timezone.now() + timedelta(seconds=11)
    assert [r.levelname for r in caplog.records if r.levelname == "ERROR"] == []

    box.switch(replica_lag=0.0)
    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}
    assert box.journal.operations().count("updateDeveloper") == 1


def test_tyk_that_never_keeps_what_it_took_is_put_before_a_person(
    box, dora, monkeypatch
):
    monkeypatch.setattr(Dashboard, "update_developer", lambda *_, **__: None)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}
    ProfileEdit.objects.update(created_at=LONG_AGO)
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"parked": 1}

    assert edit().state == "due"
    told = "Tyk does not show the new fields.Name"
    assert Outbox.objects.get().parked_reason == told


@pytest.mark.parametrize("wish", ["rename", "switch off"])
def test_a_record_without_the_keys_we_know_is_never_put_back(box, dora, wish):
    """Null maps in one answer must not take a key from anybody."""
    policy = box.add_policy("Silver")
    raw = box.issue_key(dora.tyk_id, policy)
    sync.run("developers")
    before = box.developer(dora.tyk_id)
    box.faults.add("getDeveloper", mode="null_lists", times=1)
    if wish == "rename":
        services.edit_profile(dora, fields={"Name": "Dora Night"})
    else:
        services.set_active(dora, active=False)

    assert outbox.drain() == {"later": 1}

    row = Outbox.objects.get(kind="developer.profile")
    assert "keys and fields empty, and known to the mirror" in row.last_outcome
    assert (row.attempts, row.sending_since) == (0, None)
    assert box.developer(dora.tyk_id) == before

    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}
    assert box.developer(dora.tyk_id)["subscriptions"] == before["subscriptions"]
    assert box.gateway_accepts(raw)


def test_a_developer_whose_keys_really_went_can_be_edited_again(box, dora):
    """Once the mirror has seen it, nothing is known that the record could lack."""
    box.issue_key(dora.tyk_id, box.add_policy("Silver"))
    sync.run("developers")
    for key in list(box.developer(dora.tyk_id)["keys"]):
        box.delete_key(key)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}

    for _look in range(2):
        sync.run("developers")
        Key.objects.exclude(missing_since=None).update(missing_since=LONG_AGO)
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"done": 1}
    assert fields_in_tyk(box, dora)["Name"] == "Dora Night"
