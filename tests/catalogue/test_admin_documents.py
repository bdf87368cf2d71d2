"""Documents of an entry in the staff area, and the page as a visitor sees it."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalogue import documents
from catalogue.models import Document, Entry
from tests.catalogue import hostile
from tests.catalogue.reading import links_of
from tests.factories import DocumentFactory, EntryFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Entry:
    return EntryFactory(name="Orders", slug="orders")


@pytest.fixture
def url(entry: Entry) -> str:
    return f"/admin/catalogue/entry/{entry.pk}/documents/"


@pytest.fixture
def editor(signed_in) -> Client:
    """May look at entries and change documents, nothing else."""
    staff = StaffFactory()
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["view_entry", "change_document"])
    )
    client: Client = signed_in(staff)
    return client


@pytest.fixture
def viewer(signed_in) -> Client:
    staff = StaffFactory()
    staff.user_permissions.set(Permission.objects.filter(codename="view_entry"))
    client: Client = signed_in(staff)
    return client


def upload(client: Client, url: str, body: bytes):
    file = SimpleUploadedFile("orders.json", body)
    return client.post(url, {"file": file}, follow=True)


def test_an_upload_is_shown_at_once_and_told_in_the_log(editor, url, entry):
    said = upload(editor, url, hostile.body()).content.decode()

    assert "Readers see it now: OpenAPI 3.0, “Orders” 1." in said
    assert "Readers see your upload." in said
    assert LogEntry.objects.get().get_change_message() == (
        "Uploaded a document: OpenAPI 3.0, “Orders” 1."
    )
    assert "GET /orders" in Client().get(
        "/catalogue/orders/documentation/"
    ).content.decode().replace("</span> <code>", " ").replace(
        '<span class="verb verb-get">', ""
    )


@pytest.mark.parametrize("case", hostile.REFUSED)
def test_a_bad_upload_is_refused_with_the_reason(editor, url, case):
    body, why = hostile.REFUSED[case]

    said = upload(editor, url, body).content.decode()

    expected = "The submitted file is empty" if not body else why.split('"')[0]
    assert expected.split("(")[0].strip() in said
    assert not Document.objects.exists()


def test_taking_back_brings_tyks_to_light(editor, url, entry):
    DocumentFactory(entry=entry, title="Of Tyk", format="OpenAPI 3.0")
    upload(editor, url, hostile.body())

    said = editor.post(url, {"take_back": "1"}, follow=True).content.decode()

    assert "Readers see Tyk&#x27;s document again." in said
    assert documents.shown(entry) == Document.objects.get(title="Of Tyk")
    again = editor.post(url, {"take_back": "1"}, follow=True).content.decode()
    assert "There is no upload any more." in again


def test_who_may_only_look_uploads_nothing(viewer, url):
    assert 'type="file"' not in viewer.get(url).content.decode()
    assert upload(viewer, url, hostile.body()).status_code == 403
    assert viewer.post(url, {"take_back": "1"}).status_code == 403
    assert not Document.objects.exists()


@pytest.mark.parametrize("page", ["documents/", "documents/tyk/", "preview/"])
def test_others_see_nothing_of_it(entry, as_bob, as_sam, client, page):
    DocumentFactory(entry=entry)
    address = f"/admin/catalogue/entry/{entry.pk}/{page}"
    assert client.get(address).status_code == 302
    assert as_bob.get(address).status_code == 302
    assert as_sam.get(address).status_code == 403


def test_a_broken_document_is_downloaded_by_staff_alone(viewer, entry, client):
    DocumentFactory(entry=entry, state="broken", body="{oh", problem="It is not JSON.")

    given = viewer.get(f"/admin/catalogue/entry/{entry.pk}/documents/tyk/")
    read = viewer.get("/catalogue/orders/documentation/").content.decode()

    assert given.content == b"{oh"
    assert "attachment" in given["Content-Disposition"]
    assert "It is not JSON." in read
    assert "Download it" in read
    assert client.get("/catalogue/orders/documentation/download").status_code == 404


def test_the_lists_say_what_readers_get(editor, signed_in):
    DocumentFactory(entry=EntryFactory(name="A"), format="OpenAPI 3.1")
    DocumentFactory(entry=EntryFactory(name="B"), state="broken", problem="It is odd.")
    DocumentFactory(entry=EntryFactory(name="C"), state="absent")
    staff = signed_in(StaffFactory(is_superuser=True))

    entries = staff.get("/admin/catalogue/entry/").content.decode()

    for said in ("OpenAPI 3.1</a>", "can&#x27;t be shown: It is odd.</a>", "none</a>"):
        assert said in entries
    listed = staff.get("/admin/catalogue/document/?state=broken").content.decode()
    assert "It is odd." in listed
    assert "OpenAPI 3.1" not in listed


def test_preview_is_the_visitors_page_and_says_who_sees_it(viewer, entry):
    documents.upload(entry, hostile.body())
    entry.shown = False
    entry.save()
    address = f"/admin/catalogue/entry/{entry.pk}/preview/"

    html = viewer.get(address).content.decode()

    assert "As a visitor sees it." in html
    assert "Nobody does now: hidden in Tyk." in html
    assert "Log in or sign up for access" in html
    assert f"/admin/catalogue/entry/{entry.pk}/change/" in html
    assert "Staff area" not in html
    assert "/catalogue/orders/documentation/" not in html

    Entry.objects.update(shown=True)
    assert "It is on the shelf." in viewer.get(address).content.decode()
    assert address not in links_of(viewer, "/catalogue/orders/")
