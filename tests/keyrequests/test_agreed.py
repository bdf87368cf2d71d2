"""A developer of a list is left unread only if nothing moved, there or here."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from developers.models import Developer
from keyrequests import live
from keyrequests.models import Key
from keyrequests.pull import agreed
from tests.keyrequests.scene import Scene, build
from tests.keyrequests.test_pull import written_by
from tyk import pull
from tyk.connect import dashboard
from tyk.dashboard import wire
from tyk.dashboard.unread import Unread
from tyk.models import Organisation, Outbox

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(minutes=2)


@pytest.fixture
def scene(box) -> Scene:
    """One developer with a key claimed here and one issued by hand, both agreed on."""
    scene = build(box)
    live.claim(scene.approved())
    box.issue_key(scene.developer.tyk_id, scene.policy)
    for _ in range(2):
        pull.run("developers")
    assert unread() == 1
    return scene


def unread() -> int:
    """How many of the list would be left unread now."""
    listed = list(dashboard().unread_developers())
    return len(listed) - len(agreed.moved(listed, agreed.terms()))


def states() -> list[str]:
    return sorted(Key.objects.values_list("state", flat=True))


def test_an_unchanged_developer_is_compared_by_one_query(scene):
    with CaptureQueriesContext(connection) as queries:
        pulled = pull.run("developers")

    assert (pulled.seen, pulled.changed, pulled.bad) == (1, 0, 0)
    assert written_by(queries) == []
    # Who is being settled, and which keys there are, is asked for what is read.
    assert [q["sql"] for q in queries if "keyrequests_mint" in q["sql"]] == []
    # The other one looks for keys whose developers are gone.
    assert len([q for q in queries if "keyrequests_key" in q["sql"]]) == 2


def test_a_member_we_do_not_mirror_is_noted_once_and_changes_nothing(scene):
    scene.box.edit_developer(scene.developer.tyk_id, password_max_days=90)
    before = dict(Developer.objects.values().get())

    with CaptureQueriesContext(connection) as queries:
        assert pull.run("developers").changed == 0
    assert len(written_by(queries)) == 1
    after = dict(Developer.objects.values().get())
    assert after.pop("agreed") != before.pop("agreed")
    assert after == before

    with CaptureQueriesContext(connection) as queries:
        assert pull.run("developers").changed == 0
    assert written_by(queries) == []


# --- What moved here, while Tyk says the same as ever ---------------------------------
def test_a_key_row_that_was_lost_here_is_found_again(scene):
    by_hand = Key.objects.get(origin=Key.Origin.FOUND)
    fp = by_hand.fp
    by_hand.policies.all().delete()
    by_hand.events.all().delete()
    by_hand.delete()

    assert pull.run("developers").changed == 1

    assert Key.objects.get(origin=Key.Origin.FOUND).fp == fp


def test_a_key_that_ended_here_by_mistake_is_live_again(scene):
    Key.objects.update(state=Key.State.GONE, ended_at=timezone.now())

    assert pull.run("developers").changed == 2

    assert states() == ["live", "live"]


def test_a_key_missed_by_another_look_loses_its_mark(scene):
    Key.objects.update(missing_since=timezone.now())

    assert pull.run("developers").changed == 2

    assert set(Key.objects.values_list("missing_since", flat=True)) == {None}


def test_a_key_only_we_know_is_gone_after_two_looks(scene):
    only_here = Key.objects.create(
        developer=scene.developer, fp="f" * 64, created_at=timezone.now() - LONG_AGO
    )

    pull.run("developers")
    Key.objects.exclude(missing_since=None).update(
        missing_since=timezone.now() - LONG_AGO
    )
    pull.run("developers")

    only_here.refresh_from_db()
    assert only_here.state == Key.State.GONE
    assert unread() == 1


def test_a_key_revoked_here_and_listed_still_is_revoked_again(scene):
    Key.objects.filter(origin=Key.Origin.FOUND).update(
        state=Key.State.REVOKED, ended_at=timezone.now()
    )
    key = Key.objects.get(origin=Key.Origin.FOUND)

    pull.run("developers")  # too early: a list may be as old as the key's end
    assert not Outbox.objects.filter(kind="key.revoke", subject=key.code).exists()
    Key.objects.filter(pk=key.pk).update(ended_at=timezone.now() - LONG_AGO)
    pull.run("developers")

    assert Outbox.objects.filter(kind="key.revoke", subject=key.code).exists()


def test_a_record_as_it_was_before_a_newer_answer_is_read(scene):
    """Read by id, Tyk said B; the list says A, as it did when all agreed."""
    at = scene.developer.tyk_id
    name = Developer.objects.get().name
    fields = scene.box.developer(at)["fields"]
    scene.box.edit_developer(at, fields={**fields, "Name": "B"})
    Developer.objects.update(seen_here_at=timezone.now())
    pull.run("recent")
    assert Developer.objects.get().name == "B"
    scene.box.edit_developer(at, fields=fields)

    assert pull.run("developers").changed == 1

    assert Developer.objects.get().name == name


def test_columns_that_staff_let_go_are_written_again(scene):
    name = Developer.objects.get().name
    Developer.objects.update(name="not Tyk's", digest="")

    assert pull.run("developers").changed == 1

    assert Developer.objects.get().name == name


def test_one_who_is_back_in_tyk_is_back_here(scene):
    Developer.objects.update(gone_at=timezone.now())

    assert pull.run("developers").changed == 1

    assert Developer.objects.get().gone_at is None


def test_one_who_was_erased_is_never_agreed_on_and_never_written(scene):
    Developer.objects.update(erased_at=timezone.now(), agreed="", name="")

    with CaptureQueriesContext(connection) as queries:
        assert pull.run("developers").changed == 0

    assert Developer.objects.get().agreed == ""
    assert Developer.objects.get().name == ""
    assert unread() == 0
    assert [sql for sql in written_by(queries) if "agreed" not in sql] == []


# --- What they are read by -------------------------------------------------------------
def test_other_sign_up_fields_read_everybody_once_more(scene):
    at = scene.developer.tyk_id
    fields = scene.box.developer(at)["fields"]
    scene.box.edit_developer(at, fields={**fields, "Team": "Orders"})
    pull.run("developers")
    assert "Team" not in Developer.objects.get().fields
    asked = Organisation.current().signup_fields
    Organisation.objects.update(signup_fields=[*asked, "Team"])

    assert pull.run("developers").changed == 1

    assert Developer.objects.get().fields["Team"] == "Orders"


def test_another_organisation_here_refuses_what_was_agreed_on(scene):
    Organisation.objects.update(org_id="f" * 24)

    pulled = pull.run("developers")

    assert (pulled.seen, pulled.bad, pulled.changed) == (1, 1, 0)
    assert pull.run("developers").bad == 1


def test_a_new_seal_key_reads_everybody_and_names_their_keys_anew(scene, settings):
    before = set(Key.objects.values_list("fp", flat=True))
    settings.SEAL_KEYS = ["n" * 32, *settings.SEAL_KEYS]

    assert pull.run("developers").changed == 2

    assert before.isdisjoint(Key.objects.values_list("fp", flat=True))
    assert unread() == 1


# --- What moved there ------------------------------------------------------------------
def test_one_that_can_not_be_read_any_more_is_bad_and_the_others_go_on(scene):
    for number in range(4):
        scene.box.add_developer(f"d{number}@x.example", password="long enough")
    pull.run("developers")
    renamed = Developer.objects.get(email="d3@x.example").tyk_id
    scene.box.edit_developer(renamed, fields={"Name": "By staff"})
    scene.box.faults.add("listDevelopers", mode="wrong_types", times=1)

    pulled = pull.run("developers")

    assert (pulled.seen, pulled.bad) == (5, 1)
    assert pulled.held_back == "unreadable records in the list: none retired"
    assert Developer.objects.get(tyk_id=renamed).name == "By staff"
    assert pull.run("developers").changed == 0
    assert unread() == 5


def test_listed_twice_the_later_one_counts(scene):
    """A list read while it changes names one twice, and both are to be read."""
    [as_agreed] = dashboard().unread_developers()
    document = {**scene.box.developer(scene.developer.tyk_id), "email": "b@x.example"}
    other = Unread(0, document, json.dumps(document), wire.developer)
    terms = agreed.terms()

    assert agreed.moved([as_agreed], terms) == []
    assert agreed.moved([other, as_agreed], terms) == [other, as_agreed]
    nameless = Unread(2, 7, "7", wire.developer)
    assert agreed.moved([as_agreed, nameless], terms) == [nameless]


def test_an_unread_developer_shows_no_more_than_an_id(scene):
    [listed] = dashboard().unread_developers()
    [record] = dashboard().developers()

    assert repr(listed) == f"Unread({scene.developer.tyk_id})"
    assert listed.read() == record
