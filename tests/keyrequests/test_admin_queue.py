"""The review queue beyond its first page: other states, flags, size, strangers."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests.models import KeyRequest
from tests.factories import (
    DeveloperFactory,
    EntryFactory,
    KeyRequestFactory,
    PlanFactory,
    StaffFactory,
)

pytestmark = pytest.mark.django_db

QUEUE = "/admin/keyrequests/keyrequest/"


@pytest.fixture
def reviewer(organisation, rita, signed_in):
    return signed_in(rita)


def ago(request: KeyRequest, **how_long: float) -> KeyRequest:
    request.created_at = timezone.now() - timedelta(**how_long)
    request.save(update_fields=["created_at"])
    return request


def shown(client, **query: str) -> list[KeyRequest]:
    return list(client.get(QUEUE, query).context["cl"].result_list)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("", ["pending"]),
        ("approved", ["approved", "granted"]),
        ("declined", ["declined"]),
        ("ended", ["lapsed", "withdrawn"]),
        ("all", sorted(KeyRequest.Status.values)),
    ],
)
def test_each_state_is_a_view_and_waiting_is_the_first(reviewer, state, wanted):
    for status in KeyRequest.Status:
        KeyRequestFactory(status=status)

    query = {"state": state} if state else {}

    assert sorted(row.status for row in shown(reviewer, **query)) == wanted


def test_what_is_decided_comes_newest_first(reviewer):
    older = ago(KeyRequestFactory(approved=True), days=2)
    newer = ago(KeyRequestFactory(approved=True), hours=2)

    assert shown(reviewer, state="approved") == [newer, older]


def test_filter_by_entry(reviewer):
    wanted = KeyRequestFactory(entry=EntryFactory(name="Orders"))
    KeyRequestFactory(entry=EntryFactory(name="Payments"))

    page = reviewer.get(QUEUE, {"entry__id__exact": wanted.entry_id})

    assert list(page.context["cl"].result_list) == [wanted]


@pytest.mark.parametrize("words", ["{pk}", "R-{pk}", " r-{pk} "])
def test_a_number_is_found_whatever_became_of_it(reviewer, words):
    decided = KeyRequestFactory(pk=70_412, approved=True)
    KeyRequestFactory(pk=70_413)

    assert shown(reviewer, q=words.format(pk=decided.pk)) == [decided]


def test_bare_digits_are_looked_for_in_addresses_too(reviewer):
    by_number = KeyRequestFactory(pk=70_412)
    by_address = KeyRequestFactory(
        developer=DeveloperFactory(email="bike70412@velocargo.example")
    )

    assert set(shown(reviewer, q="70412")) == {by_number, by_address}


def test_no_hit_says_what_was_looked_for(reviewer):
    KeyRequestFactory()

    page = reviewer.get(QUEUE, {"q": "<invoices>"}).content.decode()

    assert "Nothing matches “&lt;invoices&gt;”." in page
    assert "Nothing to review." not in page


def test_an_empty_queue_nobody_ever_decided(reviewer):
    page = reviewer.get(QUEUE).content.decode()

    assert "Nothing to review." in page
    assert "Last decision" not in page


def test_the_lead_counts_and_tells_the_target(reviewer):
    KeyRequestFactory.create_batch(2)

    page = reviewer.get(QUEUE).content.decode()

    assert "<h1>Key requests to review</h1>" in page
    assert "2 waiting, longest first. Target: 24 hours." in page


def flags(client, row: KeyRequest) -> list[str]:
    page = client.get(QUEUE).content.decode()
    [line] = [one for one in page.split("<tr>") if f"{row.number}," in one]
    return [
        piece.partition("</span>")[0] for piece in line.split('<span class="flag">')[1:]
    ]


def test_only_the_first_request_of_a_developer_is_flagged(reviewer):
    first = ago(KeyRequestFactory(), days=2)
    second = KeyRequestFactory(developer=first.developer)

    assert flags(reviewer, first) == ["First request"]
    assert flags(reviewer, second) == []


def test_flags_what_was_made_in_tyk_or_is_no_longer_offered(reviewer):
    gone = KeyRequestFactory(entry__plan__live=False, origin="tyk")

    assert flags(reviewer, gone) == [
        "First request",
        "Made in Tyk",
        "Plan no longer offered",
    ]


def test_a_row_tells_plan_number_and_reason_in_short(reviewer):
    plan = PlanFactory(name="orders-partner")
    row = KeyRequestFactory(
        entry=EntryFactory(name="Orders", plan=plan),
        answers={"portal_state": "marker", "What you build": "<b>Bikes</b> " * 30},
    )

    page = reviewer.get(QUEUE).content.decode()

    assert f'Orders<span class="sub">{row.number}, orders-partner</span>' in page
    assert "&lt;b&gt;Bikes&lt;/b&gt;" in page
    assert "…" in page
    assert "marker" not in page


def test_nothing_is_counted_beyond_what_anybody_pages(reviewer):
    with CaptureQueriesContext(connection) as queries:
        reviewer.get(QUEUE, {"state": "all"})

    counts = [q["sql"] for q in queries if "COUNT(" in q["sql"]]
    assert len(counts) == 1
    assert "LIMIT 10001" in counts[0]


@pytest.mark.parametrize("query", [{}, {"state": "all"}, {"q": "shop"}])
def test_the_queue_costs_the_same_for_many(reviewer, query):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert reviewer.get(QUEUE, query).status_code == 200
        return len(queries)

    KeyRequestFactory.create_batch(5)
    cost()
    few = cost()
    KeyRequestFactory.create_batch(45)

    assert cost() == few
    assert few <= 12


def test_the_second_page_goes_on_where_the_first_ended(reviewer):
    developer = DeveloperFactory()
    rows = [
        ago(KeyRequestFactory(developer=developer), minutes=100 - n) for n in range(52)
    ]

    assert shown(reviewer) == rows[:50]
    assert shown(reviewer, p="2") == rows[50:]


def test_who_may_only_look_gets_no_actions(organisation, signed_in, look_only):
    KeyRequestFactory()

    page = signed_in(look_only).get(QUEUE)

    assert page.context["action_form"] is None
    assert "Approve selected" not in page.content.decode()


def test_staff_without_rights_do_not_see_the_queue(organisation, sam, signed_in):
    assert signed_in(sam).get(QUEUE).status_code == 403


@pytest.mark.parametrize("who", ["alice", "nobody"])
def test_others_are_sent_to_the_staff_login(alice, signed_in, client, who):
    visitor = signed_in(alice) if who == "alice" else client

    answer = visitor.get(QUEUE)

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/admin/login/?next={QUEUE}"


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_nobody_adds_or_deletes_a_request(organisation, signed_in, path):
    row = KeyRequestFactory()
    chief = signed_in(StaffFactory(is_superuser=True))

    assert chief.get(f"{QUEUE}{path.format(pk=row.pk)}").status_code == 403
    answer = chief.post(f"{QUEUE}{path.format(pk=row.pk)}", {"post": "yes"})

    assert answer.status_code == 403
    assert list(KeyRequest.objects.all()) == [row]


def test_there_is_no_bulk_deletion(reviewer, signed_in):
    row = KeyRequestFactory()
    chief = signed_in(StaffFactory(is_superuser=True))

    chief.post(QUEUE, {"action": "delete_selected", "_selected_action": [row.pk]})

    assert list(KeyRequest.objects.all()) == [row]
