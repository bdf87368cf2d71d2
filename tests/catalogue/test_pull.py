"""Tyk → mirror, against a sandbox over real sockets."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.models import Entry, Plan
from catalogue.pull import catalogue, policies
from tyk.dashboard.errors import DashboardError
from tyk.models import PullState
from tyk.pull import Pulled, run

pytestmark = pytest.mark.django_db

DAY = 86_400


def pull() -> tuple[Pulled, Pulled]:
    return policies(), catalogue()


def slugs() -> list[str]:
    return list(Entry.objects.present().values_list("slug", flat=True))


# --- Policies ----------------------------------------------------------------
def test_a_policy_becomes_a_plan(box):
    oid = box.add_policy(
        "Orders bronze",
        id="orders-bronze",
        rate=60,
        per=60,
        quota_max=10_000,
        quota_renewal_rate=DAY,
        key_expires_in=90 * DAY,
        apis=["Orders"],
        auth_type="basic",
    )
    assert policies() == Pulled(seen=1, changed=1)
    plan = Plan.objects.get()
    assert (plan.oid, plan.ref, plan.name) == (oid, "orders-bronze", "Orders bronze")
    assert (plan.rate, plan.per) == (60, 60)
    assert (plan.quota_max, plan.quota_period) == (10_000, DAY)
    assert plan.key_expires_in == 90 * DAY
    assert plan.apis == [[box.add_api("Orders"), "Orders"]]
    assert (plan.auth_kind, plan.offered) == ("basic", True)


@pytest.mark.parametrize(
    "members",
    [{"active": False}, {"is_inactive": True}, {"state": "draft"}, {"state": "deny"}],
)
def test_a_policy_tyk_does_not_honour_is_no_live_plan(box, members):
    box.add_policy("Standard", **members)
    policies()
    assert Plan.objects.get().live is False


def test_limits_per_api_replace_the_policys_own(box):
    orders, stock = box.add_api("Orders"), box.add_api("Stock")
    limit = {"per": 60, "quota_max": -1, "quota_renewal_rate": 0}
    box.add_policy(
        "Mixed",
        rate=999,
        partitions={"per_api": True},
        access_rights={
            orders: {"api_id": orders, "api_name": "Orders", "limit": {**limit, "rate": 60}},
            stock: {"api_id": stock, "api_name": "Stock", "limit": {**limit, "rate": 5}},
        },
    )  # fmt: skip
    policies()
    assert sorted(Plan.objects.get().limits_words.removeprefix("by API: ").split("; ")) == [
        "Orders 60 calls a minute",
        "Stock 5 calls a minute",
    ]  # fmt: skip


def test_a_policy_of_several_kinds_promises_none(box):
    box.add_policy("Mixed", auth_types=["authToken", "basic"])
    policies()
    assert Plan.objects.get().auth_kind == "other"


def test_an_unchanged_list_writes_nothing(box):
    for number in range(40):
        box.add_policy(f"Policy {number}")
        box.add_entry(f"Entry {number}", box.policies()[-1]["_id"])
    pull()
    before = list(Plan.objects.order_by("pk").values()), list(Entry.objects.values())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert pull() == (Pulled(seen=40), Pulled(seen=40))
    assert [q["sql"].split()[0] for q in queries if "SELECT" not in q["sql"]] == []
    assert len(queries) <= 6
    after = list(Plan.objects.order_by("pk").values()), list(Entry.objects.values())
    assert after == before


def test_a_first_pull_of_many_writes_few_statements(box):
    policy_ids = [box.add_policy(f"Policy {n}") for n in range(120)]
    for number, policy_id in enumerate(policy_ids[:20]):
        box.add_entry(f"Entry {number}", policy_id)
    with CaptureQueriesContext(connection) as queries:
        pull()
    assert Plan.objects.count() == 120
    assert Entry.objects.on_the_shelf().count() == 20
    assert len(queries) <= 20


def test_a_changed_policy_changes_its_plan_only(box):
    box.add_policy("Bronze")
    gold = box.add_policy("Gold")
    policies()
    box.edit_policy(gold, rate=600)
    assert policies() == Pulled(seen=2, changed=1)
    assert dict(Plan.objects.values_list("name", "rate")) == {"Bronze": 60, "Gold": 600}


def test_a_deleted_policy_is_marked_gone_and_comes_back(box):
    kept = box.add_policy("Kept")
    lost = box.add_policy("Lost")
    box.add_entry("Orders", lost)
    box.add_entry("Stock", kept)
    pull()
    record = box.world.store.get("policies", lost)
    box.delete_policy(lost)
    assert policies() == Pulled(seen=1, retired=1)
    assert slugs() == ["orders", "stock"]
    assert [e.slug for e in Entry.objects.on_the_shelf()] == ["stock"]
    box.world.store.put("policies", lost, record)
    assert policies() == Pulled(seen=2, changed=1)
    assert [e.slug for e in Entry.objects.on_the_shelf()] == ["orders", "stock"]


# --- Entries -----------------------------------------------------------------
def test_an_entry_as_typed_at_tyk(box):
    policy = box.add_policy("Orders bronze", id="orders-bronze")
    box.add_entry(
        "Orders",
        "orders-bronze",
        short_description="Create <b>orders</b>.",
        long_description="<script>alert(1)</script><p>Long.</p>",
        documentation="64a0c0ffee000000000000e1",
        auth_type="oauth",
    )
    assert pull()[1] == Pulled(seen=1, changed=1)
    entry = Entry.objects.get()
    assert (entry.slug, entry.name, entry.position) == ("orders", "Orders", 0)
    assert entry.plan is not None
    assert entry.plan.oid == policy
    assert entry.policy_id == "orders-bronze"
    assert entry.short_text == "Create <b>orders</b>."
    assert entry.summary == "Create orders."
    assert entry.long_text == "<script>alert(1)</script><p>Long.</p>"
    assert entry.documentation_id == "64a0c0ffee000000000000e1"
    assert (entry.shown, entry.keyless, entry.kind) == (True, False, "oauth")
    assert (entry.approval_override, entry.ask_fields) == (None, None)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"override": False, "require_key_approval": True}, (None, None)),
        ({"override": True, "require_key_approval": True}, (True, [])),
        (
            {"override": True, "require_key_approval": False,
             "key_request_fields": ["Project", "Volume"]},
            (False, ["Project", "Volume"]),
        ),
        ({"override": True, "key_request_fields": None}, (False, [])),
    ],
)  # fmt: skip
def test_an_entrys_own_settings_count_only_with_override(box, config, expected):
    box.add_entry("Orders", box.add_policy(), config=config)
    pull()
    entry = Entry.objects.get()
    assert (entry.approval_override, entry.ask_fields) == expected


def test_the_shelf_keeps_tyks_order(box):
    policy = box.add_policy()
    for name in ("Zebra", "Ant", "Middle"):
        box.add_entry(name, policy)
    pull()
    assert slugs() == ["zebra", "ant", "middle"]


def test_a_renamed_entry_keeps_its_address(box):
    policy = box.add_policy()
    box.add_entry("Orders", policy)
    pull()
    box.remove_entry("Orders")
    box.add_entry("Orders and returns", policy)
    assert catalogue() == Pulled(seen=1, changed=1)
    assert slugs() == ["orders"]
    assert Entry.objects.get().name == "Orders and returns"


def test_bronze_silver_gold_of_one_name_are_three_entries(box):
    for tier in ("bronze", "silver", "gold"):
        box.add_entry("Orders", box.add_policy(tier))
    pull()
    assert slugs() == ["orders", "orders-2", "orders-3"]
    box.edit_entry("Orders", policy_id=box.add_policy("platinum"))
    pull()
    assert slugs() == ["orders", "orders-2", "orders-3"]
    assert Entry.objects.values_list("plan__name", flat=True)[0] == "platinum"


def test_two_entries_of_one_policy_stay_two(box):
    policy = box.add_policy()
    box.add_entry("Orders", policy)
    box.add_entry("Returns", policy)
    pull()
    assert slugs() == ["orders", "returns"]
    assert pull()[1] == Pulled(seen=2)


def test_a_removed_entry_leaves_and_its_address_is_never_given_away(box):
    box.add_entry("Orders", box.add_policy("A"))
    box.add_entry("Stock", box.add_policy("B"))
    pull()
    box.remove_entry("Orders")
    # Stock moves up: its place is a change too.
    assert catalogue() == Pulled(seen=1, changed=1, retired=1)
    assert slugs() == ["stock"]
    # Another API under a name that gives the same slug.
    box.add_entry("Orders!", box.add_policy("C"))
    pull()
    assert slugs() == ["stock", "orders-2"]
    box.add_entry("Orders", box.policies()[0]["_id"])
    pull()
    assert slugs() == ["stock", "orders-2", "orders"]


def test_an_entry_that_comes_back_just_as_it_was_is_back_at_its_address(box):
    box.add_entry("Stock", box.add_policy("A"))
    policy = box.add_policy("B")
    box.add_entry("Orders", policy)
    pull()
    box.remove_entry("Orders")
    assert catalogue() == Pulled(seen=1, retired=1)
    box.add_entry("Orders", policy)
    assert catalogue() == Pulled(seen=2, changed=1)
    assert slugs() == ["stock", "orders"]


def test_an_entry_finds_its_plan_when_the_policy_comes_later(box):
    box.add_entry("Orders", "later", show=True)
    pull()
    assert Entry.objects.get().plan is None
    box.add_policy("Standard", id="later")
    pull()
    assert Entry.objects.get().plan == Plan.objects.get(ref="later")


def test_texts_a_database_would_refuse_are_mended(box):
    box.add_entry("Or\0ders", box.add_policy("N" * 300), short_description="a\0b")
    pull()
    assert Entry.objects.get().name == "Orders"
    assert Entry.objects.get().short_text == "ab"
    assert Plan.objects.get().name == "N" * 200


# --- What is not believed ----------------------------------------------------
@pytest.mark.parametrize("answer", ["null", "list"])
def test_an_empty_list_never_empties_the_shelf(box, answer):
    box.switch(empty_list=answer)
    box.add_entry("Orders", box.add_policy())
    pull()
    box.remove_entry("Orders")
    box.delete_policy(box.policies()[0]["_id"])
    assert pull() == (
        Pulled(held_back="Tyk lists none; 1 kept"),
        Pulled(held_back="Tyk lists none; 1 kept"),
    )
    assert [e.slug for e in Entry.objects.on_the_shelf()] == ["orders"]
    assert (
        policies(accept_removals=True).retired,
        catalogue(accept_removals=True),
    ) == (
        1,
        Pulled(retired=1),
    )
    assert slugs() == []


def test_null_apis_are_an_empty_catalogue(box):
    box.add_entry("Orders", box.add_policy())
    catalogue_id, record = box.world.singleton(box.world.store, "catalogue")
    box.world.store.put("catalogue", catalogue_id, {**record, "apis": None})
    assert catalogue() == Pulled()


@pytest.mark.parametrize("answer", ["empty", "missing"])
def test_a_catalogue_never_saved_is_an_empty_one(box, answer):
    box.switch(catalogue_before_init=answer)
    assert catalogue() == Pulled()


def test_many_at_once_are_held_back_and_said(box):
    policy = box.add_policy()
    for number in range(10):
        box.add_entry(f"Entry {number}", policy)
    pull()
    for number in range(4):
        box.remove_entry(f"Entry {number}")
    run("catalogue")
    assert len(slugs()) == 10
    reason = "4 of 10 would vanish at once; kept"
    assert PullState.objects.get(kind="catalogue").held_back_reason == reason
    box.add_entry("Entry 0", policy)
    assert catalogue() == Pulled(seen=7, changed=1, retired=3)


def test_an_unreadable_entry_is_counted_and_takes_nobody_along(box):
    policy = box.add_policy()
    box.add_entry("Orders", policy)
    box.add_entry("Stock", policy)
    pull()
    box.remove_entry("Stock")
    box.add_entry(["not", "a", "name"], policy)
    assert catalogue() == Pulled(
        seen=1, bad=1, held_back="1 of the listed could not be read; 1 kept"
    )
    assert slugs() == ["orders", "stock"]


@pytest.mark.parametrize(
    "mode", ["status", "html_200", "truncated", "empty_204", "reset_after"]
)
def test_a_broken_answer_changes_nothing(box, mode):
    box.add_entry("Orders", box.add_policy())
    pull()
    box.add_entry("Stock", box.add_policy("Other"))
    box.faults.add("*", mode=mode)
    for one in (policies, catalogue):
        with pytest.raises(DashboardError):
            one()
    assert slugs() == ["orders"]
    assert Plan.objects.count() == 1
