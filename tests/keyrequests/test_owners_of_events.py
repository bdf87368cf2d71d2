"""Events from before it was kept whose doing they are: the migration finds out."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from developers.models import Developer
from keyrequests.models import Event, Key
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db

FILL = import_module("keyrequests.migrations.0005_owners_of_events").fill
NEW, OLD = "Alice Arnold", "Alice Baker"


@pytest.fixture
def event(alices_key: Key) -> Any:
    assert alices_key.developer.name == NEW

    def made(verb: str, actor: str, note: str = "", *, on: str = "request") -> None:
        about: dict[str, object] = {"request": alices_key.request}
        if on == "key":
            about = {"request": None, "key": alices_key}
        EventFactory(verb=verb, actor=actor, note=note, **about)

    return made


def owned() -> set[tuple[str, str]]:
    FILL(apps, None)
    return set(Event.objects.filter(by_owner=True).values_list("verb", "actor"))


def test_what_only_owners_do_is_theirs_by_any_name(event):
    event("sent", OLD)
    event("claimed", OLD, on="key")
    event("revoke_asked", OLD, on="key")
    event("revoke_asked", NEW, on="key")
    event("withdrawn", NEW)

    assert owned() == {
        ("sent", OLD),
        ("claimed", OLD),
        ("revoke_asked", OLD),
        ("revoke_asked", NEW),
        ("withdrawn", NEW),
    }


def test_what_staff_and_the_portal_did_is_not(event):
    event("sent", "Rita", "for the developer")
    event("approved", NEW)
    event("declined", "Rita", "No.")
    event("revoke_asked", "Rita", on="key")
    event("revoke_asked", "", on="key")
    event("delivered", "")

    assert owned() == set()


def test_who_closed_the_account_by_another_name_is_forgotten(event, alice):
    event("changed", OLD, "What you build")
    event("declined", "Rita", "No.")
    Developer.objects.filter(pk=alice.pk).update(
        name="Closed account", email="", erased_at=timezone.now()
    )

    FILL(apps, None)

    assert set(Event.objects.values_list("actor", "note")) == {
        ("Closed account", ""),
        ("Rita", "No."),
    }
