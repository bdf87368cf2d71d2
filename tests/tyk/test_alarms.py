"""Alarms: one mail per cause, however many rows fail, and again after it was well."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from developers import services
from developers.models import Developer
from portal_site import alarms as mails
from tests.cast import in_tyk
from tests.factories import (
    DeveloperFactory,
    KeyRequestFactory,
    OutboxFactory,
    PullStateFactory,
    StaffFactory,
)
from tests.keyrequests import scene as scenes
from tyk import alarms, connect, outbox, pull, tasks
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import DashboardError
from tyk.models import Alarm, CredentialState, Organisation, Outbox, PullState

pytestmark = pytest.mark.django_db(transaction=True)

OPS = "ops@northwind.example"


@pytest.fixture(autouse=True)
def _operators(settings) -> None:
    settings.ALARM_MAIL_TO = [OPS]
    settings.ALARM_SETTLES = 0


def minute() -> None:
    """What the beat does each minute, and the worker after it."""
    tasks.watch_for_alarms()
    outbox.drain()


def subjects(mailoutbox) -> list[str]:
    return [mail.subject for mail in mailoutbox]


REJECTED = "Tyk rejects the portal's key"
ACCEPTED = "Tyk accepts the portal's key again"


# --- The key -------------------------------------------------------------------------
@pytest.fixture
def fifty(box, organisation) -> None:
    """Fifty deletions of requests that a rejected key keeps waiting."""
    for number in range(50):
        request = KeyRequestFactory(
            status="declined", tyk_id=f"{number:024x}", tyk_state="pending"
        )
        OutboxFactory(kind="request.delete", subject=str(request.code))


def test_fifty_rows_with_a_rejected_key_make_one_mail(box, fifty, mailoutbox):
    box.rotate_api_key()

    for _ in range(3):
        outbox.drain()
        Outbox.objects.filter(kind="request.delete").update(next_at=timezone.now())
        minute()

    assert subjects(mailoutbox) == [REJECTED]
    assert mailoutbox[0].to == [OPS]
    assert Organisation.current().credential_state == CredentialState.REJECTED
    assert outbox.due().filter(kind="request.delete").count() == 50


def test_it_is_told_once_that_the_key_works_again_and_a_second_time_that_it_does_not(
    box, fifty, mailoutbox, settings
):
    settings.TYK_API_KEY = "no-longer-right"
    connect.close()
    outbox.drain()
    minute()
    assert subjects(mailoutbox) == [REJECTED]

    settings.TYK_API_KEY = box.api_key
    connect.close()
    pull.run("configuration")
    for _ in range(4):
        minute()
    assert subjects(mailoutbox) == [REJECTED, ACCEPTED]

    settings.TYK_API_KEY = "wrong-again"
    connect.close()
    with pytest.raises(DashboardError):
        pull.run("configuration")
    for _ in range(3):
        minute()
    assert subjects(mailoutbox) == [REJECTED, ACCEPTED, REJECTED]
    assert Alarm.objects.filter(over_at=None).count() == 1


def test_dashboards_that_disagree_do_not_make_a_mail_each_minute(
    organisation, mailoutbox, settings
):
    settings.ALARM_SETTLES = 120
    for state in [CredentialState.REJECTED, CredentialState.ACCEPTED] * 5:
        connect.note_credential(state)
        minute()
        minute()

    assert subjects(mailoutbox) == [REJECTED]
    Alarm.objects.update(well_since=timezone.now() - timedelta(seconds=121))
    minute()
    assert subjects(mailoutbox) == [REJECTED, ACCEPTED]


def test_the_move_to_the_next_key_is_told_once(box, organisation, mailoutbox, settings):
    settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT = "old", box.api_key
    for _ in range(3):
        connect.close()  # another process, or a restart, begins with the first key
        pull.run("configuration")
        minute()

    assert subjects(mailoutbox) == ["The portal moved to TYK_API_KEY_NEXT"]
    assert Organisation.current().credential_state == CredentialState.ACCEPTED
    for key in ("old", box.api_key):
        assert str(key) not in mailoutbox[0].body.split()

    # Rotated as the mail says; then the next rotation is told too.
    settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT = box.api_key, ""
    connect.close()
    minute()
    minute()
    assert not Alarm.objects.filter(over_at=None).exists()
    newest = box.rotate_api_key()
    settings.TYK_API_KEY_NEXT = newest
    connect.close()
    pull.run("configuration")
    minute()
    assert subjects(mailoutbox) == ["The portal moved to TYK_API_KEY_NEXT"] * 2


def test_a_first_key_that_is_taken_again_ends_the_alarm(
    box, organisation, mailoutbox, settings
):
    right = box.api_key
    settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT = "old", right
    connect.close()
    pull.run("configuration")
    minute()
    assert Alarm.objects.get().over_at is None

    box.accept_also("old")
    connect.close()  # a restart
    pull.run("configuration")
    minute()
    minute()

    assert Alarm.objects.get().over_at is not None


# --- Pulls ------------------------------------------------------------------------------
def test_a_pull_that_is_held_back_is_told_once(box, mailoutbox):
    scenes.build(box)
    DeveloperFactory.create_batch(20)
    long_ago = timezone.now() - timedelta(hours=1)
    Developer.objects.update(read_at=long_ago)

    for _ in range(3):
        pull.run("developers")
        minute()

    reason = PullState.objects.get(kind="developers").held_back_reason
    assert "missing at once" in reason
    assert subjects(mailoutbox) == ["The pull of developers is held back"]
    assert reason in mailoutbox[0].body
    assert "/admin/tyk/pullstate/" in mailoutbox[0].body


def test_a_pull_that_went_well_and_is_held_back_again_is_told_again(
    organisation, mailoutbox
):
    for reason in ("8 of 9", "9 of 9", "", "8 of 9"):
        PullStateFactory(kind="catalogue")
        PullState.objects.update(held_back_reason=reason)
        minute()
        minute()

    assert subjects(mailoutbox) == ["The pull of catalogue is held back"] * 2


def test_a_mirror_that_is_not_read_any_more_is_told_once(box, organisation, mailoutbox):
    for kind in ("configuration", "policies"):
        pull.run(kind)
    minute()
    assert subjects(mailoutbox) == []
    box.refuse()
    PullState.objects.update(completed_at=timezone.now() - timedelta(minutes=17))
    minute()
    assert subjects(mailoutbox) == []  # stopped for a while is not failing
    for _ in range(3):
        for kind in ("configuration", "policies"):
            with pytest.raises(DashboardError):
                pull.run(kind)
        minute()

    assert subjects(mailoutbox) == ["The portal no longer reads Tyk"]
    assert "for too long: configuration, policies." in mailoutbox[0].body

    box.heal()
    connect.close()
    for kind in ("configuration", "policies"):
        pull.run(kind)
    for _ in range(3):
        minute()
    assert subjects(mailoutbox)[1:] == ["The portal reads Tyk again"]


# --- Parked rows -------------------------------------------------------------------------
def test_fifty_rows_parked_for_one_reason_make_one_mail(organisation, mailoutbox):
    for number in range(50):
        OutboxFactory(
            kind="key.revoke", parked_reason=f"status 403, request id {number}a"
        )
        minute()

    assert subjects(mailoutbox) == ["Parked: Revoke a key in Tyk"]
    assert "status 403, request id 0a" in mailoutbox[0].body
    assert "/admin/tyk/outbox/?state=parked&kind=key.revoke" in mailoutbox[0].body


def test_another_reason_and_another_kind_are_told_too(organisation, mailoutbox):
    OutboxFactory(kind="key.revoke", parked_reason="Tyk refuses")
    OutboxFactory(kind="key.revoke", parked_reason="error: KeyError")
    OutboxFactory(kind="mail.reset", parked_reason="error: KeyError")
    minute()
    minute()

    assert sorted(subjects(mailoutbox)) == [
        "Parked: Mail: choose a new password",
        "Parked: Revoke a key in Tyk",
        "Parked: Revoke a key in Tyk",
    ]


def test_what_parks_again_after_it_was_mended_is_told_again(organisation, mailoutbox):
    row = OutboxFactory(kind="key.revoke", parked_reason="Tyk refuses")
    minute()
    Outbox.objects.filter(pk=row.pk).update(parked_reason="", served=1)
    minute()
    minute()
    Outbox.objects.filter(pk=row.pk).update(parked_reason="Tyk refuses", served=0)
    minute()

    assert subjects(mailoutbox) == ["Parked: Revoke a key in Tyk"] * 2


def test_an_alarm_that_can_not_be_mailed_raises_no_other(organisation, mailoutbox):
    OutboxFactory(kind="mail.alarm", subject="4711", parked_reason="error: ValueError")
    minute()

    assert mailoutbox == []
    assert not Alarm.objects.exists()


def test_what_is_over_before_the_mail_could_go_is_not_mailed(organisation, mailoutbox):
    OutboxFactory(kind="key.revoke", parked_reason="Tyk refuses")
    alarms.watch()
    Outbox.objects.filter(kind="key.revoke").update(parked_reason="", served=1)
    alarms.watch()
    alarms.watch()
    outbox.drain()

    assert mailoutbox == []
    assert Outbox.objects.get(kind="mail.alarm").served == 1


# --- Keys that vanished -----------------------------------------------------------------
def test_keys_that_vanish_beside_a_profile_edit_are_an_alarm_of_their_own(
    box, bob, mailoutbox, monkeypatch
):
    in_tyk(box, bob)
    box.issue_key(bob.tyk_id, box.add_policy("orders"))
    write = Dashboard.update_developer

    def beside(self: Dashboard, *args: Any, **more: Any) -> None:
        """Another program writes the whole record, without its keys."""
        write(self, *args, **more)
        (key,) = box.developer(bob.tyk_id)["keys"]
        box.delete_key(key)

    monkeypatch.setattr(Dashboard, "update_developer", beside)
    services.edit_profile(bob, fields={"Name": "Bobby"})
    outbox.drain()
    for _ in range(3):
        minute()

    row = Outbox.objects.get(kind="developer.keys_lost")
    assert alarms.VANISHED in row.parked_reason
    assert subjects(mailoutbox) == ["Keys vanished beside a write of the portal"]
    told = mailoutbox[0].body
    assert f"/admin/tyk/outbox/{row.pk}/change/" in told
    assert bob.email not in told
    assert "Bob" not in told


# --- To whom ---------------------------------------------------------------------------
def test_without_a_setting_those_who_may_mend_are_told(organisation, rita, settings):
    settings.ALARM_MAIL_TO = []
    StaffFactory(email="chief@northwind.example", is_superuser=True)
    olga = StaffFactory(email="olga@northwind.example")
    olga.user_permissions.add(Permission.objects.get(codename="change_outbox"))
    StaffFactory(email="left@northwind.example", is_superuser=True, is_active=False)

    assert mails.operators() == ["chief@northwind.example", "olga@northwind.example"]


def test_alarms_are_listed_for_staff_who_may_see_them(organisation, signed_in):
    OutboxFactory(kind="key.revoke", parked_reason="Tyk refuses")
    alarms.watch()
    chief = signed_in(StaffFactory(is_superuser=True))

    page = chief.get("/admin/tyk/alarm/").content.decode()

    assert "work is parked" in page
    assert "Revoke a key in Tyk" in page
    assert "Tyk refuses" in page
    assert signed_in(StaffFactory()).get("/admin/tyk/alarm/").status_code == 403
