"""A developer's home: what comes first, and how much of it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from developers.models import Developer
from keyrequests.models import Key, KeyRequest, UsageDay, UsageHour
from tests.keyrequests import rows


@pytest.fixture
def mira(db) -> Developer:
    rows.organisation()
    return rows.developer()


@pytest.fixture
def page(mira: Developer) -> Client:
    return rows.sign_in(Client(), mira)


def called(who: Developer, name: str, hits: int, **members: object) -> Key:
    """A key with calls this hour."""
    now = timezone.now()
    key = rows.key(
        who, rows.plan(quota_max=1000), name=name, usage_as_of=now, **members
    )
    counts = {"hits": hits, "ok": hits}
    UsageDay.objects.create(key=key, day=now.date(), last_hit=now, **counts)
    hour = now.replace(minute=0, second=0, microsecond=0)
    UsageHour.objects.create(key=key, hour=hour, **counts)
    return key


def test_the_busiest_keys_come_first_and_five_of_them(page, mira):
    for number in range(7):
        called(mira, f"Key {number}", 10 * number)

    said = page.get("/").text
    places = [said.find(f">Key {number}</a>") for number in (6, 5, 4, 3, 2)]

    assert -1 not in places
    assert places == sorted(places)
    assert ">Key 1</a>" not in said
    assert "All 7 keys" in said


def test_two_notices_at_most_and_the_nearest_quota_is_one(page, mira):
    for name in ("Orders", "Weather", "Rates"):
        rows.request(mira, rows.entry(name), KeyRequest.Status.APPROVED)
    called(mira, "Half", 500)
    called(mira, "Warned", 810)
    called(mira, "Nearly", 990)

    said = page.get("/").text

    assert said.count('class="notice ') == 2
    assert "Nearly has used 99\u202f% of its quota" in said
    assert "Warned has used" not in said
    assert said.count("Claim your key") == 3  # all three in the list of requests


def test_calls_of_a_key_that_ended_this_week_still_count(page, mira):
    lately = timezone.now() - timedelta(days=2)
    called(mira, "Working", 30)
    called(mira, "Ended", 12, state=Key.State.REVOKED, ended_at=lately)

    said = page.get("/").text

    assert "<dt>Calls</dt><dd>42</dd>" in said
    assert ">Ended</a>" not in said


def test_a_new_developer_is_told_what_to_do(page):
    said = page.get("/").text
    assert "Next: ask for access to an API" in said
    assert 'class="chart"' not in said


def test_a_key_that_died_at_night_is_told_of_and_not_taken_for_a_first_day(page, mira):
    rows.key(mira, rows.plan(), name="Nightly", state="gone", ended_at=timezone.now())

    said = page.get("/").text

    assert "Your key “Nightly” no longer works" in said
    assert "None of your keys works any more." in said
    assert "Next: ask for access to an API" not in said


def test_a_key_its_owner_revoked_is_no_news(page, mira):
    rows.key(mira, rows.plan(), name="Old", state="revoked", ended_at=timezone.now())

    said = page.get("/").text

    assert "no longer works" not in said
    assert "None of your keys works any more." in said
