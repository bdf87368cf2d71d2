"""The portal on Dashboards of every habit: its journeys and its promises.

The rows of tests/profiles.py, one test each: the first ones, in which every habit
stands at least once, and with SOAK=1 all of them, in which every two habits meet.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client

from developers.models import Developer
from keyrequests.models import Key, KeyRequest
from portal_site.doctor import scratch
from tests.developers.steps import is_signed_in, log_in, words
from tests.journey import Journey, ShownOnce
from tests.keyrequests.scene import Scene, build
from tests.profiles import APART, covering, values
from tests.reliability.deaths import come_back, saying
from tests.reliability.mornings import mornings
from tests.reliability.promises import check_at_rest
from tests.reliability.stories import STORIES, Story
from tests.reliability.world import LONG_ENOUGH, World, let_time_pass
from tyk import connect, outbox, pull
from tyk.dashboard.errors import Misconfigured
from tyk.models import Organisation, Outbox
from tyk.sandbox import PROFILES, Sandbox
from tyk.sandbox.switches import DEFAULT, Switches

# What Tyk does is the same to both databases.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
SOAK = os.environ.get("SOAK") == "1"
NEW, PASSWORD, ELSEWHERE = "nora+api@tinfold.example", "an uncommon walrus", "0" * 24


def habits_of(rows: list[Switches]) -> set[tuple[str, object]]:
    return {(name, getattr(row, name)) for row in rows for name in values()}


def every_habit() -> set[tuple[str, object]]:
    return {(name, value) for name, choice in values().items() for value in choice}


def enough(rows: Iterable[Switches]) -> list[Switches]:
    """The first rows, as many as have every habit at least once."""
    first: list[Switches] = []
    for row in rows:
        first.append(row)
        if habits_of(first) == every_habit():
            break
    return first


ROWS = list(covering()) if SOAK else enough(covering())
EACH = pytest.mark.parametrize(
    "row", [pytest.param(r, id=str(n)) for n, r in enumerate(ROWS)]
)


def test_every_habit_stands_in_a_row_the_portal_runs_on():
    wanted = every_habit()

    assert habits_of(ROWS) == wanted
    assert set(values()) | APART == set(DEFAULT.as_dict())
    assert len(wanted) > 85
    assert set(PROFILES["restricted"].denied_rights) == {right for right, *_ in DENIED}


# --- Page by page ------------------------------------------------------------------------


@dataclass
class Walk:
    """A developer's way through the pages, on one Dashboard."""

    box: Sandbox
    scene: Scene
    journey: Journey
    lasting: Switches  # the habits of this Dashboard

    @property
    def row(self) -> Switches:
        return self.box.switches

    @property
    def deletes(self) -> bool:
        """Whether a key can be deleted there at all."""
        return self.row.delete_by_hash == "allowed" or self.row.hashing == "off"

    @property
    def keeps_passwords(self) -> bool:
        """Whether a profile edit leaves the password alone there."""
        return self.row.put_passwordless == "keep"

    @property
    def developer(self) -> Developer:
        return Developer.objects.get(email=NEW)

    def catch_up(self) -> None:
        """Replicas show what was written; then what waited for that is done."""
        if self.row.replica_lag:
            time.sleep(self.row.replica_lag * 1.2)
            let_time_pass(LONG_ENOUGH)
        outbox.drain()

    def ended(self, shown: ShownOnce, key: Key) -> None:
        """The key is dead, or said to be alive still where Tyk keeps it."""
        self.catch_up()
        key.refresh_from_db()
        assert self.box.gateway_accepts(shown.key) is not self.deletes
        assert key.works is not self.deletes
        if not self.deletes:
            assert "still live" in words(self.journey.developer.get("/keys/"))


@EACH
def test_from_sign_up_to_the_end_of_the_account(box, settings, mailoutbox, row):
    settings.CLAIM_ACCEPTS_KEY_MAIL = row.tyk_mails == "key"
    box.switches = row
    nobody_set_anything_up_yet(row)
    stranger = box.add_developer("stranger@other.example", org_id=ELSEWHERE)
    box.switch(replica_lag=0.0)
    scene = build(box)
    box.switches = row
    walk = Walk(box, scene, Journey(box, mailoutbox, scene.reviewer), row)

    with saying(str(row)):
        the_doctor_looks(walk)
        sign_up_and_log_in(walk)
        keys(walk)
        profile(walk)
        passwords(walk)
        off_and_gone(walk)

    assert not Developer.objects.filter(tyk_id=stranger).exists()
    let_time_pass(LONG_ENOUGH)
    outbox.drain()
    unfinished = outbox.due().exclude(kind__in=["mint.audit", "key.revoke"])
    assert list(unfinished.values_list("kind", "last_outcome")) == []
    assert Outbox.objects.filter(last_outcome__startswith="error:").count() == 0


def nobody_set_anything_up_yet(row: Switches) -> None:
    """A Dashboard whose portal was never opened: told as such, or simply empty."""
    pull.run("configuration")
    if row.configuration_before_init == "missing":
        assert Organisation.current().mails_keys, "nobody knows, so no key is made"
    pull.run("catalogue")


def the_doctor_looks(walk: Walk) -> None:
    """Before the doors open: what this Tyk would do to passwords is known then."""
    walk.box.switch(replica_lag=0.0)
    found = {one.name: one for one in scratch.findings(connect.dashboard())}
    walk.box.switches = walk.lasting
    assert found["markers"].ok
    assert found["passwords"].ok is walk.keeps_passwords


def sign_up_and_log_in(walk: Walk) -> None:
    """A `+` in the address, and another spelling at the login."""
    walk.journey.sign_up(NEW, PASSWORD)
    walk.catch_up()
    if not is_signed_in(walk.journey.developer):
        # The account could not be read back at once: its owner logs in.
        assert walk.row.replica_lag
        log_in(walk.journey.developer, NEW, PASSWORD)
    assert [d["email"] for d in walk.box.developers()].count(NEW) == 1
    pull.run("developers")
    browser = Client()
    log_in(browser, NEW.replace("nora", "Nora"), PASSWORD)
    assert is_signed_in(browser)
    assert not is_signed_in(Client())


def keys(walk: Walk) -> None:
    """Ask, approve, claim, replace, a key made by hand, revoke."""
    journey = walk.journey
    request = journey.ask("Orders")
    outbox.drain()
    walk.catch_up()
    journey.approve(request)
    first = journey.claim()
    walk.catch_up()
    old = Key.objects.get(developer=walk.developer)
    second = journey.replace()
    walk.ended(first, old)
    assert walk.box.gateway_accepts(second.key)
    found_key(walk)
    new = Key.objects.get(developer=walk.developer, name=old.name, ends_at=None)
    journey.post(f"/keys/{new.code}/revoke/", confirm=str(new))
    walk.ended(second, new)


def found_key(walk: Walk) -> None:
    by_hand = walk.box.issue_key(walk.developer.tyk_id, walk.scene.policy)
    walk.catch_up()
    pull.run("developers")
    found = Key.objects.get(developer=walk.developer, origin=Key.Origin.FOUND)
    assert found.works
    assert walk.box.gateway_accepts(by_hand)
    assert walk.journey.developer.get(f"/keys/{found.code}/").status_code == 200


def profile(walk: Walk) -> None:
    """Another name, beside keys and a password that the write must not touch."""
    before = walk.box.developer(walk.developer.tyk_id)
    walk.journey.post("/account/", name="Nora Night")
    walk.catch_up()
    after = walk.box.developer(walk.developer.tyk_id)
    if walk.keeps_passwords:
        assert after["fields"]["Name"] == "Nora Night"
    else:
        # The doctor found out that it would lock its owner out.
        assert after["fields"] == before["fields"]
    assert {k: v for k, v in after.items() if k != "fields"} == {
        k: v for k, v in before.items() if k != "fields"
    }
    assert walk.box.password_is(NEW, PASSWORD)


def passwords(walk: Walk) -> None:
    walk.journey.change_password("a second walrus came")
    assert walk.box.password_is(NEW, "a second walrus came")
    walk.catch_up()
    walk.journey.reset_password("the third walrus sat")
    assert walk.box.password_is(NEW, "the third walrus sat")


def off_and_gone(walk: Walk) -> None:
    """Switched off there, then deleted there."""
    browser, tyk_id = Client(), walk.developer.tyk_id
    walk.catch_up()
    log_in(browser, NEW, "the third walrus sat")
    assert is_signed_in(browser)
    walk.box.edit_developer(tyk_id, inactive=True)
    walk.catch_up()
    assert not is_signed_in(log_in(Client(), NEW, "the third walrus sat").client)
    pull.run("developers")
    assert not is_signed_in(browser)
    walk.box.delete_developer(tyk_id)
    walk.catch_up()
    for _look in range(2):
        pull.run("developers")
        Developer.objects.exclude(missing_since=None).update(
            missing_since="2020-01-01T00:00Z"
        )
    assert Developer.objects.get(tyk_id=tyk_id).gone_at is not None
    assert not is_signed_in(log_in(Client(), NEW, "the third walrus sat").client)


# --- Story by story ----------------------------------------------------------------------


#: What a Dashboard of such habits can't give; the pages say so, see above.
_DELETES = ("replace", "revoke", "claim, answer lost", "settle, made")
_EDITS = ("edit profile", "edit, answer lost")
_UNSEEN = ("claim, answer lost", "settle, made")


def beyond(row: Switches) -> set[str]:
    """Names of stories that can't end well there."""
    names: set[str] = set()
    if row.delete_by_hash != "allowed" and row.hashing != "off":
        names.update(_DELETES)
    if row.put_passwordless == "empty":
        names.update(_EDITS)
    if row.tyk_mails == "key":
        # A mail may have shown the key: it is nobody's to remove.
        names.update(_UNSEEN)
    return names


def chosen(row: Switches) -> list[Story]:
    """In a soak all that can end well there; else each story on a seventh of them."""
    told = []
    for number, story in enumerate(STORIES):
        rows = [other for other in ROWS if story.name not in beyond(other)]
        some = rows if SOAK else rows[number % min(7, len(rows)) :: 7]
        if row in some:
            told.append(story)
    return told


@EACH
def test_the_promises_hold(box, settings, row):
    settings.CLAIM_ACCEPTS_KEY_MAIL = row.tyk_mails == "key"
    with mornings(box, settings, on=row) as starts:
        for story in chosen(row):
            world = story.begin(starts[story.morning])
            with saying(f"{story.name} on {row}"):
                tell_story(world, story)


def test_every_story_is_told_somewhere():
    told = {story.name for row in ROWS for story in chosen(row)}

    assert told == {story.name for story in STORIES}


def tell_story(world: World, story: Story) -> None:
    lag = world.box.switches.replica_lag * 1.2
    story.act(world)
    time.sleep(lag)
    come_back(world, story)
    time.sleep(lag)
    world.come_to_rest(sweeps=1)
    time.sleep(lag)
    world.come_to_rest(sweeps=2)
    check_at_rest(world)
    story.ended_well(world)


# --- Rights that were not given ------------------------------------------------------------

DENIED = [
    ("portal:write", ()),
    ("policy", ("policies",)),
    ("analytics", ()),
]


@pytest.mark.parametrize(("right", "pulls"), DENIED)
def test_without_a_right_nothing_accepted_is_lost(box, mailoutbox, right, pulls):
    scene = build(box)
    box.switch(denied_rights=(right,))
    request = scene.ask()

    for kind in site.PULLS:
        if kind in pulls:
            with pytest.raises(Misconfigured):
                pull.run(kind)
        else:
            pull.run(kind)
    outbox.drain()

    row = Outbox.objects.get(kind="request.create")
    assert (row.served == row.asked) is (right != "portal:write")
    assert not row.parked_reason

    box.switch(denied_rights=())
    Outbox.objects.update(next_at="2020-01-01T00:00Z")
    outbox.drain()

    [held] = box.requests()
    assert KeyRequest.objects.get(pk=request.pk).tyk_id == held["id"]
