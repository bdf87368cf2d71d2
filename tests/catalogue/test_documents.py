"""Documents of entries: from Tyk, from staff, and what readers get of them."""

import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from catalogue import documents, pull
from catalogue.loading import Unreadable
from catalogue.models import Document, Entry, Shelf
from tests.catalogue import hostile
from tests.catalogue.reading import links_of, page
from tests.factories import EntryFactory
from tyk.dashboard.errors import DashboardError
from tyk.models import Organisation
from tyk.pull import Pulled
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db

DOCS = "/catalogue/orders/documentation/"
YAML = b"openapi: 3.0.3\ninfo: {title: From staff, version: 2.0}\npaths: {}\n"


def coded(body: bytes) -> str:
    return base64.encodebytes(body).decode()


def shelve(box: Sandbox, body: str, *, kind: str = "swagger", shown: str = "object"):
    """Put `Orders` with a document into Tyk and pull the entry; its id."""
    box.switch(get_documentation=shown)
    tyk_id = box.add_documentation(body, doc_type=kind)
    box.add_entry("Orders", box.add_policy(), documentation=tyk_id)
    pull.policies()
    pull.catalogue()
    return tyk_id


def only() -> Document:
    return Document.objects.get()


# --- From Tyk ----------------------------------------------------------------
def test_a_document_is_fetched_once_for_each_new_id(box):
    tyk_id = shelve(box, coded(hostile.body()))
    box.add_entry("Orders too", box.add_policy("Other"), documentation=tyk_id)
    pull.policies()
    pull.catalogue()
    box.journal.clear()

    assert pull.documents() == Pulled(seen=2, changed=2)
    assert box.journal.operations() == ["getDocumentation"]
    assert {d.title for d in Document.objects.all()} == {"Orders"}
    version = Shelf.objects.get().version

    assert pull.documents() == Pulled(seen=2)
    assert box.journal.operations() == ["getDocumentation"]
    assert Shelf.objects.get().version == version


def test_another_id_brings_another_document_and_none_takes_it_away(box):
    shelve(box, coded(hostile.body()))
    pull.documents()
    moved = box.add_documentation(coded(hostile.body(info={"title": "New"})))
    box.edit_entry("Orders", documentation=moved)
    pull.catalogue()

    assert pull.documents() == Pulled(seen=1, changed=1)
    assert (only().title, only().tyk_id) == ("New", moved)

    box.edit_entry("Orders", documentation="")
    pull.catalogue()
    assert pull.documents() == Pulled(retired=1)
    assert not Document.objects.exists()


def test_a_dashboard_without_that_call_is_asked_once_a_day(box, client):
    shelve(box, coded(hostile.body()), shown="missing")
    pull.documents()
    pull.documents()
    assert box.journal.operations().count("getDocumentation") == 1
    assert only().state == Document.State.ABSENT
    assert "Documentation" not in page(client, "/catalogue/orders/")
    assert client.get(DOCS).status_code == 404

    box.switch(get_documentation="object")
    Document.objects.update(updated_at=timezone.now() - timedelta(days=1, minutes=1))
    pull.documents()
    assert only().state == Document.State.SHOWN


def test_an_outage_keeps_what_was_read(box):
    shelve(box, coded(hostile.body()))
    pull.documents()
    box.edit_entry("Orders", documentation=box.add_documentation(coded(b"{}")))
    pull.catalogue()
    box.refuse()

    with pytest.raises(DashboardError):
        pull.documents()

    assert only().title == "Orders"


@pytest.mark.parametrize("case", hostile.REFUSED)
def test_a_broken_document_of_tyks_says_so_and_stops_nothing(box, client, case):
    body, _ = hostile.REFUSED[case]
    shelve(box, coded(body))

    assert pull.documents() == Pulled(seen=1, changed=1)

    assert only().state == Document.State.BROKEN
    read = page(client, DOCS)
    assert "This document can" in read
    assert only().problem in read
    assert "Download" not in read
    assert client.get(f"{DOCS}download").status_code == 404
    assert client.get(f"{DOCS}viewer.json").status_code == 404


def test_what_is_no_base64_is_broken_too(box):
    shelve(box, "%%%")
    pull.documents()
    assert only().state == Document.State.BROKEN
    assert "Tyk's answer can't be used" in only().problem


@pytest.mark.parametrize("case", hostile.SHOWN)
def test_an_odd_document_of_tyks_is_shown_and_harmless(box, client, case):
    shelve(box, coded(hostile.SHOWN[case]))
    pull.documents()

    html = client.get(DOCS).content.decode()

    assert only().state == Document.State.SHOWN
    assert "<script>alert" not in html
    assert "onerror=alert(2)>" not in html.replace("&gt;", "")
    assert 'href="javascript' not in html
    assert 'src="https://evil' not in html
    assert client.get("/catalogue/orders/").status_code == 200
    assert client.get("/catalogue/?q=orders").status_code == 200


def test_a_document_on_another_site_is_a_link_and_never_fetched(box, client):
    shelve(box, "https://docs.partner.example/orders", kind="swagger_custom_url")
    pull.documents()

    read = page(client, DOCS)

    assert "Documented on docs.partner.example" in read
    assert "https://docs.partner.example/orders" in links_of(client, DOCS)
    assert client.get(f"{DOCS}download").status_code == 404


@pytest.mark.parametrize(
    ("kind", "state"), [("blueprint", "broken"), ("graphql", "absent")]
)
def test_other_kinds_of_documents(box, kind, state):
    shelve(box, coded(b"# Orders"), kind=kind)
    pull.documents()
    assert only().state == state


# --- From staff --------------------------------------------------------------
def test_an_upload_goes_in_front_and_taking_it_back_rolls_back(box, client):
    shelve(box, coded(hostile.body()))
    pull.documents()
    entry = Entry.objects.get()

    mine = documents.upload(entry, YAML)
    assert documents.shown(entry) == mine
    assert b"From staff" in client.get(f"{DOCS}viewer.json").content
    pull.documents()
    assert documents.shown(entry) == mine

    documents.take_back(mine)
    now = documents.shown(entry)
    assert now is not None
    assert now.title == "Orders"
    assert b"From staff" not in client.get(f"{DOCS}viewer.json").content


def test_a_refused_upload_changes_nothing():
    entry = EntryFactory()
    first = documents.upload(entry, YAML)
    version = Shelf.objects.get().version

    with pytest.raises(Unreadable):
        documents.upload(entry, b"{}")

    assert documents.shown(entry) == first
    assert Shelf.objects.get().version == version


# --- The page ----------------------------------------------------------------
@pytest.fixture
def orders() -> Entry:
    entry = EntryFactory(name="Orders", slug="orders")
    answers = {"200": {"description": "A page of orders."}}
    take = [{"name": "state", "in": "query", "description": "Open or *shut*."}]
    call = {"summary": "List orders", "parameters": take, "responses": answers}
    servers = [{"url": "https://api.northwind.example/orders/v2"}]
    body = hostile.body(paths={"/orders": {"get": call}}, servers=servers)
    documents.upload(entry, body)
    return entry


def test_every_call_can_be_read_without_scripts(client, orders):
    read = page(client, DOCS)

    assert "GET /orders List orders Takes state query Open or *shut*." in read
    assert "Answers 200 A page of orders." in read
    assert "Download OpenAPI 3.0" in read
    assert "Plans and access" in read


def test_the_entry_leads_to_its_calls_and_starts_with_one_that_works(client, orders):
    read = page(client, "/catalogue/orders/")
    links = links_of(client, "/catalogue/orders/")

    assert "Base URL https://api.northwind.example/orders/v2" in read
    assert 'curl "https://api.northwind.example/orders/v2/orders"' in read
    assert "All 1 endpoint" in read
    assert f"{DOCS}#call-1" in links


def test_a_download_is_a_file_and_never_a_page(client):
    documents.upload(EntryFactory(slug="orders"), YAML)

    response = client.get(f"{DOCS}download")

    assert response.content == YAML
    assert response["Content-Type"] == "application/yaml"
    assert response["Content-Disposition"] == 'attachment; filename="orders-2.0.yaml"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "public, no-cache"
    assert "Cookie" in response["Vary"]


def test_the_page_keeps_the_strict_policy(client, orders):
    policy = client.get(DOCS)["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy


@pytest.mark.parametrize("address", [DOCS, f"{DOCS}viewer.json", f"{DOCS}download"])
def test_a_hidden_entry_hides_its_document(client, orders, address):
    Entry.objects.update(shown=False)
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("address", [DOCS, f"{DOCS}viewer.json", f"{DOCS}download"])
def test_documents_of_a_closed_catalogue_are_for_developers(
    client, as_bob, orders, address
):
    Organisation.objects.filter(pk=Organisation.current().pk).update(
        catalogue_login_only=True
    )

    refused = client.get(address)
    given = as_bob.get(address)

    assert refused.status_code == 302
    assert refused["Location"] == f"/login/?next={address}"
    assert given.status_code == 200
    assert "private" in given["Cache-Control"]
