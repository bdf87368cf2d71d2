"""Mails about a quota: at 80 and at 100 percent, once each in one length of it."""

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from catalogue.models import Plan
from developers import mail_choices
from developers.models import Developer
from keyrequests import live, nearing, services, staff
from keyrequests.models import Key, UsageHour
from tests.keyrequests.scene import Scene, build
from tyk import outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86400


@pytest.fixture
def scene(box) -> Scene:
    """A key of Orders: 10 000 calls in 24 hours."""
    made = build(box)
    live.claim(made.approved())
    made.deliver()
    pull.run("developers")
    Key.objects.update(name="Bakery")
    return made


@pytest.fixture
def read(scene, mailoutbox):
    """Let so many calls be made and read; the mails to their owner."""

    def call_and_read(hits: int) -> list[EmailMessage]:
        mailoutbox.clear()
        [held] = scene.box.keys()
        if hits:
            scene.box.record_usage(held.id, hits=hits, code=200, at=timezone.now())
        Key.objects.update(usage_tried_at=timezone.now() - timedelta(days=2))
        pull.run("usage")
        outbox.drain()
        return [m for m in mailoutbox if m.to == [scene.developer.email]]

    return call_and_read


def test_at_80_percent_and_at_100_and_never_twice(read):
    told = [read(hits) for hits in (7_999, 1, 0, 1_500, 500, 0, 100)]

    assert [len(each) for each in told] == [0, 1, 0, 0, 1, 0, 0]
    [near], [full] = told[1], told[4]
    assert near.subject == "“Bakery” used 80 % of its quota"
    assert "8\u202f000 of 10\u202f000 calls, by our count" in near.body
    assert "At least 2\u202f000 left. Counted over" in near.body
    assert "List-Unsubscribe" in near.extra_headers
    code = Key.objects.get().code
    assert f"/usage/{code}/" in near.body or f"/keys/{code}/usage/" in near.body
    assert full.subject == "“Bakery” used 100 % of its quota"
    assert "By our count it is used up." in full.body
    assert "left" not in full.body


def test_all_at_once_is_one_mail(read):
    [mail] = read(10_000)
    assert mail.subject == "“Bakery” used 100 % of its quota"
    assert read(0) == []
    UsageHour.objects.update(hits=8_500, ok=8_500)
    assert nearing.ask_for_due([Key.objects.get().pk], now=timezone.now()) == 0


def test_the_next_renewal_is_told_again(read):
    read(8_000)
    told_at = timezone.now() - timedelta(seconds=DAY - 60)
    Key.objects.update(quota_near_told_at=told_at)
    assert read(0) == []

    Key.objects.update(quota_near_told_at=told_at - timedelta(seconds=60))
    assert len(read(0)) == 1


def test_the_last_mail_of_one_renewal_hides_no_first_one_of_the_next(read):
    """80 % on the first day of a month and 100 % on its last: 80 % is news again."""
    read(8_000)
    read(2_000)
    key, now = Key.objects.get(), timezone.now()
    Key.objects.update(quota_near_told_at=now - timedelta(seconds=DAY))
    assert nearing.ask_for_due([key.pk], now=now) == 0, "100 % was told just now"
    UsageHour.objects.update(hits=9_000, ok=9_000)

    assert nearing.ask_for_due([key.pk], now=now) == 1

    row = Outbox.objects.get(kind=nearing.KIND, subject=f"{key.code} 80")
    assert (row.asked, row.served) == (2, 1)


def test_after_a_reset_it_is_told_again(scene, read):
    read(9_000)
    staff.reset_quota(Key.objects.get(), by=scene.reviewer)
    outbox.drain()

    assert read(100) == []
    [mail] = read(8_000)
    assert "8\u202f100 of 10\u202f000 calls" in mail.body


def test_another_plan_is_another_quota(scene, read):
    read(9_000)
    plans = [Plan.objects.get(pk=e.plan_id) for e in (scene.entry, scene.automatic)]
    key = Key.objects.get()
    staff.change_plans(
        key, plans=plans[1:], seen=staff.policies_of(key), by=scene.reviewer
    )
    outbox.drain()

    key = Key.objects.get()
    assert (key.quota_near_told_at, key.quota_full_told_at) == (None, None)


@pytest.mark.parametrize("why", ["unwanted", "revoked", "off", "brief", "reset"])
def test_nobody_is_told_of_what_is_not_theirs_to_mend(scene, read, why):
    key = Key.objects.get()
    if why == "unwanted":
        mail_choices.choose(scene.developer, [])
    if why == "revoked":
        services.revoke(key, actor=scene.developer)
    if why == "off":
        Developer.objects.update(inactive=True)
    if why == "brief":
        Plan.objects.update(quota_period=DAY - 1)
    if why == "reset":
        # Between asking and sending.
        outbox.enqueue(nearing.KIND, f"{key.code} 80")
        assert read(100) == []
        return

    assert [m for m in read(9_000) if "quota" in m.subject] == []


def test_two_workers_that_read_one_key_ask_once(scene, read):
    [held] = scene.box.keys()
    scene.box.record_usage(held.id, hits=9_000, code=200, at=timezone.now())
    pull.run("usage")
    Key.objects.update(quota_near_told_at=None)
    [stale] = nearing.known([Key.objects.get().pk], now=timezone.now())

    asked = [nearing._ask(stale, 80, now=timezone.now()) for _ in range(2)]

    assert asked == [True, False]
