"""Where a developer stands with each entry."""

from datetime import timedelta

import pytest

from catalogue.mine import my_states
from catalogue.models import Entry
from keyrequests.models import Key, KeyPolicy
from tests.catalogue.rows import (
    NOON,
    EntryFactory,
    PlanFactory,
    asked,
    developer,
    holds,
    keyless,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return developer("Alice")


@pytest.fixture
def bob():
    return developer("Bob")


def states(of, *entries: Entry) -> list[tuple[str, str] | None]:
    found = my_states(of, entries)
    return [
        (found[entry.pk].kind, found[entry.pk].word) if entry.pk in found else None
        for entry in entries
    ]


def test_each_standing_in_words(alice, bob, django_assert_num_queries):
    never, pending, approved, key, ending = EntryFactory.create_batch(5)
    asked(alice, pending.plan)
    asked(alice, approved.plan, "approved")
    holds(alice, key.plan)
    holds(alice, ending.plan, "revoking")
    with django_assert_num_queries(1):
        found = states(alice, never, pending, approved, key, ending)
    assert found == [
        None,
        ("pending", "In review"),
        ("approved", "Approved, claim your key"),
        ("key", "You have a key"),
        ("key", "Key being revoked"),
    ]
    assert states(bob, pending, approved, key) == [None, None, None]


@pytest.mark.parametrize("status", ["granted", "declined", "withdrawn", "lapsed"])
def test_a_request_that_ended_leaves_no_state(alice, status):
    entry = EntryFactory()
    asked(alice, entry.plan, status)
    assert states(alice, entry) == [None]


@pytest.mark.parametrize("state", ["revoked", "gone"])
def test_a_key_that_ended_leaves_no_state(alice, state):
    entry = EntryFactory()
    holds(alice, entry.plan, state)
    assert states(alice, entry) == [None]


def test_what_waits_for_the_developer_comes_first(alice):
    entry = EntryFactory()
    key = holds(alice, entry.plan)
    asked(alice, entry.plan)
    assert states(alice, entry) == [("key", "You have a key")]
    request = asked(alice, PlanFactory(), "approved")
    request.plans.update(plan=entry.plan, policy_id=entry.plan.oid)
    assert states(alice, entry) == [("approved", "Approved, claim your key")]
    state = my_states(alice, [entry])[entry.pk]
    assert state.url == f"/requests/{request.code}/"
    assert str(key.code) not in state.url


def test_the_newest_key_is_opened(alice):
    entry = EntryFactory()
    old, new = holds(alice, entry.plan), holds(alice, entry.plan)
    Key.objects.filter(pk=new.pk).update(created_at=NOON + timedelta(days=1))
    state = my_states(alice, [entry])[entry.pk]
    assert state.url == f"/keys/{new.code}/"
    assert old.code != new.code


def test_a_policy_not_resolved_yet_is_known_by_either_of_its_ids(alice):
    by_oid, by_ref = EntryFactory.create_batch(2)
    by_ref.plan.ref = "custom"
    by_ref.plan.save()
    for policy_id in (by_oid.plan.oid, "custom"):
        key = Key.objects.create(developer=alice, created_at=NOON)
        KeyPolicy.objects.create(key=key, policy_id=policy_id)
    assert states(alice, by_oid, by_ref) == [("key", "You have a key")] * 2


def test_two_entries_of_one_policy_share_the_state(alice):
    first = EntryFactory()
    second = EntryFactory(plan=first.plan)
    asked(alice, first.plan)
    assert states(alice, first, second) == [("pending", "In review")] * 2


def test_entries_without_a_plan_have_no_state(alice):
    entry = keyless()
    key = Key.objects.create(developer=alice, created_at=NOON)
    KeyPolicy.objects.create(key=key, policy_id="unknown")
    assert states(alice, entry) == [None]


def test_a_visitor_has_none(django_assert_num_queries):
    entry = EntryFactory()
    with django_assert_num_queries(0):
        assert my_states(None, [entry]) == {}
