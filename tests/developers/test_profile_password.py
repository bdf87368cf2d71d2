"""A Tyk that empties the password with each edit: nobody is locked out unasked."""

import pytest
from django.core import mail
from django.test import Client

from developers.models import Developer
from portal_site.doctor import scratch
from tests.developers.profiles import (
    ACCOUNT,
    FIELDS,
    dora_with_a_key,
    edit,
    fields_in_tyk,
    save,
)
from tests.developers.steps import words
from tests.factories import PASSWORD
from tyk import connect, outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    return dora_with_a_key(box)


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


LOSES = "The key service would lose your password"


@pytest.fixture
def losing(box, dora) -> None:
    """As the doctor finds and keeps it."""
    box.switch(put_passwordless="empty")
    assert [f.ok for f in scratch.findings(connect.dashboard())] == [True, False]


def test_an_edit_that_would_lose_the_password_is_refused(box, losing, dora, browser):
    save(browser, name="Dora Night")

    assert LOSES in words(browser.get(ACCOUNT))
    assert not Outbox.objects.filter(kind="developer.profile").exists()
    assert fields_in_tyk(box, dora) == FIELDS


def test_a_wish_from_before_is_set_aside_with_the_reason(box, dora, browser, settings):
    save(browser, name="Dora Night")
    box.switch(put_passwordless="empty")
    list(scratch.findings(connect.dashboard()))
    box.journal.clear()
    outbox.drain()

    assert (edit().state, "updateDeveloper" in box.journal.operations()) == (
        "refused",
        False,
    )
    assert LOSES in words(browser.get(ACCOUNT))
    assert box.password_is(dora.email, PASSWORD)


def test_another_address_is_refused_too(losing, box, dora, browser):
    typed = {"email": "dora@new.example", "current": PASSWORD}
    page = browser.post("/account/email/", typed)

    assert LOSES in words(page)
    assert mail.outbox == []


def test_staff_can_accept_it(box, losing, dora, browser, settings):
    settings.EDITS_ACCEPT_LOST_PASSWORDS = True
    save(browser, name="Dora Night")
    outbox.drain()

    assert fields_in_tyk(box, dora)["Name"] == "Dora Night"
    assert not box.password_is(dora.email, PASSWORD)
