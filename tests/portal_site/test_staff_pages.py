"""Django's own admin pages in the portal's words."""

from datetime import UTC, datetime

import pytest

from tests.factories import EntryFactory, KeyRequestFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(organisation, signed_in):
    return signed_in(StaffFactory(is_superuser=True))


def test_a_developer_is_told_whose_page_it_is(alice, signed_in) -> None:
    page = signed_in(alice).get("/admin/", follow=True).text

    assert f"You are logged in as {alice.name}, a developer." in page
    assert 'href="/catalogue/">All APIs</a>' in page
    assert "authenticated as" not in page
    assert 'name="username"' in page


def test_staff_who_mistype_are_not_called_developers(rita, signed_in) -> None:
    typed = {"username": rita.email, "password": "wrong"}
    page = signed_in(rita).post("/admin/login/", typed).text

    assert "For staff" not in page
    assert "authenticated as" not in page
    assert "errornote" in page


def test_a_visitor_sees_the_form_alone(client) -> None:
    assert "You are logged in" not in client.get("/admin/login/").text


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("tyk/pullstate/", "Sync"),
        ("developers/developer/", "Developers"),
        ("keyrequests/key/", "Keys"),
        ("developers/user/", "Staff"),
    ],
)
def test_a_list_is_called_what_is_in_it(boss, path: str, title: str) -> None:
    page = boss.get(f"/admin/{path}").text

    assert f"<h1>{title}</h1>" in page
    assert f"<title>{title} | " in page
    assert "to view" not in page


def test_a_narrowed_list_leads_back_to_the_whole(boss) -> None:
    """All filters at once; what was searched for stays."""
    path, clear = "/admin/developers/developer/", '<a href="?q=ada">Clear all filters'
    narrowed = boss.get(path, {"q": "ada", "state": "inactive"})

    assert clear in narrowed.text
    assert clear not in boss.get(path, {"q": "ada"}).text


def test_the_front_page_is_an_overview(boss) -> None:
    assert "<h1>Overview</h1>" in boss.get("/admin/").text


def test_times_read_as_on_the_portals_pages(boss, alice) -> None:
    alice.registered_at = datetime(2026, 11, 22, 2, 9, tzinfo=UTC)
    alice.save()
    page = boss.get("/admin/developers/developer/").text

    assert "22 Nov 2026, 02:09" in page
    assert "a.m." not in page


def test_the_queue_does_not_repeat_a_plan_of_the_entrys_name(boss) -> None:
    row = KeyRequestFactory(entry=EntryFactory(name="Orders", plan__name="Orders"))
    page = boss.get("/admin/keyrequests/keyrequest/").text

    assert f'Orders<span class="sub">{row.number}</span>' in page


def test_entries_name_their_plan(boss) -> None:
    EntryFactory(name="Orders", plan__name="Orders")
    EntryFactory(name="Open", plan=None)
    EntryFactory(name="Stock", plan__name="Silver")
    page = boss.get("/admin/catalogue/entry/").text

    assert 'class="field-plan_named">Orders<' in page
    assert 'class="field-plan_named">—<' in page
    assert 'class="field-plan_named">Silver<' in page
