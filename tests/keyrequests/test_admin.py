"""The review queue and decisions, as reviewers and other staff meet them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests.models import Event, Key, KeyRequest
from tests.factories import (
    DeveloperFactory,
    EntryFactory,
    KeyFactory,
    KeyRequestFactory,
    StaffFactory,
)
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

QUEUE = "/admin/keyrequests/keyrequest/"


def waited(**how_long: float) -> KeyRequest:
    request = KeyRequestFactory()
    KeyRequest.objects.filter(pk=request.pk).update(
        created_at=timezone.now() - timedelta(**how_long)
    )
    request.refresh_from_db()
    return request


def status(request: KeyRequest) -> str:
    request.refresh_from_db()
    return request.status


def owed(request: KeyRequest) -> list[str]:
    rows = Outbox.objects.filter(subject=str(request.code))
    return sorted(rows.values_list("kind", flat=True))


@pytest.fixture
def reviewer(rita, signed_in):
    return signed_in(rita)


def test_the_queue_shows_what_waits_longest_first(organisation, reviewer):
    newest = waited(minutes=40)
    oldest = waited(days=3)
    KeyRequestFactory(approved=True)

    page = reviewer.get(QUEUE)

    rows = page.context["cl"].result_list
    assert [row.pk for row in rows] == [oldest.pk, newest.pk]


@pytest.mark.parametrize(
    ("hours", "kind", "words"),
    [
        (1, "fresh", "1 hour"),
        (13, "soon", "13 hours, due soon"),
        (25, "late", "1 day, over target"),
    ],
)
def test_age_is_told_in_words_and_shape(organisation, reviewer, hours, kind, words):
    waited(hours=hours)

    page = reviewer.get(QUEUE).content.decode()

    assert f'<span class="age age-{kind}">' in page
    assert words in page


def test_an_empty_queue_tells_the_last_decision(organisation, reviewer):
    request = waited(hours=1)
    reviewer.post(f"{QUEUE}{request.pk}/approve/")

    page = reviewer.get(QUEUE).content.decode()

    told = f"Nothing to review. Last decision: {request.number}, approved by Rita, "
    assert told in page


@pytest.mark.parametrize("words", ["jonas", "VELOCARGO", "ferreira", "{number}"])
def test_search_by_part_of_address_name_or_number(organisation, reviewer, words):
    wanted = KeyRequestFactory(
        developer=DeveloperFactory(name="Jonas Ferreira", email="jonas@velocargo.test")
    )
    KeyRequestFactory()

    page = reviewer.get(QUEUE, {"q": words.format(number=wanted.number)})

    assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk]


@pytest.mark.parametrize("address", [QUEUE, "/admin/keyrequests/key/"])
def test_queries_do_not_grow_with_rows(
    organisation, django_user_model, signed_in, address
):
    chief = signed_in(
        django_user_model.objects.create_superuser("chief@northwind.example", "x")
    )

    def cost() -> int:
        chief.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert chief.get(address).status_code == 200
        return len(queries)

    for _ in range(5):
        KeyFactory()
        waited(hours=1)
    few = cost()
    for _ in range(40):
        KeyFactory()
        waited(hours=1)

    assert cost() == few
    assert few <= 12


def test_approve_is_a_page_and_then_a_post(organisation, reviewer, rita):
    request = waited(hours=1)
    address = f"{QUEUE}{request.pk}/approve/"

    assert reviewer.get(address).status_code == 200
    assert status(request) == "pending"
    answer = reviewer.post(address, {"reason": "Welcome aboard"})

    assert (answer.status_code, answer.headers["Location"]) == (302, QUEUE)
    assert status(request) == "approved"
    assert request.decided_by == rita
    assert request.reason == "Welcome aboard"
    assert owed(request) == ["mail.approved"]


def test_decline_needs_a_reason_and_keeps_nothing_without(organisation, reviewer):
    request = waited(hours=1)

    answer = reviewer.post(f"{QUEUE}{request.pk}/decline/", {"reason": "   "})

    assert answer.status_code == 400
    assert "Say why before you decline." in answer.content.decode()
    assert status(request) == "pending"
    assert owed(request) == []


def test_decline_tells_tyk_and_the_developer(organisation, reviewer):
    request = waited(hours=1)

    reviewer.post(f"{QUEUE}{request.pk}/decline/", {"reason": "Stay on Standard"})

    assert status(request) == "declined"
    assert request.reason == "Stay on Standard"
    assert owed(request) == ["mail.declined", "request.delete"]


def test_the_second_decision_is_refused_and_says_who_was_first(
    organisation, reviewer, rita
):
    request = waited(hours=1)
    reviewer.post(f"{QUEUE}{request.pk}/approve/")

    page = reviewer.post(
        f"{QUEUE}{request.pk}/decline/", {"reason": "No"}, follow=True
    ).content.decode()

    assert "Rita approved this" in page
    assert status(request) == "approved"
    assert owed(request) == ["mail.approved"]


def test_nobody_decides_a_request_of_their_own_address(organisation, reviewer, rita):
    own = KeyRequestFactory(developer=DeveloperFactory(email=rita.email.upper()))

    page = reviewer.post(f"{QUEUE}{own.pk}/approve/", follow=True).content.decode()

    assert "A colleague decides it." in page
    assert status(own) == "pending"
    assert owed(own) == []
    refused = own.events.get(verb=Event.Verb.REFUSED)
    assert (refused.actor, refused.note) == ("Rita", "own_request")


@pytest.mark.parametrize("verb", ["approve", "decline"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_the_right_may_not_decide(
    organisation, sam, signed_in, verb, method
):
    request = waited(hours=1)

    answer = getattr(signed_in(sam), method)(f"{QUEUE}{request.pk}/{verb}/")

    assert answer.status_code == 403
    assert status(request) == "pending"


def test_staff_who_may_only_look_see_no_buttons(organisation, signed_in):
    viewer = StaffFactory(email="vera@northwind.example")
    viewer.user_permissions.add(Permission.objects.get(codename="view_keyrequest"))
    request = waited(hours=1)

    page = signed_in(viewer).get(f"{QUEUE}{request.pk}/change/").content.decode()

    assert request.entry_name in page
    assert "/approve/" not in page
    assert "/decline/" not in page


def test_a_developer_does_not_reach_the_admin(organisation, alice, signed_in):
    request = waited(hours=1)

    answer = signed_in(alice).post(f"{QUEUE}{request.pk}/approve/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")
    assert status(request) == "pending"


def test_posting_to_the_case_changes_nothing(organisation, reviewer):
    request = waited(hours=1)

    reviewer.post(f"{QUEUE}{request.pk}/change/", {"status": "approved"})

    assert status(request) == "pending"


def bulk(client, verb, rows, **typed: str):
    chosen = {"action": f"{verb}_selected", "_selected_action": [r.pk for r in rows]}
    return client.post(QUEUE, {**chosen, **typed}, follow=True)


def test_several_are_approved_after_a_page_that_asks(organisation, reviewer):
    entry = EntryFactory()
    rows = [KeyRequestFactory(entry=entry) for _ in range(3)]

    asked = bulk(reviewer, "approve", rows)
    assert [status(row) for row in rows] == ["pending"] * 3
    assert "Approve 3 requests" in asked.content.decode()
    done = bulk(reviewer, "approve", rows, confirmed="yes")

    assert "3 requests approved." in done.content.decode()
    assert [status(row) for row in rows] == ["approved"] * 3


def test_several_plans_are_not_approved_at_once(organisation, reviewer):
    rows = [KeyRequestFactory(), KeyRequestFactory()]

    page = bulk(reviewer, "approve", rows, confirmed="yes").content.decode()

    assert "Approve several only for one and the same plan." in page
    assert [status(row) for row in rows] == ["pending"] * 2


def test_bulk_tells_each_refusal_and_does_the_rest(organisation, reviewer, rita):
    entry = EntryFactory()
    own = KeyRequestFactory(entry=entry, developer=DeveloperFactory(email=rita.email))
    other = KeyRequestFactory(entry=entry)

    page = bulk(
        reviewer, "decline", [own, other], confirmed="yes", reason="Not now"
    ).content.decode()

    assert f"{own.number}: This request comes from your own address." in page
    assert "1 request declined." in page
    assert (status(own), status(other)) == ("pending", "declined")


def test_bulk_decline_needs_a_reason(organisation, reviewer):
    rows = [KeyRequestFactory(), KeyRequestFactory()]

    page = bulk(reviewer, "decline", rows, confirmed="yes", reason=" ")

    assert page.status_code == 400
    assert [status(row) for row in rows] == ["pending"] * 2


def test_staff_end_a_key_by_a_confirmed_post(organisation, alices_key, signed_in):
    keeper = StaffFactory(email="kim@northwind.example", name="Kim")
    rights = ["view_key", "change_key"]
    keeper.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = signed_in(keeper)
    address = f"/admin/keyrequests/key/{alices_key.pk}/revoke/"

    assert client.get(address).status_code == 200
    alices_key.refresh_from_db()
    assert alices_key.state == Key.State.LIVE
    client.post(address)

    alices_key.refresh_from_db()
    assert alices_key.state == Key.State.REVOKING
    assert Outbox.objects.get().kind == "key.revoke"
    assert Event.objects.get(verb=Event.Verb.REVOKE_ASKED).actor == "Kim"


def test_no_page_of_staff_holds_an_id_of_a_key(
    organisation, alices_key, django_user_model, signed_in
):
    chief = signed_in(
        django_user_model.objects.create_superuser("chief@northwind.example", "x")
    )

    for address in (
        "/admin/keyrequests/key/",
        f"/admin/keyrequests/key/{alices_key.pk}/change/",
        f"/admin/keyrequests/key/{alices_key.pk}/revoke/",
        f"{QUEUE}{alices_key.request_id}/change/",
    ):
        page = chief.get(address).content.decode()
        assert alices_key.masked in page, address
        assert alices_key.fp not in page, address


def test_parked_work_is_tried_again(organisation, django_user_model, signed_in):
    row = Outbox.objects.create(
        kind="mail.approved",
        subject="a",
        asked=1,
        attempts=8,
        next_at=timezone.now(),
        parked_reason="mail server said no",
    )
    chief = signed_in(
        django_user_model.objects.create_superuser("chief@northwind.example", "x")
    )
    assert "mail server said no" in chief.get("/admin/tyk/outbox/").content.decode()

    chief.post(
        "/admin/tyk/outbox/", {"action": "try_again", "_selected_action": [row.pk]}
    )

    row.refresh_from_db()
    assert (row.parked_reason, row.attempts) == ("", 0)
