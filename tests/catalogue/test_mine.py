"""Where a developer stands with each entry."""

from datetime import timedelta

import pytest

from catalogue.mine import my_states
from catalogue.models import Entry
from keyrequests.models import Key, KeyPolicy, KeyRequest
from tests.catalogue.rows import NOON, asked, holds, keyless
from tests.factories import EntryFactory

pytestmark = pytest.mark.django_db


def states(of, *entries: Entry) -> list[tuple[str, str] | None]:
    found = my_states(of, entries)
    return [
        (found[entry.pk].kind, found[entry.pk].word) if entry.pk in found else None
        for entry in entries
    ]


def test_each_standing_in_words(bob, charlie, django_assert_num_queries):
    never, pending, approved, key, ending = EntryFactory.create_batch(5)
    asked(bob, pending)
    asked(bob, approved, "approved")
    holds(bob, key.plan)
    holds(bob, ending.plan, "revoking")
    with django_assert_num_queries(1):
        found = states(bob, never, pending, approved, key, ending)
    assert found == [
        None,
        ("pending", "In review"),
        ("approved", "Approved"),
        ("key", "You have a key"),
        ("key", "Key being revoked"),
    ]
    assert states(charlie, pending, approved, key) == [None, None, None]


@pytest.mark.parametrize("status", ["granted", "declined", "withdrawn", "lapsed"])
def test_a_request_that_ended_leaves_no_state(bob, status):
    entry = EntryFactory()
    asked(bob, entry, status)
    assert states(bob, entry) == [None]


@pytest.mark.parametrize("state", ["revoked", "gone"])
def test_a_key_that_ended_leaves_no_state(bob, state):
    entry = EntryFactory()
    holds(bob, entry.plan, state)
    assert states(bob, entry) == [None]


def test_what_waits_for_the_developer_comes_first(bob):
    entry = EntryFactory()
    key = holds(bob, entry.plan)
    request = asked(bob, entry)
    assert my_states(bob, [entry])[entry.pk].url == f"/keys/{key.code}/"
    request.move(KeyRequest.Status.APPROVED)
    state = my_states(bob, [entry])[entry.pk]
    assert (state.kind, state.url) == ("approved", f"/requests/{request.code}/claim/")


def test_the_newest_key_is_opened(bob):
    entry = EntryFactory()
    old, new = holds(bob, entry.plan), holds(bob, entry.plan)
    Key.objects.filter(pk=new.pk).update(created_at=NOON + timedelta(days=1))
    state = my_states(bob, [entry])[entry.pk]
    assert state.url == f"/keys/{new.code}/"
    assert old.code != new.code


def test_a_policy_not_resolved_yet_is_known_by_either_of_its_ids(bob):
    by_oid, by_ref = EntryFactory.create_batch(2)
    by_ref.plan.ref = "custom"
    by_ref.plan.save()
    for policy_id in (by_oid.plan.oid, "custom"):
        key = Key.objects.create(developer=bob, created_at=NOON)
        KeyPolicy.objects.create(key=key, policy_id=policy_id)
    assert states(bob, by_oid, by_ref) == [("key", "You have a key")] * 2


def test_two_entries_of_one_policy_share_the_state(bob):
    first = EntryFactory()
    second = EntryFactory(plan=first.plan)
    asked(bob, first)
    assert states(bob, first, second) == [("pending", "In review")] * 2


def test_entries_without_a_plan_have_no_state(bob):
    entry = keyless()
    key = Key.objects.create(developer=bob, created_at=NOON)
    KeyPolicy.objects.create(key=key, policy_id="unknown")
    assert states(bob, entry) == [None]


def test_a_visitor_has_none(django_assert_num_queries):
    entry = EntryFactory()
    with django_assert_num_queries(0):
        assert my_states(None, [entry]) == {}


def test_alice_who_claimed_has_a_key_and_bob_has_nothing(alice, bob):
    entry = Entry.objects.get()
    assert states(alice, entry) == [("key", "You have a key")]
    assert states(bob, entry) == [None]
