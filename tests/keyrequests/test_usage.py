"""Quotas, paces, periods and charts: exact figures out of known rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from developers.models import Developer
from keyrequests import chart, nearing, reads, series, usage, usage_words
from keyrequests.models import Key, UsageDay, UsageHour
from keyrequests.series import Period
from keyrequests.usage import Quota
from tests.keyrequests import rows
from tyk.models import Outbox

NOW = datetime(2026, 3, 4, 10, 42, tzinfo=UTC)
DAY = 86400
pytestmark = pytest.mark.django_db


@pytest.fixture
def mira(db) -> Developer:
    rows.organisation()
    return rows.developer()


def day(key: Key, back: int, ok: int, errors: int = 0, *, now: datetime = NOW) -> None:
    UsageDay.objects.create(
        key=key,
        day=now.date() - timedelta(days=back),
        hits=ok + errors,
        ok=ok,
        errors=errors,
        last_hit=now - timedelta(days=back),
    )


def hour(key: Key, back: int, ok: int, errors: int = 0) -> None:
    at = NOW.replace(minute=0) - timedelta(hours=back)
    UsageHour.objects.create(key=key, hour=at, hits=ok + errors, ok=ok, errors=errors)


def one(key: Key) -> usage.KeyUsage:
    keys = reads.keys_of(key.developer)
    return usage.summary(list(keys), now=NOW)[key.pk]


def read_key(who: Developer, **limits: Any) -> Key:
    return rows.key(who, rows.plan(**limits), usage_as_of=NOW, name="Bakery")


# --- Quota ---------------------------------------------------------------------------
def test_a_quota_of_a_day_counts_the_last_24_hours(mira):
    key = read_key(mira, quota_max=1000, quota_period=DAY)
    for back, hits in ((0, 10), (5, 100), (24, 30), (25, 500)):
        hour(key, back, hits)

    quota = one(key).quota

    assert quota is not None
    assert (quota.used, quota.left, quota.percent) == (140, 860, 14)


def test_a_quota_of_a_month_counts_whole_days(mira):
    key = read_key(mira, quota_max=1000, quota_period=30 * DAY)
    for back, hits in ((0, 10), (29, 100), (30, 30), (31, 500)):
        day(key, back, hits)

    quota = one(key).quota

    assert quota is not None
    assert quota.used == 140


@pytest.mark.parametrize("length", [99_999_999_999, 2**63 - 1])
def test_a_length_that_no_calendar_holds_counts_everything(mira, length):
    key = read_key(mira, quota_max=1000, quota_period=length)
    for back, hits in ((0, 10), (300, 890)):
        day(key, back, hits)

    quota = one(key).quota

    assert quota is not None
    assert quota.used == 900
    nearing.ask_for_due([key.pk], now=NOW)
    nearing.ask_for_due([key.pk], now=NOW + timedelta(days=1))
    assert Outbox.objects.filter(kind=nearing.KIND).count() == 1


def test_a_quota_that_never_renews_counts_everything(mira):
    key = read_key(mira, quota_max=1000, quota_period=0)
    for back, hits in ((0, 10), (300, 990)):
        day(key, back, hits)

    quota = one(key).quota

    assert quota is not None
    assert (quota.used, quota.left, quota.level) == (1000, 0, "over")


def reset(key: Key, at: datetime) -> None:
    Key.objects.filter(pk=key.pk).update(**usage.so_far(key, at))


def test_a_reset_quota_counts_from_the_reset_on(mira):
    key = read_key(mira, quota_max=1000, quota_period=DAY)
    for back, hits in ((2, 500), (0, 300)):
        hour(key, back, hits)
        day(key, back, hits)
    reset(key, NOW)
    whole = one(key).quota
    UsageHour.objects.filter(hits=300).update(hits=305, ok=305)

    quota = one(key).quota

    assert whole is not None
    assert (whole.used, whole.left, whole.reset_at) == (0, 1000, NOW)
    assert usage_words.basis(whole, now=NOW) == (
        "Not used yet. Its 24 hours begin with the first call."
    )
    assert quota is not None
    assert (quota.used, quota.left) == (5, 995)
    assert one(key).week.hits == 800, "what was called was called"
    assert usage_words.basis(quota, now=NOW) == (
        "At least 995 left. Counted since the reset on 4 Mar, 10:42 UTC; the quota "
        "starts again 24 hours after its first call."
    )


def test_a_quota_of_a_month_is_reset_within_a_day(mira):
    key = read_key(mira, quota_max=1000, quota_period=30 * DAY)
    for back, hits in ((0, 7), (1, 400), (2, 500)):
        day(key, back, hits)
    yesterday = NOW - timedelta(days=1)
    reset(key, yesterday)
    UsageDay.objects.filter(hits=400).update(hits=420, ok=420)

    quota = one(key).quota

    assert quota is not None
    assert (quota.used, quota.reset_at) == (27, yesterday)


def test_a_reset_quota_that_never_renews_is_whole_again(mira):
    key = read_key(mira, quota_max=1000, quota_period=0)
    for back, hits in ((0, 10), (300, 990)):
        day(key, back, hits)
    reset(key, NOW)

    quota = one(key).quota

    assert quota is not None
    assert (quota.used, quota.level) == (0, "")
    assert usage_words.basis(quota, now=NOW) == (
        "Counted since the reset on 4 Mar, 10:42 UTC. This quota never renews."
    )


def test_a_reset_longer_ago_than_the_quota_lasts_is_over(mira):
    key = read_key(mira, quota_max=1000, quota_period=DAY)
    for back, hits in ((24, 30), (3, 100)):
        hour(key, back, hits)
    reset(key, NOW - timedelta(days=1))

    quota = one(key).quota

    assert quota is not None
    assert (quota.used, quota.reset_at) == (130, None)
    assert usage_words.basis(quota, now=NOW) == (
        "At least 870 left. Counted over the last 24 hours; the quota starts again "
        "24 hours after its first call."
    )


def test_resets_of_many_keys_are_still_one_query(mira, django_assert_num_queries):
    for back in range(3):
        reset(read_key(mira, quota_period=DAY), NOW - timedelta(hours=back))
    keys = list(reads.keys_of(mira))
    with django_assert_num_queries(1):
        usage.summary(keys, now=NOW)


def test_no_bar_where_no_single_quota_holds(mira):
    free = read_key(mira, quota_max=-1)
    brief = read_key(mira, quota_max=10, quota_period=60)
    two = read_key(mira, quota_max=100, quota_period=DAY)
    two.policies.create(policy_id="another")
    unread = rows.key(mira, rows.plan())

    assert [one(key).quota for key in (free, brief, two, unread)] == [None] * 4


def test_each_keys_figures_are_its_own(mira):
    busy, quiet = read_key(mira), read_key(mira)
    for back in range(9):
        day(busy, back, 90, 10)
    day(quiet, 6, 3, 1)

    assert one(busy).today == usage.Counts(90, 10)
    assert one(busy).week == usage.Counts(630, 70)
    assert one(quiet).today == usage.NONE
    assert one(quiet).week.share == 25.0
    assert one(quiet).last_hit == NOW - timedelta(days=6)


def test_a_summary_is_one_query(mira, django_assert_num_queries):
    for _ in range(3):
        day(read_key(mira), 1, 5)
    keys = list(reads.keys_of(mira))
    with django_assert_num_queries(1):
        found = usage.summary(keys, now=NOW)
    assert [one.week.hits for one in found.values()] == [5, 5, 5]


@pytest.mark.parametrize(
    ("used", "level", "percent"),
    [(899, "", 89), (900, "near", 90), (999, "near", 99), (1000, "over", 100)],
)
def test_level_changes_at_90_and_100_percent(used, level, percent):
    quota = Quota(1000, DAY, used)
    assert (quota.level, quota.percent) == (level, percent)


# --- Forecast ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quota", "words"),
    [
        (Quota(1000, DAY, 100), ""),
        (
            Quota(1000, DAY, 100, 400.0),
            "At this pace, 400 a day, you use 40\u202f% of it.",
        ),
        (
            Quota(1000, DAY, 100, 1200.0),
            "At this pace, 1\u202f200 a day, it is used up before it renews.",
        ),
        (
            Quota(30_000, 30 * DAY, 27_000, 2000.0),
            "At this pace 100\u202f% on Thursday, at the earliest.",
        ),
        (
            Quota(1000, 0, 500, 25.0),
            "At this pace 100\u202f% on 24 Mar, at the earliest.",
        ),
        (Quota(1_000_000, 0, 1, 1 / 3), ""),  # in the year 8214
        (
            Quota(30_000, 30 * DAY, 27_000, 600.0),
            "At this pace, 600 a day, you use 60\u202f% of it.",
        ),
        (
            Quota(1000, DAY, 1000, 10.0),
            "By our count it is used up. The gateway refuses calls beyond the quota "
            "until it renews.",
        ),
    ],
)
def test_forecast_says_no_more_than_is_known(quota, words):
    assert usage_words.forecast(quota, now=NOW) == words


def pace(key: Key) -> float | None:
    quota = one(key).quota
    assert quota is not None
    return quota.a_day


def test_a_pace_needs_three_whole_days(mira):
    key = read_key(mira)
    day(key, 0, 9999)
    day(key, 2, 100)
    assert pace(key) is None
    day(key, 3, 200)
    assert pace(key) == 100.0


# --- Periods -------------------------------------------------------------------------------
def test_months_end_where_months_end():
    year = series.preset("12m", now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert [f"{at:%Y-%m}" for at in year.buckets][::11] == ["2025-02", "2026-01"]
    assert len(year.buckets) == 12
    assert year.end == datetime(2026, 2, 1, tzinfo=UTC)


def test_days_are_utc_whatever_the_clock_of_the_reader_does():
    """25 October 2026 has 25 hours in Berlin; it is one day of 24 here."""
    found = series.preset("7d", now=datetime(2026, 10, 27, 12, tzinfo=UTC))
    assert [at.day for at in found.buckets] == [21, 22, 23, 24, 25, 26, 27]
    assert {at.hour for at in found.buckets} == {0}
    hours = series.preset("48h", now=datetime(2026, 10, 26, 12, 30, tzinfo=UTC))
    assert len(hours.buckets) == 48
    assert hours.buckets[-1] == datetime(2026, 10, 26, 12, tzinfo=UTC)


def test_chosen_dates_are_by_month_when_they_are_many():
    few = series.chosen(date(2026, 1, 1), date(2026, 1, 31))
    many = series.chosen(date(2025, 11, 20), date(2026, 3, 2))
    assert (few.per, len(few.buckets)) == ("day", 31)
    assert (many.per, [at.month for at in many.buckets]) == ("month", [11, 12, 1, 2, 3])
    assert len(series.chosen(date(1, 1, 1), date(9999, 12, 31)).buckets) == 25


def test_gaps_are_filled_and_months_are_sums_of_days(mira):
    key = read_key(mira)
    for back, ok, errors in ((0, 5, 1), (3, 7, 0), (4, 100, 4), (32, 1, 0)):
        day(key, back, ok, errors)

    week = series.read_series([key], series.preset("7d", now=NOW))
    year = series.read_series([key], series.preset("12m", now=NOW))

    assert [c.hits for _, c in week.points] == [0, 0, 104, 7, 0, 0, 6]
    assert [c.hits for _, c in year.points][-3:] == [1, 104, 13]
    assert year.total == usage.Counts(113, 5)


def test_hours_come_from_hours(mira):
    key, other = read_key(mira), read_key(mira)
    hour(key, 0, 3, 1)
    hour(key, 47, 5)
    hour(key, 48, 900)
    hour(other, 0, 2)

    found = series.read_series([key, other], series.preset("48h", now=NOW))

    assert (found.points[-1][1].hits, found.points[0][1].hits) == (6, 5)
    assert found.total.hits == 11


# --- The picture ---------------------------------------------------------------------------
def drawn(*counts: tuple[int, int]) -> chart.Chart:
    first = datetime(2026, 3, 2, tzinfo=UTC)
    points = [
        (first + timedelta(days=n), usage.Counts(ok, errors))
        for n, (ok, errors) in enumerate(counts)
    ]
    last = points[-1][0]
    return chart.draw(series.Series(Period("7d", "day", first, last), points))


def test_bars_are_to_scale_and_stay_inside():
    picture = drawn((500, 0), (0, 0), (600, 400), (1, 1), (0, 1000))
    first, third, thin, failed = picture.bars

    assert picture.scale == ["1k", "500", "0"]
    assert (first.good, first.good_y, first.fail) == (100.0, 100.0, 0.0)
    assert (third.good, third.fail) == (120.0, 80.0)
    assert (thin.good, thin.fail) == (1.0, 1.0)
    assert (failed.good, failed.fail, failed.fail_y) == (0.0, 200.0, 0.0)
    assert all(bar.fail_y >= 0 and bar.good_y >= 0 for bar in picture.bars)


def test_the_sentence_tells_the_highest():
    assert drawn((10, 0), (1200, 34)).sentence == (
        "Calls per day, last 7 days: 1\u202f244 in all. Highest on Tue 3 Mar with "
        "1\u202f234, of which 34 errors. The table below has every number."
    )
    assert drawn((0, 0)).sentence == "Calls per day, last 7 days: none."


@pytest.mark.parametrize(
    ("most", "top"), [(0, 10), (10, 10), (11, 20), (61, 80), (9822, 10_000)]
)
def test_scales_end_with_a_round_number(most, top):
    assert chart.round_up(most) == top


@pytest.mark.parametrize("name", list(series.PRESETS))
def test_labels_fit_a_small_screen(name):
    found = series.preset(name, now=NOW)
    points = [(at, usage.NONE) for at in found.buckets]
    labels = chart.draw(series.Series(found, points)).labels
    assert 4 <= len(labels) <= 12
    assert len(points) % len(labels) == 0


def test_looking_is_noted_once_in_five_minutes(mira, django_assert_num_queries):
    rows.key(mira, rows.plan())
    assert usage.want(list(reads.keys_of(mira)), now=NOW) == 1
    with django_assert_num_queries(2):  # the read itself
        assert usage.want(list(reads.keys_of(mira)), now=NOW) == 0
    later = NOW + timedelta(minutes=6)
    assert usage.want(list(reads.keys_of(mira)), now=later) == 1


def test_home_notes_that_the_owner_looks(mira):
    key = rows.key(mira, rows.plan())
    rows.sign_in(Client(), mira).get("/")
    key.refresh_from_db()
    assert key.usage_wanted_at is not None
    assert timezone.now() - key.usage_wanted_at < timedelta(minutes=1)
