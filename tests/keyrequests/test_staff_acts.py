"""What staff do for a developer's access, and what Tyk holds afterwards."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from catalogue.models import Plan
from keyrequests import acts, live, reads, staff, usage
from keyrequests.errors import AccessError, ClaimUnsure, NotClaimable
from keyrequests.models import (
    Event,
    Key,
    KeyRequest,
    Mint,
    PolicyChange,
    UsageDay,
    UsageHour,
)
from keyrequests.tasks import remind_of_approvals
from tests.factories import StaffFactory
from tests.keyrequests.scene import Scene, build
from tyk import outbox, pull
from tyk.models import Organisation, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def orders(scene) -> Plan:
    return Plan.objects.get(pk=scene.entry.plan_id)


@pytest.fixture
def quick(scene) -> Plan:
    return Plan.objects.get(pk=scene.automatic.plan_id)


@pytest.fixture
def key(scene) -> Key:
    """A claimed key whose id in Tyk is known."""
    live.claim(scene.approved())
    scene.deliver()
    pull.run("developers")
    return Key.objects.select_related("developer", "request").get()


def policies_in_tyk(scene: Scene) -> list[str]:
    [held] = scene.box.developer(scene.developer.tyk_id)["keys"].values()
    return list(held)


def wish(scene: Scene, key: Key, *plans: Plan, seen: list[str] | None = None):
    return staff.change_plans(
        key,
        plans=plans,
        seen=staff.policies_of(key) if seen is None else seen,
        by=scene.reviewer,
    )


def verbs(key: Key) -> list[str]:
    return list(key.events.order_by("pk").values_list("verb", flat=True))


# --- A new key -----------------------------------------------------------------------
def give(scene: Scene, plan: Plan, **more) -> KeyRequest:
    told = {"entry": scene.automatic, "by": scene.reviewer, "nonce": uuid4(), **more}
    return staff.grant(scene.developer, plan=plan, **told)


def test_what_staff_give_is_claimed_by_the_developer(scene, quick, mailoutbox):
    request = give(scene, quick, reason="As agreed")
    scene.deliver()
    request.refresh_from_db()

    assert (request.status, request.decided_by) == ("approved", scene.reviewer)
    assert scene.box.keys_of(scene.developer.tyk_id) == []
    [message] = mailoutbox
    assert message.subject == "You were given access to Geocoding"
    assert "The team gave you access to Geocoding:\n120 calls" in message.body
    assert f"because you were given access ({request.number})." in message.body
    assert "our request" not in message.body
    assert "you sent" not in message.body
    [(_, secret)] = live.claim(request).pairs
    assert scene.box.gateway_accepts(secret.reveal())


def test_the_form_posted_twice_gives_once(scene, quick):
    nonce = uuid4()
    assert give(scene, quick, nonce=nonce) == give(scene, quick, nonce=nonce)
    assert KeyRequest.objects.count() == 1


def test_who_does_not_claim_it_is_reminded_in_the_same_words(scene, quick, mailoutbox):
    request = give(scene, quick)
    scene.deliver()
    ago = timezone.now() - timedelta(days=4)
    KeyRequest.objects.filter(pk=request.pk).update(decided_at=ago)
    mailoutbox.clear()

    remind_of_approvals()
    scene.deliver()

    [message] = mailoutbox
    assert "The team gave you access to Geocoding on " in message.body
    assert "after that you can ask for access." in message.body
    assert f"because you were given access ({request.number})." in message.body


@pytest.mark.parametrize(
    ("case", "code"),
    [("open", "already_asked"), ("off", "absent"), ("own", "own_request"),
     ("dead", "not_offered")],
)  # fmt: skip
def test_what_could_not_be_claimed_is_not_given(scene, quick, case, code):
    by = scene.reviewer
    if case == "open":
        give(scene, quick)
    if case == "off":
        scene.developer.inactive = True
    if case == "own":
        by = StaffFactory(email=scene.developer.email.upper(), is_superuser=True)
    if case == "dead":
        quick.live = False
    before = KeyRequest.objects.count()

    with pytest.raises(AccessError) as refusal:
        give(scene, quick, by=by)

    assert refusal.value.code == code
    assert KeyRequest.objects.count() == before


# --- Plans ---------------------------------------------------------------------------
def test_a_key_changes_its_plan_and_stays_the_same_key(scene, key, quick):
    raw_before = [one.id for one in scene.box.keys_of(scene.developer.tyk_id)]
    wish(scene, key, quick)
    assert staff.policies_of(Key.objects.get()) != [quick.oid], "not before Tyk has it"

    outbox.drain()

    assert policies_in_tyk(scene) == [quick.oid]
    assert [one.id for one in scene.box.keys_of(scene.developer.tyk_id)] == raw_before
    assert staff.policies_of(Key.objects.get()) == [quick.oid]
    assert verbs(key)[-2:] == ["plans_asked", "plans_set"]


def test_a_replacement_asks_for_the_plan_the_key_has_now(scene, key, quick):
    wish(scene, key, quick)
    outbox.drain()

    live.replace(Key.objects.get(pk=key.pk), overlap=0)
    outbox.drain()

    assert policies_in_tyk(scene) == [quick.oid]


def test_a_key_of_two_plans_is_replaced_by_one_of_the_same_two(
    scene, key, orders, quick
):
    wish(scene, key, orders, quick)
    outbox.drain()

    shown = live.replace(Key.objects.get(pk=key.pk), overlap=0)
    outbox.drain()

    both = sorted([orders.oid, quick.oid])
    assert sorted(policies_in_tyk(scene)) == both
    assert staff.policies_of(shown.key) == both
    assert scene.box.gateway_accepts(shown.pairs[0][1].reveal())
    assert Key.objects.get(pk=key.pk).state == Key.State.REVOKED
    # What was asked for stays as it was, here as in Tyk.
    asked = KeyRequest.objects.get().plans.values_list("policy_id", flat=True)
    assert list(asked) == [orders.oid]
    waiting = scene.box.requests()
    assert sorted(len(one["apply_policies"]) for one in waiting) == [1, 2]


def test_a_lost_replacement_of_two_plans_is_taken_back(scene, key, orders, quick):
    wish(scene, key, orders, quick)
    outbox.drain()
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    with pytest.raises(ClaimUnsure):
        live.replace(Key.objects.get(pk=key.pk), overlap=0)
    Outbox.objects.filter(kind="mint.settle").update(next_at="2020-01-01T00:00Z")
    outbox.drain()

    assert len(scene.box.keys()) == 1
    assert sorted(policies_in_tyk(scene)) == sorted([orders.oid, quick.oid])


def test_a_key_with_a_plan_that_is_no_longer_offered_is_not_replaced(
    scene, key, orders, quick
):
    wish(scene, key, orders, quick)
    outbox.drain()
    Plan.objects.filter(pk=quick.pk).update(live=False)
    before = scene.box.requests()

    with pytest.raises(NotClaimable, match="One of its plans is no longer offered"):
        live.replace(Key.objects.get(pk=key.pk), overlap=0)

    assert scene.box.requests() == before
    assert len(scene.box.keys()) == 1
    assert Key.objects.get().state == Key.State.LIVE


def test_what_somebody_changed_in_tyk_stays(scene, key, orders, quick):
    both = sorted([orders.oid, quick.oid])
    [one] = scene.box.keys_of(scene.developer.tyk_id)
    wish(scene, key, quick)
    scene.box.edit_developer(scene.developer.tyk_id, keys={one.id: both})

    outbox.drain()

    assert sorted(policies_in_tyk(scene)) == both
    assert PolicyChange.objects.get().state == "conflict"
    assert staff.policies_of(Key.objects.get()) == both
    refused = key.events.get(verb=Event.Verb.REFUSED)
    assert refused.note == "Tyk holds other plans meanwhile"


def test_a_later_wish_takes_the_earlier_ones_place(scene, key, orders, quick):
    wish(scene, key, quick)
    wish(scene, key, orders, quick)
    outbox.drain()

    assert sorted(policies_in_tyk(scene)) == sorted([orders.oid, quick.oid])
    assert [c.state for c in PolicyChange.objects.all()] == ["done"]


def test_a_change_that_tyk_does_not_show_is_waited_for_and_then_told(scene, key, quick):
    """From when Tyk took it: an outage may lie between the wish and its first call."""
    wish(scene, key, quick)
    long_ago = timezone.now() - timedelta(hours=2)
    PolicyChange.objects.update(asked_at=long_ago)
    scene.box.switch(replica_lag=60.0)

    scene.deliver()
    row = Outbox.objects.get(kind="key.policies")
    assert row.parked_reason == ""
    assert row.last_outcome == "Tyk does not show the change yet"
    PolicyChange.objects.update(taken_at=timezone.now() - timedelta(minutes=16))
    scene.due_now("key.policies")
    scene.deliver()

    row.refresh_from_db()
    assert row.parked_reason == (
        "Tyk took the change of plans, and goes on showing the old ones"
    )
    scene.box.switch(replica_lag=0.0)
    outbox.try_again(row.pk)
    scene.due_now("key.policies")
    scene.deliver()
    assert PolicyChange.objects.get().state == PolicyChange.State.DONE
    assert policies_in_tyk(scene) == [quick.oid]


def test_a_later_wish_is_waited_for_anew(scene, key, orders, quick):
    wish(scene, key, quick)
    scene.box.switch(replica_lag=60.0)
    scene.deliver()
    assert PolicyChange.objects.get().taken_at is not None

    wish(scene, key, orders)

    assert PolicyChange.objects.get().taken_at is None


def test_a_wish_taken_back_before_it_was_sent_changes_nothing(
    scene, key, orders, quick
):
    wish(scene, key, quick)
    wish(scene, key, orders)
    scene.box.journal.clear()
    outbox.drain()

    assert policies_in_tyk(scene) == [orders.oid]
    assert "changeDeveloperKey" not in scene.box.journal.operations()


@pytest.mark.parametrize(
    ("case", "code"),
    [("none", "nothing_chosen"), ("same", "nothing_new"),
     ("stale", "changed_meanwhile"), ("other kind", "not_offered"),
     ("ended", "not_live"), ("client", "is_client"), ("unread", "not_read_yet"),
     ("clear", "key_in_clear")],
)  # fmt: skip
def test_a_change_that_can_not_be_is_refused_and_nothing_is_owed(
    scene, key, orders, quick, case, code
):
    plans, seen = [quick], [orders.oid]
    if case == "none":
        plans = []
    if case == "same":
        plans = [orders]
    if case == "stale":
        seen = ["other"]
    if case == "other kind":
        Plan.objects.filter(pk=quick.pk).update(auth_kind="basic")
    members: dict[str, dict[str, object]] = {
        "ended": {"state": "revoked"}, "client": {"kind": "oauth"}, "unread": {"fp": None},
    }  # fmt: skip
    if case == "clear":
        Organisation.objects.update(hash_keys=False)
    for name, value in members.get(case, {}).items():
        setattr(key, name, value)

    with pytest.raises(AccessError) as refusal:
        wish(scene, key, *plans, seen=seen)

    assert refusal.value.code == code
    assert not Outbox.objects.filter(kind="key.policies").exists()
    assert policies_in_tyk(scene) == [orders.oid]


def test_a_key_that_ended_first_drops_the_wish(scene, key, quick):
    wish(scene, key, quick)
    Key.objects.filter(pk=key.pk).update(state="gone")
    scene.box.journal.clear()
    outbox.drain()

    assert PolicyChange.objects.get().state == "dropped"
    assert scene.box.journal.operations() == []


# --- Quota -----------------------------------------------------------------------------
def test_a_reset_quota_is_whole_again(scene, key):
    [one] = scene.box.keys_of(scene.developer.tyk_id)
    session = scene.box.world.store.get("keys", one.id)
    scene.box.world.store.put("keys", one.id, {**session, "spent": 9_000})

    at = timezone.now().replace(minute=0, second=0, microsecond=0)
    calls = {"key": key, "hits": 9_000, "ok": 9_000}
    UsageHour.objects.create(hour=at, **calls)
    UsageDay.objects.create(day=at.date(), **calls)
    Key.objects.filter(pk=key.pk).update(usage_as_of=at)

    staff.reset_quota(key, by=scene.reviewer)
    assert used(scene) == 9_000, "not before Tyk has it"
    outbox.drain()

    assert "spent" not in scene.box.world.store.get("keys", one.id)
    assert verbs(key)[-2:] == ["quota_asked", "quota_reset"]
    assert used(scene) == 0


def test_a_reset_that_tyk_refuses_is_no_reset_here(scene, key):
    scene.box.faults.add("resetDeveloperKeyQuota", mode="status", status=400)

    staff.reset_quota(key, by=scene.reviewer)
    outbox.drain()

    assert Key.objects.get().reset_at is None
    assert verbs(key)[-1] == "quota_asked"


def used(scene: Scene) -> int:
    """What the bar of the one key says."""
    [one] = usage.summary(reads.keys_of(scene.developer), now=timezone.now()).values()
    assert one.quota is not None
    return one.quota.used


# --- Replacing beside a change ---------------------------------------------------------
def test_a_plan_taken_away_in_tyk_does_not_come_back_with_a_replacement(
    scene, key, orders, quick
):
    wish(scene, key, orders, quick)
    outbox.drain()
    Key.objects.update(created_at=timezone.now() - timedelta(hours=1))
    [one] = scene.box.keys_of(scene.developer.tyk_id)
    scene.box.edit_developer(
        scene.developer.tyk_id,
        keys={one.id: [quick.oid]},
        subscriptions={quick.oid: one.id},
    )

    shown = live.replace(Key.objects.get(pk=key.pk), overlap=0)
    outbox.drain()

    assert policies_in_tyk(scene) == [quick.oid]
    assert staff.policies_of(shown.key) == [quick.oid]


def test_a_key_whose_plans_are_being_changed_is_not_replaced_yet(
    scene, key, orders, quick
):
    wish(scene, key, quick)
    scene.box.journal.clear()

    with pytest.raises(NotClaimable, match="changing the plans of this key"):
        live.replace(Key.objects.get(pk=key.pk), overlap=0)

    assert scene.box.journal.operations() == []
    assert Mint.objects.count() == 1
    outbox.drain()
    live.replace(Key.objects.get(pk=key.pk), overlap=0)
    outbox.drain()
    assert policies_in_tyk(scene) == [quick.oid]


def test_a_leaked_keys_successor_carries_the_plans_staff_had_wished(scene, key, quick):
    wish(scene, key, quick)
    acts.report_leak(key)
    outbox.drain()

    live.replace(Key.objects.get(pk=key.pk), overlap=0)
    outbox.drain()

    assert policies_in_tyk(scene) == [quick.oid]


def test_one_approval_is_never_worth_more_than_two_keys(scene, key):
    second = live.replace(Key.objects.get(pk=key.pk), overlap=3600).key
    scene.deliver()

    with pytest.raises(NotClaimable, match="Until then the old key has to end at once"):
        live.replace(Key.objects.get(pk=second.pk), overlap=3600)
    third = live.replace(Key.objects.get(pk=second.pk), overlap=0).key
    scene.deliver()
    with pytest.raises(NotClaimable, match="Until then the old key has to end at once"):
        live.replace(Key.objects.get(pk=third.pk), overlap=3600)

    assert len(scene.box.keys()) == 2
