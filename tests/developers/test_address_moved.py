"""Staff change a developer in Tyk: address and fields are followed, and told."""

from datetime import timedelta

import pytest
from django.conf import settings as portal
from django.core import mail
from django.test import Client
from django.utils import timezone

from developers import live_address, services
from developers.errors import OutcomeUnclear
from developers.models import Developer, MailedLink, ProfileEdit
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in, let_the_quarantine_pass, words
from tests.factories import DeveloperFactory
from tyk import outbox, pull
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db

OLD, NEW = "dora@shop.example", "dora@night.example"


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = DeveloperFactory(name="Dora", email=OLD, fields={"Name": "Dora"})
    in_tyk(box, row)
    pull.run("developers")
    row.refresh_from_db()
    return row


@pytest.fixture
def browser(dora, signed_in) -> Client:
    client: Client = signed_in(dora)
    return client


def staff_move_it(box: Sandbox, dora: Developer, address: str = NEW) -> None:
    box.edit_developer(dora.tyk_id, email=address)
    pull.run("developers")
    outbox.drain()
    dora.refresh_from_db()


def test_the_old_mailbox_is_told_once_and_sessions_go_on(box, dora, browser):
    staff_move_it(box, dora)
    pull.run("developers")
    outbox.drain()

    assert (dora.email, dora.email_key) == (NEW, NEW)
    [told] = mail.outbox
    assert told.to == [OLD]
    assert "It was changed by our team" in str(told.body)
    assert "signed out" not in str(told.body)
    assert NEW not in str(told.body), "the old mailbox may be a stranger's"
    assert is_signed_in(browser)


def test_a_password_moved_with_it_ends_sessions_all_the_same(box, dora, browser):
    later = timezone.now() + timedelta(hours=1)
    box.edit_developer(dora.tyk_id, email=NEW, password_updated=later.isoformat())
    pull.run("developers")
    assert not is_signed_in(browser)


def test_another_spelling_of_the_same_address_is_no_move(box, dora):
    staff_move_it(box, dora, "Dora@Shop.example")
    assert dora.email == "Dora@Shop.example"
    assert mail.outbox == []


def test_what_the_old_mailbox_could_open_ends(box, dora):
    services.ask_for_reset(OLD)
    services.ask_for_new_address(dora, address="third@night.example")
    services.sign_up("other@shop.example", fields={})
    outbox.drain()
    mail.outbox.clear()

    staff_move_it(box, dora)

    now = timezone.now()
    still = MailedLink.objects.filter(used_at=None, expires_at__gt=now)
    assert list(still.values_list("email", flat=True)) == ["other@shop.example"]
    assert [m.to for m in mail.outbox] == [[OLD]]


def test_a_twin_of_the_old_address_keeps_their_link(box, dora, organisation):
    twin = in_tyk(box, DeveloperFactory(name="Twin", email="Dora@shop.example"))
    link = services.send_reset_link(twin)
    outbox.drain()

    staff_move_it(box, dora)

    link.refresh_from_db()
    assert link.expires_at > timezone.now()


def test_a_change_made_here_is_told_once_and_only_as_ours(box, dora):
    services.ask_for_new_address(dora, address=NEW)
    outbox.drain()
    mail.outbox.clear()
    live_address.change(MailedLink.objects.get())
    for _sweep in range(2):
        pull.run("developers")
        outbox.drain()

    [told] = mail.outbox
    assert told.to == [OLD]
    assert "changed by our team" not in str(told.body)

    # A replica that lags shows the old one for a moment.
    staff_move_it(box, dora, OLD)
    staff_move_it(box, dora, NEW)
    assert len(mail.outbox) == 1


def test_a_change_here_whose_answer_was_lost_is_finished_by_the_pull(
    box, dora, browser, settings
):
    settings.TYK_PASSWORD_DEADLINE = 2.0
    services.ask_for_new_address(dora, address=NEW)
    outbox.drain()
    mail.outbox.clear()
    box.faults.add("updateDeveloper", mode="reset_after", times=1)
    box.faults.add("getDeveloper", mode="status", status=500, after=2, times=1)
    with pytest.raises(OutcomeUnclear):
        live_address.change(MailedLink.objects.get())
    box.heal()

    pull.run("developers")
    outbox.drain()

    assert MailedLink.objects.get().used_at is not None
    assert [m.to for m in mail.outbox] == [[OLD]]
    assert not is_signed_in(browser), "as after every change made here"


# --- Fields ------------------------------------------------------------------------------
def beat(kind: str) -> float:
    schedule = portal.CELERY_BEAT_SCHEDULE[f"pull {kind}"]["schedule"]
    assert isinstance(schedule, timedelta)
    return schedule.total_seconds()


def test_edits_are_followed_in_a_minute_for_who_is_here_and_in_an_hour_for_others(
    box, dora, browser
):
    assert (beat("recent"), beat("developers")) == (60, 3600)
    away = in_tyk(box, DeveloperFactory(name="Away", email="away@shop.example"))
    assert is_signed_in(browser)
    for row in (dora, away):
        box.edit_developer(row.tyk_id, fields={"Name": "By staff"})

    pull.run("recent")
    assert {*Developer.objects.values_list("name", flat=True)} == {"By staff", "Away"}
    pull.run("developers")
    assert {*Developer.objects.values_list("name", flat=True)} == {"By staff"}


def test_an_edit_followed_while_a_wish_waits_is_a_conflict_for_the_developer(
    box, dora, browser
):
    browser.post("/account/", {"name": "Dora Night", "company": ""})
    box.edit_developer(dora.tyk_id, fields={"Name": "By staff"})
    pull.run("developers")
    page = words(browser.get("/account/"))
    assert "Name, as you want it Dora Night Name, now By staff" in page

    outbox.drain()

    assert box.developer(dora.tyk_id)["fields"]["Name"] == "By staff"
    assert ProfileEdit.objects.get().state == "conflict"
    page = words(browser.get("/account/"))
    assert "Name, yours Dora Night Name, theirs By staff" in page


def test_staff_who_wrote_what_was_wished_settle_it(box, dora):
    services.edit_profile(dora, fields={"Name": "Dora Night"})
    box.edit_developer(dora.tyk_id, fields={"Name": "Dora Night"})
    pull.run("developers")
    let_the_quarantine_pass()
    outbox.drain()

    assert ProfileEdit.objects.get().state == "done"
    assert "updateDeveloper" not in box.journal.operations()
