"""Somebody else changed in Tyk what a developer wished to change: both are shown."""

from typing import Any

import pytest
from django.test import Client

from developers import services
from developers.models import Developer, ProfileEdit
from tests.developers.profiles import (
    ACCOUNT,
    FIELDS,
    dora_with_a_key,
    edit,
    fields_in_tyk,
    save,
)
from tests.developers.steps import words
from tyk import outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

SETTLE = "/account/profile/"


@pytest.fixture
def dora(box, organisation) -> Developer:
    return dora_with_a_key(box)


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


@pytest.fixture
def conflict(box, dora, browser) -> ProfileEdit:
    """Staff change the name in Tyk while Dora's own change is on its way."""
    save(browser, name="Dora Night", company="Other")
    box.edit_developer(dora.tyk_id, fields={**FIELDS, "Name": "<b>Staff</b>"})
    outbox.drain()
    return edit()


def test_conflict_writes_nothing_and_shows_both(conflict, box, dora, browser):
    assert "updateDeveloper" not in box.journal.operations()
    assert (conflict.state, conflict.theirs) == (
        "conflict",
        {"fields.Name": "<b>Staff</b>", "fields.Company": "Tinfold"},
    )
    page = browser.get(ACCOUNT)
    assert "Changed by staff meanwhile" in words(page)
    assert "Name, yours Dora Night Name, theirs &lt;b&gt;Staff" in words(page)
    assert "<b>Staff</b>" not in page.content.decode()
    assert page.context["form"]["name"].value() == "<b>Staff</b>"
    assert Outbox.objects.get().parked_reason == ""


def choose(browser: Client, conflict: ProfileEdit, choice: str) -> Any:
    return browser.post(SETTLE, {"edit": conflict.pk, "choice": choice})


def test_keep_mine(conflict, box, dora, browser):
    assert choose(browser, conflict, "mine").headers["Location"] == ACCOUNT
    outbox.drain()
    assert fields_in_tyk(box, dora) == {
        **FIELDS,
        "Name": "Dora Night",
        "Company": "Other",
    }
    assert "Changed by staff" not in words(browser.get(ACCOUNT))
    # A second click finds it settled.
    choose(browser, conflict, "mine")
    assert "settled already" in words(browser.get(ACCOUNT))


def test_keep_mine_meets_a_further_change(conflict, box, dora, browser):
    box.edit_developer(dora.tyk_id, fields={**FIELDS, "Name": "Staff again"})
    choose(browser, conflict, "mine")
    outbox.drain()
    assert fields_in_tyk(box, dora)["Name"] == "Staff again"
    assert "theirs Staff again" in words(browser.get(ACCOUNT))


def test_take_theirs(conflict, box, dora, browser):
    choose(browser, conflict, "theirs")
    outbox.drain()
    assert fields_in_tyk(box, dora)["Name"] == "<b>Staff</b>"
    assert "Changed by staff" not in words(browser.get(ACCOUNT))
    assert "updateDeveloper" not in box.journal.operations()


def test_stranger_settles_nothing(conflict, bob, signed_in):
    stranger = signed_in(bob)
    assert choose(stranger, conflict, "mine").status_code == 404
    for number in ("", "x", "-1", "9" * 30, "0"):
        assert stranger.post(SETTLE, {"edit": number}).status_code == 404
    assert Client().post(SETTLE, {"edit": conflict.pk}).status_code == 302
    assert stranger.get(SETTLE).status_code == 405
    conflict.refresh_from_db()
    assert conflict.state == "conflict"


def test_switching_off_waits_for_no_conflict(box, dora):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    services.set_active(dora, active=False)
    box.edit_developer(dora.tyk_id, fields={**FIELDS, "Name": "Staff"})
    outbox.drain()

    assert box.developer(dora.tyk_id)["inactive"] is True
    assert fields_in_tyk(box, dora)["Name"] == "Staff"
    states = ProfileEdit.objects.order_by("pk").values_list("state", "after")
    assert list(states) == [
        ("done", {"inactive": True}),
        ("conflict", {"fields.Name": "Dora Night"}),
    ]
