"""A session begins with a proof and ends when Tyk or its owner says so."""

from datetime import timedelta

import pytest
from django.test import Client

from developers import pull
from developers.models import Developer
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in, log_in
from tests.factories import DeveloperFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    """A developer in the mirror and in Tyk."""
    row = DeveloperFactory(name="Dora", email="dora@shop.example")
    return in_tyk(box, row)


def test_right_password_enters_under_a_new_session_id(box, dora):
    browser = Client()
    browser.get("/login/")
    session = browser.session
    session["from"] = "before"
    session.save()
    before = str(session.session_key)
    browser.cookies["sessionid"] = before

    response = log_in(browser, dora.email)

    assert (response.status_code, response.headers["Location"]) == (302, "/catalogue/")
    assert browser.cookies["sessionid"].value != before
    assert is_signed_in(browser)
    assert box.journal.operations() == ["verifyCredentials", "getDeveloper"]


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/keys/?show=active", "/keys/?show=active"),
        ("https://evil.example/", "/catalogue/"),
        ("//evil.example/", "/catalogue/"),
        ("/\\evil.example", "/catalogue/"),
        ("javascript:alert(1)", "/catalogue/"),
        ("keys", "/catalogue/"),
        ("home", "/catalogue/"),
        ("", "/catalogue/"),
    ],
)
def test_login_leads_only_to_our_own_pages(wanted, led_to, box, dora):
    response = log_in(Client(), dora.email, next=wanted)
    assert response.headers["Location"] == led_to


@pytest.mark.parametrize("_case", ["switched off", "deleted"])
def test_session_ends_when_tyk_says_so(_case, box, dora):
    browser = Client()
    log_in(browser, dora.email)
    assert is_signed_in(browser)
    if _case == "deleted":
        box.delete_developer(dora.tyk_id)
    else:
        box.edit_developer(dora.tyk_id, inactive=True)
    assert is_signed_in(browser)

    pull.pull_one(dora.tyk_id)

    assert not is_signed_in(browser)


def test_no_session_ends_because_tyk_is_away(box, dora):
    browser = Client()
    log_in(browser, dora.email)
    box.refuse()
    assert is_signed_in(browser)


def test_who_was_here_is_kept_every_five_minutes(box, dora, django_assert_num_queries):
    browser = Client()
    log_in(browser, dora.email)
    browser.get("/account/")
    dora.refresh_from_db()
    first = dora.seen_here_at
    assert first is not None

    browser.get("/account/")
    dora.refresh_from_db()
    assert dora.seen_here_at == first

    Developer.objects.update(seen_here_at=first - timedelta(minutes=6))
    browser.get("/account/")
    dora.refresh_from_db()
    assert dora.seen_here_at >= first


def test_log_out_needs_a_post_and_ends_the_session_on_the_server(box, dora):
    browser = Client()
    log_in(browser, dora.email)
    stolen = browser.cookies["sessionid"].value

    assert browser.get("/logout/").status_code == 405
    assert is_signed_in(browser)
    browser.post("/logout/")

    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_signed_in(thief)


def test_every_form_wants_its_token(box, dora):
    strict = Client(enforce_csrf_checks=True)
    for path in (
        "/login/",
        "/logout/",
        "/sign-up/",
        "/sign-up/sent/",
        "/confirm/",
        "/password/reset/",
        "/password/reset/choose/",
        "/password/change/",
        "/account/",
        "/account/profile/",
        "/account/email/",
        "/account/email/confirm/",
        "/account/picture/choose/",
        "/account/security/end/",
        "/account/mails/",
        "/account/close/",
    ):
        assert strict.post(path, {}).status_code == 403, path
    assert box.journal.operations() == []
