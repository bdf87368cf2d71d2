"""One entry: its plans, its words, and the one thing to do next."""

import re
from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from catalogue.words import NARROW
from tests.catalogue.reading import links_of, page
from tests.catalogue.rows import asked, holds, keyless
from tests.factories import EntryFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "members",
    [
        {"shown": False},
        {"gone_at": datetime(2025, 1, 1, tzinfo=timezone.get_current_timezone())},
        {"plan__live": False},
        {"plan": None},
    ],
)
def test_what_is_not_on_the_shelf_is_not_found(client, members):
    """The same page as an address where nothing ever was."""
    EntryFactory(slug="orders", **members)
    pages = []
    for slug in ("orders", "never"):
        read = page(client, f"/catalogue/{slug}/", status=404)
        assert "There is nothing at this address" in read
        # Every page has a reference and a time of its own, and names the address.
        pages.append(re.sub(rf"Reference \S+ , [^/]+/catalogue/{slug}/", "", read))
    assert pages[0] == pages[1]


def test_a_visitor_reads_the_plan_and_logs_in_to_ask(client):
    EntryFactory(name="Orders", slug="orders", long_text="# Carts\n\n**Bold** words")
    read = page(client, "/catalogue/orders/")
    assert "Base URL https://api.northwind.example" in read
    assert "a key in the Authorization header" in read
    assert f"10{NARROW}000 calls a day" in read
    assert "Rate 60 a minute Resets 24 hours after the first call" in read
    assert "Key lasts until revoked Approval about 1 working day" in read
    assert "Log in or sign up for access" in read
    assert "Carts Bold words" in read
    login = "/login/?next=/catalogue/orders/request/"
    assert login in links_of(client, "/catalogue/orders/")


@pytest.mark.parametrize(
    ("version", "shown"), [("2.4", True), ("v2", False), ("", False)]
)
def test_a_version_is_shown_unless_it_is_tyks_own_number(client, version, shown):
    EntryFactory(slug="orders", version=version)
    assert ("Version" in page(client, "/catalogue/orders/")) is shown


def test_scripts_typed_at_tyk_do_not_reach_the_page(client):
    EntryFactory(
        slug="orders",
        name="<script>alert(1)</script>",
        short_text="<script>alert(2)</script>Short",
        long_text="<p onclick=alert(3)>Long<script>alert(4)</script></p>",
        plan__apis=[["a", "<script>alert(5)</script>"]],
    )
    for url in ("/catalogue/", "/catalogue/orders/", "/catalogue/?q=short"):
        html = client.get(url).content.decode()
        assert not re.search(r"<script>|onclick|alert\([2345]\)", html)


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("token", '-H "Authorization: $API_KEY"'),
        ("basic", '-u "$API_USER:$API_PASSWORD"'),
        ("oauth", '-H "Authorization: Bearer $ACCESS_TOKEN"'),
    ],
)
def test_the_sample_call_is_made_for_the_kind_of_key(client, kind, header):
    EntryFactory(slug="orders", auth_kind=kind)
    assert header in page(client, "/catalogue/orders/")


def test_an_open_api_needs_no_key(client):
    keyless(slug="status", name="Status")
    read = page(client, "/catalogue/status/")
    assert "No key needed" in read
    assert 'curl "https://api.northwind.example/"' in read
    assert "Log in or sign up for access" not in read
    assert "Plan" not in read


def entry_page(client: Client) -> tuple[str, list[str]]:
    return page(client, "/catalogue/orders/"), links_of(client, "/catalogue/orders/")


def test_the_one_action_follows_the_developers_state(as_bob, bob):
    entry = EntryFactory(name="Orders", slug="orders")
    read, links = entry_page(as_bob)
    assert "Request access to Orders" in read
    assert "/catalogue/orders/request/" in links

    request = asked(bob, entry)
    read, links = entry_page(as_bob)
    assert "In review" in read
    assert "Open your request" in read
    assert f"/requests/{request.code}/" in links
    assert "/catalogue/orders/request/" not in links

    request.move(request.Status.APPROVED)
    read, links = entry_page(as_bob)
    assert "Claim your key" in read
    assert f"/requests/{request.code}/claim/" in links

    request.move(request.Status.GRANTED)
    key = holds(bob, entry.plan)
    read, links = entry_page(as_bob)
    assert "Your plan" in read
    assert "Open your key" in read
    assert f"/keys/{key.code}/" in links
    assert "Add another key for Orders" in read
    assert "/catalogue/orders/request/" in links


def test_plans_of_the_same_apis_stand_side_by_side(as_bob, bob):
    apis = [["a1", "Orders"], ["a2", "Returns"]]
    gold = EntryFactory(name="Orders gold", slug="gold", plan__apis=apis)
    EntryFactory(name="Orders bronze", slug="bronze", plan__apis=apis)
    EntryFactory(name="Orders hidden", plan__apis=apis, shown=False)
    EntryFactory(name="Half of it", plan__apis=apis[:1])
    EntryFactory(name="No APIs", plan__apis=[])
    holds(bob, gold.plan)
    read = page(as_bob, "/catalogue/bronze/")
    assert read.index("Orders gold Your plan") < read.index("Request access to Orders")
    for other in ("Orders hidden", "Half of it", "No APIs"):
        assert other not in read


def test_an_entry_whose_policy_opens_no_api_stands_alone(client):
    EntryFactory(name="Lone", slug="lone", plan__apis=[])
    EntryFactory(name="Other lone", plan__apis=[])
    read = page(client, "/catalogue/lone/")
    assert "Lone" in read
    assert "Other lone" not in read


def test_limits_that_differ_by_api_are_listed(client):
    limits = {"per": 60, "quota_max": -1, "quota_period": 0}
    EntryFactory(
        slug="mixed",
        plan__per_api=[
            {"api_id": "a", "api_name": "Orders", "rate": 60, **limits},
            {"api_id": "b", "api_name": "Stock", "rate": 5, **limits},
        ],
    )
    read = page(client, "/catalogue/mixed/")
    assert "Limits by API Orders 60 calls a minute Stock 5 calls a minute" in read


def test_staff_are_not_offered_a_request(as_sam):
    EntryFactory(slug="orders")
    read, links = entry_page(as_sam)
    assert "Developers request access here." in read
    assert "/catalogue/orders/request/" not in " ".join(links)
