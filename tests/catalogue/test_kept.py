"""Pages kept for visitors: one query, the right body, and never somebody's own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import documents, kept, pull, waits
from catalogue.models import Shelf
from tests.catalogue.reading import page, words_of
from tests.catalogue.rows import holds
from tests.factories import EntryFactory, OrganisationFactory, PullStateFactory
from tyk.models import Organisation, PullState

pytestmark = pytest.mark.django_db

LIST = "/catalogue/"


@pytest.fixture(autouse=True)
def keeping(settings) -> Iterator[None]:
    settings.CATALOGUE_KEEP_SECONDS = 600
    OrganisationFactory()
    kept.pages.clear()
    waits.forget()
    yield
    kept.pages.clear()
    waits.forget()


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    return len(captured)


def test_the_second_visitor_costs_one_query(client):
    EntryFactory(slug="orders")
    for url in (LIST, "/catalogue/orders/"):
        first = client.get(url).content
        assert queries(Client(), url) == 1
        assert Client().get(url).content == first


def test_a_browser_that_has_the_page_gets_304(client):
    response = client.get(LIST)
    assert response["Cache-Control"] == "public, no-cache"
    assert "Cookie" in response["Vary"]

    again = client.get(LIST, headers={"If-None-Match": response["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "Content-Security-Policy" in again


def test_what_a_pull_changes_is_seen_at_once(box, client):
    policy = box.add_policy("Bronze")
    box.add_entry("Orders", policy)
    pull.policies()
    pull.catalogue()
    assert "Orders" in page(client, LIST)

    box.remove_entry("Orders")
    box.add_entry("Purchases", policy)
    pull.catalogue()
    assert "Purchases" in page(client, LIST)

    box.remove_entry("Purchases")
    pull.catalogue(accept_removals=True)
    assert "No APIs published yet" in page(client, LIST)


def test_a_pull_that_changes_nothing_makes_nothing_old(box):
    box.add_entry("Orders", box.add_policy("Bronze"))
    pull.policies()
    pull.catalogue()
    version = Shelf.objects.get().version

    pull.policies()
    pull.catalogue()
    pull.documents()

    assert Shelf.objects.get().version == version


def test_an_upload_and_its_end_are_seen_at_once(client):
    entry = EntryFactory(slug="orders")
    url = "/catalogue/orders/"
    assert "Documentation" not in page(client, url)
    body = b'{"openapi":"3.1.0","info":{"title":"T","version":"9.1"},"paths":{}}'
    document = documents.upload(entry, body)
    assert "Version 9.1" in page(client, url)
    documents.take_back(document)
    assert "Version 9.1" not in page(client, url)


def test_settings_and_the_time_of_the_list_are_part_of_the_page(client):
    EntryFactory()
    noon = timezone.now().replace(hour=12, minute=0)
    PullStateFactory(completed_at=noon)
    read = page(client, LIST)
    assert "List as of 12:00" in read
    assert "After a review" in read

    PullState.objects.update(completed_at=noon + timedelta(minutes=1))
    Organisation.objects.update(require_key_approval=False)

    read = page(client, LIST)
    assert "List as of 12:01" in read
    assert "Key at once" in read


def test_each_theme_has_its_own(client):
    client.cookies["theme"] = "dark"
    dark = client.get(LIST).content.decode()
    light = Client().get(LIST).content.decode()
    assert 'data-theme="dark"' in dark
    assert "data-theme=" not in light.split("<body>")[0]


def test_nobodys_own_page_is_kept_or_shown_to_others(as_bob, bob, client):
    entry = EntryFactory(name="Orders")
    holds(bob, entry.plan)
    for _ in range(2):
        mine = as_bob.get(LIST)
        assert "You have a key" in words_of(mine.content.decode())
        assert mine["Cache-Control"] == "private, no-store"
        assert "ETag" not in mine
        theirs = client.get(LIST).content.decode()
        assert "You have a key" not in words_of(theirs)
        assert "Bob" not in theirs


def test_a_kept_page_holds_no_token_and_sets_no_cookie(client):
    for _ in range(2):
        response = client.get(LIST)
        assert b"csrfmiddlewaretoken" not in response.content
        assert not response.cookies


def test_a_kept_page_answers_reading_alone(client):
    client.get(LIST)
    assert client.post(LIST).status_code == 405
    assert client.head(LIST).status_code == 200


def test_searches_are_not_kept(client):
    EntryFactory(name="Orders")
    client.get(f"{LIST}?q=orders")
    EntryFactory(name="Orders too")
    assert "2 of 2 APIs match" in page(client, f"{LIST}?q=orders")


def test_a_catalogue_that_closes_closes_at_once(client):
    EntryFactory(name="Orders", slug="orders")
    assert page(client, "/catalogue/orders/")
    Organisation.objects.update(catalogue_login_only=True)
    assert client.get("/catalogue/orders/").status_code == 302


def test_no_more_pages_are_kept_than_fit():
    for number in range(kept.MOST_PAGES + 5):
        kept.pages.put((number,), b"body")
    assert kept.pages.get((4,)) is None
    assert kept.pages.get((5,)) is not None
