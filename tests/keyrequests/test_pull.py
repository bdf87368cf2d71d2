"""The mirror of keys and requests follows Tyk, and writes nothing for nothing."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from developers.models import Developer
from keyrequests import live
from keyrequests.models import Key, KeyRequest
from tests.keyrequests.scene import Scene, build
from tyk import outbox, pull

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def look_twice() -> None:
    """Two complete looks, a minute and more apart."""
    pull.run("pending")
    KeyRequest.objects.exclude(missing_since=None).update(
        missing_since=timezone.now() - timedelta(minutes=2)
    )
    pull.run("pending")


def test_a_key_issued_by_hand_is_listed_as_found(scene):
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)

    pull.run("developers")

    key = Key.objects.get()
    assert (key.origin, key.state) == (Key.Origin.FOUND, Key.State.LIVE)
    assert key.name == "orders-standard"
    assert [p.policy_id for p in key.policies.all()] == [scene.policy]


def test_a_key_of_a_policy_in_no_entry_is_listed_too(scene):
    unknown = scene.box.add_policy("legacy beta")
    scene.box.issue_key(scene.developer.tyk_id, unknown)

    pull.run("developers")

    assert Key.objects.get().policies.get().plan is None


def test_a_claimed_key_is_not_found_a_second_time(scene):
    live.claim(scene.approved())

    pull.run("developers")

    assert [key.origin for key in Key.objects.all()] == [Key.Origin.CLAIMED]


def look_twice_for_keys() -> None:
    pull.run("developers")
    Key.objects.exclude(missing_since=None).update(
        missing_since=timezone.now() - timedelta(minutes=2)
    )
    pull.run("developers")


def test_a_key_deleted_in_tyk_ends_here_after_two_looks(scene):
    shown = live.claim(scene.approved())
    [held] = scene.box.keys()
    scene.box.delete_key(held.id)

    pull.run("developers")
    assert Key.objects.get().state == Key.State.LIVE
    look_twice_for_keys()

    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.GONE


def test_a_key_missed_by_mistake_is_live_again_when_listed(scene):
    shown = live.claim(scene.approved())
    Key.objects.update(state=Key.State.GONE, ended_at=timezone.now())

    pull.run("developers")

    shown.key.refresh_from_db()
    assert (shown.key.state, shown.key.ended_at) == (Key.State.LIVE, None)


def test_a_new_seal_key_loses_no_key(scene, settings):
    live.claim(scene.approved())
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    pull.run("developers")
    before = sorted(Key.objects.values_list("pk", "origin", "state"))
    old = settings.SEAL_KEYS

    settings.SEAL_KEYS = ["n" * 32, *old]
    pull.run("developers")
    settings.SEAL_KEYS = ["n" * 32]
    pull.run("developers")

    assert sorted(Key.objects.values_list("pk", "origin", "state")) == before


def test_a_key_revoked_elsewhere_while_we_ask_is_told_to_its_owner(scene, mailoutbox):
    shown = live.claim(scene.approved())
    [held] = scene.box.keys()
    scene.box.delete_key(held.id)
    Key.objects.update(state=Key.State.REVOKING)

    look_twice_for_keys()
    scene.deliver()

    shown.key.refresh_from_db()
    assert shown.key.state == Key.State.REVOKED
    assert mailoutbox[-1].subject == "Your key “Orders” was revoked"


def test_the_same_again_writes_nothing(scene):
    live.claim(scene.approved())
    scene.box.issue_key(scene.developer.tyk_id, scene.policy)
    for kind in ("developers", "requests", "policies", "catalogue", "configuration"):
        pull.run(kind)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        counts = [
            pull.run(kind).changed
            for kind in (
                "developers",
                "requests",
                "policies",
                "catalogue",
                "configuration",
            )
        ]

    assert counts == [0, 0, 0, 0, 0]
    assert written_by(queries) == []


def written_by(queries: CaptureQueriesContext) -> list[str]:
    """The statements that write, but to a pull's own state; "500 times: …" for many."""
    return [
        query["sql"]
        for query in queries
        if re.match(r"(\d+ times: )?(INSERT|UPDATE|DELETE)", query["sql"])
        and "tyk_pullstate" not in query["sql"]
        and "tyk_organisation" not in query["sql"]
    ]


def test_developers_cost_constant_queries_whatever_they_hold(scene):
    def cost() -> int:
        pull.run("developers")
        with CaptureQueriesContext(connection) as queries:
            pull.run("developers")
        return len(queries)

    few = cost()
    for number in range(40):
        tyk_id = scene.box.add_developer(f"dev{number}@x.example", password="long one")
        scene.box.issue_key(tyk_id, scene.policy)

    assert cost() == few


def test_approved_in_the_dashboard_shows_as_such_and_lists_its_key(scene):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    scene.box.approve(request.tyk_id)

    pull.run("pending")

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.GRANTED
    assert request.decided_in == KeyRequest.DecidedIn.TYK
    assert Key.objects.get().origin == Key.Origin.FOUND


def test_who_asked_here_hears_of_an_approval_in_the_dashboard_once(scene, mailoutbox):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    raw = scene.box.approve(request.tyk_id)["RawKey"]

    for _ in range(2):
        pull.run("pending")
        scene.deliver()

    subject = "Approved elsewhere: your request for Orders"
    told = [mail for mail in mailoutbox if mail.subject == subject]
    assert [mail.to for mail in told] == [[scene.developer.email]]
    assert "Its key was made there" in told[0].body
    assert request.get_absolute_url() in told[0].body
    assert raw
    assert raw not in told[0].message().as_string()


def test_who_asked_in_tyk_gets_no_mail_of_ours(scene, mailoutbox):
    made = scene.box.add_request(scene.developer.tyk_id, scene.policy)
    pull.run("requests")
    assert KeyRequest.objects.get().origin == KeyRequest.Origin.TYK
    scene.box.approve(made)

    pull.run("requests")
    scene.deliver()

    assert KeyRequest.objects.get().status == KeyRequest.Status.GRANTED
    assert mailoutbox == []


def test_declined_in_the_dashboard_shows_as_such(scene, mailoutbox):
    request = scene.ask()
    scene.deliver()
    request.refresh_from_db()
    scene.box.decline(request.tyk_id)

    pull.run("pending")
    request.refresh_from_db()
    assert request.status == KeyRequest.Status.PENDING  # one look proves nothing
    look_twice()

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.DECLINED
    assert request.decided_in == KeyRequest.DecidedIn.TYK
    scene.deliver()
    assert mailoutbox[-1].subject == "Your request for Orders was declined"


def test_an_empty_list_by_mistake_declines_nothing(scene):
    request = scene.ask()
    scene.deliver()
    scene.box.faults.add("listKeyRequests", mode="null_lists")

    look_twice()

    request.refresh_from_db()
    assert request.status == KeyRequest.Status.PENDING


def test_a_request_made_in_the_dashboard_appears(scene):
    scene.box.add_request(
        scene.developer.tyk_id, scene.policy, fields={"What you build": "By hand"}
    )

    pull.run("pending")
    pull.run("pending")

    request = KeyRequest.objects.get()
    assert request.origin == KeyRequest.Origin.TYK
    assert request.status == KeyRequest.Status.PENDING
    assert request.answers == {"What you build": "By hand"}
    assert request.entry == scene.entry


def test_duplicates_made_in_the_dashboard_are_all_kept(scene):
    for _ in range(2):
        scene.box.add_request(scene.developer.tyk_id, scene.policy)

    pull.run("pending")

    assert KeyRequest.objects.count() == 2


def test_a_request_whose_developer_is_gone_is_nobodys(scene):
    scene.box.add_request("f" * 24, scene.policy)

    pulled = pull.run("pending")

    assert pulled.seen == 1
    assert KeyRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("state", "ended"),
    [(Key.State.LIVE, Key.State.GONE), (Key.State.REVOKING, Key.State.REVOKED)],
)
def test_keys_end_with_the_developer_they_belong_to(scene, mailoutbox, state, ended):
    live.claim(scene.approved())
    pull.run("developers")
    Key.objects.update(state=state)
    mailoutbox.clear()
    scene.box.delete_developer(scene.developer.tyk_id)
    gone_at = timezone.now() - timedelta(minutes=2)

    pull.run("developers")
    assert Key.objects.get().state == state
    Developer.objects.update(gone_at=gone_at, missing_since=gone_at)
    pull.run("developers")
    outbox.drain()

    key = Key.objects.get()
    assert key.state == ended
    assert key.ended_at is not None
    assert mailoutbox == []


def test_only_who_was_here_is_read_every_minute(scene):
    scene.box.add_developer("else@x.example", password="long one")
    pull.run("developers")
    Developer.objects.filter(pk=scene.developer.pk).update(seen_here_at=timezone.now())
    scene.box.journal.clear()

    pull.run("recent")

    assert scene.box.journal.operations() == ["getDeveloper"]


def test_one_who_is_here_and_can_not_be_read_hides_nobody(scene):
    other = scene.box.add_developer("other@tinfold.example", password="correct horse")
    pull.run("developers")
    Developer.objects.update(seen_here_at=timezone.now())
    scene.box.edit_developer(other, fields={"Name": "By staff"})
    scene.box.faults.add("getDeveloper", mode="wrong_types", times=1)

    pulled = pull.run("recent")

    assert (pulled.seen, pulled.bad) == (2, 1)
    assert Developer.objects.get(tyk_id=other).name == "By staff"
