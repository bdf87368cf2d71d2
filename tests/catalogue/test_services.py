"""Plans by either id, and what an entry asks."""

import pytest
from django.utils import timezone

from catalogue import services
from catalogue.models import Entry
from tests.catalogue.rows import keyless
from tests.factories import EntryFactory, PlanFactory
from tyk.models import Organisation

pytestmark = pytest.mark.django_db


def test_a_plan_is_found_by_either_id_in_one_query(django_assert_num_queries):
    custom, plain = PlanFactory(ref="orders-bronze"), PlanFactory()
    with django_assert_num_queries(1):
        found = services.plans_for([custom.oid, "orders-bronze", plain.oid, "", "no"])
    assert found == {custom.oid: custom, "orders-bronze": custom, plain.oid: plain}
    assert services.plan_for("orders-bronze") == custom
    assert services.plan_for("no") is None
    assert services.plan_for("") is None


def test_a_policys_own_id_beats_a_custom_one():
    first = PlanFactory(ref="custom")
    impostor = PlanFactory(ref=first.oid)
    assert services.plan_for(first.oid) == first
    assert services.plan_for(impostor.oid) == impostor


def test_of_equal_custom_ids_the_offered_one_wins():
    PlanFactory(ref="same", live=False)
    offered, _later = PlanFactory(ref="same"), PlanFactory(ref="same")
    assert services.plan_for("same") == offered


def test_an_entry_off_the_shelf_does_not_exist():
    EntryFactory(slug="hidden", shown=False)
    shown = EntryFactory(slug="shown")
    assert services.entry("shown") == shown
    with pytest.raises(Entry.DoesNotExist):
        services.entry("hidden")


@pytest.mark.parametrize("portal", [True, False])
@pytest.mark.parametrize("override", [None, True, False])
def test_approval_is_the_entrys_word_else_the_portals(portal, override):
    organisation = Organisation(require_key_approval=portal)
    needed = services.needs_approval(Entry(approval_override=override), organisation)
    assert needed is (portal if override is None else override)


@pytest.mark.parametrize(
    ("own", "asked"), [(None, ["Company"]), ([], []), (["Project"], ["Project"])]
)
def test_questions_are_the_entrys_else_the_portals(own, asked):
    organisation = Organisation(key_request_fields=["Company"])
    assert services.ask_fields(Entry(ask_fields=own), organisation) == asked


def test_a_key_can_be_asked_for_only_where_tyk_would_make_one():
    assert services.requestable(EntryFactory())
    assert not services.requestable(keyless())
    assert not services.requestable(EntryFactory(plan=None))
    assert not services.requestable(EntryFactory(plan__live=False))
    assert not services.requestable(EntryFactory(plan__gone_at=timezone.now()))


@pytest.mark.parametrize(
    ("members", "warnings"),
    [
        ({}, []),
        ({"shown": False}, ["hidden in Tyk"]),
        ({"plan__live": False}, ["policy not active in Tyk"]),
        ({"plan__gone_at": timezone.now()}, ["policy deleted in Tyk"]),
        ({"plan": None, "policy_id": "p9"}, ["no policy p9 in Tyk"]),
        ({"plan": None}, ["no policy chosen"]),
        (
            {"gone_at": timezone.now(), "shown": False},
            ["no longer in Tyk's catalogue", "hidden in Tyk"],
        ),
    ],
)
def test_warnings_name_what_keeps_an_entry_off_the_shelf(members, warnings):
    entry = EntryFactory(**members)
    assert services.warnings(entry) == warnings
    assert Entry.objects.on_the_shelf().filter(pk=entry.pk).exists() == (not warnings)
