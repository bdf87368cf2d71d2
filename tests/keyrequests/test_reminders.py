"""An approval nobody claims: its owner is reminded twice, and never more."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from catalogue.models import Plan
from developers import mail_choices
from keyrequests import reminders
from keyrequests.models import KeyRequest
from keyrequests.tasks import remind_of_approvals
from tests.factories import KeyRequestFactory
from tyk import outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(bob) -> KeyRequest:
    return KeyRequestFactory(developer=bob, approved=True)


def _days_later(request: KeyRequest, days: float) -> list[str]:
    """What was mailed when the approval is so old."""
    before = len(mail.outbox)
    KeyRequest.objects.filter(pk=request.pk).update(
        decided_at=timezone.now() - timedelta(days=days)
    )
    for _hourly in range(2):
        remind_of_approvals()
        outbox.drain()
    return [str(message.subject) for message in mail.outbox[before:]]


def test_after_three_days_and_after_fourteen(approved, bob):
    told = [_days_later(approved, days) for days in (2.9, 3.1, 8, 13.9, 14.1, 23, 60)]

    assert [len(each) for each in told] == [0, 1, 0, 0, 1, 0, 0]
    [first, _second] = mail.outbox
    assert first.to == [bob.email]
    assert f"/requests/{approved.code}/claim/" in first.body
    assert "List-Unsubscribe" in first.extra_headers


@pytest.mark.parametrize(
    "how", ["claimed", "switched off", "unwanted", "no plan", "too late"]
)
def test_nobody_is_reminded_of_what_is_over(approved, bob, settings, how):
    KeyRequest.objects.filter(pk=approved.pk).update(
        decided_at=timezone.now() - timedelta(days=4)
    )
    remind_of_approvals()
    assert Outbox.objects.filter(kind="mail.approval_reminder").count() == 1
    if how == "claimed":
        approved.move(KeyRequest.Status.GRANTED)
    elif how == "switched off":
        type(bob).objects.update(inactive=True)
    elif how == "no plan":
        Plan.objects.update(live=False)
    elif how == "unwanted":
        mail_choices.choose(bob, [])
    else:
        settings.APPROVAL_DAYS = 3

    outbox.drain()

    assert mail.outbox == []


def test_the_desk_says_whose_it_is(approved):
    from tyk import desk

    _days_later(approved, 4)
    [row] = Outbox.objects.filter(kind="mail.approval_reminder")

    assert approved.number in desk.about([row])[row.pk].words


def test_whom_a_run_had_no_room_for_is_reminded_by_the_next(bob, monkeypatch):
    monkeypatch.setattr(reminders, "MOST", 1)
    for days in (5, 4):
        KeyRequestFactory(
            developer=bob, approved=True, decided_at=timezone.now() - timedelta(days)
        )

    assert [reminders.ask_for_due() for _ in range(3)] == [1, 1, 0]
    assert Outbox.objects.filter(kind="mail.approval_reminder").count() == 2
