"""Strangers who guess don't keep staff out of a browser they logged in with before."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from developers import device, throttle
from developers.models import ThrottleCount, User
from tests.cast import in_tyk
from tests.developers.steps import OTHER_PASSWORD, log_in, words
from tests.factories import STAFF_PASSWORD, DeveloperFactory, StaffFactory

pytestmark = pytest.mark.django_db

WRONG = "not-it-12345678"
WAIT = "then try again"
DOOR = "/admin/login/"


def enter(browser: Client, address: str | None, password: str = STAFF_PASSWORD) -> Any:
    typed = {"username": address, "password": password, "next": "/admin/"}
    return browser.post(DOOR, typed)


def answers(browser: Client, address: str, password: str, number: int) -> list[str]:
    """What each of `number` tries came to, in one word."""
    return [answer(enter(browser, address, password)) for _ in range(number)]


def answer(page: Any) -> str:
    if page.status_code == 302:
        return "in"
    told = words(page)
    if WAIT in told:
        return "wait"
    assert "enter the correct email and password" in told
    return "wrong"


def is_in(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


@pytest.fixture
def known_browser(sam: User) -> Client:
    """A browser Sam logged in with, and out again."""
    browser = Client()
    assert answer(enter(browser, sam.email)) == "in"
    browser.post("/admin/logout/")
    return browser


def use_up(person: User) -> None:
    """Strangers use up all tries of a day, over many networks."""
    for _ in range(20):
        # Five minutes later each time: the day's count alone is left.
        soon = timezone.now() + timedelta(minutes=6)
        ThrottleCount.objects.filter(expires_at__lt=soon).delete()
        throttle.spend("login", address=f"staff:{person.email}")
    assert answer(enter(Client(), person.email)) == "wait"


def test_strangers_do_not_lock_staff_out(sam, known_browser):
    use_up(sam)

    assert answer(enter(known_browser, sam.email)) == "in"
    assert is_in(known_browser)


def test_strangers_at_the_door_itself_do_not_either(sam, known_browser):
    stranger = Client()

    told = answers(stranger, sam.email, WRONG, 6)

    assert told == ["wrong"] * 5 + ["wait"]
    assert answer(enter(Client(), sam.email)) == "wait"
    assert answer(enter(known_browser, sam.email)) == "in"


def test_the_right_password_elsewhere_still_waits(sam, known_browser):
    use_up(sam)
    elsewhere = Client()

    assert answer(enter(elsewhere, sam.email)) == "wait"
    assert not is_in(elsewhere)
    assert device.COOKIE not in elsewhere.cookies


def test_a_known_browser_has_no_more_tries_than_others(sam, known_browser):
    use_up(sam)

    assert answers(known_browser, sam.email, WRONG, 6) == ["wrong"] * 5 + ["wait"]
    assert answer(enter(known_browser, sam.email)) == "wait"


def test_tries_of_a_known_browser_are_not_those_of_others(sam, known_browser):
    answers(known_browser, sam.email, WRONG, 5)

    assert answer(enter(Client(), sam.email)) == "in"


def test_right_tries_of_a_known_browser_count_for_nothing(sam, known_browser):
    assert answers(known_browser, sam.email, STAFF_PASSWORD, 8) == ["in"] * 8


def test_a_known_browser_counts_for_its_network(sam, known_browser):
    for _ in range(29):  # and the one the browser became known by
        throttle.spend("login", ip="127.0.0.1")

    assert answer(enter(known_browser, sam.email)) == "wait"


def test_a_known_browser_is_a_stranger_to_colleagues(sam, known_browser):
    other = StaffFactory()
    use_up(other)

    assert answer(enter(known_browser, other.email)) == "wait"


def test_another_spelling_is_the_same_person(sam, known_browser):
    use_up(sam)

    assert answer(enter(known_browser, " SAM@northwind.example")) == "in"


def test_a_twin_in_another_spelling_is_somebody_else(sam, known_browser):
    twin = StaffFactory(email="SAM@northwind.example")
    use_up(twin)

    assert answer(enter(known_browser, twin.email)) == "wait"
    assert answer(enter(known_browser, sam.email)) == "in"


# --- The cookie --------------------------------------------------------------------------
@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_goes_to_the_door_alone(secure, sam, settings):
    settings.SESSION_COOKIE_SECURE = secure
    browser = Client()
    enter(browser, sam.email)

    cookie = browser.cookies[device.COOKIE]
    kept = [cookie[name] for name in ("path", "httponly", "samesite", "max-age")]
    assert kept == [DOOR, True, "Lax", 180 * 24 * 3600]
    assert bool(cookie["secure"]) is secure
    assert sam.email not in cookie.value


def test_each_login_gives_the_browser_a_new_name(sam, known_browser):
    before = known_browser.cookies[device.COOKIE].value

    enter(known_browser, sam.email)

    assert known_browser.cookies[device.COOKIE].value != before


def refused(case: str, sam: User) -> Client:
    """A browser that was at the door and did not come in."""
    browser = Client()
    if case == "looked":
        browser.get(DOOR)
    elif case == "wrong":
        enter(browser, sam.email, WRONG)
    else:
        User.objects.filter(pk=sam.pk).update(is_active=False)
        enter(browser, sam.email)
    return browser


@pytest.mark.parametrize("_case", ["looked", "wrong", "switched off"])
def test_only_a_login_makes_a_browser_known(_case, sam):
    assert device.COOKIE not in refused(_case, sam).cookies


def test_a_wrong_password_beside_a_session_renews_nothing(sam, signed_in):
    """Else a stolen session made browsers known, without any password."""
    browser = signed_in(sam)

    assert answer(enter(browser, sam.email, WRONG)) == "wrong"

    assert device.COOKIE not in browser.cookies


FORGED = {
    "none": "",
    "no name": "{sam}.",
    "not signed": "{sam}.WyJhIl0",
    "odd number": "²." + "a" * 40,
    "huge number": "9" * 60 + ".a",
    "another's": "{others}",
    "another's, renamed": "{sam}.{others_name}",
    "a developer's": "{doras}",
    "a developer's, renamed": "{sam}.{doras_name}",
}


@pytest.mark.parametrize("_case", FORGED)
def test_forged_cookies_are_worth_nothing(_case, box, organisation, sam):
    other = StaffFactory()
    dora = in_tyk(box, DeveloperFactory(email=sam.email))
    theirs, doras = Client(), Client()
    enter(theirs, other.email)
    log_in(doras, dora.email)
    others, hers = (b.cookies[device.COOKIE].value for b in (theirs, doras))
    forged = FORGED[_case].format(
        sam=sam.pk,
        others=others,
        others_name=others.partition(".")[2],
        doras=hers,
        doras_name=hers.partition(".")[2],
    )
    use_up(sam)
    forger = Client()
    forger.cookies[device.COOKIE] = forged
    before = list(ThrottleCount.objects.filter(count__gte=5).values())

    assert answer(enter(forger, sam.email)) == "wait"

    assert not is_in(forger)
    assert list(ThrottleCount.objects.filter(count__gte=5).values()) == before
    # Its owner's own is good at the same door.
    assert answer(enter(theirs, other.email)) == "in"


def test_staffs_cookie_is_worth_nothing_to_a_developer(box, organisation, sam):
    dora = in_tyk(box, DeveloperFactory(email=sam.email))
    log_in(Client(), dora.email)
    browser = Client()
    enter(browser, sam.email)
    request = RequestFactory().post("/login/")
    request.COOKIES[device.COOKIE] = browser.cookies[device.COOKIE].value

    assert device.known(request, dora.email) == ""


def test_a_name_is_forgotten_in_time(sam, known_browser, monkeypatch):
    use_up(sam)
    monkeypatch.setattr(device, "SECONDS", -1)

    assert answer(enter(known_browser, sam.email)) == "wait"


# --- A new password ----------------------------------------------------------------------
def change_password(browser: Client, current: str, new: str = OTHER_PASSWORD) -> Any:
    typed = {"old_password": current, "new_password1": new, "new_password2": new}
    return browser.post("/admin/password_change/", typed)


def test_a_new_password_makes_other_browsers_strangers(sam, known_browser):
    here = Client()
    enter(here, sam.email)

    assert change_password(here, STAFF_PASSWORD).status_code == 302

    here.post("/admin/logout/")
    use_up(sam)
    assert answer(enter(known_browser, sam.email, OTHER_PASSWORD)) == "wait"
    assert answer(enter(here, sam.email, OTHER_PASSWORD)) == "in"


def test_a_new_password_refused_renews_nothing(sam, signed_in):
    browser = signed_in(sam)

    assert change_password(browser, WRONG).status_code == 200

    assert device.COOKIE not in browser.cookies
    sam.refresh_from_db()
    assert sam.check_password(STAFF_PASSWORD)


def test_an_open_session_guesses_the_old_password_no_faster(sam, signed_in):
    browser = signed_in(sam)
    guesses = [change_password(browser, WRONG).content for _ in range(5)]

    right = change_password(browser, STAFF_PASSWORD)

    assert all(b"entered incorrectly" in guess for guess in guesses)
    assert right.status_code == 200
    assert "Too many attempts. Wait 5 minutes" in right.content.decode()
    sam.refresh_from_db()
    assert sam.check_password(STAFF_PASSWORD)
    # The door is counted by itself, and so is each colleague.
    assert answer(enter(Client(), sam.email)) == "in"


def test_the_right_old_password_counts_as_no_try(sam, signed_in):
    browser = signed_in(sam)
    there_and_back = [
        (STAFF_PASSWORD, OTHER_PASSWORD),
        (OTHER_PASSWORD, STAFF_PASSWORD),
    ]
    changed = [change_password(browser, *pair) for pair in there_and_back * 3]

    assert [one.status_code for one in changed] == [302] * 6


def test_an_address_is_counted_once_however_it_is_spelt(sam):
    """The database takes other spellings for the same address, and so must we."""
    spelt = [sam.email.upper(), sam.email.title(), sam.email]
    told = [answer(enter(Client(), spelt[n % 3], WRONG)) for n in range(6)]

    assert told == ["wrong"] * 5 + ["wait"]
