"""A forgotten password: same answer for all, one use, and every session ends."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from developers import services
from developers.models import Developer, MailedLink, User
from tests.cast import in_tyk
from tests.developers.steps import (
    OTHER_PASSWORD,
    RESET,
    choose_password,
    is_signed_in,
    let_the_quarantine_pass,
    link_in,
    log_in,
    open_reset_page,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory
from tests.reliability.boundaries import Boundaries, placed
from tyk import lanes, outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = DeveloperFactory(name="Dora", email="Dora@shop.example")
    return in_tyk(box, row)


@pytest.fixture
def late(monkeypatch) -> Iterator[Boundaries]:
    """`late.land(box)` lets Tyk carry out the held back write at last."""
    with placed(monkeypatch) as boundaries:
        yield boundaries


def ask(address: str, ip: str = "127.0.0.1"):
    browser = Client(REMOTE_ADDR=ip)
    response = browser.post("/password/reset/", {"email": address})
    outbox.drain()
    return response


def is_open(link: MailedLink) -> bool:
    link.refresh_from_db()
    return (link.used_at, link.taken_until) == (None, None)


def test_reset_ends_every_session_and_the_new_password_works(box, dora):
    elsewhere, browser = Client(), Client()
    log_in(elsewhere, dora.email)
    assert is_signed_in(elsewhere)

    page = open_reset_page(browser, "dora@SHOP.example")
    assert page.redirect_chain == [("/password/reset/choose/", 302)]
    assert "for Dora@shop.example" in words(page)
    (message,) = mail.outbox
    assert message.to == ["Dora@shop.example"]
    assert message.subject == "Choose a new password for Northwind APIs"

    done = choose_password(browser, RESET, OTHER_PASSWORD)

    assert done.headers["Location"] == "/login/"
    assert "Log in with your new one" in words(browser.get("/login/"))
    assert box.password_is(dora.email, OTHER_PASSWORD)
    assert not box.password_is(dora.email, PASSWORD)
    assert not is_signed_in(elsewhere)
    assert not is_signed_in(browser)
    assert "E-mail or password is not right" in words(log_in(Client(), dora.email))
    assert log_in(Client(), dora.email, OTHER_PASSWORD).status_code == 302


def test_owner_is_told_with_a_way_out(box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    choose_password(browser, RESET, OTHER_PASSWORD)
    outbox.drain()

    message = mail.outbox[-1]
    assert message.subject == "Your password at Northwind APIs was changed"
    assert message.to == ["Dora@shop.example"]
    assert "This was not me:\nhttp://testserver/password/reset/" in message.body
    assert OTHER_PASSWORD not in message.body


def test_answer_is_the_same_for_every_address(box, dora):
    box.add_developer("off@shop.example", password=PASSWORD, inactive=True)
    pages = []
    for address in (dora.email, "nobody@shop.example", "off@shop.example", "x"):
        browser = Client()
        answer = browser.post("/password/reset/", {"email": address}, follow=True)
        pages.append((answer.redirect_chain, answer.content, sorted(browser.cookies)))
    assert pages == [pages[0]] * 4
    assert "If there is an account" in pages[0][1].decode()
    assert box.journal.operations() == []


def switched_off(box: Sandbox) -> str:
    box.add_developer("off@shop.example", password=PASSWORD, inactive=True)
    return "off@shop.example"


def several(_box: Sandbox) -> str:
    DeveloperFactory(email="Two@shop.example")
    DeveloperFactory(email="TWO@shop.example")
    return "two@shop.example"


NOBODY: dict[str, Callable[[Sandbox], str]] = {
    "unknown": lambda box: "nobody@shop.example",
    "longer when compared": lambda box: (
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 20 + "@shop.example"
    ),
    "switched off": switched_off,
    "several": several,
    "staff": lambda box: "sam@northwind.example",
}


@pytest.mark.parametrize("_case", NOBODY)
def test_nobody_gets_a_mail_who_has_no_account_to_reset(_case, box, dora, sam):
    ask(NOBODY[_case](box))
    assert mail.outbox == []


def test_account_only_tyk_knows_gets_its_mail(box, organisation):
    box.add_developer("new@shop.example", password=PASSWORD)

    ask("new@shop.example")

    assert mail.outbox[0].to == ["new@shop.example"]
    assert Developer.objects.get().email == "new@shop.example"


def test_link_works_once(box, dora):
    browser, again = Client(), Client()
    open_reset_page(browser, dora.email)
    again.get(link_in(mail.outbox[0]))
    choose_password(browser, RESET, OTHER_PASSWORD)

    page = choose_password(again, RESET, "third-password-never-1")

    assert page.status_code == 410
    assert "does not work any more" in words(page)
    assert box.password_is(dora.email, OTHER_PASSWORD)


def test_newest_link_is_the_one_that_works(box, dora):
    ask(dora.email)
    ask(dora.email)
    first, second = (link_in(message) for message in mail.outbox)
    assert Client().get(first, follow=True).status_code == 410
    assert Client().get(second, follow=True).status_code == 200


def test_repeated_mail_job_makes_the_earlier_token_worthless(box, dora):
    ask(dora.email)
    outbox.enqueue("mail.reset", MailedLink.objects.get().code)
    outbox.drain()
    first, second = (link_in(message) for message in mail.outbox)
    assert Client().get(first, follow=True).status_code == 410
    assert Client().get(second, follow=True).status_code == 200


def test_link_ends_after_half_an_hour(box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    link = MailedLink.objects.get()
    assert timedelta(minutes=29) < link.expires_at - timezone.now()
    assert link.expires_at - timezone.now() <= timedelta(minutes=30)
    MailedLink.objects.update(expires_at=timezone.now())

    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 410
    assert box.password_is(dora.email, PASSWORD)


def test_page_after_the_link_has_no_token(box, dora):
    browser = Client()
    page = open_reset_page(browser, dora.email)
    token = link_in(mail.outbox[0]).rstrip("/").rpartition("/")[2]
    assert token not in page.content.decode()
    assert token not in str(dict(browser.session))
    assert is_open(MailedLink.objects.get())


def test_confirm_link_opens_no_reset(box, organisation):
    browser = Client()
    browser.post("/sign-up/", {"email": "nora@tinfold.example", "name": "Nora"})
    outbox.drain()
    token = link_in(mail.outbox[0]).rstrip("/").rpartition("/")[2]
    page = browser.get(f"/password/reset/{token}/", follow=True)
    assert page.status_code == 410


AWAYS = {
    "refused": lambda box: box.refuse(),
    "look fails": lambda box: box.faults.add("getDeveloper", mode="html_200"),
    "key rejected": lambda box: box.rotate_api_key(),
    "busy": lambda box: box.faults.add(
        "resetDeveloperPassword", mode="status", status=429
    ),
}


@pytest.mark.parametrize("_case", AWAYS)
def test_tyk_away_changes_nothing(_case, box, dora):
    elsewhere, browser = Client(), Client()
    log_in(elsewhere, dora.email)
    open_reset_page(browser, dora.email)
    AWAYS[_case](box)

    page = choose_password(browser, RESET, OTHER_PASSWORD)

    assert page.status_code == 503
    assert "Your password was not changed" in words(page)
    assert "this link stays valid" in words(page)
    assert f"Reference {page.headers['X-Request-ID']}" in words(page)
    assert is_open(MailedLink.objects.get())
    assert is_signed_in(elsewhere)
    assert box.password_is(dora.email, PASSWORD)


LOST: dict[str, tuple[dict[str, Any], bool]] = {
    "timeout, set": ({"mode": "timeout_after"}, True),
    "500, set": ({"mode": "status", "status": 500, "commit": True}, True),
    "html, not set": ({"mode": "html_200"}, False),
    "timeout, not set": ({"mode": "timeout_before"}, False),
}


@pytest.mark.parametrize("_case", LOST)
def test_lost_answer_is_settled_by_proving_the_password(_case, box, dora, settings):
    settings.TYK_PASSWORD_DEADLINE = 1.5 if "timeout" in _case else 8
    options, was_set = LOST[_case]
    browser = Client()
    open_reset_page(browser, dora.email)
    box.faults.add("resetDeveloperPassword", times=1, **options)

    page = choose_password(browser, RESET, OTHER_PASSWORD)

    assert box.password_is(dora.email, OTHER_PASSWORD) is was_set
    if was_set:
        assert page.status_code == 302
        return
    assert page.status_code == 503
    assert "We could not find out whether that worked" in words(page)
    assert is_open(MailedLink.objects.get())
    let_the_quarantine_pass()
    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 302
    assert box.password_is(dora.email, OTHER_PASSWORD)


def lose_a_reset(box, dora, late, *, answer: int = 503) -> Client:
    """A new password is sent, and Tyk will set it when nobody listens any more."""
    browser = Client()
    open_reset_page(browser, dora.email)
    box.faults.add("resetDeveloperPassword", mode="refuse_connection", times=1)
    late.hold_back = "resetDeveloperPassword"
    with late.watched():
        page = choose_password(browser, RESET, "an-earlier-choice-77")
    assert (page.status_code, len(late.late)) == (answer, 1)
    return browser


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["reset", "change"])
def test_a_password_that_may_still_land_undoes_no_later_one(
    way, box, dora, late, signed_in
):
    """Else somebody is told that theirs holds, and an older one takes its place."""
    owner = signed_in(dora)
    lose_a_reset(box, dora, late)
    browser = Client()
    if way == "reset":
        open_reset_page(browser, dora.email)
    box.journal.clear()

    def choose() -> Any:
        if way == "reset":
            return choose_password(browser, RESET, OTHER_PASSWORD)
        current = {"current": PASSWORD}
        return choose_password(owner, "/password/change/", OTHER_PASSWORD, **current)

    page = choose()

    assert page.status_code == 503
    assert "We are finishing a change to your account" in words(page)
    assert 80 <= int(page.headers["Retry-After"]) <= 98
    assert "resetDeveloperPassword" not in box.journal.operations()
    assert box.password_is(dora.email, PASSWORD)
    assert is_signed_in(owner)
    late.late.clear()  # it never lands
    let_the_quarantine_pass()
    assert choose().status_code == 302
    assert box.password_is(dora.email, OTHER_PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_a_late_password_is_the_one_that_goes(box, dora, late):
    browser = lose_a_reset(box, dora, late)
    late.land(box)
    assert box.password_is(dora.email, "an-earlier-choice-77")
    let_the_quarantine_pass()

    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 302

    assert box.password_is(dora.email, OTHER_PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_a_password_proved_right_after_a_lost_answer_may_have_been_right_before(
    box, dora, late
):
    """So the lost one may land all the same, and the next one waits for that."""
    box.edit_developer(dora.tyk_id, password="an-earlier-choice-77")
    browser = lose_a_reset(box, dora, late, answer=302)

    open_reset_page(browser, dora.email)
    page = choose_password(browser, RESET, OTHER_PASSWORD)

    assert "We are finishing a change to your account" in words(page)
    assert box.password_is(dora.email, "an-earlier-choice-77")


def test_history_rule_refusing_our_own_repeat_is_success(box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    box.edit_developer(dora.tyk_id, password=OTHER_PASSWORD)
    box.faults.add("resetDeveloperPassword", mode="status", status=400)

    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 302


def test_tyks_own_rule_is_told_in_plain_words(box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    errors = ["password: String length must be greater than or equal to 30"]
    body = json.dumps({"Status": "Error", "Message": "no", "Errors": errors})
    box.faults.add("resetDeveloperPassword", mode="status", status=400, body=body)

    page = choose_password(browser, RESET, OTHER_PASSWORD)

    assert "Choose a password of at least 30 characters" in words(page)
    assert is_open(MailedLink.objects.get())
    assert box.password_is(dora.email, PASSWORD)


CHANGED_MEANWHILE = {
    "switched off": (lambda box, dora: box.edit_developer(dora.tyk_id, inactive=True)),
    "deleted": (lambda box, dora: box.delete_developer(dora.tyk_id)),
    "other address": (
        lambda box, dora: box.edit_developer(dora.tyk_id, email="new@shop.example")
    ),
}


@pytest.mark.parametrize("_case", CHANGED_MEANWHILE)
def test_account_that_changed_meanwhile_gets_no_new_password(_case, box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    CHANGED_MEANWHILE[_case](box, dora)

    page = choose_password(browser, RESET, OTHER_PASSWORD)

    assert "resetDeveloperPassword" not in box.journal.operations()
    assert page.status_code == (200 if _case == "switched off" else 410)
    assert not any(
        box.password_is(row["email"], OTHER_PASSWORD) for row in box.developers()
    )


def test_other_writer_to_the_developer_is_waited_for(box, dora):
    browser = Client()
    open_reset_page(browser, dora.email)
    with lanes.lane(lanes.for_developer(dora.tyk_id), seconds=30):
        page = choose_password(browser, RESET, OTHER_PASSWORD)
    assert "being done in another window" in words(page)
    assert box.password_is(dora.email, PASSWORD)
    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 302


def test_fourth_mail_of_an_hour_is_not_sent_and_not_told(box, dora):
    answers = [ask(dora.email, ip=f"192.0.2.{n}").headers["Location"] for n in range(4)]
    assert answers == ["/password/reset/sent/"] * 4
    assert len(mail.outbox) == 3


def test_eleventh_request_of_an_hour_from_one_network_waits(box, organisation):
    for number in range(10):
        assert ask(f"n{number}@shop.example").status_code == 302
    assert ask("n11@shop.example").status_code == 429


def test_staff_send_a_link_and_learn_nothing(box, dora):
    services.send_reset_link(dora)
    outbox.drain()
    browser = Client()
    browser.get(link_in(mail.outbox[0]))
    assert choose_password(browser, RESET, OTHER_PASSWORD).status_code == 302
    assert box.password_is(dora.email, OTHER_PASSWORD)


def test_own_reset_is_not_taken_for_somebody_elses_change(box, dora):
    browser, fresh = Client(), Client()
    open_reset_page(browser, dora.email)
    choose_password(browser, RESET, OTHER_PASSWORD)
    log_in(fresh, dora.email, OTHER_PASSWORD)
    before = User.objects.get().password

    log_in(Client(), dora.email, OTHER_PASSWORD)

    assert User.objects.get().password == before
    assert is_signed_in(fresh)
