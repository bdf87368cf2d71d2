"""What asking and deciding do, and that a refusal changes nothing."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalogue.models import Plan
from developers.models import Developer, User
from keyrequests import closing, live, outcomes, reads, services, words as said
from keyrequests.errors import (
    AlreadyAsked,
    AlreadyDecided,
    Closed,
    NotClaimable,
    NotOffered,
    OwnRequest,
    ReasonNeeded,
    TooManyOpen,
)
from keyrequests.models import Event, KeyRequest, RequestedPlan
from tests.keyrequests.scene import Scene, build
from tyk import pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

Status = KeyRequest.Status


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


def owed() -> list[str]:
    return sorted(Outbox.objects.values_list("kind", flat=True))


def test_a_reviewed_plan_waits_for_staff(scene):
    request = scene.ask()

    assert request.status == Status.PENDING
    assert owed() == ["mail.request_received", "mail.to_review", "request.create"]


def test_an_automatic_plan_is_approved_at_once(scene):
    request = scene.ask(entry=scene.automatic)

    request.refresh_from_db()
    assert request.status == Status.APPROVED
    assert request.decided_in == KeyRequest.DecidedIn.RULE
    assert owed() == ["mail.approved", "request.create"]


def test_the_form_sent_twice_asks_once(scene):
    nonce = uuid4()

    assert scene.ask(nonce=nonce) == scene.ask(nonce=nonce)

    assert KeyRequest.objects.count() == 1


def test_a_second_request_for_the_plan_leads_to_the_first(scene):
    first = scene.ask()

    with pytest.raises(AlreadyAsked) as refusal:
        scene.ask()

    assert refusal.value.request == first
    assert KeyRequest.objects.count() == 1


def test_two_tabs_at_once_ask_once(scene):
    refused: list[AlreadyAsked] = []

    def tab() -> None:
        try:
            scene.ask()
        except AlreadyAsked as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    tabs = [threading.Thread(target=tab) for _ in range(4)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()

    assert len(refused) == 3
    assert KeyRequest.objects.count() == 1
    assert RequestedPlan.objects.count() == 1


def test_nobody_asks_for_a_closed_account(scene):
    """Another tab is sent just after; its page was made before."""
    closing.close(scene.developer)

    with pytest.raises(Closed):
        scene.ask()

    assert not KeyRequest.objects.exists()
    assert not Outbox.objects.filter(kind="request.create").exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="has one writer at a time")
def test_asking_and_closing_at_once_leave_no_request_open(scene):
    """The request is recorded and not yet committed when the account is closed."""
    with transaction.atomic():
        scene.ask()
        closer = threading.Thread(target=closed_in_another_tab, args=[scene.developer])
        closer.start()
        closer.join(timeout=0.5)
        assert closer.is_alive(), "it waits for the request"
    closer.join(timeout=10)

    assert KeyRequest.objects.get().status == KeyRequest.Status.WITHDRAWN


def closed_in_another_tab(developer) -> None:
    try:
        closing.close(developer)
    finally:
        connection.close()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": "draft"}, id="draft"),
        pytest.param({"is_inactive": True}, id="inactive"),
    ],
)
def test_a_plan_that_is_not_live_is_refused_before_tyk_hears_of_it(scene, change):
    scene.box.edit_policy(scene.policy, **change)
    pull.run("policies")
    scene.entry.refresh_from_db()
    scene.entry.plan.refresh_from_db()

    with pytest.raises(NotOffered):
        scene.ask()

    assert KeyRequest.objects.count() == 0
    assert owed() == []


def test_five_open_requests_are_enough(scene):
    for number in range(6):
        policy = scene.box.add_policy(f"plan {number}")
        scene.box.add_entry(f"Entry {number}", policy)
    pull.run("policies")
    pull.run("catalogue")
    entries = list(type(scene.entry).objects.filter(name__startswith="Entry"))
    for entry in entries[:5]:
        scene.ask(entry=entry)

    with pytest.raises(TooManyOpen):
        scene.ask(entry=entries[5])

    assert KeyRequest.objects.count() == 5


def test_approving_is_a_local_decision(scene):
    request = scene.ask()
    scene.deliver()
    scene.box.journal.clear()

    services.approve(request, by=scene.reviewer, reason="Welcome")

    assert request.status == Status.APPROVED
    assert request.decided_by == scene.reviewer
    assert request.reason == "Welcome"
    assert scene.box.journal.operations() == []
    assert scene.box.keys() == []


def test_the_second_decision_is_refused_and_says_who_was_first(scene):
    request = scene.ask()
    services.approve(request, by=scene.reviewer)
    colleague = User.objects.create_superuser("sam@northwind.example", "staff")

    first = "This was approved by rita@northwind\\.example just now\\."
    with pytest.raises(AlreadyDecided, match=first):
        services.approve(KeyRequest.objects.get(pk=request.pk), by=colleague)

    request.refresh_from_db()
    assert request.decided_by == scene.reviewer
    assert request.events.filter(verb=Event.Verb.APPROVED).count() == 1


@pytest.mark.parametrize(
    ("name", "ago", "words"),
    [
        ("Rita", timedelta(0), "Rita approved this just now."),
        ("Rita", timedelta(minutes=2), "Rita approved this 2 minutes ago."),
        ("", timedelta(minutes=1), "approved by rita@northwind.example 1 minute ago."),
        ("Rita", timedelta(minutes=61), "Rita approved this, {:%-d %b, %H:%M} UTC."),
    ],
)
def test_who_decided_and_when_in_words(scene, name, ago, words):
    request = scene.ask()
    scene.reviewer.name = name
    scene.reviewer.save()
    services.approve(request, by=scene.reviewer)
    request.decided_at -= ago

    told = said.decided(request)

    assert told.endswith(words.format(request.decided_at))


def test_approved_in_tyk_in_words(scene):
    request = scene.ask()
    outcomes.granted_in_tyk(request)

    assert said.decided(request) == ("This was approved in the Tyk Dashboard.")


def test_decline_needs_a_reason(scene):
    request = scene.ask()

    with pytest.raises(ReasonNeeded):
        services.decline(request, by=scene.reviewer, reason="  ")

    request.refresh_from_db()
    assert request.status == Status.PENDING


@pytest.mark.parametrize("address", ["mira@tinfold.example", "Mira@Tinfold.Example"])
def test_nobody_decides_a_request_of_their_own_address(scene, address):
    own = User.objects.create_superuser(address, "staff")
    request = scene.ask()

    with pytest.raises(OwnRequest):
        services.approve(request, by=own)
    with pytest.raises(OwnRequest):
        services.decline(request, by=own, reason="No")

    request.refresh_from_db()
    assert request.status == Status.PENDING
    assert not request.events.exclude(verb=Event.Verb.SENT).exists()


def test_a_declined_request_vanishes_in_tyk_and_stays_here(scene, mailoutbox):
    request = scene.ask()
    scene.deliver()
    assert len(scene.box.requests()) == 1

    services.decline(request, by=scene.reviewer, reason="Stay on Standard for now.")
    scene.deliver()

    assert scene.box.requests() == []
    request.refresh_from_db()
    assert (request.status, request.tyk_state) == (Status.DECLINED, "gone")
    assert "Stay on Standard for now." in mailoutbox[-1].body


def test_after_a_decline_the_plan_can_be_asked_for_again(scene):
    services.decline(scene.ask(), by=scene.reviewer, reason="Not yet")

    assert scene.ask().status == Status.PENDING


def test_a_withdrawn_request_is_taken_back_in_tyk(scene):
    request = scene.ask()
    scene.deliver()

    services.withdraw(request)
    scene.deliver()

    assert scene.box.requests() == []
    with pytest.raises(AlreadyDecided):
        services.approve(request, by=scene.reviewer)


def test_withdrawn_before_delivery_never_reaches_tyk(scene):
    request = scene.ask()
    services.withdraw(request)

    scene.deliver()

    assert scene.box.journal.calls("createKeyRequest") == []


def test_mails_of_a_request(scene, mailoutbox):
    request = scene.ask()
    scene.deliver()
    services.approve(request, by=scene.reviewer)
    scene.deliver()

    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["mira@tinfold.example"], "We have your request for Orders · Northwind APIs"),
        (["rita@northwind.example"], f"{request.number}: Mira Tal asks for Orders"),
        (["mira@tinfold.example"], "Your access to Orders is approved"),
    ]
    claim = f"http://testserver/requests/{request.code}/claim/"
    assert claim in mailoutbox[-1].body
    [(html, _)] = mailoutbox[-1].alternatives
    assert claim in html


def test_an_approval_nobody_claimed_lapses_here_and_in_tyk(scene, settings):
    request = scene.approved()
    KeyRequest.objects.update(decided_at=timezone.now() - timedelta(days=91))

    with pytest.raises(NotClaimable, match="has lapsed"):
        live.claim(KeyRequest.objects.get(pk=request.pk))
    assert outcomes.lapse_old_approvals() == 1
    assert outcomes.lapse_old_approvals() == 0
    scene.deliver()

    request.refresh_from_db()
    assert (request.status, request.tyk_state) == (Status.LAPSED, "gone")
    assert scene.box.requests() == []
    assert scene.box.keys() == []


@pytest.mark.parametrize(("hours", "lapsed"), [(23, 0), (25, 1)])
def test_an_approval_whose_plan_went_away_lapses_after_a_day(scene, hours, lapsed):
    request = scene.approved()
    assert outcomes.lapse_old_approvals() == 0

    went = timezone.now() - timedelta(hours=hours)
    Plan.objects.filter(oid=scene.policy).update(gone_at=went)

    assert outcomes.lapse_old_approvals() == lapsed
    request.refresh_from_db()
    assert (request.status == KeyRequest.Status.LAPSED) is bool(lapsed)


def test_an_approval_in_time_does_not_lapse(scene):
    scene.approved()

    assert outcomes.lapse_old_approvals() == 0


def test_home_tells_what_waits(scene):
    mine = scene.ask()
    other = Developer.objects.create(
        tyk_id="b" * 24, email="bob@x.example", email_key="bob@x.example"
    )

    assert reads.waiting_for(scene.developer).in_review == [mine]
    assert reads.waiting_for(other).in_review == []
