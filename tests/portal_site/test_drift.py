"""Each kind of difference between mirror and Tyk: seen, named, mended or left."""

import json

import pytest
from django.utils import timezone

from catalogue.models import Entry, Plan
from developers.models import Developer, ProfileEdit
from keyrequests import live
from keyrequests.models import Key, KeyPolicy, KeyRequest
from portal_site import drift
from portal_site.drift import mend
from tests import factories
from tests.keyrequests.scene import build
from tests.portal_site.desks import drift_command as run
from tyk import pull
from tyk.models import Organisation
from tyk.sandbox import PROFILES

pytestmark = pytest.mark.django_db(transaction=True)


def seen() -> list[tuple[str, ...]]:
    return [
        (one.kind, one.record, one.field, one.here, one.there, one.owner)
        for one in drift.differences()
    ]


def mended() -> list[tuple[str, ...]]:
    """What is left after taking Tyk's values."""
    mend.take_tyks(list(drift.differences()))
    return seen()


@pytest.mark.parametrize("profile", ["default", "modern", "legacy", "unhashed"])
def test_a_mirror_in_step_shows_nothing(box, profile):
    box.switches = PROFILES[profile]
    scene = build(box)
    request = scene.approved()
    live.claim(request)
    scene.deliver()
    scene.ask(entry=scene.automatic)
    scene.deliver()
    box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    pull.run("requests")

    assert seen() == []
    assert run() == (0, "The mirror and Tyk agree.\n")


# --- The shelf -------------------------------------------------------------------
def test_the_organisations_settings(box):
    build(box)
    box.set_configuration(disable_signup=True)

    assert seen() == [
        ("organisation", box.org_id, "disable_signup", "no", "yes", "Tyk")
    ]
    assert mended() == []
    assert Organisation.current().disable_signup


def test_a_plan_whose_row_was_changed_by_hand(box):
    scene = build(box)
    Plan.objects.filter(oid=scene.policy).update(rate=999, name="By hand")

    assert seen() == [
        ("plan", scene.policy, "name", "By hand", "orders-standard", "Tyk"),
        ("plan", scene.policy, "rate", "999", "60", "Tyk"),
    ]
    assert mended() == []
    assert Plan.objects.get(oid=scene.policy).rate == 60


def test_a_plan_that_is_new_and_one_that_is_gone(box):
    scene = build(box)
    new = box.add_policy("returns")
    box.remove_entry("Orders")
    box.delete_policy(scene.policy)

    assert sorted(seen()) == sorted(
        [
            ("plan", new, "record", "absent", "present", "Tyk"),
            ("plan", scene.policy, "record", "present", "absent", "Tyk"),
            ("entry", "orders", "record", "present", "absent", "Tyk"),
            ("entry", "geocoding", "position", "1", "0", "Tyk"),
        ]
    )
    assert mended() == []


def test_an_entry(box):
    scene = build(box)
    box.edit_entry("Orders", short_description="About orders")

    assert seen() == [
        ("entry", "orders", "short_text", "nothing", "About orders", "Tyk")
    ]
    assert mended() == []
    scene.entry.refresh_from_db()
    assert scene.entry.short_text == "About orders"


def test_removals_in_bulk_are_held_back_until_accepted(box):
    build(box)
    for name in list("abcde"):
        box.add_entry(name, box.add_policy(name))
    pull.run("policies")
    pull.run("catalogue")
    for name in list("abcde"):
        box.remove_entry(name)

    assert len(mended()) == 5
    assert run("--mend", "--apply", "--accept-removals")[0] == 0
    assert Entry.objects.present().count() == 2


# --- Developers ----------------------------------------------------------------------
def test_a_developers_fields(box):
    scene = build(box)
    box.set_configuration(signup_fields=["Name", "Company"])
    pull.run("configuration")
    box.edit_developer(
        scene.developer.tyk_id,
        email="mira@new.example",
        fields={"Name": "Mira Tal", "Company": "Tinfold"},
        inactive=True,
    )
    Developer.objects.update(fields={"Name": "Mira Tal"})

    mira = scene.developer.tyk_id
    assert seen() == [
        (
            "developer",
            mira,
            "email",
            "mira@tinfold.example",
            "mira@new.example",
            "both",
        ),
        ("developer", mira, "inactive", "no", "yes", "both"),
        ("developer", mira, "fields.Company", "nothing", "Tinfold", "both"),
    ]
    assert mended() == []


def test_a_row_changed_by_hand_although_its_digest_says_otherwise(box):
    scene = build(box)
    Developer.objects.update(name="By hand")

    assert [one[2:5] for one in seen()] == [("name", "By hand", "Mira Tal")]
    assert mended() == []
    scene.developer.refresh_from_db()
    assert scene.developer.name == "Mira Tal"


def test_developers_on_one_side_only(box):
    scene = build(box)
    new = box.add_developer("nora@x.example", password="long enough")
    box.delete_developer(scene.developer.tyk_id)

    assert seen() == [
        ("developer", new, "record", "absent", "present", "Tyk"),
        ("developer", scene.developer.tyk_id, "record", "present", "absent", "Tyk"),
    ]
    assert mended() == []
    assert Developer.objects.present().get().tyk_id == new


def test_an_unreadable_developer_is_not_taken_for_gone(box):
    scene = build(box)
    box.faults.add("listDevelopers", mode="wrong_types", members=["email"])

    assert [one for one in seen() if one[3:5] == ("present", "absent")] == []
    assert scene.developer.gone_at is None


def test_another_organisations_developer_is_no_difference(box):
    build(box)
    box.switch(foreign_records="shown")
    box.add_developer("else@x.example", password="long enough", org_id="0" * 24)

    assert seen() == []


def test_a_wish_on_its_way_is_ours_and_stays(box):
    scene = build(box)
    factories.ProfileEditFactory(
        developer=scene.developer, before={"inactive": False}, after={"inactive": True}
    )

    expected = [
        ("developer", scene.developer.tyk_id, "inactive", "yes", "no", "portal")
    ]
    assert seen() == expected
    assert mended() == expected
    assert ProfileEdit.objects.get().state == ProfileEdit.State.DUE


def test_a_marker_that_tyk_lost(box):
    scene = build(box)
    factories.SignUpFactory(tyk_id=scene.developer.tyk_id, state="done")
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    box.edit_request(request.tyk_id, fields={})

    assert seen() == [
        (
            "developer",
            scene.developer.tyk_id,
            "portal_ref",
            "present",
            "absent",
            "portal",
        ),
        ("key request", request.tyk_id, "portal_ref", "present", "absent", "portal"),
    ]


# --- Keys --------------------------------------------------------------------------
def found_key(scene, box) -> tuple[str, Key]:
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    return box.key_id(raw), Key.objects.get()


@pytest.mark.parametrize("hashing", ["murmur64", "off"])
def test_a_key_made_there_is_named_by_its_fingerprint_only(box, hashing):
    box.switch(hashing=hashing)
    scene = build(box)
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)

    code, told = run()
    [line] = json_lines()

    assert code == 1
    assert line["kind"] == "key"
    assert line["within"] == scene.developer.tyk_id
    assert (line["here"], line["there"]) == ("absent", "live")
    assert line["record"].startswith("•••• ")
    assert raw not in told + str(line)
    assert box.key_id(raw) not in told + str(line)
    assert mended() == []
    assert Key.objects.get().masked == line["record"]


def json_lines() -> list[dict[str, str]]:
    return [json.loads(line) for line in run("--json")[1].splitlines()]


def test_a_key_deleted_there_is_looked_at_twice(box):
    scene = build(box)
    key_id, key = found_key(scene, box)
    box.delete_key(key_id)

    expected = [("key", key.masked, "state", "live", "absent", "Tyk")]
    assert seen() == expected
    assert mended() == expected
    key.refresh_from_db()
    assert key.missing_since is not None
    Key.objects.update(missing_since="2020-01-01T00:00Z")
    assert mended() == []


def test_a_revoked_key_that_is_still_live_is_ours_to_revoke(box):
    scene = build(box)
    _, key = found_key(scene, box)
    Key.objects.update(state=Key.State.REVOKED, ended_at=timezone.now())

    expected = [("key", key.masked, "state", "revoked", "live", "portal")]
    assert seen() == expected
    assert mended() == expected


def test_a_keys_policies(box):
    scene = build(box)
    _, key = found_key(scene, box)
    KeyPolicy.objects.update(policy_id="5" * 24, plan=None)

    assert seen() == [
        ("key", key.masked, "policies", f'["{"5" * 24}"]', f'["{scene.policy}"]', "Tyk")
    ]
    assert mended() == []
    assert KeyPolicy.objects.get().plan == scene.entry.plan


# --- Key requests -----------------------------------------------------------------------
def test_a_request_made_there(box):
    scene = build(box)
    new = box.add_request(scene.developer.tyk_id, scene.policy)

    assert seen() == [("key request", new, "record", "absent", "present", "Tyk")]
    assert mended() == []
    assert KeyRequest.objects.get().tyk_id == new


def test_a_request_approved_there_and_one_deleted_there(box):
    scene = build(box)
    approved, deleted = scene.ask(), scene.ask(entry=scene.automatic)
    scene.deliver()
    approved.refresh_from_db()
    deleted.refresh_from_db()
    box.approve(approved.tyk_id)
    box.decline(deleted.tyk_id)

    found = [one for one in seen() if one[0] == "key request"]
    assert found == [
        ("key request", approved.tyk_id, "state", "pending", "approved", "Tyk"),
        ("key request", deleted.tyk_id, "record", "present", "absent", "Tyk"),
    ]
    assert mended() == []
    approved.refresh_from_db()
    assert approved.status == KeyRequest.Status.GRANTED
