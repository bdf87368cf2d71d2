"""What the doctor asks the Dashboard, each answer provoked once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal_site import dashboard_check
from portal_site.doctor import dashboard
from portal_site.runner import ports
from tests.keyrequests.scene import build
from tests.portal_site.ward import examined, wrong
from tyk import connect
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import Call, Unreachable
from tyk.models import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


def test_nobody_at_the_address(settings, organisation):
    address = f"127.0.0.1:{ports.any_free()}"
    settings.TYK_DASHBOARD_URL = f"http://{address}"
    connect.close()

    found = examined()

    assert found["dashboard"].sentence == f"Nothing listens at http://{address}."
    assert found["dashboard"].fix.startswith("Start the Dashboard, or")
    assert "key" not in found


def test_a_refused_key(box):
    box.rotate_api_key()

    found = examined()

    assert found["key"].sentence == "The Dashboard refuses TYK_API_KEY."
    assert "rights" not in found


def test_two_refused_keys(box, settings):
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"
    box.rotate_api_key()

    found = examined()

    assert found["key"].sentence == (
        "The Dashboard refuses TYK_API_KEY and TYK_API_KEY_NEXT."
    )
    assert "canary" not in str(found)


def test_the_next_key_took_over(box, settings):
    build(box)
    settings.TYK_API_KEY_NEXT = box.rotate_api_key()

    found = examined()

    assert wrong(found) == {
        "key": "The Dashboard refuses TYK_API_KEY and takes TYK_API_KEY_NEXT."
    }
    assert found["next key"].sentence == "The Dashboard takes TYK_API_KEY_NEXT too."


def test_the_next_key_does_not_work(box, settings):
    build(box)
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"

    found = examined()

    assert wrong(found) == {"next key": "The Dashboard refuses TYK_API_KEY_NEXT."}
    assert "canary" not in str(found)


def test_rights_that_are_missing(box):
    build(box)
    box.switch(denied_rights=("policy", "keys"))

    assert wrong(examined()) == {"rights": "The key may not read policies and keys."}


def test_a_part_that_fails(box):
    build(box)
    box.faults.add("listKeyRequests", mode="status", status=500, message="store away")

    assert wrong(examined()) == {
        "rights": "Could not be read: key requests (listKeyRequests (GET "
        "/api/portal/requests): server_error, status 500)."
    }


def test_another_organisation(box, settings):
    build(box)
    settings.TYK_ORG_ID = "64a0c0ffee00000000009999"

    assert wrong(examined()) == {
        "organisation": f"The key belongs to organisation {box.org_id}, this portal "
        "to 64a0c0ffee00000000009999."
    }


def test_tyk_would_mail_keys(box, settings):
    build(box)
    box.set_configuration(
        secure_key_approval=True,
        mail_options={"email_copy": {"key_email": {"enabled": True}}},
    )
    assert wrong(examined()) == {
        "key mails": "Tyk mails keys to developers and sends a link to a page with the "
        "key (secure key approval). No key can be claimed here."
    }

    settings.CLAIM_ACCEPTS_KEY_MAIL = True
    assert wrong(examined()) == {}


def test_the_mirror_has_another_hash_mode(box):
    build(box)
    box.switch(hashing="off")
    assert wrong(examined()) == {
        "key hashing": "Key hashing is off in Tyk and on in the mirror."
    }

    Organisation.objects.update(hash_keys=False)
    assert examined()["key hashing"].sentence == (
        "Key hashing is off: Tyk itself keeps raw keys."
    )


def test_entries_nobody_can_ask_for(box):
    scene = build(box)
    box.add_entry("Returns", "")
    box.edit_policy(scene.policy, active=False)

    assert wrong(examined()) == {
        "catalogue": "Entries nobody can ask for. Returns: no policy; Orders: policy "
        "is switched off."
    }


def test_policies_in_no_entry_are_told_and_are_no_fault(box):
    build(box)
    box.add_policy("internal")

    found = examined()

    assert wrong(found) == {}
    assert found["policies"].sentence == "Live policies in no entry: internal."


@pytest.mark.parametrize(("ahead", "side"), [(500, "behind"), (-500, "ahead of")])
def test_clocks_that_differ(box, ahead, side):
    now = timezone.now()
    clocks = [(now + timedelta(seconds=ahead), now)]

    found = dashboard.clock(dashboard.Visit(connect.dashboard(), clocks))

    assert not found.ok
    assert found.sentence == f"Our clock is 500 seconds {side} the Dashboard's."


def test_a_dashboard_without_a_clock(box):
    found = dashboard.clock(dashboard.Visit(connect.dashboard()))

    assert found.sentence == "Not checked: the Dashboard sends no date."


# --- The scratch developer -----------------------------------------------------------
def test_a_dashboard_that_drops_markers(box, monkeypatch):
    build(box)
    made = Dashboard.create_developer

    def dropped(client: Dashboard, **told: Any) -> Any:
        return made(client, **{**told, "fields": {"Name": "no marker"}})

    monkeypatch.setattr(Dashboard, "create_developer", dropped)

    found = examined(scratch=True)["markers"]

    assert re.fullmatch(
        r"The scratch developer portal-doctor-\w+@example.invalid was made, read back "
        r"and deleted: Tyk dropped our marker from its fields\.",
        found.sentence,
    )
    assert len(box.developers()) == 1


def test_a_key_that_may_not_write(box):
    build(box)
    box.switch(denied_rights=("portal:write",))

    assert wrong(examined(scratch=True)) == {
        "markers": "A scratch developer could not be made and read back "
        "(createDeveloper (POST /api/portal/developers): no_permission, status 403); "
        "none is left."
    }


def test_an_answer_lost_leaves_no_scratch_developer(box):
    build(box)
    box.faults.add("createDeveloper", mode="reset_after", times=1)

    found = examined(scratch=True)["markers"]

    assert not found.ok
    assert found.sentence.endswith("none is left.")
    assert len(box.developers()) == 1


def test_a_scratch_developer_that_stays_is_named(box):
    build(box)
    box.faults.add("deleteDeveloper", mode="status", status=500, message="no")

    found = examined(scratch=True)["markers"]

    [left] = [one for one in box.developers() if "doctor" in one["email"]]
    assert f"{left['email']} was made and could not be deleted" in found.sentence
    assert found.fix == f"Delete {left['email']} in the Dashboard."


@pytest.mark.parametrize("habit", ["keep", "empty"])
def test_a_write_without_a_password_is_tried(box, habit):
    build(box)
    box.switch(put_passwordless=habit)

    found = examined(scratch=True)["passwords"]

    assert found.ok is (habit == "keep")
    assert Organisation.current().loses_passwords is (habit == "empty")
    assert len(box.developers()) == 1
    if habit == "empty":
        assert "Developers cannot edit their profile or address" in found.sentence
        # Mended, and tried again: edits are on again.
        box.switch(put_passwordless="keep")
        assert examined(scratch=True)["passwords"].ok
        assert not Organisation.current().refuses_edits


def test_lost_passwords_can_be_accepted(box, settings):
    build(box)
    box.switch(put_passwordless="empty")
    settings.EDITS_ACCEPT_LOST_PASSWORDS = True

    found = examined(scratch=True)["passwords"]

    assert found.ok
    assert "EDITS_ACCEPT_LOST_PASSWORDS accepts it" in found.sentence
    assert not Organisation.current().refuses_edits


def test_what_can_not_be_tried_changes_nothing(box):
    build(box)
    Organisation.objects.update(loses_passwords=True)
    box.faults.add("updateDeveloper", mode="status", status=500)

    found = examined(scratch=True)["passwords"]

    assert found.sentence.startswith("Not checked: it could not be tried")
    assert Organisation.current().loses_passwords


def test_a_portal_nobody_set_up(box):
    """Whether Tyk mails keys is not known, so none is made."""
    box.switch(configuration_before_init="missing")

    found = examined()

    assert found["dashboard"].ok
    assert "nobody knows whether it mails keys" in found["key mails"].sentence
    assert found["key mails"].fix.endswith("save them once.")
    assert dashboard_check.trouble() == ""


@pytest.mark.parametrize("reason", ["shed", "breaker"])
def test_what_was_not_asked_is_not_called_silent(reason):
    """The fault is on our side, or not known: no word of firewalls."""
    call = Call("getPortalConfiguration", "GET", "/api/portal/configuration")

    told = dashboard_check.sentence(Unreachable(call, reason=reason))

    assert "not asked" in told
    assert "firewall" not in told
