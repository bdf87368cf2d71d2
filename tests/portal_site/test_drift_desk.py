"""The drift desk as staff meet it: look, ask, decide; viewers only look."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal_site import looks
from portal_site.drift import decisions
from portal_site.models import Act, DriftFinding, Look
from tests.factories import DeveloperFactory, StaffFactory
from tests.keyrequests.scene import build
from tests.portal_site.desks import LIST, look, staff_with
from tyk import outbox

pytestmark = pytest.mark.django_db(transaction=True)

COMPARE = f"{LIST}compare/"


@pytest.fixture
def olga(signed_in):
    """An operator."""
    return signed_in(staff_with("Olga", "change_driftfinding"))


@pytest.fixture
def vera(signed_in):
    """She may look."""
    return signed_in(staff_with("Vera", "view_driftfinding"))


@pytest.fixture
def moved(box):
    """One difference was found: Mira's account was switched off in Tyk."""
    scene = build(box)
    box.edit_developer(scene.developer.tyk_id, inactive=True)
    look(by="Otto")
    return scene


def row() -> DriftFinding:
    return DriftFinding.objects.get()


def words(response) -> str:
    page = re.sub(r"(?s)<(script|style).*?</\1>", " ", response.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def decide(client, verb: str):
    return client.post(f"{LIST}{row().pk}/{verb}/", follow=True)


def inactive_here(scene) -> bool:
    scene.developer.refresh_from_db()
    return bool(scene.developer.inactive)


# --- Looking ---------------------------------------------------------------------
def test_the_list_tells_the_difference_and_when_it_was_met(olga, moved):
    told = words(olga.get(LIST))

    assert "1 difference between mirror and Tyk. As of" in told
    assert "asked for by Otto" in told
    expected = f"Developer {moved.developer.tyk_id} inactive both may write it no yes"
    # Each link says what of, to who hears the links alone; Otto sees no names.
    of = f"({moved.developer.tyk_id}, inactive)"
    assert f"{expected} Take Tyk's {of} Push ours {of} Ignore {of}" in told


def test_names_are_for_those_who_may_see_developers(moved, signed_in):
    boss = signed_in(StaffFactory(is_superuser=True))

    page = boss.get(LIST)

    url = f"/admin/developers/developer/{moved.developer.pk}/change/"
    assert f'Developer: <a href="{url}">Mira Tal</a>' in page.text


@pytest.fixture
def renamed(box):
    """Mira's name and address are other ones in Tyk."""
    scene = build(box)
    fields = {"Name": "Mira Night"}
    box.edit_developer(
        scene.developer.tyk_id, email="mira@night.example", fields=fields
    )
    look(by="Otto")
    return scene


def test_what_developers_are_called_is_for_those_who_may_see_them(renamed, signed_in):
    """In the list, and on the page that asks about a decision."""
    theirs = ["mira@tinfold.example", "mira@night.example", "Mira Tal", "Mira Night"]
    boss = signed_in(StaffFactory(is_superuser=True))
    other = signed_in(staff_with("Olga", "view_driftfinding", "change_driftfinding"))
    address = DriftFinding.objects.get(field="email")
    pages = [LIST, f"{LIST}{address.pk}/ignore/"]

    for page in pages:
        shown = words(other.get(page))
        assert [text for text in theirs if text in shown] == []
        assert "for those who may see developers" in shown
        assert "mira@night.example" in words(boss.get(page))
    assert all(text in words(boss.get(LIST)) for text in theirs)
    address.refresh_from_db()
    assert (address.here, address.there) == tuple(theirs[:2])


def test_opening_the_page_calls_nobody(olga, moved, box):
    box.journal.clear()

    olga.get(LIST)
    olga.get(f"{LIST}{row().pk}/take/")

    assert box.journal.calls() == []


def test_never_compared(olga, organisation):
    told = words(olga.get(LIST))

    assert "Mirror and Tyk were never compared." in told


def test_nothing_differs(olga, box):
    build(box)
    look()

    assert "Mirror and Tyk agree. As of" in words(olga.get(LIST))


def test_a_page_of_many_costs_no_more_queries(olga, moved):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as made:
            olga.get(LIST)
        return len(made)

    one = queries()
    run = row().run
    DriftFinding.objects.bulk_create(
        DriftFinding(
            run=run,
            kind="developer",
            record=DeveloperFactory().tyk_id,
            field="inactive",
            here="no",
            there="yes",
            owner="both",
            fingerprint=f"{number:064x}",
            found_at=timezone.now(),
        )
        for number in range(60)
    )

    assert queries() == one
    assert one <= 12
    assert olga.get(LIST).context["cl"].result_count == 61
    assert len(olga.get(LIST).context["cl"].result_list) == 50


def test_filters(olga, moved):
    def shown(**query: str) -> int:
        return len(olga.get(LIST, query).context["cl"].result_list)

    assert (shown(), shown(state="ignored"), shown(state="all")) == (1, 0, 1)
    assert (shown(kind="developer"), shown(kind="plan")) == (1, 0)
    assert (shown(owner="both"), shown(owner="Tyk")) == (1, 0)
    assert (shown(q=moved.developer.tyk_id), shown(q="nobody")) == (1, 0)


# --- Compare now -----------------------------------------------------------------
def test_compare_now_is_a_post_that_only_asks(olga, box):
    build(box)
    box.journal.clear()

    page = olga.post(COMPARE, follow=True)

    assert "A worker compares mirror and Tyk." in page.text
    assert box.journal.calls() == []
    assert Look.objects.get().is_due
    assert olga.get(COMPARE).status_code == 405


def test_two_staff_ask_at_once_and_one_look_is_made(olga, box, signed_in):
    build(box)
    otto = signed_in(staff_with("Otto", "change_driftfinding"))

    olga.post(COMPARE)
    page = otto.post(COMPARE, follow=True)

    assert "That was asked for already." in page.text
    assert (Look.objects.get().asked, Look.objects.get().asked_by) == (1, "Olga")
    assert [act.actor for act in Act.objects.all()] == ["Olga"]


def test_the_page_tells_that_it_waits_runs_and_that_nobody_came(olga, box):
    build(box)
    looks.ask(Look.Kind.DRIFT, by="Otto")
    page = olga.get(LIST)
    assert page["Refresh"] == "5"
    assert "by Otto. A worker takes it in a moment." in words(page)

    Look.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    assert "No worker has taken it. Is one running? manage.py drift" in words(
        olga.get(LIST)
    )

    looks.take(Look.Kind.DRIFT)
    Look.objects.update(step="developers and keys", read=43_500)
    told = words(olga.get(LIST))
    assert "asked for by Otto: developers and keys, 43 500 read." in told


def test_the_dashboard_away_leaves_what_was_found(olga, moved, box):
    box.faults.add("listDevelopers", mode="refuse_connection")

    look()

    page = olga.get(LIST)
    assert "Refresh" not in page
    assert "did not answer in time" in words(page)
    assert "Below is what the last complete look found." in words(page)
    assert [one.field for one in page.context["cl"].result_list] == ["inactive"]


# --- Deciding --------------------------------------------------------------------
def test_a_decision_is_asked_about_first(olga, moved):
    page = olga.get(f"{LIST}{row().pk}/take/")

    assert "<h1>Take Tyk&#x27;s value?</h1>" in page.text
    assert "Nothing is written to Tyk." in page.text
    assert not Act.objects.exclude(verb="compare").exists()
    assert not inactive_here(moved)


def test_take_tyks_from_the_page(olga, moved):
    page = decide(olga, "take")

    assert "Tyk&#x27;s value is being taken." in page.text
    assert "On its way Olga takes Tyk's value." in words(page)
    assert not inactive_here(moved)
    outbox.drain()
    assert inactive_here(moved)
    page = olga.get(LIST)
    assert list(page.context["cl"].result_list) == []
    assert "Take Tyk's value: developer" in words(page)


def test_push_ours_from_the_page(olga, moved, box):
    decide(olga, "push")
    outbox.drain()

    assert box.developer(moved.developer.tyk_id)["inactive"] is False
    assert not inactive_here(moved)
    act = Act.objects.exclude(verb="compare").get()
    assert (act.verb, act.actor, act.state) == ("push", "Olga", "done")


def test_ignore_and_ignore_no_longer_from_the_page(olga, moved):
    decide(olga, "ignore")

    page = olga.get(LIST)
    assert list(page.context["cl"].result_list) == []
    assert "Mirror and Tyk agree otherwise, 1 ignored." in words(page)
    assert "Ignored Olga ignores it until a value moves. Ignore no longer" in words(
        olga.get(LIST, {"state": "ignored"})
    )
    decide(olga, "notice")
    assert len(olga.get(LIST).context["cl"].result_list) == 1


def test_changed_meanwhile_is_said_in_the_list(olga, moved, box):
    box.edit_policy(moved.policy, rate=999)
    look()
    plan = DriftFinding.objects.get(field="rate")
    box.edit_policy(moved.policy, rate=1000)

    olga.post(f"{LIST}{plan.pk}/take/")
    outbox.drain()

    told = words(olga.get(LIST))
    assert "Changed meanwhile Olga takes Tyk's value. Compare again to see" in told
    moved.entry.plan.refresh_from_db()
    assert moved.entry.plan.rate == 60


def test_the_second_of_two_staff_is_told_of_the_first(olga, moved, signed_in):
    otto = signed_in(staff_with("Otto", "change_driftfinding"))
    decide(olga, "take")

    page = decide(otto, "push")

    assert "Olga decided already: takes Tyk&#x27;s value." in page.text
    assert [act.verb for act in Act.objects.exclude(verb="compare")] == ["take"]


def test_a_row_of_an_older_look_is_not_decided(olga, moved):
    old = row().pk
    look()

    page = olga.post(f"{LIST}{old}/take/", follow=True)

    assert "These were compared again meanwhile." in page.text
    assert not Act.objects.filter(verb="take").exists()


def test_several_at_once(olga, moved, box):
    box.edit_policy(moved.policy, rate=999)
    look()
    rows = [str(one.pk) for one in DriftFinding.objects.all()]
    ticked = {"action": "take_selected", "_selected_action": rows}

    asked = olga.post(LIST, ticked)
    assert "Take Tyk&#x27;s value: 2?" in asked.text
    assert not Act.objects.filter(verb="take").exists()
    done = olga.post(LIST, {**ticked, "confirmed": "yes"}, follow=True)

    assert "2 of Tyk&#x27;s values are being taken." in done.text
    outbox.drain()
    moved.entry.plan.refresh_from_db()
    assert (inactive_here(moved), moved.entry.plan.rate) == (True, 999)


def test_of_several_only_those_that_fit_are_asked_about(olga, moved, box):
    box.edit_policy(moved.policy, rate=999)
    look()
    rows = [str(one.pk) for one in DriftFinding.objects.all()]

    page = olga.post(LIST, {"action": "push_selected", "_selected_action": rows})

    assert [one.field for one in page.context["rows"]] == ["inactive"]


def test_what_does_not_fit_says_why(olga, moved, box):
    box.edit_policy(moved.policy, rate=999)
    look()
    plan = DriftFinding.objects.get(field="rate")

    page = olga.get(f"{LIST}{plan.pk}/push/", follow=True)

    assert "Tyk owns this: it is only read here." in page.text


# --- Who may ---------------------------------------------------------------------
def test_a_viewer_looks_and_is_offered_nothing(vera, moved):
    page = vera.get(LIST)

    assert "inactive both may write it no yes To decide" in words(page)
    assert "Compare now" not in page.text
    assert "/take/" not in page.text
    assert 'name="action"' not in page.text


@pytest.mark.parametrize("verb", ["take", "push", "ignore", "notice"])
def test_a_viewer_decides_nothing(vera, moved, verb):
    assert vera.post(f"{LIST}{row().pk}/{verb}/").status_code == 403
    assert vera.get(f"{LIST}{row().pk}/{verb}/").status_code == 403
    ticked = {"action": f"{verb}_selected", "_selected_action": [str(row().pk)]}
    vera.post(LIST, {**ticked, "confirmed": "yes"})

    assert not Act.objects.exclude(verb="compare").exists()


def test_a_viewer_may_not_compare(vera, organisation):
    assert vera.post(COMPARE).status_code == 403
    assert not Look.objects.exists()


def test_other_staff_and_developers_see_no_desk(moved, signed_in, sam, alice, client):
    assert signed_in(sam).get(LIST).status_code == 403
    assert signed_in(alice).get(LIST).status_code == 302
    assert client.get(LIST).status_code == 302
    assert signed_in(sam).post(f"{LIST}{row().pk}/take/").status_code == 403


# --- The ways there --------------------------------------------------------------
def test_the_front_page_and_the_sync_page_lead_there(moved, signed_in, sam):
    boss = signed_in(StaffFactory(is_superuser=True))

    for path in ("/admin/", "/admin/tyk/pullstate/"):
        told = words(boss.get(path))
        assert "Drift 1 difference found just now" in told
        assert "Doctor Not looked at yet" in told
    assert "Drift" not in words(signed_in(sam).get("/admin/"))


def test_the_audit_trail_lists_what_was_decided(moved, signed_in):
    decisions.decide(row(), Act.Verb.IGNORE, actor="Olga")
    reader = signed_in(staff_with("Rita", "view_act"))

    told = words(reader.get("/admin/portal_site/act/"))

    about = f"developer {moved.developer.tyk_id}: inactive"
    assert f"Olga Ignore until a value moves {about} Stands" in told
    assert "Otto Compare mirror and Tyk" in told
    act = Act.objects.get(verb="ignore")
    assert reader.post(f"/admin/portal_site/act/{act.pk}/delete/").status_code == 403
    assert Act.objects.count() == 2
