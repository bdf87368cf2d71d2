"""Another e-mail address: password, new mailbox, same record, old mailbox told."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from developers import live, push_look, services
from developers.models import Developer, HeldBefore, MailedLink
from tests.cast import in_tyk
from tests.developers.steps import (
    is_signed_in,
    let_the_quarantine_pass,
    link_in,
    log_in,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory, MailedLinkFactory
from tests.reliability.boundaries import Died, placed
from tyk import lanes, outbox, pull as sync
from tyk.models import Outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db

OLD, NEW = "dora@shop.example", "dora@night.example"
ASK, CONFIRM = "/account/email/", "/account/email/confirm/"


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = in_tyk(box, DeveloperFactory(name="Dora", email=OLD))
    box.issue_key(row.tyk_id, box.add_policy("Gold"))
    box.edit_developer(row.tyk_id, sso_key="sso", nonce="n0")
    return row


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


def ask(browser: Client, email: str = NEW, current: str = PASSWORD) -> Any:
    response = browser.post(ASK, {"email": email, "current": current})
    outbox.drain()
    return response


def open_link(browser: Client) -> Any:
    return browser.get(link_in(mail.outbox[-1]), follow=True)


def rest_of(box: Sandbox, developer: Developer) -> dict[str, Any]:
    whole = box.developer(developer.tyk_id)
    return {name: value for name, value in whole.items() if name != "email"}


def email_in_tyk(box: Sandbox, developer: Developer) -> str:
    return str(box.developer(developer.tyk_id)["email"])


def link() -> MailedLink:
    return MailedLink.objects.get(purpose="new_address")


def test_whole_way(box, dora, browser):
    elsewhere = Client()
    log_in(elsewhere, OLD)
    reset = MailedLinkFactory(email=OLD, developer=dora, digest="r" * 64)
    unconfirmed = MailedLinkFactory(purpose="confirm", email=OLD, digest="c" * 64)
    rest = rest_of(box, dora)

    done = ask(browser)

    assert done.headers["Location"] == "/account/"
    assert f"We sent a link to {NEW}" in words(browser.get("/account/"))
    (message,) = mail.outbox
    assert (message.to, message.subject) == (
        [NEW],
        "Your new address at Northwind APIs",
    )
    assert email_in_tyk(box, dora) == OLD

    box.journal.clear()
    page = open_link(browser)
    assert page.redirect_chain == [(CONFIRM, 302)]
    assert "Your API keys are not affected" in words(page)
    assert box.journal.operations() == []

    done = browser.post(CONFIRM)

    assert done.headers["Location"] == "/account/"
    assert box.journal.operations() == [
        "getDeveloper",
        "getDeveloperByEmail",
        "getDeveloper",
        "updateDeveloper",
        "getDeveloper",
    ]
    assert email_in_tyk(box, dora) == NEW
    assert rest_of(box, dora) == rest
    assert rest["keys"]
    dora.refresh_from_db()
    assert (dora.email, dora.email_key) == (NEW, NEW)
    assert NEW in words(browser.get("/account/"))
    assert not is_signed_in(elsewhere)
    for row in (reset, unconfirmed):
        row.refresh_from_db()
        assert row.expires_at <= timezone.now()
    assert log_in(Client(), OLD).status_code == 200
    assert log_in(Client(), NEW).status_code == 302

    outbox.drain()
    message = mail.outbox[-1]
    assert (message.to, message.subject) == (
        [OLD],
        "Your e-mail address at Northwind APIs was changed",
    )
    assert "If this was not you" in message.body
    assert NEW not in message.body
    # The link has done its work.
    assert browser.post(CONFIRM).status_code == 410


def test_opened_where_nobody_is_signed_in(box, dora, browser):
    ask(browser)
    other = Client()
    open_link(other)
    assert other.post(CONFIRM).headers["Location"] == "/login/"
    assert email_in_tyk(box, dora) == NEW
    assert not is_signed_in(other)
    assert not is_signed_in(browser)


def test_wrong_password_mails_nobody_and_is_throttled(box, browser):
    pages = [ask(browser, current="not-it-at-all") for _ in range(6)]
    assert [page.status_code for page in pages] == [200] * 5 + [429]
    assert "The current password is not right" in words(pages[0])
    assert mail.outbox == []
    assert not MailedLink.objects.exists()


@pytest.mark.parametrize("typed", [OLD, "x", "dor\u0430@shop.example", ""])
def test_address_that_can_not_be_used_asks_tyk_nothing(typed, box, browser):
    assert ask(browser, email=typed).status_code == 200
    assert box.journal.operations() == []
    assert not MailedLink.objects.exists()


@pytest.mark.parametrize("where", ["here", "in Tyk only"])
def test_taken_address_looks_the_same_and_its_owner_is_told(where, box, browser):
    owner = "Owner@night.example"
    if where == "here":
        DeveloperFactory(email=owner)
    else:
        box.add_developer(owner, password=PASSWORD)

    free = ask(browser, "free@night.example")
    said = words(browser.get("/account/")).replace("free@night.example", "X")
    taken = ask(browser, owner)

    assert (taken.status_code, taken.headers["Location"]) == (
        free.status_code,
        free.headers["Location"],
    )
    assert words(browser.get("/account/")).replace(owner, "X") == said
    message = mail.outbox[-1]
    assert (message.to, message.subject) == (
        [owner],
        "Somebody asked for your address at Northwind APIs",
    )
    assert "http://testserver/account" not in message.body


def test_taken_between_mail_and_click(box, dora, browser):
    ask(browser)
    open_link(browser)
    box.add_developer(NEW, password=PASSWORD)
    page = browser.post(CONFIRM)
    assert "There is another account with this address" in words(page)
    assert email_in_tyk(box, dora) == OLD
    assert is_signed_in(browser)


def test_same_address_in_another_case_is_a_change(box, dora, browser):
    ask(browser, "Dora@shop.example")
    open_link(browser)
    browser.post(CONFIRM)
    assert email_in_tyk(box, dora) == "Dora@shop.example"


def test_address_staff_gave_meanwhile_stands(box, dora, browser):
    ask(browser)
    open_link(browser)
    box.edit_developer(dora.tyk_id, email="staff@shop.example")
    assert browser.post(CONFIRM).status_code == 410
    assert email_in_tyk(box, dora) == "staff@shop.example"
    assert "updateDeveloper" not in box.journal.operations()


def test_only_the_newest_link_works(box, dora, browser):
    ask(browser, "first@night.example")
    first = link_in(mail.outbox[-1])
    ask(browser)
    assert browser.get(first, follow=True).status_code == 410
    assert open_link(browser).status_code == 200


@pytest.mark.parametrize("state", ["expired", "unknown", "switched off", "gone"])
def test_link_that_leads_nowhere(state, box, dora, browser):
    ask(browser)
    open_link(browser)
    if state == "expired":
        MailedLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif state == "unknown":
        browser = Client()
    elif state == "switched off":
        box.edit_developer(dora.tyk_id, inactive=True)
    else:
        box.delete_developer(dora.tyk_id)
    page = browser.post(CONFIRM)
    assert page.status_code == (200 if state == "switched off" else 410)
    assert "updateDeveloper" not in box.journal.operations()


FAULTS: dict[str, tuple[dict[str, Any], int, bool]] = {
    "timeout before": ({"mode": "timeout_before", "seconds": 3}, 503, False),
    "timeout after": ({"mode": "timeout_after", "seconds": 3}, 302, True),
    "reset after": ({"mode": "reset_after"}, 302, True),
    "500 without effect": ({"mode": "status", "status": 500}, 503, False),
    "500 with effect": ({"mode": "status", "status": 500, "commit": True}, 302, True),
    "refused": ({"mode": "status", "status": 400}, 200, False),
    "busy": ({"mode": "status", "status": 429}, 503, False),
    "not reached": ({"mode": "refuse_connection"}, 503, False),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_of_the_write(case, box, dora, browser, settings):
    fault, status, is_done = FAULTS[case]
    settings.TYK_WRITE_DEADLINE = settings.TYK_PASSWORD_DEADLINE = 2.0
    rest = rest_of(box, dora)
    ask(browser)
    open_link(browser)
    box.faults.add("updateDeveloper", times=1, **fault)

    page = browser.post(CONFIRM)

    assert page.status_code == status
    assert email_in_tyk(box, dora) == (NEW if is_done else OLD)
    assert rest_of(box, dora) == rest
    assert is_signed_in(browser)
    assert (link().used_at is not None) is is_done
    if case == "refused":
        assert "did not accept this address" in words(page)
    if not is_done:
        assert link().taken_until is None
        if case not in {"refused", "busy"}:  # whether it was done is not known
            early = browser.post(CONFIRM)
            assert "We are finishing a change to your account" in words(early)
            assert int(early.headers["Retry-After"]) > 60
            assert link().taken_until is None
            let_the_quarantine_pass()
        assert browser.post(CONFIRM).status_code == 302
        assert email_in_tyk(box, dora) == NEW
    outbox.drain()
    assert [m.to for m in mail.outbox] == [[NEW], [OLD]]


def test_lost_look_leaves_the_link_open_and_the_next_click_finds_it_done(
    box, dora, browser, settings
):
    settings.TYK_PASSWORD_DEADLINE = 2.0
    ask(browser)
    open_link(browser)
    box.faults.add("updateDeveloper", mode="reset_after", times=1)
    box.faults.add("getDeveloper", mode="status", status=500, after=2, times=4)

    page = browser.post(CONFIRM)
    assert page.status_code == 503
    assert "press the button once more" in words(page)
    box.heal()
    assert browser.post(CONFIRM).status_code == 302

    assert box.journal.operations().count("updateDeveloper") == 1
    dora.refresh_from_db()
    assert dora.email == NEW


@pytest.mark.django_db(transaction=True)
def test_key_lost_beside_the_write_of_a_process_that_died_is_told(
    box, dora, browser, monkeypatch
):
    """Nobody may ever press the button again: the worker looks."""
    ask(browser)
    open_link(browser)
    (key,) = box.developer(dora.tyk_id)["keys"]
    with placed(monkeypatch) as boundaries:

        def end() -> None:
            box.delete_key(key)
            boundaries.die()

        boundaries.meanwhile = ("after updateDeveloper", end)
        with boundaries.watched(), pytest.raises(Died):
            browser.post(CONFIRM)
    monkeypatch.undo()
    row = Outbox.objects.get(kind="developer.profile")
    assert 90 <= (row.next_at - timezone.now()).total_seconds() <= 98
    outbox.drain()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()

    look_after_the_write()

    assert Outbox.objects.get(kind="developer.keys_lost").parked_reason
    assert not HeldBefore.objects.exists()


def look_after_the_write() -> None:
    """So much later the worker compares."""
    Outbox.objects.update(next_at=timezone.now())
    let_the_quarantine_pass()
    outbox.drain()


def test_the_look_after_a_write_finds_nothing_amiss(box, dora, browser):
    ask(browser)
    open_link(browser)
    assert browser.post(CONFIRM).status_code == 302
    outbox.drain()
    box.journal.clear()

    look_after_the_write()

    row = Outbox.objects.get(kind="developer.profile")
    assert (row.served, row.parked_reason) == (row.asked, "")
    assert box.journal.operations() == ["getDeveloper"]
    assert not HeldBefore.objects.exists()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


def test_a_spoiled_answer_to_the_look_raises_no_alarm(box, dora, browser):
    sync.run("developers")
    ask(browser)
    open_link(browser)
    assert browser.post(CONFIRM).status_code == 302
    box.faults.add("getDeveloper", mode="null_lists", times=1)

    look_after_the_write()

    row = Outbox.objects.get(kind="developer.profile")
    assert (row.served, row.attempts) == (row.asked - 1, 0)
    assert HeldBefore.objects.exists()
    look_after_the_write()
    assert not HeldBefore.objects.exists()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


def test_tyk_away_changes_nothing(box, dora, browser):
    ask(browser)
    open_link(browser)
    box.refuse()
    assert browser.post(CONFIRM).status_code == 503
    assert link().taken_until is None
    page = browser.post(ASK, {"email": "third@night.example", "current": PASSWORD})
    assert page.status_code == 503
    assert "Nothing is changed" in words(page)


def test_waits_for_another_writer(box, dora, browser):
    ask(browser)
    open_link(browser)
    with lanes.lane(lanes.for_developer(dora.tyk_id), seconds=30):
        page = browser.post(CONFIRM)
    assert "Your account is being changed this moment" in words(page)
    assert "the password you just chose" not in words(page)
    assert email_in_tyk(box, dora) == OLD
    assert browser.post(CONFIRM).status_code == 302


def test_a_mailbox_gets_three_mails_an_hour_and_the_page_does_not_tell(box, browser):
    answers = {ask(browser).headers["Location"] for _ in range(5)}
    assert answers == {"/account/"}
    assert len(mail.outbox) == 3


def test_no_link_for_an_account_switched_off_meanwhile(box, dora):
    services.ask_for_new_address(dora, address=NEW)
    Developer.objects.update(inactive=True)
    outbox.drain()
    assert mail.outbox == []


def test_a_link_that_was_ended_while_its_mail_was_made_stays_ended(
    box, dora, monkeypatch
):
    """The address was mistyped, and its owner asked again: a stranger must not get it."""
    services.ask_for_new_address(dora, address="dora@nigth.example")
    look_up = push_look.look_up

    def slow(address: str) -> Any:
        if address != NEW:
            services.ask_for_new_address(dora, address=NEW)
        return look_up(address)

    monkeypatch.setattr(push_look, "look_up", slow)
    outbox.drain()

    assert [message.to for message in mail.outbox] == [[NEW]]
    first, second = MailedLink.objects.order_by("pk")
    assert first.digest is None
    assert first.expires_at <= timezone.now() < second.expires_at


def test_pages_ask_tyk_nothing(box, browser):
    box.hang()
    for path in (ASK, CONFIRM, "/account/email/some-token/"):
        assert browser.get(path).status_code < 500
    assert Client().get(ASK).headers["Location"] == f"/login/?next={ASK}"
    assert Client().post(ASK).status_code == 302
    assert Client().post(CONFIRM).status_code == 410
    assert box.journal.operations() == []


@pytest.mark.parametrize(
    "end",
    [services.password_was_changed, services.end_sessions],
    ids=["a new password", "sessions ended by staff"],
)
def test_a_thief_who_was_thrown_out_moves_the_account_no_more(box, dora, browser, end):
    """They asked while they were signed in, and hold the link to their mailbox."""
    ask(browser, "thief@night.example")
    path = link_in(mail.outbox[-1])
    end(dora)

    page = Client().get(path, follow=True)
    done = Client().post(CONFIRM)

    assert "does not work any more" in words(page)
    assert done.status_code == 410
    assert email_in_tyk(box, dora) == OLD
    dora.refresh_from_db()
    assert dora.email == OLD


def test_a_link_that_ends_while_it_is_held_changes_nothing(
    box, dora, browser, monkeypatch
):
    ask(browser)
    open_link(browser)
    held = live.in_lane

    def ended_meanwhile(name: str) -> Any:
        services.end_sessions(dora)
        return held(name)

    monkeypatch.setattr(live, "in_lane", ended_meanwhile)

    browser.post(CONFIRM)

    assert email_in_tyk(box, dora) == OLD
