"""Strangers with a "+" in the address don't make the portal read whole lists.

Tyk finds no such address (TykTechnologies/tyk#1697), so for one the mirror does not
know only the list of all developers tells. All mails share few looks at it.
"""

import time
from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client
from django.utils import timezone

from developers import pull, throttle
from developers.errors import Throttled
from developers.models import MailedLink, SignUp, ThrottleCount
from tests.cast import in_tyk
from tests.developers.steps import (
    RESET,
    ask_to_sign_up,
    choose_password,
    link_in,
    log_in,
    open_confirm_page,
    words,
)
from tests.factories import PASSWORD, DeveloperFactory
from tyk import connect, outbox
from tyk.dashboard.records import Developer as Record
from tyk.models import Outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db

PLUS = "nora+keys@tinfold.example"
WAITS = "waits for a look through all developers"


def listings(box: Sandbox) -> int:
    return box.journal.operations().count("listDevelopers")


def ask(address: str, ip: str = "127.0.0.1") -> None:
    Client(REMOTE_ADDR=ip).post("/password/reset/", {"email": address})
    outbox.drain()


def looks_left() -> int:
    left = 0
    while left < 10:
        try:
            throttle.spend("look_through")
        except Throttled:
            break
        left += 1
    return left


@pytest.fixture
def no_looks_left(organisation) -> None:
    assert looks_left() == 5


def pass_time(**kwargs: float) -> None:
    """What waits, ends or was counted did so that much earlier."""
    past = timedelta(**kwargs)
    ThrottleCount.objects.update(expires_at=F("expires_at") - past)
    MailedLink.objects.update(
        created_at=F("created_at") - past, expires_at=F("expires_at") - past
    )
    Outbox.objects.update(next_at=F("next_at") - past)
    outbox.drain()


def test_strangers_cause_five_listings_in_ten_minutes(box, organisation):
    for number in range(12):
        ask(f"a+{number}@x.example", ip=f"192.0.2.{number}")

    assert listings(box) == 5
    rows = Outbox.objects.order_by("pk")
    assert [row.last_outcome for row in rows] == ["done"] * 5 + [WAITS] * 7
    wait = rows[11].next_at - timezone.now()
    assert timedelta(seconds=590) < wait <= timedelta(seconds=600)
    assert {row.attempts for row in rows} == {0}
    assert mail.outbox == []

    pass_time(minutes=10)

    assert listings(box) == 10


def test_who_is_found_by_address_or_mirror_costs_no_look(box, organisation):
    box.add_developer("plain@tinfold.example", password=PASSWORD)
    known = in_tyk(box, DeveloperFactory(email="known+1@tinfold.example"))

    for address in ("plain@tinfold.example", known.email, "nobody@x.example"):
        ask(address)

    assert (listings(box), looks_left()) == (0, 5)
    assert [m.to[0] for m in mail.outbox] == ["plain@tinfold.example", known.email]


def test_a_mail_that_waits_is_late_and_not_lost(box, no_looks_left):
    box.add_developer(PLUS, password=PASSWORD)
    ask(PLUS)
    assert mail.outbox == []

    # Longer than such a link works: it does so from when it is mailed.
    pass_time(minutes=45)

    assert [message.to for message in mail.outbox] == [[PLUS]]
    browser = Client()
    browser.get(link_in(mail.outbox[0]), follow=True)
    assert choose_password(browser, RESET, "copper-meadow-9").status_code == 302
    assert box.password_is(PLUS, "copper-meadow-9")


def test_who_waits_gets_it_without_a_look_once_the_mirror_knows(box, no_looks_left):
    box.add_developer(PLUS, password=PASSWORD)
    ask(PLUS)
    found = list(connect.dashboard().developers())
    pull.apply([one for one in found if isinstance(one, Record)])
    box.journal.clear()

    Outbox.objects.update(next_at=timezone.now())
    outbox.drain()

    assert [message.to for message in mail.outbox] == [[PLUS]]
    assert listings(box) == 0


def test_after_two_pulls_time_nobody_waits_any_more(box, no_looks_left):
    ask(PLUS)
    pass_time(minutes=119)
    assert listings(box) == 1

    ask("b+1@x.example")
    assert looks_left() == 3
    ask("c+1@x.example")
    box.journal.clear()
    pass_time(minutes=121)

    assert box.journal.operations() == []
    assert {row.last_outcome for row in Outbox.objects.all()} == {"done"}


def test_a_link_that_was_ended_is_not_brought_back(box, no_looks_left):
    ask(PLUS)
    MailedLink.objects.update(expires_at=timezone.now())
    box.journal.clear()

    pass_time(minutes=10)

    assert box.journal.operations() == []


def test_a_list_that_takes_longer_than_the_lease_is_given_up_before(
    box, organisation, settings
):
    settings.OUTBOX_LEASE = 4
    box.faults.add("listDevelopers", mode="latency", seconds=8)
    began = time.monotonic()

    ask(PLUS)

    assert time.monotonic() - began < 4
    row = Outbox.objects.get()
    assert (row.last_outcome, row.lease_until) == ("unreachable: timeout", None)
    assert listings(box) == 1


# --- Sign-up: a second account must not be made ---------------------------------------
def test_a_sign_up_waits_for_its_look(box, no_looks_left):
    box.add_developer(PLUS, password=PASSWORD)

    ask_to_sign_up(Client(), PLUS)

    assert (mail.outbox, MailedLink.objects.count()) == ([], 0)
    assert Outbox.objects.get().last_outcome == WAITS
    assert SignUp.objects.get().state == "waiting"

    pass_time(minutes=10)

    assert mail.outbox[0].subject == "You already have an account at Northwind APIs"
    assert len(box.developers()) == 1


@pytest.mark.parametrize("operation", ["getDeveloperByEmail", "listDevelopers"])
def test_a_look_that_fails_is_not_taken_for_nobody(operation, box, organisation):
    """The page of the link would not look through the list: the mail waits."""
    box.add_developer(PLUS, password=PASSWORD)
    box.faults.add(operation, mode="status", status=503)

    ask_to_sign_up(Client(), PLUS)

    assert (mail.outbox, MailedLink.objects.count()) == ([], 0)
    assert Outbox.objects.get().last_outcome == "unreachable: status 503"

    box.faults.clear()
    pass_time(minutes=10)

    assert mail.outbox[0].subject == "You already have an account at Northwind APIs"


def lose_the_answer(box: Sandbox, settings) -> Client:
    """A confirmed sign-up whose account is made and whose answer is lost."""
    settings.TYK_PASSWORD_DEADLINE = 1.5
    browser = Client()
    open_confirm_page(browser, PLUS)
    box.faults.add("createDeveloper", mode="timeout_after", times=1)
    box.faults.add("verifyCredentials", mode="status", status=500)
    choose_password(browser)
    box.faults.clear()
    return browser


def test_confirming_looks_whatever_strangers_used_up(box, organisation, settings):
    browser = lose_the_answer(box, settings)
    looks_left()

    assert choose_password(browser).status_code == 302

    assert [row["email"] for row in box.developers()] == [PLUS]


def test_confirming_without_the_list_makes_no_second_account(
    box, organisation, settings
):
    browser = lose_the_answer(box, settings)
    box.faults.add("listDevelopers", mode="status", status=503)

    page = choose_password(browser)

    assert page.status_code == 503
    assert "The service that keeps accounts is not answering" in words(page)
    assert "this link stays valid" in words(page)
    assert [row["email"] for row in box.developers()] == [PLUS]
    link = MailedLink.objects.get()
    assert (link.used_at, link.taken_until) == (None, None)


def test_a_new_address_waits_for_its_look(box, organisation):
    dora = in_tyk(box, DeveloperFactory(email="dora@shop.example"))
    browser = Client()
    log_in(browser, dora.email)
    looks_left()

    browser.post("/account/email/", {"email": PLUS, "current": PASSWORD})
    outbox.drain()

    assert Outbox.objects.get(kind="mail.new_address").last_outcome == WAITS
    assert mail.outbox == []

    pass_time(minutes=10)

    assert [message.to for message in mail.outbox] == [[PLUS]]
