"""The doctor's page: verdicts in words, a look asked for, live where it is cheap."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal_site.doctor import kept
from portal_site.models import Act, Look
from tests import factories
from tests.keyrequests.scene import build
from tests.portal_site.desks import DOCTOR, look, staff_with
from tyk.models import Outbox, PullState

pytestmark = pytest.mark.django_db(transaction=True)

EXAMINE = f"{DOCTOR}examine/"


@pytest.fixture
def olga(signed_in):
    return signed_in(staff_with("Olga", "change_doctor"))


@pytest.fixture
def vera(signed_in):
    return signed_in(staff_with("Vera", "view_doctor"))


def examined(box) -> Look:
    build(box)
    return look(Look.Kind.DOCTOR)


def lines(page) -> dict[str, list[str]]:
    """Each check with its cells, as somebody reads them."""
    found = {}
    body = page.text.split("<tbody>")[1]
    for row in re.findall(r"(?s)<tr>(.*?)</tr>", body):
        cells = re.findall(r"(?s)<t[hd].*?>(.*?)</t[hd]>", row)
        name, *rest = [
            " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in cells
        ]
        found[name] = rest
    return found


def test_every_check_has_a_verdict_its_meaning_and_the_fix(olga, box):
    build(box)
    box.set_configuration(secure_key_approval=True)
    look(Look.Kind.DOCTOR)

    told = lines(olga.get(DOCTOR))

    assert told["Key mails"] == [
        "Not well",
        "Tyk sends a link to a page with the key (secure key approval). No key can be "
        "claimed here.",
        "In the Dashboard, Portal Settings, switch the key mail and secure key "
        "approval off.",
    ]
    assert told["Key"] == ["Well", "The Dashboard takes TYK_API_KEY.", ""]
    assert told["Next key"][:2] == [
        "Not checked",
        "Not checked: TYK_API_KEY_NEXT is not set.",
    ]
    # What is wrong stands before what is well.
    verdicts = [one[0].startswith("Not well") for one in told.values()]
    assert verdicts == sorted(verdicts, reverse=True)


def test_all_that_operators_were_promised_is_checked(olga, box):
    build(box)
    from portal_site import looks
    from portal_site.tasks import WORK

    looks.ask(Look.Kind.DOCTOR, by="Olga", scratch=True)
    looks.run(Look.Kind.DOCTOR, WORK[Look.Kind.DOCTOR])

    assert set(lines(olga.get(DOCTOR))) == {
        *("Dashboard", "Key", "Next key", "Rights", "Organisation", "Key mails"),
        *("Markers", "Key hashing", "Catalogue", "Policies", "Clock", "Broker"),
        *("Worker", "Beat", "Mail", "Database", "Debug", "Fence", "Pulls"),
        *("Parked", "Outbox", "Seal keys", "Passwords", "Processes"),
    }


def test_cheap_checks_are_as_of_now(olga, box):
    examined(box)
    factories.OutboxFactory(parked_reason="no such address")

    told = lines(olga.get(DOCTOR))

    assert told["Parked"][:2] == [
        "Not well now",
        "Work waits for a person: 1 of mail.reset.",
    ]
    assert told["Catalogue"][0] == "Well"


def test_who_may_look_into_what_is_not_well_finds_the_way(signed_in, box):
    examined(box)
    operator = signed_in(factories.StaffFactory(name="Oskar", is_superuser=True))
    way = '<a href="/admin/tyk/outbox/?state=parked">See what is parked</a>'
    assert way not in operator.get(DOCTOR).text

    factories.OutboxFactory(parked_reason="no such address")

    assert way in operator.get(DOCTOR).text
    reader = signed_in(staff_with("Vera", "view_doctor"))
    assert "/admin/tyk/outbox/" not in reader.get(DOCTOR).text


def test_opening_the_page_calls_nobody(olga, box):
    examined(box)
    box.journal.clear()

    olga.get(DOCTOR)

    assert box.journal.calls() == []


def test_before_the_first_look_the_page_tells_what_it_knows(olga, organisation):
    page = olga.get(DOCTOR)

    assert "The doctor has not looked yet." in page.text
    assert lines(page)["Beat"][1] == "Nothing was ever read from Tyk."
    assert "Dashboard" not in lines(page)


def test_a_look_is_a_post_that_only_asks(olga, box):
    build(box)
    box.journal.clear()

    page = olga.post(EXAMINE, {"scratch": "yes"}, follow=True)

    assert "The doctor is on the way." in page.text
    assert page["Refresh"] == "5"
    assert box.journal.calls() == []
    row = Look.objects.get()
    assert (row.is_due, row.scratch, row.asked_by) == (True, True, "Olga")
    assert Act.objects.get().note == "with a scratch developer"
    assert olga.get(EXAMINE).status_code == 405
    again = olga.post(EXAMINE, follow=True)
    assert "That was asked for already." in again.text


def test_a_scratch_developer_is_made_only_if_asked_for(olga, box):
    build(box)
    box.journal.clear()

    look(Look.Kind.DOCTOR)

    assert {call.method for call in box.journal.calls()} == {"GET"}


def test_a_viewer_reads_and_asks_for_nothing(vera, box):
    examined(box)

    page = vera.get(DOCTOR)

    assert page.status_code == 200
    assert "Look now" not in page.text
    assert vera.post(EXAMINE).status_code == 403
    assert not Look.objects.get().is_due


def test_other_staff_and_developers_see_no_doctor(signed_in, sam, alice, client):
    assert signed_in(sam).get(DOCTOR).status_code == 403
    assert signed_in(alice).get(DOCTOR).status_code == 302
    assert client.get(DOCTOR).status_code == 302


def test_a_page_costs_the_same_however_much_is_owed(olga, box):
    examined(box)

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            olga.get(DOCTOR)
        return len(made)

    one = queries()
    for number in range(40):
        factories.OutboxFactory(subject=number)
        factories.OutboxFactory(subject=f"p{number}", parked_reason="no")
    PullState.objects.update(last_error="away")

    assert queries() <= one + 2  # the parked kinds and the oldest row are read
    assert Outbox.objects.count() >= 80


def test_the_dashboard_away_is_a_finding_like_any(olga, box):
    build(box)
    box.faults.add("*", mode="refuse_connection")

    look(Look.Kind.DOCTOR)

    told = lines(olga.get(DOCTOR))
    assert told["Dashboard"][0] == "Not well"
    assert "Rights" not in told


def test_nothing_secret_is_kept(olga, box, settings):
    scene = build(box)
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"
    box.faults.add("listDevelopers", mode="status", status=500, message=raw)

    look(Look.Kind.DOCTOR)

    held = str(list(Look.objects.values())) + olga.get(DOCTOR).text
    secrets = [raw, box.api_key, *settings.SEAL_KEYS, settings.SECRET_KEY, "canary"]
    assert [secret for secret in secrets if secret in held] == []


def test_live_checks_are_among_those_of_the_command(box):
    from portal_site import doctor

    build(box)

    assert {one.name for one in kept.live()} <= {one.name for one in doctor.examine()}
