"""The shelf, as a visitor, a developer and staff read it."""

import re

import pytest
from django.utils import timezone

from catalogue.words import NARROW
from tests.catalogue.reading import links_of, page, words_of
from tests.catalogue.rows import asked, holds, keyless
from tests.factories import EntryFactory, PlanFactory, PullStateFactory
from tyk.models import Organisation

pytestmark = pytest.mark.django_db


def test_a_visitor_reads_what_is_on_the_shelf(client):
    EntryFactory(name="Orders", short_text="Create & follow <b>orders</b>.")
    EntryFactory(name="Secret", shown=False)
    EntryFactory(name="Dead", plan=PlanFactory(live=False))
    EntryFactory(name="Deleted", plan=PlanFactory(gone_at=timezone.now()))
    EntryFactory(name="Left", gone_at=timezone.now())
    EntryFactory(name="Planless", plan=None, policy_id="x")
    keyless(name="Status")
    PullStateFactory(completed_at=timezone.now().replace(hour=10, minute=42))
    read = page(client, "/catalogue/")
    assert "2 APIs" in read
    assert "List as of 10:42" in read
    assert "Orders Create & follow orders. 60 calls a minute" in read
    assert f"10{NARROW}000 a day, resets 24 hours after the first call" in read
    assert "After a review, about 1 working day" in read
    assert "Status What it does, in a sentence. No key needed" in read
    for hidden in ("Secret", "Dead", "Deleted", "Left", "Planless"):
        assert hidden not in read


def test_the_list_follows_tyks_order(client):
    EntryFactory(name="Last", slug="last", position=3)
    EntryFactory(name="First", slug="first", position=1)
    links = links_of(client, "/catalogue/")
    assert links.index("/catalogue/first/") < links.index("/catalogue/last/")


def test_approval_is_the_entrys_word_then_the_portals(client):
    Organisation.objects.filter(pk=Organisation.current().pk).update(
        require_key_approval=False
    )
    EntryFactory(name="Plain")
    EntryFactory(name="Strict", approval_override=True)
    read = page(client, "/catalogue/")
    assert read.count("Key at once") == 1
    assert read.count("After a review, about 1 working day") == 1


def test_a_developer_sees_where_they_stand(as_bob, bob, charlie):
    never, pending, approved, key = [
        EntryFactory(name=name) for name in ("Never", "Pending", "Approved", "Held")
    ]
    asked(bob, pending)
    asked(bob, approved, "approved")
    holds(bob, key.plan)
    asked(charlie, never)
    read = page(as_bob, "/catalogue/")
    # Once at the side, as a choice, and once in the list.
    assert read.count("In review") == 2
    assert "sent 19 Nov" in read
    assert read.count("Approved claim your key") == 1
    assert read.count("You have a key") == 1
    assert read.count("After a review, about 1 working day") == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("orders", ["Orders"]),
        ("ORDERS", ["Orders"]),
        ("parcel track", ["Shipping"]),
        ("müller", ["Müller-Adressen"]),
        ("MULLER", ["Müller-Adressen"]),
        ("silver", ["Orders"]),
        ("gateway name", ["Shipping"]),
        ("  ", ["Orders", "Shipping", "Müller-Adressen"]),
    ],
)
def test_search_finds_names_texts_plans_and_apis(client, query, found):
    EntryFactory(name="Orders", short_text="Carts", plan__name="Silver")
    EntryFactory(
        name="Shipping",
        long_text="<p>Labels and <b>parcel</b> tracking.</p>",
        plan__apis=[["a1", "Gateway name"]],
    )
    EntryFactory(name="Müller-Adressen", short_text="")
    html = client.get("/catalogue/", {"q": query}).content.decode()
    assert re.findall(r'class="hit" href="[^"]+">([^<]+)<', html) == found
    if query.strip():
        assert f"1 of 3 APIs matches “{query}”" in words_of(html)


def test_no_hit_says_what_was_looked_for_and_how_to_go_on(client):
    EntryFactory.create_batch(3)
    html = client.get("/catalogue/", {"q": "<i>nvoices"}).content.decode()
    assert "<i>nvoices" not in html
    read = words_of(html)
    assert "0 of 3 APIs match “<i>nvoices”" in read
    assert "Nothing matches “<i>nvoices”" in read
    assert "Try a shorter word, or look at all 3 APIs." in read
    assert 'href="/catalogue/">Clear search' in html


def test_an_empty_catalogue_explains_itself_to_a_visitor(client):
    assert "No APIs published yet" in page(client, "/catalogue/")
    assert "/sign-up/" in links_of(client, "/catalogue/")


def test_an_empty_catalogue_asks_a_developer_for_nothing(as_bob):
    assert "No APIs published yet" in page(as_bob, "/catalogue/")
    assert "/sign-up/" not in links_of(as_bob, "/catalogue/")


def test_staff_read_why_the_catalogue_is_empty(as_sam):
    read = page(as_sam, "/catalogue/")
    assert "The catalogue has not been read from Tyk yet." in read
    assert "/admin/catalogue/entry/" in links_of(as_sam, "/catalogue/")
    PullStateFactory(last_error="connection refused")
    read = page(as_sam, "/catalogue/")
    assert "Tyk's catalogue has no entries." in read
    assert "The last attempt failed: connection refused" in read
    EntryFactory(shown=False)
    EntryFactory.create_batch(2, plan=PlanFactory(live=False))
    read = page(as_sam, "/catalogue/")
    assert "1 entry is hidden in Tyk (show is off)." in read
    assert "2 entries are shown, but without a policy that is active." in read


# --- For developers only -----------------------------------------------------
@pytest.mark.parametrize(
    "url", ["/catalogue/", "/catalogue/?q=a", "/catalogue/orders/"]
)
def test_a_catalogue_for_developers_only_sends_visitors_to_log_in(client, as_bob, url):
    EntryFactory(name="Orders a", slug="orders")
    Organisation.objects.filter(pk=Organisation.current().pk).update(
        catalogue_login_only=True
    )
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=/catalogue/")
    assert "Orders a" in page(as_bob, url)


def test_the_address_of_nothing_tells_a_visitor_nothing_either(client):
    Organisation.objects.filter(pk=Organisation.current().pk).update(
        catalogue_login_only=True
    )
    assert client.get("/catalogue/never/").status_code == 302
