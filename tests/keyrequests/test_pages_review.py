"""Read once more before it is sent: nothing is kept between the two pages."""

import html
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from catalogue import waits
from catalogue.models import Entry
from keyrequests.models import KeyRequest
from tests.keyrequests import rows

pytestmark = pytest.mark.django_db

TYPED = {
    "ask-what-you-build": "A checkout\nfor <eleven> bakeries & more",
    "ask-expected-calls": "2000 a day",
    "project": "Tinfold checkout",
}


@pytest.fixture(autouse=True)
def _organisation(valkey_client):
    rows.organisation()
    waits.forget()


@pytest.fixture
def mira():
    return rows.developer()


@pytest.fixture
def page(client, mira):
    return rows.sign_in(client, mira)


def ask_url(entry: Entry) -> str:
    return reverse("keyrequests:ask", args=[entry.slug])


def post(page: Client, entry: Entry, **changes: object) -> Any:
    return page.post(ask_url(entry), {"nonce": uuid4(), **TYPED, **changes})


def hidden(response: Any) -> dict[str, str]:
    """What the page would send if its button was pressed."""
    found = re.findall(
        r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', response.text
    )
    return {name: html.unescape(value) for name, value in found}


def test_review_shows_the_answers_and_sends_nothing(page):
    response = post(page, rows.entry(), step="review")

    assert "Read it once more" in response.text
    assert "for &lt;eleven&gt; bakeries &amp; more" in response.text
    assert "Tinfold checkout" in response.text
    assert not KeyRequest.objects.exists()


def test_what_was_reviewed_is_what_is_sent(page):
    entry = rows.entry()

    review = post(page, entry, step="review")
    page.post(ask_url(entry), hidden(review))

    sent = KeyRequest.objects.get()
    assert sent.answers["What you build"].split() == TYPED["ask-what-you-build"].split()
    assert sent.project == "Tinfold checkout"


def test_reviewed_twice_and_sent_twice_is_one_request(page):
    entry = rows.entry()
    review = hidden(post(page, entry, step="review"))

    addresses = {page.post(ask_url(entry), review)["Location"] for _ in range(2)}

    assert addresses == {KeyRequest.objects.get().get_absolute_url()}


def test_change_it_leads_back_with_everything_typed(page):
    entry = rows.entry()
    review = hidden(post(page, entry, step="review"))

    form = page.post(ask_url(entry), {**review, "step": "change"})

    assert "for &lt;eleven&gt; bakeries &amp; more</textarea>" in form.text
    assert 'value="Tinfold checkout"' in form.text
    assert "Review and send" in form.text
    assert not KeyRequest.objects.exists()


def test_review_of_a_form_with_a_mistake_is_the_form(page):
    response = post(page, rows.entry(), step="review", **{"ask-expected-calls": ""})

    assert "Fill in “Expected calls”" in response.text
    assert "Read it once more" not in response.text


def test_form_says_how_many_open_requests_are_left(page, mira):
    for number in range(2):
        rows.request(mira, rows.entry(f"API {number}"))

    text = page.get(ask_url(rows.entry("One more"))).text

    assert "<b>3 of 5</b> open requests left" in text


def test_expected_wait_is_what_decisions_really_took(page, mira):
    entry = rows.entry()
    for number in range(3):
        rows.request(
            rows.developer(f"Other{number}"),
            entry,
            KeyRequest.Status.DECLINED,
            created_at=rows.AGO.days(7),
            decided_at=rows.AGO.days(7),
            decided_in=KeyRequest.DecidedIn.STAFF,
        )
    waits.forget()
    sent = rows.request(mira, entry)

    text = page.get(sent.get_absolute_url()).text

    assert text.count("usually less than an hour") == 2  # the track, and the notice
