"""What a mailed confirmation link does, and when it stops doing it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from developers.models import MailedLink
from tests.cast import in_tyk
from tests.developers.steps import (
    NEW,
    ask_to_sign_up,
    choose_password,
    link_in,
    open_confirm_page,
    words,
)
from tests.factories import PASSWORD
from tyk import outbox

pytestmark = pytest.mark.django_db


def is_open(link: MailedLink) -> bool:
    link.refresh_from_db()
    return (link.used_at, link.taken_until) == (None, None)


def test_opening_the_link_uses_nothing_up(box, organisation):
    ask_to_sign_up(Client())
    path = link_in(mail.outbox[0])
    box.journal.clear()

    for _ in range(3):
        scanner = Client()
        assert scanner.head(path).headers["Location"] == "/confirm/"
        assert scanner.get(path, follow=True).status_code == 200

    assert is_open(MailedLink.objects.get())
    assert box.journal.operations() == []


def test_page_after_the_link_has_no_token(box, organisation):
    browser = Client()
    page = open_confirm_page(browser)
    token = link_in(mail.outbox[0]).rstrip("/").rpartition("/")[2]

    assert page.redirect_chain == [("/confirm/", 302)]
    assert token not in page.content.decode()
    assert token not in str(dict(browser.session))
    assert page.headers["Cache-Control"].count("no-store")


def test_link_in_use_elsewhere_says_so(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    MailedLink.objects.update(taken_until=timezone.now() + timedelta(seconds=30))

    page = choose_password(browser)

    assert "being done in another window" in words(page)
    assert box.developers() == []


def test_hold_of_a_crashed_request_lapses(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    MailedLink.objects.update(taken_until=timezone.now() - timedelta(seconds=1))
    assert choose_password(browser).status_code == 302


def test_used_link_leads_to_the_login(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    choose_password(browser)

    page = Client().get(link_in(mail.outbox[0]), follow=True)

    assert page.status_code == 410
    assert "It was used to make your account" in words(page)
    assert box.password_is(NEW, PASSWORD)


def test_expired_link_offers_a_new_one(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    MailedLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    page = choose_password(browser)
    assert page.status_code == 410
    assert "Send a new link" in words(page)
    assert box.developers() == []

    browser.post("/sign-up/sent/")
    outbox.drain()
    browser.get(link_in(mail.outbox[1]))
    assert choose_password(browser).status_code == 302


def test_made_up_token_opens_nothing(box, organisation):
    page = Client().get("/confirm/not-a-token/", follow=True)
    assert page.status_code == 410
    assert "mistyped or cut off" in words(page)


def test_reset_link_opens_no_confirmation(box, bob):
    in_tyk(box, bob)
    browser = Client()
    browser.post("/password/reset/", {"email": bob.email})
    outbox.drain()
    token = link_in(mail.outbox[0]).rstrip("/").rpartition("/")[2]

    assert browser.get(f"/confirm/{token}/", follow=True).status_code == 410


def test_twenty_tries_a_minute_from_one_network(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    box.refuse()
    answers = [choose_password(browser).status_code for _ in range(21)]
    assert answers == [503] * 20 + [429]
