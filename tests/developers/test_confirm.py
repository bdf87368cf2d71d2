"""The mailed link makes one account in Tyk, whatever goes wrong on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from developers.models import Developer, MailedLink, SignUp, User
from tests.cast import in_tyk
from tests.developers.steps import (
    NEW,
    OTHER_PASSWORD,
    ask_to_sign_up,
    choose_password,
    is_signed_in,
    let_the_quarantine_pass,
    link_in,
    log_in,
    open_confirm_page,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory
from tyk import outbox

pytestmark = pytest.mark.django_db

UNCLEAR = "We could not find out whether that worked"
AWAY = "Your account could not be made right now"


def is_open(link: MailedLink) -> bool:
    link.refresh_from_db()
    return (link.used_at, link.taken_until) == (None, None)


def test_confirmed_person_is_led_to_where_they_wanted(box, organisation):
    browser = Client()
    open_confirm_page(browser, next="/keys/")

    assert choose_password(browser).headers["Location"] == "/keys/"
    assert is_signed_in(browser)


WEAK = {
    "short": ("short-1", "at least 12 characters"),
    "common": ("password1234", "too common"),
    "their own address": ("nora@tinfold", "not your name or address"),
    "too many bytes for Tyk": ("ähöü-" * 10, "letters with accents count twice"),
    "too long for Tyk": ("long-" * 15, "at most 72 bytes"),
}


@pytest.mark.parametrize("_case", WEAK)
def test_weak_password_is_refused_here(_case, box, organisation):
    password, sentence = WEAK[_case]
    browser = Client()
    open_confirm_page(browser)
    box.journal.clear()

    page = choose_password(browser, password=password)

    assert sentence in words(page)
    assert f'value="{password}"' not in page.content.decode()
    assert box.journal.operations() == []
    assert is_open(MailedLink.objects.get())


def test_two_different_passwords_are_refused(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    page = browser.post("/confirm/", {"password": PASSWORD, "again": OTHER_PASSWORD})
    assert "The two passwords differ" in words(page)
    assert box.developers() == []


REFUSALS = {
    "password rule": (
        ["password: String length must be greater than or equal to 40"],
        "Choose a password of at least 40 characters",
    ),
    "unknown password rule": (
        ["password: Does not match pattern '^(?=.*[A-Z])$'"],
        "Choose another password. This one was not accepted",
    ),
    "another field": (
        ["Company: Does not match pattern '<b>'"],
        "Company was not accepted",
    ),
    "address": (["email: Does not match format 'email'"], "e-mail address was not"),
    "no reason": ([], "Choose another password"),
}


@pytest.mark.parametrize("_case", REFUSALS)
def test_what_tyk_refuses_is_told_in_plain_words(_case, box, organisation):
    errors, sentence = REFUSALS[_case]
    body = {"Status": "Error", "Message": "Developer object validation failed."}
    box.faults.add(
        "createDeveloper",
        mode="status",
        status=400,
        body=json.dumps({**body, "Errors": errors}),
    )
    browser = Client()
    open_confirm_page(browser)

    page = choose_password(browser)

    assert page.status_code == 200
    assert sentence in words(page)
    assert "pattern" not in words(page)
    assert "validation failed" not in words(page)
    assert is_open(MailedLink.objects.get())
    box.faults.clear()
    box.journal.clear()
    assert choose_password(browser).status_code == 302
    # Surely not made, so nobody had to look through the list of all developers.
    assert "listDevelopers" not in box.journal.operations()


# Fault on which call, and whether Tyk had made the developer when it struck.
CERTAINLY_NOTHING = {
    "refused": lambda box: box.refuse(),
    "look fails": lambda box: box.faults.add(
        "getDeveloperByEmail", mode="status", status=500
    ),
    "key rejected": lambda box: box.rotate_api_key(),
    "busy": lambda box: box.faults.add("createDeveloper", mode="status", status=429),
}


@pytest.mark.parametrize("_case", CERTAINLY_NOTHING)
def test_nothing_is_lost_while_tyk_is_away(_case, box, organisation, settings):
    browser = Client()
    open_confirm_page(browser)
    CERTAINLY_NOTHING[_case](box)

    page = choose_password(browser)

    assert page.status_code == 503
    assert AWAY in words(page)
    assert "this link stays valid" in words(page)
    assert box.developers() == []
    assert is_open(MailedLink.objects.get())
    assert not is_signed_in(browser)


LOST: dict[str, tuple[dict[str, Any], bool]] = {
    "timeout, made": ({"mode": "timeout_after"}, True),
    "reset, made": ({"mode": "reset_after"}, True),
    "500, made": ({"mode": "status", "status": 500, "commit": True}, True),
    "204, made": ({"mode": "empty_204", "commit": True}, True),
    "timeout, not made": ({"mode": "timeout_before"}, False),
    "500, not made": ({"mode": "status", "status": 500}, False),
    "html, not made": ({"mode": "html_200"}, False),
}


@pytest.mark.parametrize("_case", LOST)
def test_lost_answer_makes_one_account(_case, box, organisation, settings):
    settings.TYK_PASSWORD_DEADLINE = 1.5 if "timeout" in _case else 8
    options, made = LOST[_case]
    browser = Client()
    open_confirm_page(browser)
    box.faults.add("createDeveloper", times=1, **options)

    page = choose_password(browser)

    if made:
        assert page.status_code == 302
    else:
        assert page.status_code == 503
        assert UNCLEAR in words(page)
        assert is_open(MailedLink.objects.get())
        early = choose_password(browser)
        assert early.status_code == 503
        assert "We are finishing a change to your account" in words(early)
        assert 80 <= int(early.headers["Retry-After"]) <= 90
        assert box.developers() == [], "a repeat that is overtaken makes a twin"
        assert is_open(MailedLink.objects.get())
        let_the_quarantine_pass()
        assert choose_password(browser).status_code == 302
    assert [row["email"] for row in box.developers()] == [NEW]
    assert box.password_is(NEW, PASSWORD)
    assert is_signed_in(browser)
    assert SignUp.objects.get().state == "done"


@pytest.mark.parametrize("address", [NEW, "nora+keys@tinfold.example"])
def test_still_unknown_then_adopted_with_the_password_typed_last(
    address, box, organisation, settings
):
    settings.TYK_PASSWORD_DEADLINE = 1.5
    browser = Client()
    open_confirm_page(browser, address)
    box.faults.add("createDeveloper", mode="timeout_after", times=1)
    box.faults.add("verifyCredentials", mode="status", status=500)

    page = choose_password(browser)
    assert UNCLEAR in words(page)
    box.faults.clear()

    assert choose_password(browser, password=OTHER_PASSWORD).status_code == 302
    assert [row["email"] for row in box.developers()] == [address]
    assert box.password_is(address, OTHER_PASSWORD)
    assert not box.password_is(address, PASSWORD)


def test_late_commit_is_found_by_the_next_try(box, organisation, settings):
    settings.TYK_PASSWORD_DEADLINE = 0.5
    browser = Client()
    open_confirm_page(browser)
    box.faults.add("createDeveloper", mode="commit_late", seconds=1.0, hold=5, times=1)

    assert UNCLEAR in words(choose_password(browser))
    box.wait_for_late_commits()
    settings.TYK_PASSWORD_DEADLINE = 8

    assert choose_password(browser).status_code == 302
    assert len(box.developers()) == 1


def test_new_sign_up_after_a_lost_answer_adopts_the_account(
    box, organisation, settings
):
    settings.TYK_PASSWORD_DEADLINE = 1.5
    first = Client()
    open_confirm_page(first)
    box.faults.add("createDeveloper", mode="timeout_after", times=1)
    box.faults.add("verifyCredentials", mode="status", status=500)
    choose_password(first)
    box.faults.clear()

    second = Client()
    open_confirm_page(second)

    assert choose_password(second).status_code == 302
    assert len(box.developers()) == 1
    assert box.password_is(NEW, PASSWORD)


def test_read_back_fails_and_the_account_is_there_all_the_same(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    box.faults.add("getDeveloper", mode="status", status=500)

    page = choose_password(browser)

    assert page.headers["Location"] == "/login/"
    assert "Your account is made" in words(browser.get("/login/"))
    box.faults.clear()
    assert log_in(browser, NEW).status_code == 302


def test_answer_without_an_id_is_found_by_address(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    box.faults.add(
        "createDeveloper",
        mode="status",
        status=200,
        body='{"Status":"OK","Message":"Data updated","Meta":null}',
        commit=True,
    )

    assert choose_password(browser).status_code == 302
    assert len(box.developers()) == 1


@pytest.mark.django_db(transaction=True)
def test_double_submit_makes_one_account(box, organisation):
    box.faults.add("createDeveloper", mode="latency", seconds=0.3)
    ask_to_sign_up(Client())
    path = link_in(mail.outbox[0])
    browsers = [Client() for _ in range(4)]
    for browser in browsers:
        browser.get(path)

    def submit(browser):
        try:
            return choose_password(browser).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(submit, browsers))

    assert answers.count(302) == 1
    assert [row["email"] for row in box.developers()] == [NEW]
    assert box.journal.operations().count("createDeveloper") == 1
    assert sorted(map(is_signed_in, browsers)) == [False, False, False, True]
    assert User.objects.count() == 1


def test_somebody_elses_record_is_taken_over_only_on_a_second_word(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    made = box.add_developer(NEW, password="theirs-12345678")

    page = choose_password(browser)

    assert "You already have an account with this address" in words(page)
    assert box.password_is(NEW, "theirs-12345678")
    assert is_open(MailedLink.objects.get())
    assert not is_signed_in(browser)

    assert choose_password(browser, take_over="yes").status_code == 302
    assert box.password_is(NEW, PASSWORD)
    assert [row["id"] for row in box.developers()] == [made]
    assert is_signed_in(browser)
    outbox.drain()
    assert mail.outbox[-1].subject == "Your password at Northwind APIs was changed"


def test_switched_off_account_is_not_taken_over(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    box.add_developer(NEW, password="theirs-12345678", inactive=True)

    page = choose_password(browser, take_over="yes")

    assert "This account is switched off" in words(page)
    assert box.password_is(NEW, "theirs-12345678")
    assert not is_signed_in(browser)


def test_marker_of_another_portal_is_not_ours(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    code = SignUp.objects.get().code
    box.add_developer(
        NEW, password="theirs-12345678", fields={"portal_ref": f"ffffffff.{code}"}
    )

    page = choose_password(browser)

    assert "You already have an account with this address" in words(page)
    assert box.password_is(NEW, "theirs-12345678")


def test_reviewed_accounts_wait_and_then_get_a_mail(
    box, organisation, settings, sam, signed_in
):
    settings.SIGNUP_REVIEW = True
    browser = Client()
    open_confirm_page(browser)

    page = browser.get(choose_password(browser).headers["Location"])

    assert "the typical wait is about 1 working day" in words(page)
    assert not is_signed_in(browser)
    assert [row["inactive"] for row in box.developers()] == [True]
    assert "Typical wait: about 1 working day" in words(log_in(browser, NEW))

    sam.is_superuser = True
    sam.save()
    row = Developer.objects.get()
    signed_in(sam).post(f"/admin/developers/developer/{row.pk}/activate/")
    outbox.drain()
    outbox.drain()

    assert [row["inactive"] for row in box.developers()] == [False]
    assert mail.outbox[-1].subject == "Your account at Northwind APIs is ready"
    assert log_in(browser, NEW).status_code == 302


def test_inactive_follows_the_setting(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    choose_password(browser)
    assert [row["inactive"] for row in box.developers()] == [False]


def test_known_duplicates_of_the_address_ask_for_support(box, organisation):
    browser = Client()
    open_confirm_page(browser)
    for spelling in ("Nora@tinfold.example", "NORA@tinfold.example"):
        in_tyk(box, DeveloperFactory(email=spelling))

    page = choose_password(browser)

    assert "Several accounts have this address" in words(page)
    assert len(box.developers()) == 2
