"""Where somebody is signed in: told in words, and ended by their owner."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from developers import browsers
from developers.models import BrowserSession, Developer, User
from developers.session_store import at_rest
from tests.cast import in_tyk
from tests.developers.steps import (
    OTHER_PASSWORD,
    choose_password,
    is_signed_in,
    log_in,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory
from tests.test_secrets import database

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0"
)
CHROME = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Mobile Safari/537.36"
)
PAGE, END = "/account/security/", "/account/security/end/"


@pytest.fixture
def dora(box, organisation) -> Developer:
    return in_tyk(box, DeveloperFactory(name="Dora", email="dora@shop.example"))


@pytest.fixture
def here(dora) -> Client:
    return _at(dora, FIREFOX)


@pytest.fixture
def phone(dora) -> Client:
    return _at(dora, SAFARI)


def _at(developer: Developer, agent: str) -> Client:
    browser = Client(headers={"User-Agent": agent})
    log_in(browser, developer.email)
    return browser


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        (CHROME, "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("Something (Windows NT 10.0)", "A browser on Windows"),
        ("", "A browser we do not know"),
        ("<script>alert(1)</script>", "A browser we do not know"),
    ],
)
def test_a_browser_in_words(agent, said):
    assert browsers.in_words(agent) == said


def test_the_page_lists_each_browser_once_and_marks_this_one(here, phone):
    here.get("/account/")
    page = words(here.get(PAGE))

    assert page.index("Firefox on Linux This one") < page.index("Safari on iPhone")
    assert page.count("This one") == 1
    assert "127.0.0.1" not in page


def test_one_is_signed_out_at_its_next_click(here, phone):
    name = next(b.name for b in here.get(PAGE).context["browsers"] if not b.is_this)

    done = here.post(END, {"browser": name}, follow=True)

    assert "That browser is logged out" in words(done)
    assert "You are not logged in anywhere else" in words(done)
    assert not is_signed_in(phone)
    assert is_signed_in(here)


def test_everywhere_else_at_once(here, phone, dora):
    third = _at(dora, EDGE)

    here.post(END, {"browser": "others"})

    assert [is_signed_in(one) for one in (here, phone, third)] == [True, False, False]
    # Again, from a page that is old by now: the same words, and nothing happens.
    assert here.post(END, {"browser": "others"}).status_code == 302
    assert is_signed_in(here)


def test_nobody_ends_anybody_elses(here, charlie, signed_in):
    stranger = signed_in(charlie)
    [mine] = here.get(PAGE).context["browsers"]

    told = stranger.post(END, {"browser": mine.name}, follow=True)

    assert "logged out already" in words(told)
    assert is_signed_in(here)


def test_a_get_ends_nothing_and_strangers_log_in_first(here, phone, sam, signed_in):
    assert here.get(END).status_code == 405
    assert is_signed_in(phone)
    for visitor in (Client(), signed_in(sam)):
        assert visitor.get(PAGE).headers["Location"] == f"/login/?next={PAGE}"


def test_logout_takes_it_off_the_list(here, phone):
    phone.post("/logout/")

    assert [b.words for b in here.get(PAGE).context["browsers"]] == ["Firefox on Linux"]
    assert BrowserSession.objects.exclude(user=None).count() == 1


def test_what_ran_out_is_not_listed(here, phone):
    names = BrowserSession.objects.exclude(pk=_row(here).pk)
    names.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert len(here.get(PAGE).context["browsers"]) == 1


def test_a_new_password_leaves_only_this_one_on_the_list(here, phone):
    choose_password(here, "/password/change/", OTHER_PASSWORD, current=PASSWORD)

    assert [b.is_this for b in here.get(PAGE).context["browsers"]] == [True]
    assert not is_signed_in(phone)


def test_staff_end_them_too(here, phone, dora):
    from developers.services import end_sessions

    end_sessions(dora)

    assert [is_signed_in(one) for one in (here, phone)] == [False, False]
    again = _at(dora, EDGE)
    assert [b.words for b in again.get(PAGE).context["browsers"]] == ["Edge on Windows"]


def test_last_seen_is_written_every_five_minutes(here, phone):
    row = _row(phone)
    soon, long_ago = (timezone.now() - timedelta(minutes=m) for m in (4, 6))
    for seen, kept in ((soon, True), (long_ago, False)):
        BrowserSession.objects.filter(pk=row.pk).update(seen_at=seen)
        phone.get("/account/")
        row.refresh_from_db()
        assert (row.seen_at == seen) is kept


def test_the_cookie_is_nowhere_in_the_database(here):
    cookie = here.cookies["sessionid"].value

    assert [place for place, text in database().items() if cookie in text] == []
    # What stands there opens nothing.
    thief = Client()
    thief.cookies["sessionid"] = _row(here).session_key
    assert not is_signed_in(thief)


def test_a_session_that_ended_is_not_saved_again(here, phone):
    """A click of the other browser that was under way does not bring it back."""
    from django.contrib.sessions.backends.base import UpdateError

    session = phone.session
    session["more"] = 1
    here.post(END, {"browser": "others"})

    with pytest.raises(UpdateError):
        session.save()
    assert not is_signed_in(phone)


def test_as_many_queries_for_many_browsers(here, dora, django_assert_num_queries):
    def look() -> None:
        # Session, person, browsers.
        with django_assert_num_queries(3):
            here.get(PAGE)

    here.get(PAGE)
    look()
    for _ in range(4):
        _at(dora, CHROME)
    look()


def _row(browser: Client) -> BrowserSession:
    user = User.objects.get(developer__name="Dora")
    name = at_rest(browser.cookies["sessionid"].value)
    return BrowserSession.objects.get(user=user, session_key=name)
