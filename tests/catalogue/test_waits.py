"""How long a decision usually takes, in words a developer can plan by."""

from datetime import UTC, datetime, timedelta

import pytest

from catalogue import waits
from keyrequests.models import KeyRequest
from tests.catalogue.reading import page
from tests.factories import EntryFactory, KeyRequestFactory

MONDAY = datetime(2025, 11, 17, 9, 0, tzinfo=UTC)
FRIDAY = datetime(2025, 11, 21, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def decided(entry, took: timedelta, *, where: str = "staff") -> KeyRequest:
    return KeyRequestFactory(
        entry=entry,
        status="declined",
        created_at=MONDAY,
        decided_at=MONDAY + took,
        decided_in=where,
    )


@pytest.mark.parametrize(
    ("began", "took", "hours"),
    [
        (MONDAY, HOUR, 1),
        (MONDAY, 30 * HOUR, 30),
        (FRIDAY, 66 * HOUR, 18),  # until Monday 10:00: Saturday and Sunday are out
        (datetime(2025, 11, 22, 10, 0, tzinfo=UTC), 4 * HOUR, 0),
        (MONDAY, -HOUR, 0),
    ],
)
def test_weekends_are_nobodys_delay(began, took, hours):
    assert waits.working_seconds(began, began + took) == hours * 3600


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.2, "less than an hour"),
        (0.9, "about an hour"),
        (2.2, "about 2 hours"),
        (13, "about 1 working day"),
        (50, "about 2 working days"),
    ],
)
def test_words(hours, said):
    assert waits.words(hours * 3600) == said


@pytest.mark.django_db
def test_a_plan_of_its_own_experience_else_that_of_all():
    slow, fast, new = EntryFactory.create_batch(3)
    for hours in (48, 50, 200):
        decided(slow, hours * HOUR)
    for hours in (1, 2, 9):
        decided(fast, hours * HOUR)
    measured = waits.measured()

    assert measured.words(slow.plan_id) == "about 2 working days"
    assert measured.words(fast.plan_id) == "about 2 hours"
    assert measured.words(new.plan_id) == "about 1 working day"


@pytest.mark.django_db
def test_two_decisions_and_those_of_rules_or_tyk_say_nothing(client):
    entry = EntryFactory(slug="orders")
    for where in ("staff", "staff", "rule", "tyk"):
        decided(entry, HOUR, where=where)
    assert waits.measured().words(entry.plan_id) == ""
    assert "Approval about 1 working day" in page(client, "/catalogue/orders/")

    decided(entry, 3 * HOUR)
    assert "Approval usually about an hour" in page(client, "/catalogue/orders/")
    assert "After a review, usually about an hour" in page(client, "/catalogue/")
