"""Editing one's own profile: a wish, merged into Tyk's record, conflicts shown."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from developers import services, vanished
from developers.models import Developer, HeldBefore, ProfileEdit
from keyrequests.models import Key
from portal_site.doctor import scratch
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in, let_the_quarantine_pass, words
from tests.factories import PASSWORD, DeveloperFactory, KeyFactory
from tests.reliability.boundaries import Died, placed
from tyk import alarms, connect, lanes, outbox, pull as sync
from tyk.dashboard.client import Dashboard
from tyk.models import Lane, Outbox
from tyk.sandbox import Sandbox
from tyk.seal import key_fingerprints

pytestmark = pytest.mark.django_db

ACCOUNT, SETTLE = "/account/", "/account/profile/"
LONG_AGO = "2020-01-01T00:00Z"
FIELDS = {"Name": "Dora", "Company": "Tinfold", "traffic_source": "fair"}


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = DeveloperFactory(
        name="Dora",
        email="dora@shop.example",
        fields={"Name": "Dora", "Company": "Tinfold"},
    )
    in_tyk(box, row)
    box.issue_key(row.tyk_id, box.add_policy("Gold"))
    box.edit_developer(row.tyk_id, sso_key="sso", nonce="n0", fields=FIELDS)
    return row


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


def save(browser: Client, **typed: str) -> Any:
    return browser.post(ACCOUNT, {"name": "Dora", "company": "Tinfold", **typed})


def try_now(settings) -> None:
    settings.OUTBOX_QUARANTINE = 0
    let_the_quarantine_pass()
    Outbox.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    outbox.drain()


def fields_in_tyk(box: Sandbox, developer: Developer) -> dict[str, str]:
    found: dict[str, str] = box.developer(developer.tyk_id)["fields"]
    return found


def rest_of(box: Sandbox, developer: Developer) -> dict[str, Any]:
    whole = box.developer(developer.tyk_id)
    return {name: value for name, value in whole.items() if name != "fields"}


def edit() -> ProfileEdit:
    return ProfileEdit.objects.get()


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


# --- Conflicts ---------------------------------------------------------------------------
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


# --- Keys ------------------------------------------------------------------------------------
def test_key_made_while_another_writer_has_the_lane_is_kept(box, dora, settings):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    with lanes.lane(lanes.for_developer(dora.tyk_id), seconds=30):
        outbox.drain()
        assert box.journal.operations() == []
        box.issue_key(dora.tyk_id, box.add_policy("Silver"))
    try_now(settings)

    assert fields_in_tyk(box, dora)["Name"] == "Dora Night"
    assert len(box.developer(dora.tyk_id)["keys"]) == 2


def test_key_lost_beside_the_write_is_told_to_staff(box, dora, monkeypatch, caplog):
    write = Dashboard.update_developer

    def meanwhile(self: Dashboard, *args: Any, **more: Any) -> None:
        write(self, *args, **more)
        (key,) = box.developer(dora.tyk_id)["keys"]
        box.delete_key(key)

    monkeypatch.setattr(Dashboard, "update_developer", meanwhile)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    outbox.drain()

    assert edit().state == "done"
    parked = Outbox.objects.get(kind="developer.keys_lost")
    assert parked.subject == str(dora.code)
    assert parked.parked_reason == (
        "1 of the developer's keys vanished beside this write"
    )
    assert alarms.VANISHED in parked.parked_reason
    assert "keys lost beside a write" in caplog.messages

    monkeypatch.undo()
    dora.refresh_from_db()
    services.edit_profile(dora, fields={"Name": "Dora Dawn"})
    outbox.drain()
    assert fields_in_tyk(box, dora)["Name"] == "Dora Dawn"
    assert Outbox.objects.get(kind="developer.profile").parked_reason == ""
    parked.refresh_from_db()
    assert parked.served < parked.asked, "nobody looked yet"
    assert outbox.try_again(parked.pk)
    outbox.drain()
    parked.refresh_from_db()
    assert (parked.served, parked.parked_reason) == (parked.asked, "")


def die_after_the_put(box, dora, monkeypatch, *, then) -> None:
    """The worker's write is done, `then` happens, and the worker is killed."""
    with placed(monkeypatch) as boundaries:

        def end() -> None:
            then()
            boundaries.die()

        boundaries.meanwhile = ("after updateDeveloper", end)
        with boundaries.watched(), pytest.raises(Died):
            outbox.drain()
    monkeypatch.undo()
    assert HeldBefore.objects.get().developer == dora
    Lane.objects.update(until=LONG_AGO)
    Outbox.objects.update(
        next_at=LONG_AGO, lease_until=LONG_AGO, sending_since=LONG_AGO
    )


@pytest.mark.django_db(transaction=True)
def test_key_lost_beside_a_write_that_nobody_read_back_is_told_later(
    box, dora, monkeypatch
):
    """The record read next looks well, unless one knows what it held before."""
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]
    die_after_the_put(box, dora, monkeypatch, then=lambda: box.delete_key(key))
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()

    outbox.drain()

    assert edit().state == "done"
    assert box.journal.operations().count("updateDeveloper") == 1
    parked = Outbox.objects.get(kind="developer.keys_lost")
    assert parked.parked_reason == (
        "1 of the developer's keys vanished beside this write"
    )
    assert not HeldBefore.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_key_lost_beside_a_write_is_told_though_the_wish_is_set_aside(
    box, dora, monkeypatch
):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]

    def others() -> None:
        box.delete_key(key)
        box.edit_developer(dora.tyk_id, fields={"Name": "Named there"})

    die_after_the_put(box, dora, monkeypatch, then=others)

    outbox.drain()

    assert edit().state == "conflict"
    assert Outbox.objects.get(kind="developer.keys_lost").parked_reason
    assert not HeldBefore.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_key_revoked_here_meanwhile_did_not_vanish(box, dora, monkeypatch):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    (key,) = box.developer(dora.tyk_id)["keys"]
    KeyFactory(developer=dora, raw=key, state="revoked")
    die_after_the_put(box, dora, monkeypatch, then=lambda: box.delete_key(key))

    outbox.drain()

    assert edit().state == "done"
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


@pytest.mark.django_db(transaction=True)
def test_with_the_whole_record_no_key_vanished(box, dora, monkeypatch):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    die_after_the_put(
        box, dora, monkeypatch, then=lambda: box.delete_developer(dora.tyk_id)
    )

    outbox.drain()

    assert edit().state == "dropped"
    assert not HeldBefore.objects.exists()
    assert not Outbox.objects.filter(kind="developer.keys_lost").exists()


def test_no_key_id_stands_beside_a_write(box, dora, monkeypatch):
    """With hashing off an id is the key."""
    (key,) = box.developer(dora.tyk_id)["keys"]
    vanished.keep(dora, [key])

    (kept,) = HeldBefore.objects.get().fps
    assert kept == key_fingerprints(key, tyk_id=dora.tyk_id)[0]
    assert key not in kept
    vanished.keep(dora, ["another"])
    assert len(HeldBefore.objects.get().fps) == 2
    assert vanished.check(dora, ["another"]) == 1


def test_what_tyk_took_and_does_not_show_yet_is_looked_for_again(box, dora, caplog):
    """A replica lags: no error, no try counted, and no quarantine."""
    box.switch(replica_lag=0.3)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}

    row = Outbox.objects.get()
    assert edit().state == "due"
    assert row.last_outcome == "Tyk does not show the new fields.Name"
    assert (row.attempts, row.sending_since) == (0, None)
    assert row.next_at < timezone.now() + timedelta(seconds=11)
    assert [r.levelname for r in caplog.records if r.levelname == "ERROR"] == []

    time.sleep(0.4)
    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}
    assert box.journal.operations().count("updateDeveloper") == 1


def test_tyk_that_never_keeps_what_it_took_is_put_before_a_person(
    box, dora, monkeypatch
):
    monkeypatch.setattr(Dashboard, "update_developer", lambda *_, **__: None)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}
    ProfileEdit.objects.update(created_at=LONG_AGO)
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"parked": 1}

    assert edit().state == "due"
    told = "Tyk does not show the new fields.Name"
    assert Outbox.objects.get().parked_reason == told


@pytest.mark.parametrize("wish", ["rename", "switch off"])
def test_a_record_without_the_keys_we_know_is_never_put_back(box, dora, wish):
    """Null maps in one answer must not take a key from anybody."""
    policy = box.add_policy("Silver")
    raw = box.issue_key(dora.tyk_id, policy)
    sync.run("developers")
    before = box.developer(dora.tyk_id)
    box.faults.add("getDeveloper", mode="null_lists", times=1)
    if wish == "rename":
        services.edit_profile(dora, fields={"Name": "Dora Night"})
    else:
        services.set_active(dora, active=False)

    assert outbox.drain() == {"later": 1}

    row = Outbox.objects.get(kind="developer.profile")
    assert "keys and fields empty, and known to the mirror" in row.last_outcome
    assert (row.attempts, row.sending_since) == (0, None)
    assert box.developer(dora.tyk_id) == before

    Outbox.objects.update(next_at=LONG_AGO)
    assert outbox.drain() == {"done": 1}
    assert box.developer(dora.tyk_id)["subscriptions"] == before["subscriptions"]
    assert box.gateway_accepts(raw)


def test_a_developer_whose_keys_really_went_can_be_edited_again(box, dora):
    """Once the mirror has seen it, nothing is known that the record could lack."""
    box.issue_key(dora.tyk_id, box.add_policy("Silver"))
    sync.run("developers")
    for key in list(box.developer(dora.tyk_id)["keys"]):
        box.delete_key(key)
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    assert outbox.drain() == {"later": 1}

    for _look in range(2):
        sync.run("developers")
        Key.objects.exclude(missing_since=None).update(missing_since=LONG_AGO)
    Outbox.objects.update(next_at=LONG_AGO)

    assert outbox.drain() == {"done": 1}
    assert fields_in_tyk(box, dora)["Name"] == "Dora Night"


# --- A Tyk that empties the password ---------------------------------------------------------
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
