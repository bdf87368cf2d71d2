"""Staff with one right only, for the pages of the admin."""

import pytest
from django.contrib.auth.models import Permission

from developers.models import User
from tests.factories import StaffFactory


def staff_with(name: str, *rights: str) -> User:
    """Somebody of the company with exactly these rights on this app's rows."""
    user: User = StaffFactory(name=name, email=f"{name.lower()}@northwind.example")
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="keyrequests", codename__in=rights
        )
    )
    return user


@pytest.fixture
def look_only(db) -> User:
    """Vera may read requests, mints, events and keys, and decide nothing."""
    rows = ("keyrequest", "key", "mint", "event")
    return staff_with("Vera", *(f"view_{row}" for row in rows))


@pytest.fixture
def keeper(db) -> User:
    """Kim may end keys."""
    return staff_with("Kim", "view_key", "change_key")
