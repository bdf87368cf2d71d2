"""The request form: what it asks, refuses and keeps."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from catalogue.models import Entry
from keyrequests.models import KeyRequest
from tests.keyrequests import rows
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

GOOD = {
    "ask-what-you-build": "A checkout for eleven bakeries",
    "ask-expected-calls": "2000 a day",
    "project": "Tinfold checkout",
}


@pytest.fixture(autouse=True)
def _organisation(valkey_client):
    rows.organisation()


@pytest.fixture
def mira():
    return rows.developer()


@pytest.fixture
def page(client, mira):
    return rows.sign_in(client, mira)


def ask_url(entry: Entry, again: str = "") -> str:
    return reverse("keyrequests:ask", args=[entry.slug]) + again


def nonce_of(response: Any) -> str:
    found = re.search(r'name="nonce" value="([0-9a-f-]{36})"', response.text)
    assert found
    return found[1]


def post(page: Client, entry: Entry, **changes: object) -> Any:
    return page.post(ask_url(entry), {"nonce": uuid4(), **GOOD, **changes})


def test_form_asks_what_the_organisation_wants_to_know(page):
    response = page.get(ask_url(rows.entry()))

    assert response.status_code == 200
    assert re.search(r"<textarea[^>]*ask-what-you-build", response.text)
    assert re.search(r'<input type="text"[^>]*ask-expected-calls', response.text)
    assert "10\u202f000 calls a day" in response.text


def test_sent_request_leads_to_its_page(page, mira):
    entry = rows.entry()

    response = post(page, entry)

    sent = KeyRequest.objects.get()
    assert response.headers["Location"] == sent.get_absolute_url()
    assert sent.developer == mira
    assert sent.status == KeyRequest.Status.PENDING
    assert sent.project == "Tinfold checkout"
    assert sent.answers == {
        "What you build": "A checkout for eleven bakeries",
        "Expected calls": "2000 a day",
    }
    assert Outbox.objects.filter(kind="request.create").count() == 1


def test_automatic_approval_leads_to_the_claim(page):
    response = post(page, rows.entry(approval_override=False))

    sent = KeyRequest.objects.get()
    assert sent.status == KeyRequest.Status.APPROVED
    assert response.headers["Location"] == reverse(
        "keyrequests:claim", args=[sent.code]
    )


def test_missing_answer_is_named_and_the_rest_is_kept(page):
    entry = rows.entry()

    response = post(page, entry, **{"ask-expected-calls": "  "})

    assert response.status_code == 200
    assert "Fill in “Expected calls”" in response.text
    assert 'href="#id_ask-expected-calls"' in response.text
    assert "A checkout for eleven bakeries</textarea>" in response.text
    assert 'value="Tinfold checkout"' in response.text
    assert not KeyRequest.objects.exists()


def test_redisplayed_form_keeps_its_nonce(page):
    nonce = str(uuid4())

    response = post(page, rows.entry(), nonce=nonce, **{"ask-expected-calls": ""})

    assert nonce_of(response) == nonce


def test_each_form_has_a_nonce_of_its_own(page):
    entry = rows.entry()

    first, second = (nonce_of(page.get(ask_url(entry))) for _ in range(2))

    assert first != second


def test_answer_too_long_is_refused(page):
    response = post(page, rows.entry(), **{"ask-what-you-build": "x" * 2001})

    assert "Keep “What you build” under 2000 characters" in response.text
    assert not KeyRequest.objects.exists()


def test_reserved_questions_are_not_asked(page):
    rows.organisation(key_request_fields=["portal_state", "Portal_x", "Use case"])

    response = page.get(ask_url(rows.entry()))

    assert "portal_" not in response.text.lower()
    assert "Use case" in response.text


def test_markup_in_a_question_is_escaped(page):
    rows.organisation(key_request_fields=["<b>Why</b>"])

    response = page.get(ask_url(rows.entry()))

    assert "<b>Why" not in response.text
    assert "&lt;b&gt;Why" in response.text


def test_double_click_asks_once(page):
    entry = rows.entry()
    nonce = uuid4()

    locations = {post(page, entry, nonce=nonce).headers["Location"] for _ in range(2)}

    assert locations == {KeyRequest.objects.get().get_absolute_url()}


def test_two_tabs_ask_once(page):
    entry = rows.entry()
    post(page, entry)

    response = page.post(ask_url(entry), {"nonce": uuid4(), **GOOD}, follow=True)

    sent = KeyRequest.objects.get()
    assert response.redirect_chain[-1][0] == sent.get_absolute_url()
    assert "You have already asked for this plan." in response.text


def test_form_of_a_plan_asked_for_leads_to_the_request(page, mira):
    entry = rows.entry()
    sent = rows.request(mira, entry)

    response = page.get(ask_url(entry))

    assert response.headers["Location"] == sent.get_absolute_url()


def test_who_has_five_open_requests_is_told_before_writing(page, mira):
    for number in range(4):
        rows.request(mira, rows.entry(f"API {number}"))
    entry = rows.entry("One more")
    assert "That is the most at one time" not in page.get(ask_url(entry)).text

    rows.request(mira, rows.entry("API 4"))

    text = page.get(ask_url(entry)).text
    assert "You have 5 open requests" in text
    assert "That is the most at one time" in text


def test_sixth_open_request_is_refused_and_kept_on_screen(page, mira):
    for number in range(5):
        rows.request(mira, rows.entry(f"API {number}"))

    response = post(page, rows.entry("One more"))

    assert response.status_code == 409
    assert "You have 5 open requests." in response.text
    assert "That is the most at one time" not in response.text
    assert "A checkout for eleven bakeries</textarea>" in response.text
    assert KeyRequest.objects.count() == 5


def test_too_many_requests_are_throttled_with_the_wait(page, settings):
    settings.LIMITS_SCALE = 0.1  # one a day
    post(page, rows.entry("First"))

    response = post(page, rows.entry("Second"))

    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert "Too many attempts. Wait" in response.text
    assert "A checkout for eleven bakeries</textarea>" in response.text
    assert KeyRequest.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_hidden_or_unknown_entry_does_not_exist(page, method):
    rows.entry("Secret", shown=False)

    for slug in ("secret", "nothing"):
        url = reverse("keyrequests:ask", args=[slug])
        assert getattr(page, method)(url, GOOD).status_code == 404
    assert not KeyRequest.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_keyless_entry_asks_for_nothing(page, method):
    entry = rows.entry("Status", keyless=True)

    response = getattr(page, method)(ask_url(entry), GOOD, follow=True)

    assert response.redirect_chain[-1][0] == entry.get_absolute_url()
    assert "Calls to Status need no key." in response.text
    assert not KeyRequest.objects.exists()


def test_plan_that_went_away_offers_others(page):
    gone = rows.entry("Orders", plan=rows.plan(live=False))
    rows.entry("Weather")

    response = post(page, gone)

    assert response.status_code == 410
    assert "This plan is no longer offered" in response.text
    assert "Weather" in response.text
    assert not KeyRequest.objects.exists()


def test_ask_again_starts_from_the_declined_request(page, mira):
    entry = rows.entry()
    old = rows.request(
        mira, entry, KeyRequest.Status.DECLINED, project="Tinfold checkout"
    )

    response = page.get(ask_url(entry, f"?again={old.code}"))

    assert "A checkout</textarea>" in response.text
    assert 'value="Tinfold checkout"' in response.text


def test_ask_again_never_shows_a_strangers_request(page):
    entry = rows.entry()
    theirs = rows.request(
        rows.developer("Charlie"), entry, answers={"What you build": "Their secret"}
    )

    for again in (theirs.code, "nonsense"):
        response = page.get(ask_url(entry, f"?again={again}"))
        assert response.status_code == 200
        assert "Their secret" not in response.text


# --- OAuth -------------------------------------------------------------------------
@pytest.fixture
def oauth_entry():
    return rows.entry("Mail", plan=rows.plan(auth_kind="oauth"))


def test_oauth_asks_where_people_return(page, oauth_entry):
    post(
        page,
        oauth_entry,
        redirect_uri="https://app.example/cb\n http://localhost:3000/cb \n",
    )

    sent = KeyRequest.objects.get()
    assert sent.redirect_uri == "https://app.example/cb,http://localhost:3000/cb"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Give at least one redirect address"),
        ("http://app.example/cb", "Begin “http://app.example/cb” with https://"),
        ("javascript:alert(1)", "“javascript:alert(1)” is not a web address"),
        ("ftp://app.example/", "Begin “ftp://app.example/” with https://"),
        ("https://app.example/#x", "out of “https://app.example/#x”"),
        ("https://app.example/a,b", "out of “https://app.example/a,b”"),
        ("https://a@app.example/", "out of “https://a@app.example/”"),
        ("https://app.example:x/", "is not a web address"),
        ("http://localhost.evil.example/", "with https://"),
        ("https://app.example/" + "x" * 2000, "Give shorter addresses"),
        ("\n".join(f"https://app.example/{n}" for n in range(11)), "at most 10"),
    ],
)
def test_redirect_address_is_checked(page, oauth_entry, address, sentence):
    response = post(page, oauth_entry, redirect_uri=address)

    assert response.status_code == 200
    assert sentence in response.text
    assert not KeyRequest.objects.exists()


def test_token_plan_takes_no_redirect_address(page):
    post(page, rows.entry(), redirect_uri="https://app.example/cb")

    assert KeyRequest.objects.get().redirect_uri == ""


def test_visitor_logs_in_first_and_comes_back(client):
    entry = rows.entry()

    response = client.get(ask_url(entry))

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/?next=")
