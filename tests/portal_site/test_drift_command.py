"""`manage.py drift`: it only tells, until somebody says --apply."""

import json

import pytest
from django.core.management import CommandError

from developers.models import Developer
from portal_site import looks
from portal_site.models import Act, DriftFinding, Look
from tests.keyrequests.scene import build
from tests.portal_site.desks import drift_command as run, found, look
from tyk import outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

BY = "command line"


@pytest.fixture
def moved(box):
    """A mirror that is behind in one field."""
    scene = build(box)
    box.edit_developer(scene.developer.tyk_id, email="mira@new.example")
    return scene


def name_of(scene) -> str:
    told = run()[1]
    assert scene.developer.tyk_id in told
    return told.split()[0]


def mail_of(scene) -> str:
    scene.developer.refresh_from_db()
    return str(scene.developer.email)


def test_it_lists_exits_with_1_and_writes_nothing(moved):
    code, told = run()

    assert code == 1
    assert told[12:] == (
        f" developer {moved.developer.tyk_id}: email is mira@tinfold.example here and "
        "mira@new.example in Tyk (both may write it)\n"
    )
    assert mail_of(moved) == "mira@tinfold.example"
    assert outbox.due().count() == 0


def test_the_page_shows_what_the_command_found(moved):
    run()

    assert found() == [("email", "mira@tinfold.example", "mira@new.example", "both")]
    row = Look.objects.get()
    assert (row.found, row.completed_by, row.is_due) == (1, BY, False)
    act = Act.objects.get()
    assert (act.verb, act.actor) == ("compare", BY)


def test_while_a_worker_looks_the_command_only_tells(moved):
    looks.ask(Look.Kind.DRIFT, by="Olga")
    hold = looks.take(Look.Kind.DRIFT)
    assert hold

    assert run()[0] == 1
    assert found() == []
    assert hold.row.get().is_running


def test_mend_alone_says_what_it_would_take(moved):
    code, told = run("--mend")

    assert code == 1
    assert told.endswith(
        "Tyk's values would be taken in 1 fields.\n"
        "Nothing was changed; with --apply they are taken.\n"
    )
    assert mail_of(moved) == "mira@tinfold.example"


def test_mend_with_apply_takes_tyks_and_exits_with_0(moved):
    assert run("--mend", "--apply") == (
        0,
        "Took Tyk's values: 1 fields differed.\nThe mirror and Tyk agree.\n",
    )
    assert mail_of(moved) == "mira@new.example"
    act = Act.objects.get(verb="mend")
    assert (act.actor, act.note) == (BY, "1 fields of 1 records")


def test_one_is_taken_by_name(moved):
    name = name_of(moved)

    assert run("--take", name)[1].startswith("Tyk's value would be taken: developer")
    assert not Outbox.objects.filter(kind="drift.decision").exists()
    assert run("--take", name, "--apply")[0] == 0
    outbox.drain()

    assert mail_of(moved) == "mira@new.example"
    act = Act.objects.get(verb="take")
    assert (act.actor, act.state) == (BY, "done")


def test_what_is_ignored_is_counted_and_not_listed(moved):
    name = name_of(moved)

    assert run("--ignore", name, "--apply")[0] == 0
    assert run() == (0, "Ignored: 1. --all lists them too.\n")
    assert run("--all")[1].endswith("(both may write it, ignored)\n")
    assert json.loads(run("--all", "--json")[1])["ignored"] is True
    assert run("--mend", "--apply")[0] == 0
    assert mail_of(moved) == "mira@tinfold.example"

    assert run("--notice", name, "--apply")[0] == 0
    assert run()[0] == 1


@pytest.mark.parametrize("name", ["", "0123456789ab", "dead"])
def test_a_name_that_is_none(moved, name):
    run()

    with pytest.raises(CommandError, match="No difference is called"):
        run("--take", name, "--apply")
    assert not Act.objects.filter(verb="take").exists()


def test_what_can_not_be_pushed_is_refused_in_words(moved):
    name = name_of(moved)

    with pytest.raises(CommandError, match="changed by its owner alone"):
        run("--push", name, "--apply")
    assert not Act.objects.filter(verb="push").exists()


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("truncated", "not as a Tyk Dashboard does"),
        ("status", "an error of its own"),
        ("refuse_connection", "did not answer in time"),
    ],
)
def test_a_list_that_breaks_off_ends_with_a_sentence(moved, box, mode, told):
    look()
    box.faults.add("listDevelopers", mode=mode)

    with pytest.raises(CommandError, match=told):
        run()
    assert Developer.objects.present().count() == 1
    # What was known stays, and the page says why there is nothing newer.
    assert DriftFinding.objects.count() == 1
    assert told in Look.objects.get().failure
