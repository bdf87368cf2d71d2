"""What staff see of the catalogue: everything, and nothing to press."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.catalogue.rows import keyless
from tests.factories import EntryFactory, PlanFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(signed_in):
    return signed_in(StaffFactory(is_superuser=True))


def rows(client, url: str) -> list[list[str]]:
    html = client.get(url).content.decode()
    body = html[html.index("<tbody>") : html.index("</tbody>")]
    return [
        [words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in body.split("<tr>")[1:]
    ]


def words(cell: str) -> str:
    icon = re.search(r'alt="(\w+)"', cell)
    return icon[1] if icon else re.sub(r"<[^>]+>", "", cell).strip()


def test_entries_say_what_keeps_them_off_the_shelf(staff):
    EntryFactory(name="Orders")
    EntryFactory(name="Hidden", shown=False)
    EntryFactory(name="Dead", plan__live=False)
    keyless(name="Status")
    found = {
        row[0]: (row[-2], row[-1]) for row in rows(staff, "/admin/catalogue/entry/")
    }
    assert found == {
        "Orders": ("True", "no warnings"),
        "Hidden": ("False", "hidden in Tyk"),
        "Dead": ("False", "policy not active in Tyk"),
        "Status": ("True", "no warnings"),
    }


def test_plans_say_who_leads_to_them(staff):
    used = PlanFactory(name="Used")
    EntryFactory.create_batch(2, plan=used)
    EntryFactory(plan=PlanFactory(name="Once used"), gone_at=timezone.now())
    PlanFactory(name="Draft", live=False)
    found = {row[0]: (row[2], row[-1]) for row in rows(staff, "/admin/catalogue/plan/")}
    assert found == {
        "Used": ("2", "no warnings"),
        "Once used": ("0", "in no catalogue entry"),
        "Draft": ("0", "policy not active in Tyk; in no catalogue entry"),
    }


@pytest.mark.parametrize("kind", ["entry", "plan"])
def test_nothing_can_be_added_changed_or_deleted(staff, kind):
    entry = EntryFactory()
    pk = entry.pk if kind == "entry" else entry.plan.pk
    base = f"/admin/catalogue/{kind}/"
    assert staff.get(f"{base}add/").status_code == 403
    assert staff.get(f"{base}{pk}/delete/").status_code == 403
    assert staff.post(f"{base}{pk}/change/", {"name": "Mine"}).status_code == 403
    assert staff.get(f"{base}{pk}/change/").status_code == 200


def test_a_description_is_shown_as_plain_words(staff):
    entry = EntryFactory(
        long_text="<p>Long &amp; <b>wide</b><script>alert(1)</script></p>"
    )
    html = staff.get(f"/admin/catalogue/entry/{entry.pk}/change/").content.decode()
    assert ">Long &amp; wide<" in html
    assert "alert(1)" not in html


def test_an_entry_says_where_its_approval_is_decided(staff, organisation):
    entry = EntryFactory(approval_override=False, ask_fields=["Volume"])
    html = staff.get(f"/admin/catalogue/entry/{entry.pk}/change/").content.decode()
    assert "Key at once (the entry&#x27;s setting)" in html
    assert ">Volume<" in html


@pytest.mark.parametrize("kind", ["entry", "plan"])
def test_lists_cost_the_same_whatever_their_length(staff, kind):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(f"/admin/catalogue/{kind}/?q=e").status_code == 200
        return len(captured)

    EntryFactory.create_batch(3)
    few = count()
    EntryFactory.create_batch(40)
    assert count() == few <= 12


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", {"Orders", "Hidden", "Status", "Gone"}),
        ("visibility=yes", {"Orders", "Status", "Gone"}),
        ("visibility=no", {"Hidden"}),
        ("key=yes", {"Orders", "Hidden", "Gone"}),
        ("key=no", {"Status"}),
        ("presence=yes", {"Orders", "Hidden", "Status"}),
        ("presence=no", {"Gone"}),
    ],
)
def test_entries_are_narrowed_in_words(staff, asked, found):
    EntryFactory(name="Orders")
    EntryFactory(name="Hidden", shown=False)
    keyless(name="Status")
    EntryFactory(name="Gone", gone_at=timezone.now())

    listed = rows(staff, f"/admin/catalogue/entry/?{asked}")

    assert {row[0] for row in listed} == found
