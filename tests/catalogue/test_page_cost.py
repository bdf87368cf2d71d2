"""What a page costs, and the demo catalogue from end to end."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import kept, waits
from catalogue.models import Entry
from catalogue.pull import catalogue, policies
from tests.catalogue.reading import page
from tests.catalogue.rows import asked, holds
from tests.factories import DocumentFactory, EntryFactory

pytestmark = pytest.mark.django_db


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """What a test keeps in the process is forgotten with its rows."""
    yield
    waits.forget()
    kept.pages.clear()


@pytest.mark.parametrize(
    ("url", "for_visitor", "for_developer"),
    [
        ("/catalogue/", 1, 5),
        ("/catalogue/?q=what", 3, 6),
        ("/catalogue/?access=reviewed", 2, 5),
        ("/catalogue/entry/", 1, 6),
        ("/catalogue/entry/documentation/", 1, 5),
    ],
)
def test_queries_do_not_grow_with_rows(
    client, as_bob, bob, url, for_visitor, for_developer, settings
):
    settings.CATALOGUE_KEEP_SECONDS = 600
    waits.forget()
    apis = [["a1", "One API"]]
    DocumentFactory(entry=EntryFactory(slug="entry", plan__apis=apis))

    def fill(count: int) -> None:
        for entry in EntryFactory.create_batch(count, plan__apis=apis):
            DocumentFactory(entry=entry)
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
