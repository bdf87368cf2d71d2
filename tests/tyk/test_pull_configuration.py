"""Portal settings of a Dashboard that has none, or says so."""

import pytest

from tyk import pull
from tyk.models import Organisation, PullState

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_portal_nobody_set_up_is_read_and_no_key_is_made(box):
    """Nobody knows whether Tyk mails keys, and requests wait for a person."""
    box.switch(configuration_before_init="missing")

    pull.run("configuration")

    found = Organisation.current()
    assert found.mails_keys
    assert found.require_key_approval
    state = PullState.objects.get(kind="configuration")
    assert state.last_error == ""
    assert state.held_back_reason.startswith("no portal settings in Tyk yet")


def test_once_it_is_set_up_its_own_settings_count(box):
    box.switch(configuration_before_init="missing")
    pull.run("configuration")
    box.set_configuration(require_key_approval=False)

    pull.run("configuration")

    found = Organisation.current()
    assert not found.mails_keys
    assert not found.require_key_approval
    assert PullState.objects.get(kind="configuration").held_back_reason == ""


def test_settings_that_were_read_once_stand(box):
    """A "not found" on one day is no reason to open or to close anything."""
    box.set_configuration(require_key_approval=False, signup_fields=["Company"])
    pull.run("configuration")
    before = Organisation.current()
    box.faults.add(
        "getPortalConfiguration", mode="status", status=404, message="not found"
    )

    pull.run("configuration")

    after = Organisation.current()
    assert (after.mails_keys, after.signup_fields) == (False, ["Company"])
    assert after.require_key_approval is before.require_key_approval is False
    state = PullState.objects.get(kind="configuration")
    assert "those read last stand" in state.held_back_reason
