"""What a decision does in the mirror, in Tyk and in the audit trail."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from developers.models import ProfileEdit
from keyrequests.models import Key
from portal_site.drift import decisions
from portal_site.models import Act, DriftFinding
from tests import factories
from tests.keyrequests.scene import Scene, build
from tests.portal_site.desks import found, look
from tyk import outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

TAKE, PUSH, IGNORE = Act.Verb.TAKE, Act.Verb.PUSH, Act.Verb.IGNORE


@pytest.fixture
def scene(box) -> Scene:
    made = build(box)
    box.set_configuration(signup_fields=["Name", "Company"])
    pull.run("configuration")
    box.edit_developer(
        made.developer.tyk_id, fields={"Name": "Mira Tal", "Company": "Tinfold"}
    )
    pull.run("developers")
    made.developer.refresh_from_db()
    return made


def in_tyk(scene: Scene, **members: object) -> None:
    scene.box.edit_developer(scene.developer.tyk_id, **members)


def company_in_tyk(scene: Scene) -> str:
    return str(scene.box.developer(scene.developer.tyk_id)["fields"]["Company"])


def company_here(scene: Scene) -> str:
    scene.developer.refresh_from_db()
    return str(scene.developer.fields["Company"])


def moved_in_tyk(scene: Scene, company: str = "Elsewhere") -> DriftFinding:
    """Somebody changed the company in Tyk, and a look found it."""
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": company})
    look()
    return DriftFinding.objects.get()


def decided(row: DriftFinding, verb: Act.Verb, *, by: str = "Olga") -> Act:
    """Decide, and let the worker do its part."""
    act = decisions.decide(row, verb, actor=by)
    outbox.drain()
    act.refresh_from_db()
    return act


# --- Take Tyk's ------------------------------------------------------------------
def test_tyks_value_is_taken(scene):
    row = moved_in_tyk(scene)

    act = decided(row, TAKE)

    assert (act.state, act.actor, act.record) == (
        "done",
        "Olga",
        scene.developer.tyk_id,
    )
    assert company_here(scene) == "Elsewhere"
    assert company_in_tyk(scene) == "Elsewhere"
    assert found() == []


def test_nothing_is_called_before_the_worker_comes(scene):
    row = moved_in_tyk(scene)
    scene.box.journal.clear()

    act = decisions.decide(row, TAKE, actor="Olga")

    assert scene.box.journal.calls() == []
    assert (act.state, company_here(scene)) == ("due", "Tinfold")


@pytest.mark.parametrize("verb", [TAKE, PUSH])
def test_a_difference_that_changed_meanwhile_is_left_alone(scene, verb):
    row = moved_in_tyk(scene)
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": "Third"})

    act = decided(row, verb)

    assert act.state == "changed"
    assert (company_here(scene), company_in_tyk(scene)) == ("Tinfold", "Third")
    assert not ProfileEdit.objects.exists()


@pytest.mark.parametrize("verb", [TAKE, PUSH])
def test_a_difference_that_vanished_meanwhile(scene, verb):
    row = moved_in_tyk(scene)
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": "Tinfold"})

    act = decided(row, verb)

    assert act.state == "vanished"
    assert (company_here(scene), company_in_tyk(scene)) == ("Tinfold", "Tinfold")
    assert found() == []


def test_while_the_dashboard_is_away_a_decision_waits(scene):
    row = moved_in_tyk(scene)
    scene.box.faults.add("getDeveloper", mode="refuse_connection")

    act = decided(row, TAKE)

    assert act.state == "due"
    assert company_here(scene) == "Tinfold"
    scene.box.faults.clear()
    Outbox.objects.update(next_at="2020-01-01T00:00Z")
    outbox.drain()
    act.refresh_from_db()
    assert (act.state, company_here(scene)) == ("done", "Elsewhere")


@pytest.mark.parametrize("verb", [TAKE, PUSH])
@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "status", "status": 500},
        {"mode": "status", "status": 403},
        {"mode": "status", "status": 429},
        {"mode": "truncated"},
        {"mode": "html_200"},
        {"mode": "reset_after"},
    ],
    ids=lambda fault: f"{fault['mode']}-{fault.get('status', '')}",
)
def test_whatever_the_look_meets_nothing_is_done_and_it_is_tried_again(
    scene, fault, verb
):
    row = moved_in_tyk(scene)
    scene.box.faults.add("getDeveloper", **fault)

    act = decided(row, verb)

    assert act.state == "due"
    assert (company_here(scene), company_in_tyk(scene)) == ("Tinfold", "Elsewhere")
    assert not ProfileEdit.objects.exists()
    scene.box.heal()
    Outbox.objects.update(next_at="2020-01-01T00:00Z")
    outbox.drain()
    act.refresh_from_db()
    assert act.state == "done"
    assert company_here(scene) == company_in_tyk(scene)


def test_what_tyk_must_say_twice_is_asked_again_a_minute_later(scene, box):
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    box.delete_key(box.key_id(raw))
    look()
    [row] = DriftFinding.objects.filter(kind="key")

    act = decided(row, TAKE)

    waiting = Outbox.objects.get(kind="drift.decision")
    assert act.state == "due"
    assert waiting.last_outcome == "Tyk must say so twice, a minute apart"
    Key.objects.update(missing_since="2020-01-01T00:00Z")
    Outbox.objects.update(next_at="2020-01-01T00:00Z")
    outbox.drain()
    act.refresh_from_db()
    assert act.state == "done"
    assert Key.objects.get().state == Key.State.GONE


def test_what_a_pull_holds_back_is_told(scene, box):
    for name in "abcde":
        box.add_entry(name, box.add_policy(name))
    pull.run("policies")
    pull.run("catalogue")
    for name in "abcde":
        box.remove_entry(name)
    look()
    row = DriftFinding.objects.filter(kind="entry")[0]

    act = decided(row, TAKE)

    assert act.state == "stuck"
    assert act.note.startswith("Held back: ")
    assert DriftFinding.objects.filter(pk=row.pk).exists()


# --- Push ours -------------------------------------------------------------------
def test_ours_is_pushed_through_the_outbox_and_nothing_else_is(scene):
    row = moved_in_tyk(scene)
    key = scene.box.issue_key(scene.developer.tyk_id, scene.policy)

    act = decisions.decide(row, PUSH, actor="Olga")
    outbox.drain(limit=1)  # the decision: it writes nothing to Tyk itself
    act.refresh_from_db()
    assert (act.state, company_in_tyk(scene)) == ("done", "Elsewhere")
    wish = ProfileEdit.objects.get(state=ProfileEdit.State.DUE)
    assert wish.after == {"fields.Company": "Tinfold"}

    outbox.drain()

    held = scene.box.developer(scene.developer.tyk_id)
    assert held["fields"] == {"Name": "Mira Tal", "Company": "Tinfold"}
    assert scene.box.key_id(key) in str(held)
    assert company_here(scene) == "Tinfold"
    look()
    assert [one for one in found() if one[0] != "state"] == []


def test_an_account_switched_off_in_tyk_is_switched_on_again(scene):
    in_tyk(scene, inactive=True)
    look()

    act = decided(DriftFinding.objects.get(), PUSH)

    assert act.state == "done"
    assert scene.box.developer(scene.developer.tyk_id)["inactive"] is False


def test_a_name_changed_in_tyk_is_changed_back(scene):
    in_tyk(scene, fields={"Name": "Not Mira", "Company": "Tinfold"})
    look()
    row = DriftFinding.objects.get(field="name")

    decided(row, PUSH)

    held = scene.box.developer(scene.developer.tyk_id)
    assert held["fields"] == {"Name": "Mira Tal", "Company": "Tinfold"}


def test_a_marker_tyk_lost_is_written_again(scene):
    signup = factories.SignUpFactory(tyk_id=scene.developer.tyk_id, state="done")
    look()
    row = DriftFinding.objects.get()
    assert (row.field, row.owner) == ("portal_ref", "portal")

    decided(row, PUSH)

    held = scene.box.developer(scene.developer.tyk_id)
    assert held["fields"]["portal_ref"].endswith(f".{signup.code}")
    assert held["fields"]["Company"] == "Tinfold"
    look()
    assert found() == []


def test_a_wish_on_its_way_is_hurried_though_parked(scene):
    edit = factories.ProfileEditFactory(
        developer=scene.developer,
        before={"fields.Company": "Tinfold"},
        after={"fields.Company": "Ours"},
    )
    outbox.enqueue("developer.profile", scene.developer.code)
    Outbox.objects.update(parked_reason="Tyk was odd")
    look()

    act = decided(DriftFinding.objects.get(), PUSH)

    edit.refresh_from_db()
    assert (act.state, edit.state) == ("done", "done")
    assert company_in_tyk(scene) == "Ours"


def test_a_revoked_key_that_is_still_live_is_revoked_again(scene, box):
    key_id = box.key_id(box.issue_key(scene.developer.tyk_id, scene.policy))
    pull.run("developers")
    Key.objects.update(state=Key.State.REVOKED, ended_at=timezone.now())
    look()

    act = decided(DriftFinding.objects.get(), PUSH)

    assert act.note == "The key is being revoked again."
    assert Key.objects.get().state == Key.State.REVOKED
    assert key_id not in str(box.developer(scene.developer.tyk_id))


@pytest.mark.parametrize("field", ["email", "rate"])
def test_what_is_not_ours_to_push_is_refused(scene, box, field):
    if field == "email":
        in_tyk(scene, email="mira@new.example")
    else:
        box.edit_policy(scene.policy, rate=999)
    look()
    row = DriftFinding.objects.get(field=field)

    with pytest.raises(decisions.DecisionRefused) as refused:
        decisions.decide(row, PUSH, actor="Olga")

    assert refused.value.code == "not_offered"
    assert not Act.objects.filter(verb=PUSH).exists()
    assert not Outbox.objects.filter(kind="drift.decision").exists()


def test_what_is_ours_is_not_taken_from_tyk(scene):
    factories.SignUpFactory(tyk_id=scene.developer.tyk_id, state="done")
    look()

    with pytest.raises(decisions.DecisionRefused, match="The portal owns this"):
        decisions.decide(DriftFinding.objects.get(), TAKE, actor="Olga")


# --- Ignore ----------------------------------------------------------------------
def test_ignored_stays_ignored_until_a_value_moves(scene):
    act = decisions.decide(moved_in_tyk(scene), IGNORE, actor="Olga")

    look()
    assert DriftFinding.objects.get().ignored
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": "Third"})
    look()

    assert not DriftFinding.objects.get().ignored
    act.refresh_from_db()
    assert (act.state, act.note) == ("over", "A value moved, or both agree again.")
    # Back at the value that was ignored once: it is a new difference all the same.
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": "Elsewhere"})
    look()
    assert not DriftFinding.objects.get().ignored


def test_what_is_kept_of_an_ignored_difference_is_no_value(scene):
    raw = scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    in_tyk(scene, fields={"Name": "Mira Tal", "Company": f"canary {raw}"})
    look()
    assert len(found()) == 2

    for row in DriftFinding.objects.all():
        decisions.decide(row, IGNORE, actor="Olga")

    kept = str(list(Act.objects.values())) + str(list(Outbox.objects.values()))
    assert raw not in kept
    assert "canary" not in kept
    # Nor does the page's own row hold what looks like a key.
    assert raw not in str(list(DriftFinding.objects.values()))


def test_ignored_no_longer(scene):
    row = moved_in_tyk(scene)
    decisions.decide(row, IGNORE, actor="Olga")

    decisions.notice(row, actor="Rita")

    row.refresh_from_db()
    assert not row.ignored
    assert [(a.verb, a.actor, a.state) for a in Act.objects.all()[:2]] == [
        ("notice", "Rita", "done"),
        ("ignore", "Olga", "over"),
    ]
    with pytest.raises(decisions.DecisionRefused, match="Nobody ignores"):
        decisions.notice(row, actor="Rita")


# --- Two at once -----------------------------------------------------------------
@pytest.mark.parametrize("second", [TAKE, PUSH, IGNORE])
def test_the_second_learns_what_the_first_decided(scene, second):
    row = moved_in_tyk(scene)
    decisions.decide(row, TAKE, actor="Olga")

    with pytest.raises(decisions.DecisionRefused) as refused:
        decisions.decide(row, second, actor="Rita")

    assert str(refused.value) == "Olga decided already: takes Tyk's value."
    assert Act.objects.exclude(verb="compare").count() == 1


def test_the_database_holds_one_open_act_for_a_difference(scene):
    row = moved_in_tyk(scene)
    act = decisions.decide(row, IGNORE, actor="Olga")

    with pytest.raises(IntegrityError), transaction.atomic():
        Act.objects.create(
            verb=TAKE, actor="Rita", state="due", fingerprint=act.fingerprint
        )


def test_a_decision_given_up_in_the_outbox_leaves_the_way_free(scene):
    row = moved_in_tyk(scene)
    first = decisions.decide(row, TAKE, actor="Olga")
    Outbox.objects.filter(kind="drift.decision").update(served=1)  # abandoned

    second = decided(row, TAKE, by="Rita")

    first.refresh_from_db()
    assert (first.state, first.note) == ("stuck", "Given up in the outbox.")
    assert (second.state, company_here(scene)) == ("done", "Elsewhere")


def test_a_repeated_message_does_it_once(scene):
    row = moved_in_tyk(scene)
    act = decided(row, PUSH)
    edits = ProfileEdit.objects.count()
    Outbox.objects.filter(kind="drift.decision").update(
        asked=2, next_at="2020-01-01T00:00Z"
    )

    outbox.drain()

    act.refresh_from_db()
    assert act.state == "done"
    assert ProfileEdit.objects.count() == edits
