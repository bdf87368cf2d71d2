"""The shelf and one entry, as a visitor, a developer and staff read them."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue.models import Entry
from catalogue.pull import catalogue, policies
from catalogue.words import NARROW
from tests.catalogue.rows import asked, holds, keyless
from tests.factories import EntryFactory, PlanFactory, PullStateFactory
from tyk.models import Organisation

pytestmark = pytest.mark.django_db


def page(client: Client, url: str, status: int = 200) -> str:
    """The words of a page, tags and runs of spaces gone."""
    response = client.get(url)
    assert response.status_code == status, response
    return words_of(response.content.decode())


def words_of(html: str) -> str:
    main = re.search(r"<main.*?</main>", html, re.DOTALL)
    assert main is not None
    text = re.sub(r"<[^>]+>", " ", main[0])
    return re.sub(r"[ \n]+", " ", unescape(text)).strip()


def links_of(client: Client, url: str) -> list[str]:
    html = client.get(url).content.decode()
    return re.findall(r'href="([^"]+)"', html[html.index("<main") :])


@pytest.fixture
def as_bob(bob, signed_in):
    return signed_in(bob)


@pytest.fixture
def as_sam(sam, signed_in):
    return signed_in(sam)


# --- The list ----------------------------------------------------------------
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
    assert "Reviewed, about 1 working day" in read
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
    assert read.count("Automatic approval") == 1
    assert read.count("Reviewed, about 1 working day") == 1


def test_a_developer_sees_where_they_stand(as_bob, bob, charlie):
    never, pending, approved, key = [
        EntryFactory(name=name) for name in ("Never", "Pending", "Approved", "Held")
    ]
    asked(bob, pending)
    asked(bob, approved, "approved")
    holds(bob, key.plan)
    asked(charlie, never)
    read = page(as_bob, "/catalogue/")
    assert read.count("In review") == 1
    assert "sent 19 Nov" in read
    assert read.count("Approved claim your key") == 1
    assert read.count("You have a key") == 1
    assert read.count("Reviewed, about 1 working day") == 1


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


# --- One entry ---------------------------------------------------------------
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
    assert "Log in to request access" in read
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
    assert "Log in to request access" not in read
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
    assert f"/requests/{request.code}/" in links

    request.move(request.Status.GRANTED)
    key = holds(bob, entry.plan)
    read, links = entry_page(as_bob)
    assert "Your plan" in read
    assert "Open your key" in read
    assert f"/keys/{key.code}/" in links


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


# --- A catalogue for developers only -----------------------------------------
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


# --- Cost --------------------------------------------------------------------
def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    ("url", "for_visitor", "for_developer"),
    [
        ("/catalogue/", 3, 6),
        ("/catalogue/?q=what", 3, 6),
        ("/catalogue/entry/", 3, 6),
    ],
)
def test_queries_do_not_grow_with_rows(
    client, as_bob, bob, url, for_visitor, for_developer
):
    apis = [["a1", "One API"]]
    EntryFactory(slug="entry", plan__apis=apis)

    def fill(count: int) -> None:
        for entry in EntryFactory.create_batch(count, plan__apis=apis):
            asked(bob, entry)
            holds(bob, entry.plan)

    fill(4)
    assert (queries(client, url), queries(as_bob, url)) == (for_visitor, for_developer)
    fill(45)
    assert Entry.objects.count() == 50
    assert (queries(client, url), queries(as_bob, url)) == (for_visitor, for_developer)


def test_pages_never_call_the_dashboard(box, client, as_bob, settings):
    settings.TYK_READ_DEADLINE = 60
    box.add_entry("Orders", box.add_policy(), short_description="Carts")
    policies()
    catalogue()
    box.journal.clear()
    box.hang()
    started = timezone.now()
    for reader in (client, as_bob):
        for url in ("/catalogue/", "/catalogue/?q=carts", "/catalogue/orders/"):
            assert "Orders" in page(reader, url)
        assert reader.get("/catalogue/never/").status_code == 404
    assert box.journal.operations() == []
    assert timezone.now() - started < timedelta(seconds=30)


def test_the_demo_catalogue_as_a_visitor_finds_it(box, client):
    box.reset("demo")
    policies()
    catalogue()
    titles = re.findall(
        r'class="hit" href="[^"]+">([^<]+)<', client.get("/catalogue/").content.decode()
    )
    assert titles == [entry["name"] for entry in box.entries() if entry["show"]]
    assert len(titles) >= 5
    for entry in Entry.objects.on_the_shelf():
        assert entry.name in page(client, entry.get_absolute_url())
    for entry in Entry.objects.filter(shown=False):
        assert client.get(entry.get_absolute_url()).status_code == 404
    assert Entry.objects.filter(shown=False).exists()
