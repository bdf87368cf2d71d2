"""The first staff login: made once, never given a password behind its back."""

import pytest

from developers.models import User
from portal_site import staff
from portal_site.staff import Outcome

pytestmark = pytest.mark.django_db

EMAIL, PASSWORD = "rita@northwind.example", "a long enough password"


def test_superuser_is_made_where_there_is_none():
    assert staff.ensure(EMAIL, PASSWORD, only_first=True) == Outcome.MADE

    user = User.objects.get()
    assert (user.email, user.is_staff, user.is_superuser) == (EMAIL, True, True)
    assert user.check_password(PASSWORD)


def test_second_start_changes_nothing():
    staff.ensure(EMAIL, PASSWORD, only_first=False)

    assert staff.ensure(EMAIL, PASSWORD, only_first=False) == Outcome.SAME
    assert User.objects.count() == 1


def test_a_password_given_since_stays():
    staff.ensure(EMAIL, "changed in the admin", only_first=False)

    assert staff.ensure(EMAIL, PASSWORD, only_first=False) == Outcome.OTHER
    assert User.objects.get().check_password("changed in the admin")


def test_random_login_is_for_a_portal_without_staff_only():
    staff.ensure("ops@company.example", PASSWORD, only_first=False)

    assert staff.ensure(EMAIL, "random", only_first=True) == Outcome.NOT_NEEDED
    assert [u.email for u in User.objects.all()] == ["ops@company.example"]


def test_demo_password_no_longer_opens_a_real_portal():
    staff.ensure(EMAIL, PASSWORD, only_first=False)

    assert staff.lock_out(EMAIL, PASSWORD)

    assert not User.objects.get().has_usable_password()
    assert staff.ensure("staff@portal.example", "random", only_first=True) == "made"


def test_lock_out_spares_a_login_that_changed_its_password():
    staff.ensure(EMAIL, "changed in the admin", only_first=False)

    assert not staff.lock_out(EMAIL, PASSWORD)

    assert User.objects.get().check_password("changed in the admin")
