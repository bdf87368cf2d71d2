"""The front page of the staff area, and its navigation."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal_site.staff import ensure_roles
from tests.factories import (
    EventFactory,
    KeyRequestFactory,
    OutboxFactory,
    PullStateFactory,
    StaffFactory,
)
from tests.keyrequests.test_admin_case import words
from tyk.models import Alarm, PullState

pytestmark = pytest.mark.django_db

HOME = "/admin/"


def read(client, path: str = HOME) -> str:
    return words(client.get(path).content.decode())


@pytest.fixture
def boss(organisation, signed_in):
    return signed_in(StaffFactory(is_superuser=True))


def test_what_waits_comes_first_with_the_longest(boss):
    KeyRequestFactory()
    oldest = KeyRequestFactory(created_at=timezone.now() - timedelta(days=3))

    told = read(boss)

    assert "2 requests wait for a decision, 1 over target." in told
    asks = f"{oldest.developer} asks for {oldest.entry_name}"
    assert f"2 waiting, 1 over target Longest: {asks}" in told
    assert f"{oldest.number}, sent 3 days ago" in told


def test_a_calm_morning(boss):
    PullStateFactory(kind="policies")

    told = read(boss)

    assert "Nothing waits for a decision. All is well." in told
    assert "Sync with Tyk Up to date just now" in told
    assert "Outbox Nothing is parked" in told
    assert "Alarms None" in told
    assert "Last decisions None yet." in told


def test_trouble_is_told_where_it_is(boss):
    now = timezone.now()
    PullStateFactory(kind="policies")
    PullState.objects.create(kind="catalogue", last_error="timeout", started_at=now)
    OutboxFactory(parked_reason="status 500, 8 times")
    Alarm.objects.create(cause="parked", raised_at=now)
    Alarm.objects.create(cause="stale", raised_at=now, over_at=now)

    told = read(boss)

    assert "3 parts of the system need attention." in told
    assert "Sync with Tyk 1 of 2 pulls in trouble" in told
    assert "Outbox 1 parked: a person must look" in told
    assert "Alarms Work is parked just now" in told


def test_the_last_decisions_are_told_with_who_made_them(boss):
    request = KeyRequestFactory(status="declined")
    EventFactory(request=request, verb="declined", actor="Sam", note="No.")
    by_rule = KeyRequestFactory(granted=True)
    EventFactory(request=by_rule, verb="approved", actor="")
    EventFactory(request=KeyRequestFactory(granted=True), verb="sent")

    told = read(boss)

    assert f"{request.number}, {request.entry_name} Declined" in told
    assert f"{request.developer}; by Sam" in told
    assert "Approved" in told
    assert "automatically" in told
    assert told.count("R-") == 2


def test_each_sees_what_they_may(organisation, signed_in, sam, rita):
    KeyRequestFactory()
    assert "You may not look at anything yet." in read(signed_in(sam))
    reviewer = read(signed_in(rita))
    assert "1 request waits for a decision." in reviewer
    assert "Outbox" not in reviewer
    sam.user_permissions.set(Permission.objects.filter(codename="view_outbox"))
    operator = read(signed_in(type(sam).objects.get(pk=sam.pk)))
    assert "Outbox Nothing is parked" in operator
    assert "To review" not in operator


def test_the_front_page_costs_the_same_whatever_waits(boss):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(HOME).status_code == 200
        return len(queries)

    KeyRequestFactory()
    EventFactory(verb="approved")
    OutboxFactory(parked_reason="x")
    cost()
    few = cost()
    for _ in range(10):
        KeyRequestFactory()
        EventFactory(verb="approved")
        OutboxFactory(parked_reason="x")

    assert cost() == few
    assert few <= 16


def test_the_navigation_is_grouped_by_what_people_do(organisation, signed_in):
    ensure_roles()
    staff = StaffFactory()
    staff.groups.set(Group.objects.all())
    page = signed_in(staff).get(HOME)

    told = {
        group["name"]: [model["name"] for model in group["models"]]
        for group in page.context["app_list"]
    }
    assert list(told) == ["Access", "People", "Catalogue", "Operation"]
    assert told["Access"] == ["Key requests", "Keys", "Lost claims", "What happened"]
    assert told["People"] == ["Developers"]
    assert told["Operation"][:3] == ["Sync", "Outbox", "Alarms"]
    assert "Authentication and Authorization" not in page.content.decode()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("auth/", "People"),
        ("keyrequests/", "Access"),
        ("tyk/", "Operation"),
        ("portal_site/", "Operation"),
    ],
)
def test_a_group_has_its_own_page(boss, path, title):
    told = read(boss, f"{HOME}{path}")

    assert f"{title} " in told
    assert "administration" not in told


def test_no_page_speaks_of_djangos_apps(boss):
    for path in ("auth/group/", "developers/user/", "auth/group/add/"):
        page = boss.get(f"{HOME}{path}").content.decode()
        assert "Authentication and Authorization" not in page
