"""Narrowing the list: links alone, counts beforehand, and a way back."""

import re

import pytest

from tests.catalogue.reading import links_of, page
from tests.catalogue.rows import asked, holds, keyless
from tests.factories import DocumentFactory, EntryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shelf(organisation):
    return {
        "orders": EntryFactory(name="Orders"),
        "pay": EntryFactory(name="Payments", auth_kind="basic"),
        "geo": EntryFactory(name="Geocoding", approval_override=False),
        "status": keyless(name="Status"),
    }


def names(client, url: str) -> list[str]:
    html = client.get(url).content.decode()
    return re.findall(r'class="hit" href="[^"]+">([^<]+)<', html)


def options(client, url: str) -> dict[str, str]:
    html = client.get(url).content.decode()
    found = re.findall(
        r'<li><a href="[^"]+"(?: aria-current="true")?>([^<]+) <span>(\d+)<', html
    )
    return dict(found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("access=reviewed", ["Orders", "Payments"]),
        ("access=automatic", ["Geocoding"]),
        ("access=open", ["Status"]),
        ("auth=basic", ["Payments"]),
        ("access=reviewed&auth=token", ["Orders"]),
        ("access=reviewed&q=pay", ["Payments"]),
        (
            "access=<script>&auth=x&mine=key",
            ["Orders", "Payments", "Geocoding", "Status"],
        ),
    ],
)
def test_choices_narrow_the_list(client, query, found):
    assert names(client, f"/catalogue/?{query}") == found


def test_counts_say_beforehand_what_a_choice_leaves(client):
    assert options(client, "/catalogue/") == {
        "Any": "4",
        "Key at once": "1",
        "After a review": "2",
        "No key needed": "1",
        "Key in a header": "2",
        "User and password": "1",
        "None": "1",
    }
    narrowed = options(client, "/catalogue/?auth=basic")
    assert narrowed["After a review"] == "1"
    assert "Key at once" not in narrowed
    assert narrowed["Key in a header"] == "2"


def test_what_holds_is_said_and_each_can_be_taken_back(client):
    url = "/catalogue/?q=e&access=reviewed&auth=basic"
    read = page(client, url)
    assert "“e” , take back Access: After a review , take back" in read
    assert "1 of 4 APIs matches “e”" in read
    links = links_of(client, url)
    assert "?access=reviewed&amp;auth=basic" in links
    assert "?q=e&amp;auth=basic" in links
    assert "/catalogue/" in links
    html = client.get(url).content.decode()
    assert '<input type="hidden" name="access" value="reviewed">' in html


def test_nothing_that_fits_says_how_to_go_on(client):
    read = page(client, "/catalogue/?access=automatic&auth=basic")
    assert "No API is all of this" in read
    assert "Take a choice back, or look at all 4 APIs." in read
    assert "Clear all" in read


def test_a_developer_narrows_by_their_own_state(as_bob, bob, shelf):
    asked(bob, shelf["orders"])
    holds(bob, shelf["pay"].plan)
    assert names(as_bob, "/catalogue/?mine=pending") == ["Orders"]
    assert names(as_bob, "/catalogue/?mine=key") == ["Payments"]
    assert names(as_bob, "/catalogue/?mine=none") == ["Geocoding", "Status"]


def test_a_list_of_three_needs_no_narrowing(client, shelf):
    shelf["geo"].delete()
    assert options(client, "/catalogue/") == {}


def test_search_reads_the_document_that_is_shown(client, shelf):
    DocumentFactory(entry=shelf["pay"], words="Reimburse a customer /refunds")
    DocumentFactory(entry=shelf["orders"], words="reimburse", source="tyk")
    DocumentFactory(entry=shelf["orders"], words="Else", source="staff")
    assert names(client, "/catalogue/?q=REIMBURSE") == ["Payments"]
    assert names(client, "/catalogue/?q=/refunds") == ["Payments"]
