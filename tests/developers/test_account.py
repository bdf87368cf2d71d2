"""The account page, and changing the password by proving the current one."""

import pytest
from django.core import mail
from django.test import Client

from developers import live
from developers.models import Developer, User
from tests.cast import in_tyk
from tests.developers.steps import (
    OTHER_PASSWORD,
    choose_password,
    is_signed_in,
    log_in,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory
from tyk import outbox

pytestmark = pytest.mark.django_db

CHANGE = "/password/change/"


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = DeveloperFactory(
        name="Dora", email="dora@shop.example", fields={"Name": "Dora <b>"}
    )
    return in_tyk(box, row)


@pytest.fixture
def browser(dora, signed_in):
    return signed_in(dora)


def test_account_shows_what_we_hold(browser, dora):
    page = browser.get("/account/")

    assert "dora@shop.example" in words(page)
    assert "Dora &lt;b&gt;" in page.content.decode()
    assert page.context["form"]["company"].value() == ""
    assert "does not by itself give access to an API" in words(page)
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/account/", CHANGE])
def test_strangers_and_staff_log_in_first(path, sam, signed_in):
    for visitor in (Client(), signed_in(sam)):
        assert visitor.get(path).headers["Location"] == f"/login/?next={path}"
        assert visitor.post(path).status_code in {302, 405}


def test_change_keeps_this_session_and_ends_the_others(box, browser, dora):
    elsewhere = Client()
    log_in(elsewhere, dora.email)

    done = choose_password(browser, CHANGE, OTHER_PASSWORD, current=PASSWORD)

    assert done.headers["Location"] == "/account/security/"
    assert "Your password is changed" in words(browser.get("/account/security/"))
    assert not is_signed_in(elsewhere)
    assert box.password_is(dora.email, OTHER_PASSWORD)
    outbox.drain()
    assert mail.outbox[0].subject == "Your password at Northwind APIs was changed"


def test_wrong_current_password_changes_nothing(box, browser, dora):
    page = choose_password(browser, CHANGE, OTHER_PASSWORD, current="not-it-at-all-1")

    assert "The current password is not right" in words(page)
    assert box.password_is(dora.email, PASSWORD)
    assert "resetDeveloperPassword" not in box.journal.operations()
    outbox.drain()
    assert mail.outbox == []


def test_guessing_the_current_password_is_throttled(box, browser, dora):
    answers = [
        choose_password(browser, CHANGE, OTHER_PASSWORD, current="no-no-no").status_code
        for _ in range(6)
    ]
    assert answers == [200] * 5 + [429]
    # Tries of their own: whoever guessed here took none at the login.
    assert log_in(Client(), dora.email).status_code == 302


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"mode": "status", "status": 404}, "This account does not exist any more"),
        (None, "This account is switched off"),
    ],
    ids=["gone", "switched off"],
)
def test_account_that_ends_between_proof_and_change_is_told(
    box, browser, dora, monkeypatch, fault, told
):
    """No link was opened, so no page may speak of one."""
    sign_in = live.sign_in

    def meanwhile(*args, **more):
        proved = sign_in(*args, **more)
        if fault:
            box.faults.add("getDeveloper", times=1, **fault)
        else:
            box.edit_developer(dora.tyk_id, inactive=True)
        return proved

    monkeypatch.setattr(live, "sign_in", meanwhile)
    page = choose_password(browser, CHANGE, OTHER_PASSWORD, current=PASSWORD)

    assert told in words(page)
    assert "This link" not in words(page)
    assert box.password_is(dora.email, PASSWORD)


def test_weak_new_password_asks_tyk_nothing(box, browser, dora):
    page = choose_password(browser, CHANGE, "dora-shop", current=PASSWORD)
    assert "at least 12 characters" in words(page)
    assert box.journal.operations() == []


def test_tyk_away_changes_nothing(box, browser, dora):
    box.refuse()
    before = User.objects.get().password

    page = choose_password(browser, CHANGE, OTHER_PASSWORD, current=PASSWORD)

    assert page.status_code == 503
    assert "Your old password still works" in words(page)
    assert User.objects.get().password == before
    assert is_signed_in(browser)


def test_lost_answer_is_proved(box, browser, dora, settings):
    settings.TYK_PASSWORD_DEADLINE = 1.5
    box.faults.add("resetDeveloperPassword", mode="timeout_after", times=1)
    done = choose_password(browser, CHANGE, OTHER_PASSWORD, current=PASSWORD)
    assert done.status_code == 302


GETS = [
    "/login/",
    "/sign-up/",
    "/sign-up/sent/",
    "/confirm/",
    "/confirm/some-token/",
    "/password/reset/",
    "/password/reset/sent/",
    "/password/reset/choose/",
    "/password/reset/some-token/",
    CHANGE,
    "/account/",
    "/account/email/",
    "/account/email/confirm/",
    "/account/email/some-token/",
]


@pytest.mark.parametrize("path", GETS)
def test_pages_never_ask_tyk(path, box, browser):
    box.hang()
    for visitor in (browser, Client()):
        assert visitor.get(path).status_code < 500
    assert box.journal.operations() == []


def test_account_costs_the_same_queries_for_everybody(
    box, browser, dora, django_assert_num_queries
):
    browser.get("/account/")
    # Session, person, organisation, wishes, choices.
    with django_assert_num_queries(5):
        browser.get("/account/")
