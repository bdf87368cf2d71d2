"""The request pages: every state in the developer's words."""

from uuid import uuid4

import pytest
from django.urls import reverse

from developers.models import User
from keyrequests import outcomes, services
from keyrequests.models import Event, KeyRequest, Mint
from tests.keyrequests import rows
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

Status = KeyRequest.Status
DecidedIn = KeyRequest.DecidedIn
LIST = "/requests/"


@pytest.fixture(autouse=True)
def _organisation():
    rows.organisation()


@pytest.fixture
def mira():
    return rows.developer()


@pytest.fixture
def page(client, mira):
    return rows.sign_in(client, mira)


@pytest.fixture
def entry():
    return rows.entry()


@pytest.fixture
def rita():
    return User.objects.create_superuser("rita@northwind.example", "staff")


def withdraw_url(request: KeyRequest) -> str:
    return reverse("keyrequests:withdraw", args=[request.code])


# --- The list ----------------------------------------------------------------------
def test_list_names_number_state_and_plan(page, mira, entry):
    sent = rows.request(mira, entry, project="Bakery app")

    text = page.get(LIST).text

    assert "Orders, Standard" in text
    assert sent.number in text
    assert "In review" in text
    assert "Bakery app" in text


def test_empty_list_shows_the_way_on(page):
    text = page.get(LIST).text

    assert "No requests yet" in text
    assert 'href="/catalogue/"' in text


def test_list_holds_only_own_requests(page, entry):
    rows.request(rows.developer("Charlie"), entry, project="Charlie's project")

    assert "No requests yet" in page.get(LIST).text


@pytest.mark.parametrize("number", [5, 50])
def test_list_takes_the_same_queries_for_any_number(
    page, mira, number, django_assert_max_num_queries
):
    for n in range(number):
        rows.request(mira, rows.entry(f"API {n}"))

    with django_assert_max_num_queries(6) as queries:
        page.get(LIST)

    assert len(queries) == 5


# --- One request -------------------------------------------------------------------
def test_request_in_review(page, mira, entry):
    sent = rows.request(mira, entry)

    text = page.get(sent.get_absolute_url()).text

    assert "We are reading your request" in text
    assert "A checkout" in text
    assert withdraw_url(sent) in text
    assert "10\u202f000 calls a day" in text


def test_undelivered_request_waits_for_the_key_service(page, mira, entry):
    sent = rows.request(mira, entry, tyk_id=None, created_at=rows.AGO.days(1))

    text = page.get(sent.get_absolute_url()).text

    assert "Waiting for the key service" in text
    assert withdraw_url(sent) in text


def test_approved_request_leads_to_the_claim(page, mira, entry, rita):
    sent = rows.request(mira, entry)
    services.approve(sent, by=rita)

    text = page.get(sent.get_absolute_url()).text

    assert "Your access is approved" in text
    assert reverse("keyrequests:claim", args=[sent.code]) in text
    assert withdraw_url(sent) not in text


def test_declined_request_quotes_the_reason_and_can_be_asked_again(
    page, mira, entry, rita
):
    sent = rows.request(mira, entry)
    services.decline(sent, by=rita, reason="Come back with <b>more</b> bakeries.")

    text = page.get(sent.get_absolute_url()).text

    assert "Why we said no" in text
    assert "“Come back with &lt;b&gt;more&lt;/b&gt; bakeries.”" in text
    assert f"{reverse('keyrequests:ask', args=[entry.slug])}?again={sent.code}" in text
    assert "We declined" in text


def test_named_reviewer_is_named_but_never_by_address(page, mira, entry, rita):
    rita.name = "Rita"
    rita.save()
    sent = rows.request(mira, entry)
    services.decline(sent, by=rita, reason="Not yet.")

    text = page.get(sent.get_absolute_url()).text

    assert "Why Rita said no" in text
    assert "Rita declined" in text
    assert "rita@northwind.example" not in text


def test_reviewers_address_is_on_no_page(page, mira, entry, rita):
    sent = rows.request(mira, entry)
    services.approve(sent, by=rita)

    text = page.get(sent.get_absolute_url()).text

    assert "We approved" in text
    assert "rita@northwind.example" not in text


def test_message_of_an_approval_stands_on_the_request(page, mira, entry, rita):
    """As the form of the decision tells staff, and as in the mail."""
    sent = rows.request(mira, entry)
    services.approve(sent, by=rita, reason="Welcome, <b>bakers</b>.")

    text = page.get(sent.get_absolute_url()).text

    assert "<q>Welcome, &lt;b&gt;bakers&lt;/b&gt;.</q>" in text


def test_declined_request_of_a_plan_no_longer_offered(page, mira, rita):
    entry = rows.entry("Old", plan=rows.plan(live=False))
    sent = rows.request(mira, entry)
    services.decline(sent, by=rita, reason="Not yet.")

    text = page.get(sent.get_absolute_url()).text

    assert "This plan is no longer offered." in text
    assert "again=" not in text


def test_request_declined_in_tyk(page, mira, entry):
    sent = rows.request(mira, entry)
    outcomes.declined_in_tyk(sent)

    text = page.get(sent.get_absolute_url()).text

    assert text.count("Declined in the gateway dashboard") == 2
    assert "Tyk" not in text


def test_request_approved_in_tyk_offers_a_new_key(page, mira, entry):
    sent = rows.request(mira, entry)
    outcomes.granted_in_tyk(sent)

    text = page.get(sent.get_absolute_url()).text

    assert "Get a new key" in text
    assert reverse("keyrequests:claim", args=[sent.code]) in text
    assert "Tyk" not in text


def test_claimed_request_leads_to_its_key(page, mira, entry):
    sent = rows.request(mira, entry, Status.GRANTED)
    key = rows.key(mira, entry.plan, request=sent)
    Mint.objects.create(
        request=sent,
        key=key,
        state=Mint.State.SHOWN,
        started_at=rows.AGO.days(1),
        ended_at=rows.AGO.days(1),
    )

    text = page.get(sent.get_absolute_url()).text

    assert "You claimed the key" in text
    assert key.get_absolute_url() in text


@pytest.mark.parametrize(
    ("status", "words"),
    [(Status.LAPSED, "The approval lapsed"), (Status.WITHDRAWN, "You withdrew")],
)
def test_ended_request_says_how(page, mira, entry, status, words):
    sent = rows.request(mira, entry, status, decided_at=rows.AGO.days(1))

    text = page.get(sent.get_absolute_url()).text

    assert words in text
    assert "again=" in text


def test_request_survives_its_entry(page, mira, entry):
    sent = rows.request(mira, entry)
    entry.delete()

    assert "Orders, Standard" in page.get(sent.get_absolute_url()).text


def test_history_leaves_out_what_is_for_staff(page, mira, entry):
    sent = rows.request(mira, entry)
    services.note(Event.Verb.REFUSED, request=sent, actor="rita@x.example", text="why")
    services.note(Event.Verb.UNSURE, request=sent, text="POST /api/… timed out")

    text = page.get(sent.get_absolute_url()).text

    assert "The key service did not answer in time" in text
    assert "timed out" not in text
    assert "rita@x.example" not in text


def test_stranger_sees_nothing_and_withdraws_nothing(page, entry):
    theirs = rows.request(rows.developer("Charlie"), entry)
    claim_url = reverse("keyrequests:claim", args=[theirs.code])

    for answer in (
        page.get(theirs.get_absolute_url()),
        page.post(withdraw_url(theirs)),
        page.get(claim_url),
        page.post(claim_url),
        page.get(f"/requests/{uuid4()}/"),
    ):
        assert answer.status_code == 404
    theirs.refresh_from_db()
    assert theirs.status == Status.PENDING


# --- Withdrawing -------------------------------------------------------------------
def test_withdraw_takes_the_request_back(page, mira, entry):
    sent = rows.request(mira, entry)

    response = page.post(withdraw_url(sent), follow=True)

    sent.refresh_from_db()
    assert sent.status == Status.WITHDRAWN
    assert "Withdrawn. You can send a new request." in response.text
    assert Outbox.objects.filter(kind="request.delete").count() == 1


def test_withdraw_after_the_decision_changes_nothing(page, mira, entry, rita):
    sent = rows.request(mira, entry)
    services.approve(sent, by=rita)

    response = page.post(withdraw_url(sent), follow=True)

    sent.refresh_from_db()
    assert sent.status == Status.APPROVED
    assert "this request was decided already" in response.text
    assert "rita@northwind.example" not in response.text


def test_withdraw_twice_is_no_trouble(page, mira, entry):
    sent = rows.request(mira, entry)
    page.post(withdraw_url(sent))
    page.get("/requests/")  # reads the first message

    response = page.post(withdraw_url(sent), follow=True)

    assert "This request is withdrawn." in response.text
    assert "decided already" not in response.text
    assert "notice-ok" in response.text
    assert Outbox.objects.filter(kind="request.delete").count() == 1


def test_withdraw_by_link_does_nothing(page, mira, entry):
    sent = rows.request(mira, entry)

    assert page.get(withdraw_url(sent)).status_code == 405
    sent.refresh_from_db()
    assert sent.status == Status.PENDING
