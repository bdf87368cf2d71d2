"""Usage from Tyk into the mirror: exact figures, faults, and whom it asks about."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests import live
from keyrequests.models import Key, UsageDay, UsageHour
from keyrequests.pull import usage
from tests.keyrequests import scene as scenes
from tests.keyrequests.scene import Scene
from tyk import connect, pull
from tyk.dashboard.errors import DashboardError
from tyk.models import PullState


@pytest.fixture
def scene(box, transactional_db) -> Scene:
    return scenes.build(box)


@pytest.fixture
def key(scene) -> Key:
    """Mira's key, claimed and known by its hash."""
    live.claim(scene.approved())
    pull.run("developers")
    return Key.objects.get()


def tyks_id(scene: Scene) -> str:
    [held] = scene.box.keys()
    return held.id


def this_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def days(key: Key) -> list[tuple[int, int, int, int]]:
    """Days before today, calls, answered, errors."""
    today = timezone.now().date()
    rows = UsageDay.objects.filter(key=key).order_by("-day")
    return [((today - row.day).days, row.hits, row.ok, row.errors) for row in rows]


def due_again() -> None:
    Key.objects.update(usage_tried_at=timezone.now() - timedelta(days=2))


def used(scene: Scene) -> None:
    """Calls now, yesterday, and on both sides of the three days read by hour."""
    name, hour = tyks_id(scene), this_hour()
    for before, code, hits in (
        (timedelta(), 200, 7),
        (timedelta(), 500, 2),
        (timedelta(days=1), 200, 10),
        (timedelta(days=1), 429, 3),
        (timedelta(days=2), 404, 1),
        (timedelta(days=3), 200, 40),
        (timedelta(days=200), 200, 5),
    ):
        scene.box.record_usage(name, hits=hits, code=code, at=hour - before)


def test_figures_are_those_of_the_gateway(scene, key):
    used(scene)

    pulled = pull.run("usage")

    key.refresh_from_db()
    assert days(key) == [
        (0, 9, 7, 2),
        (1, 13, 10, 3),
        (2, 1, 0, 1),
        (3, 40, 40, 0),
        (200, 5, 5, 0),
    ]
    hours = UsageHour.objects.filter(key=key).order_by("-hour")
    assert [(h.hour, h.ok, h.errors) for h in hours][:2] == [
        (this_hour(), 7, 2),
        (this_hour() - timedelta(days=1), 10, 3),
    ]
    assert key.usage_as_of is not None
    assert (pulled.seen, pulled.changed) == (1, 5 + 3)
    today = UsageDay.objects.get(key=key, day=timezone.now().date())
    assert today.last_hit is not None
    assert today.last_hit.replace(minute=0, second=0) == this_hour()


def test_the_same_again_writes_no_figures(scene, key):
    used(scene)
    pull.run("usage")
    due_again()

    with CaptureQueriesContext(connection) as seen:
        pulled = pull.run("usage")

    assert (pulled.seen, pulled.changed) == (1, 0)
    told = [q["sql"] for q in seen if "keyrequests_usage" in q["sql"]]
    assert told
    # PostgreSQL has the two halves of a union in brackets.
    assert [sql for sql in told if not sql.startswith(("SELECT", "(SELECT"))] == []


def test_figures_that_arrive_late_replace_those_we_had(scene, key):
    used(scene)
    pull.run("usage")
    yesterday = this_hour() - timedelta(days=1)
    scene.box.record_usage(tyks_id(scene), hits=4, code=200, at=yesterday)
    due_again()

    assert pull.run("usage").changed == 2  # the hour and its day

    assert days(key)[1] == (1, 17, 14, 3)


def test_what_tyk_forgets_is_kept(scene, key):
    UsageDay.objects.create(
        key=key, day=timezone.now().date() - timedelta(days=90), hits=8, ok=8
    )

    pull.run("usage")

    assert days(key) == [(90, 8, 8, 0)]


@pytest.mark.parametrize("end", ["exclusive", "inclusive"])
@pytest.mark.parametrize("zeros", ["present", "absent"])
def test_whatever_the_release_means_by_the_end_and_by_no_calls(scene, key, end, zeros):
    scene.box.switch(usage_end=end, zero_rows=zeros)
    used(scene)

    pull.run("usage")

    assert sum(hits for _, hits, _, _ in days(key)) == 68
    assert len(days(key)) == 5


# --- Whose turn it is ------------------------------------------------------------------
def test_a_key_is_read_once_a_day_unless_its_owner_looks(scene, key):
    pull.run("usage")
    hour_ago = timezone.now() - timedelta(minutes=61)
    Key.objects.update(usage_tried_at=hour_ago)
    assert pull.run("usage").seen == 0

    Key.objects.update(usage_wanted_at=timezone.now() - timedelta(days=6))
    assert pull.run("usage").seen == 1
    Key.objects.update(usage_tried_at=timezone.now() - timedelta(minutes=6))
    assert pull.run("usage").seen == 0
    Key.objects.update(usage_wanted_at=timezone.now())
    assert pull.run("usage").seen == 1


def test_a_run_reads_so_many_keys_and_the_looked_at_first(scene, key, settings):
    settings.USAGE_KEYS_A_RUN = 1
    for _ in range(2):
        scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    looked = Key.objects.exclude(pk=key.pk).latest("pk")
    Key.objects.filter(pk=looked.pk).update(usage_wanted_at=timezone.now())
    scene.box.journal.clear()

    assert pull.run("usage").seen == 1

    assert list(Key.objects.exclude(usage_as_of=None)) == [looked]
    assert len(scene.box.journal.calls()) == 2  # the year by day, three days by hour


def test_an_ended_key_is_read_until_nothing_can_arrive(scene, key):
    used(scene)
    Key.objects.update(state=Key.State.REVOKED, ended_at=timezone.now())
    assert pull.run("usage").seen == 1
    assert days(key)

    Key.objects.update(ended_at=timezone.now() - timedelta(hours=2))
    due_again()
    assert pull.run("usage").seen == 0


# --- Faults ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "timeout_before", "seconds": 3},
        {"mode": "refuse_connection"},
    ],
)
def test_an_outage_is_kept_as_one_and_ends_by_itself(scene, key, fault):
    used(scene)
    pull.run("usage")
    before = days(key)
    due_again()
    scene.box.faults.add("aggregateKeyActivity", **fault)

    with pytest.raises(DashboardError):
        pull.run("usage")

    key.refresh_from_db()
    assert key.usage_trouble == Key.UsageTrouble.AWAY
    assert PullState.objects.get(kind="usage").last_error
    assert days(key) == before
    scene.box.faults.clear()
    assert pull.run("usage").seen == 1
    key.refresh_from_db()
    assert key.usage_trouble == Key.UsageTrouble.NONE


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "status", "status": 404, "message": "Key not found."},
        {"mode": "status", "status": 400, "message": "Key could not be decoded."},
        {"mode": "status", "status": 500, "message": "Failed to fetch analytics."},
        {"mode": "html_200"},
        {"mode": "truncated"},
    ],
)
def test_one_key_that_tyk_does_not_tell_of_stops_no_other(scene, key, fault):
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    pull.run("usage")
    due_again()
    scene.box.faults.add("aggregateKeyActivity", times=1, **fault)

    pulled = pull.run("usage")

    assert (pulled.seen, pulled.bad) == (1, 1)
    troubles = sorted(Key.objects.values_list("usage_trouble", flat=True))
    assert troubles == ["", "refused"]


def test_when_no_key_can_be_read_it_is_no_keys_fault(scene, key):
    for _ in range(6):
        scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    scene.box.faults.add("aggregateKeyActivity", mode="html_200")

    with pytest.raises(DashboardError):
        pull.run("usage")

    assert Key.objects.filter(usage_trouble=Key.UsageTrouble.AWAY).count() == 7 - 3
    assert len(scene.box.journal.calls("aggregateKeyActivity")) == usage.MANY


def test_odd_answers_about_some_keys_keep_nobody_from_the_others(scene, key, settings):
    """Though they come in a row, and two calls without an answer shut the portal up."""
    for _ in range(6):
        scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    settings.TYK_BREAKER_AFTER = 2
    connect.close()
    box = scene.box
    box.faults.add("aggregateKeyActivity", mode="html_200", times=3)

    pulled = pull.run("usage")

    assert (pulled.seen, pulled.bad) == (4, 3)
    assert connect.breaker().state == "closed"
    troubles = sorted(Key.objects.values_list("usage_trouble", flat=True))
    assert troubles == ["", "", "", "", *["refused"] * 3]
    assert PullState.objects.get(kind="usage").last_error == ""


# --- Hashing off ---------------------------------------------------------------------------
@pytest.fixture
def clear_key(scene) -> Key:
    scene.box.switch(hashing="off")
    scene.box.set_configuration(HashKeys=False)
    pull.run("configuration")
    live.claim(scene.approved())
    pull.run("developers")
    return Key.objects.get()


@pytest.mark.parametrize("told", [True, False])
def test_a_raw_key_is_never_written_into_an_address(scene, clear_key, told):
    if not told:  # a release that does not say that hashing is off
        scene.box.set_configuration(HashKeys=True)
        pull.run("configuration")
    scene.box.journal.clear()

    pull.run("usage")

    assert scene.box.journal.operations() == []
    clear_key.refresh_from_db()
    assert clear_key.usage_trouble == Key.UsageTrouble.OFF


def test_unless_the_operator_accepts_it(scene, clear_key, settings):
    pull.run("usage")
    settings.USAGE_ACCEPTS_CLEAR_KEYS = True
    scene.box.record_usage(tyks_id(scene), hits=6, at=this_hour())
    due_again()

    pull.run("usage")

    assert days(clear_key) == [(0, 6, 6, 0)]
    clear_key.refresh_from_db()
    assert clear_key.usage_trouble == Key.UsageTrouble.NONE


# --- Forgetting ------------------------------------------------------------------------------
def test_old_usage_is_forgotten(scene, key, settings):
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for ago in (399, 400, 401):
        UsageDay.objects.create(key=key, day=now.date() - timedelta(days=ago))
    for ago in (3, 5):
        UsageHour.objects.create(key=key, hour=now - timedelta(days=ago))

    assert usage.forget(now=now) == 2

    oldest = UsageDay.objects.earliest("day")
    assert oldest.day == now.date() - timedelta(days=settings.USAGE_DAYS)
    assert UsageHour.objects.count() == 1
