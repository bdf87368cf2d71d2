"""Developers leave the mirror only when Tyk certainly has them no longer."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from developers import pull
from developers.models import Developer
from keyrequests.pull import developers as pull_all
from tests.cast import in_tyk
from tests.developers.steps import is_signed_in
from tests.factories import PASSWORD, DeveloperFactory
from tyk.dashboard.errors import DashboardError
from tyk.models import PullState
from tyk.pull import Pulled, run
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def five(box, organisation) -> list[Developer]:
    for number in range(5):
        box.add_developer(f"d{number}@shop.example", password=PASSWORD)
    pull_all()
    return list(Developer.objects.order_by("email"))


def earlier(seconds: int) -> None:
    """As if the last look had been that long ago."""
    for row in Developer.objects.exclude(missing_since=None):
        assert row.missing_since
        row.missing_since -= timedelta(seconds=seconds)
        row.save(update_fields=["missing_since"])


def gone() -> list[str]:
    rows = Developer.objects.exclude(gone_at=None)
    return sorted(rows.values_list("email", flat=True))


def missing() -> list[str]:
    rows = Developer.objects.exclude(missing_since=None)
    return sorted(rows.values_list("email", flat=True))


def outcome(pulled: Pulled) -> tuple[int, str]:
    return pulled.retired, pulled.held_back


def test_two_looks_and_a_404_end_the_session(box, five, signed_in):
    theirs = signed_in(five[0])
    box.delete_developer(five[0].tyk_id)

    assert outcome(pull_all()) == (0, "")
    assert (missing(), gone()) == ([five[0].email], [])
    earlier(59)
    assert outcome(pull_all()) == (0, "")
    assert is_signed_in(theirs)
    earlier(2)
    box.journal.clear()
    assert outcome(pull_all()) == (1, "")

    assert box.journal.operations() == ["listDevelopers", "getDeveloper"]
    assert gone() == [five[0].email]
    assert not is_signed_in(theirs)
    assert outcome(pull_all()) == (0, "")


def test_back_again_clears_the_mark(box, five):
    box.delete_developer(five[0].tyk_id)
    pull_all()
    assert missing() == [five[0].email]
    seen = set(Developer.objects.values_list("tyk_id", flat=True))

    assert pull.retire(seen, began=timezone.now()) == pull.Retired()
    assert missing() == []


def test_listed_no_more_but_known_by_id_stays(box, five, signed_in):
    theirs = signed_in(five[0])
    seen = {row.tyk_id for row in five[1:]}
    pull.retire(seen, began=timezone.now())
    earlier(61)

    assert pull.retire(seen, began=timezone.now()) == pull.Retired(0, "")

    assert (missing(), gone()) == ([], [])
    assert is_signed_in(theirs)


def test_more_than_three_of_a_few_are_held_back(box, five, caplog):
    for row in five[:4]:
        box.delete_developer(row.tyk_id)
    for _ in range(2):
        pulled = run("developers")
        earlier(61)
        assert outcome(pulled) == (0, "4 of 5 developers missing at once: none retired")
    assert (missing(), gone()) == ([], [])
    state = PullState.objects.get(kind="developers")
    assert state.held_back_reason == "4 of 5 developers missing at once: none retired"
    assert "retirement held back" in caplog.messages


@pytest.mark.parametrize(("lost", "held"), [(5, False), (6, True)])
def test_five_in_a_hundred_is_the_line(lost, held, organisation):
    rows = DeveloperFactory.create_batch(100)
    seen = {row.tyk_id for row in rows[lost:]}
    parted = pull.retire(seen, began=timezone.now())
    assert bool(parted.held_back) is held
    assert len(missing()) == (0 if held else 5)


@pytest.mark.parametrize("mode", ["empty list", "html_200", "truncated", "null_lists"])
def test_list_that_is_no_list_retires_nobody(mode, box, five):
    if mode == "empty list":
        for row in five:
            box.delete_developer(row.tyk_id)
    else:
        box.faults.add("listDevelopers", mode=mode)
    for _ in range(2):
        earlier(61)
        with suppress(DashboardError):
            assert run("developers").retired == 0
    assert (missing(), gone()) == ([], [])


def test_unreadable_record_retires_nobody(box: Sandbox, five):
    box.delete_developer(five[0].tyk_id)
    pull_all()
    earlier(61)
    bad = [("f" * 24, {"email": 7})]
    box.add_many("developers", bad)

    pulled = pull_all()

    assert pulled.bad == 1
    assert outcome(pulled) == (0, "unreadable records in the list: none retired")
    assert gone() == []


def test_made_while_the_list_was_read_is_not_missing(organisation):
    began = timezone.now() - timedelta(seconds=5)
    DeveloperFactory()
    pull.retire(set(), began=began)
    assert missing() == []


def test_look_that_fails_retires_nobody_and_goes_on_later(box, five):
    box.delete_developer(five[0].tyk_id)
    pull_all()
    earlier(61)
    box.faults.add("getDeveloper", mode="status", status=500)
    pulled = pull_all()
    assert pulled.retired == 0
    assert pulled.held_back.startswith("could not look at who is missing:")
    box.heal()
    assert pull_all().retired == 1


def test_mirrored_again_after_it_was_gone(box, five):
    row = in_tyk(box, DeveloperFactory(email="back@shop.example"))
    pull.mark_gone(row.tyk_id)
    assert outcome(pull_all()) == (0, "")
    row.refresh_from_db()
    assert (row.gone_at, row.missing_since) == (None, None)
