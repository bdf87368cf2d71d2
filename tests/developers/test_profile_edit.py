"""Editing one's own profile: a wish, merged into Tyk's record, shown meanwhile."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from developers import services
from developers.models import Developer, ProfileEdit
from tests.developers.profiles import (
    ACCOUNT,
    FIELDS,
    dora_with_a_key,
    edit,
    fields_in_tyk,
    rest_of,
    save,
    try_now,
)
from tests.developers.steps import is_signed_in, let_the_quarantine_pass, words
from tests.factories import PASSWORD
from tyk import outbox
from tyk.dashboard.client import Dashboard
from tyk.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    return dora_with_a_key(box)


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


def test_only_the_edited_field_changes_and_the_wish_is_shown_meanwhile(
    box, dora, browser
):
    rest = rest_of(box, dora)
    assert rest["keys"]

    done = save(browser, name="Dora Night")

    assert done.headers["Location"] == ACCOUNT
    page = words(browser.get(ACCOUNT))
    assert "On its way to the key service" in page
    assert "Name, as you want it Dora Night Name, now Dora" in page
    assert "does not affect your keys" in page
    assert (edit().before, edit().after, edit().state) == (
        {"fields.Name": "Dora"},
        {"fields.Name": "Dora Night"},
        "due",
    )
    dora.refresh_from_db()
    assert dora.name == "Dora"
    assert box.journal.operations() == []

    outbox.drain()

    assert fields_in_tyk(box, dora) == {**FIELDS, "Name": "Dora Night"}
    assert rest_of(box, dora) == rest
    assert box.password_is(dora.email, PASSWORD)
    assert box.journal.operations() == [
        "getDeveloper",
        "updateDeveloper",
        "getDeveloper",
    ]
    dora.refresh_from_db()
    assert (dora.name, dora.fields["Company"]) == ("Dora Night", "Tinfold")
    assert edit().state == "done"
    assert is_signed_in(browser)
    assert "On its way" not in words(browser.get(ACCOUNT))
    assert mail.outbox == []


def test_emptied_field_is_removed(box, dora, browser):
    save(browser, company="")
    outbox.drain()
    assert fields_in_tyk(box, dora) == {"Name": "Dora", "traffic_source": "fair"}


@pytest.mark.parametrize("typed", [{}, {"name": " Dora "}, {"traffic_source": "x"}])
def test_nothing_differs_nothing_is_asked(typed, box, browser):
    page = browser.post(ACCOUNT, {"name": "Dora", "company": "Tinfold", **typed})
    assert page.status_code == 302
    assert "Nothing was changed" in words(browser.get(ACCOUNT))
    assert not ProfileEdit.objects.exists()
    assert not Outbox.objects.exists()


def open_page(browser: Client) -> dict[str, str]:
    """The inputs of the page, hidden ones too, as a browser would send them."""
    found = re.findall(
        r'<input[^>]* name="([\w-]+)"(?: value="([^"]*)")?', browser.get(ACCOUNT).text
    )
    named = {"name", "company", "initial-name", "initial-company"}
    return {name: value for name, value in found if name in named}


def test_an_older_page_takes_nothing_back(box, dora, browser):
    page = open_page(browser)
    assert page == {
        "name": "Dora",
        "initial-name": "Dora",
        "company": "Tinfold",
        "initial-company": "Tinfold",
    }
    services.edit_profile(dora, fields={"Company": "Velocargo"})
    outbox.drain()

    browser.post(ACCOUNT, {**page, "name": "Dora Night"})
    outbox.drain()

    assert fields_in_tyk(box, dora) == {
        **FIELDS,
        "Name": "Dora Night",
        "Company": "Velocargo",
    }


def test_two_changes_of_one_field_are_both_shown(box, dora, browser):
    page = open_page(browser)
    services.edit_profile(dora, fields={"Company": "Velocargo"})
    outbox.drain()

    browser.post(ACCOUNT, {**page, "company": "Rivet"})
    outbox.drain()

    assert fields_in_tyk(box, dora)["Company"] == "Velocargo"
    edit = ProfileEdit.objects.latest("pk")
    assert (edit.state, edit.theirs) == ("conflict", {"fields.Company": "Velocargo"})
    assert "Velocargo" in words(browser.get(ACCOUNT))
    assert "Rivet" in words(browser.get(ACCOUNT))


def test_a_wish_is_taken_back_on_the_page_that_shows_it(box, dora, browser):
    save(browser, company="Velocargo")
    page = open_page(browser)
    assert page == {"name": "Dora", "initial-name": "Dora", "company": "Velocargo"}

    browser.post(ACCOUNT, {**page, "company": "Tinfold"})
    outbox.drain()

    assert fields_in_tyk(box, dora) == FIELDS
    assert "updateDeveloper" not in box.journal.operations()


def test_what_was_shown_outlives_a_mistake(box, dora, browser):
    page = open_page(browser)

    again = browser.post(ACCOUNT, {**page, "name": "", "company": "Rivet"})

    assert 'name="initial-company" value="Tinfold"' in again.text


def test_fields_of_others_are_never_taken(box, dora):
    wish = {"traffic_source": "x", "portal_ref": "y", "inactive": "1", "Name": "D"}
    services.edit_profile(dora, fields=wish)
    assert edit().after == {"fields.Name": "D"}


def test_name_is_needed(browser):
    assert "Fill in name" in words(save(browser, name=" "))
    assert not ProfileEdit.objects.exists()


def test_later_wish_is_merged_into_the_waiting_one(box, dora):
    services.edit_profile(dora, fields={"Name": "First"})
    services.edit_profile(dora, fields={"Company": "Other"})
    services.edit_profile(dora, fields={"Name": "Second"})
    services.set_active(dora, active=False)

    assert edit().before == {
        "fields.Name": "Dora",
        "fields.Company": "Tinfold",
        "inactive": False,
    }
    assert edit().after == {
        "fields.Name": "Second",
        "fields.Company": "Other",
        "inactive": True,
    }
    outbox.drain()
    assert box.journal.operations().count("updateDeveloper") == 1
    assert fields_in_tyk(box, dora) == {**FIELDS, "Name": "Second", "Company": "Other"}
    assert box.developer(dora.tyk_id)["inactive"] is True


def test_wish_taken_back_in_time_is_dropped(box, dora):
    services.edit_profile(dora, fields={"Name": "First"})
    assert services.edit_profile(dora, fields={"Name": "Dora"}) is None
    outbox.drain()
    assert edit().state == "dropped"
    assert box.journal.operations() == []


def test_wish_taken_back_after_it_may_have_arrived_is_carried_out(box, dora, settings):
    box.faults.add("updateDeveloper", mode="reset_after", times=1)
    services.edit_profile(dora, fields={"Name": "First"})
    outbox.drain()
    assert fields_in_tyk(box, dora)["Name"] == "First"

    services.edit_profile(dora, fields={"Name": "Dora"})
    try_now(settings)

    assert fields_in_tyk(box, dora)["Name"] == "Dora"
    assert edit().state == "done"


def test_our_own_lost_write_is_no_conflict_for_the_next_wish(box, dora, settings):
    box.faults.add("updateDeveloper", mode="reset_after", times=1)
    services.edit_profile(dora, fields={"Name": "First"})
    outbox.drain()

    services.edit_profile(dora, fields={"Name": "Second"})
    try_now(settings)

    assert fields_in_tyk(box, dora)["Name"] == "Second"
    assert edit().state == "done"


def test_wish_changed_while_the_write_is_out_is_carried_out_too(box, dora, monkeypatch):
    write = Dashboard.update_developer
    wishes = ["Second", "Third"]

    def meanwhile(self: Dashboard, *args: Any, **more: Any) -> None:
        if wishes:
            services.edit_profile(dora, fields={"Name": wishes.pop(0)})
        write(self, *args, **more)

    monkeypatch.setattr(Dashboard, "update_developer", meanwhile)
    services.edit_profile(dora, fields={"Name": "First"})
    outbox.drain()

    assert fields_in_tyk(box, dora) == {**FIELDS, "Name": "Third"}
    assert set(ProfileEdit.objects.values_list("state", flat=True)) == {"done"}
    row = Outbox.objects.get()
    assert (row.asked, row.served, row.parked_reason) == (3, 3, "")


FAULTS: dict[str, dict[str, Any]] = {
    "timeout before": {"mode": "timeout_before", "seconds": 3},
    "timeout after": {"mode": "timeout_after", "seconds": 3},
    "reset after": {"mode": "reset_after"},
    "500 with effect": {"mode": "status", "status": 500, "commit": True},
}


@pytest.mark.parametrize("case", FAULTS)
def test_lost_answer_is_looked_for_first(case, box, dora, settings):
    settings.TYK_WRITE_DEADLINE = 0.4
    rest = rest_of(box, dora)
    box.faults.add("updateDeveloper", times=1, **FAULTS[case])
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    outbox.drain()
    assert edit().state == "due"
    box.heal()

    try_now(settings)

    again = 2 if case == "timeout before" else 1
    assert box.journal.operations().count("updateDeveloper") == again
    assert fields_in_tyk(box, dora) == {**FIELDS, "Name": "Dora Night"}
    assert rest_of(box, dora) == rest
    assert edit().state == "done"
    assert Outbox.objects.get().parked_reason == ""


def test_refusal_is_told_in_plain_words(box, dora, browser):
    body = (
        '{"Status":"Error","Message":"validation failed","Meta":null,'
        '"Errors":["fields.Company: secret-words <i>"]}'
    )
    box.faults.add("updateDeveloper", mode="status", status=400, body=body)
    save(browser, company="<i>")
    outbox.drain()

    assert (edit().state, edit().note) == ("refused", "Company was not accepted.")
    row = Outbox.objects.get()
    assert (row.served, row.parked_reason) == (1, "")
    page = browser.get(ACCOUNT)
    assert "Your change was not accepted Company was not accepted." in words(page)
    assert "secret-words" not in page.content.decode()
    assert page.context["form"]["company"].value() == "<i>"

    box.heal()
    save(browser, company="Fine")
    outbox.drain()
    assert fields_in_tyk(box, dora)["Company"] == "Fine"
    assert "not accepted" not in words(browser.get(ACCOUNT))


def test_page_asks_tyk_nothing_and_escapes_a_wish(box, dora, browser):
    box.hang()
    save(browser, name="<script>alert(1)</script>")
    page = browser.get(ACCOUNT).content.decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert box.journal.operations() == []


def test_a_parked_wish_says_so_and_takes_later_ones_in(box, dora, browser, settings):
    settings.OUTBOX_ATTEMPTS = 1
    box.faults.add("updateDeveloper", mode="status", status=500, times=1)
    save(browser, name="Dora Night")
    outbox.drain()
    assert Outbox.objects.get().parked_reason != ""

    page = words(browser.get(ACCOUNT))
    assert "We are looking at your change" in page
    assert "On its way" not in page
    save(browser, name="Dora Dawn")
    outbox.drain()
    page = words(browser.get(ACCOUNT))
    assert "We are looking at your change" in page
    assert "Name, as you want it Dora Dawn Name, now Dora" in page

    let_the_quarantine_pass()
    assert outbox.try_again(Outbox.objects.get().pk)
    try_now(settings)
    assert fields_in_tyk(box, dora)["Name"] == "Dora Dawn"
    assert "We are looking" not in words(browser.get(ACCOUNT))
