"""Giving work up: a reason, what it leaves behind, one effect, nothing sent."""

import threading
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from developers.models import ProfileEdit
from keyrequests import services
from keyrequests.models import Event, Key, KeyRequest, Mint
from tests.factories import (
    KeyRequestFactory,
    MintFactory,
    OutboxFactory,
    ProfileEditFactory,
    StaffFactory,
)
from tests.tyk.steps import OUTBOX, WHY, abandon, parked, text, written
from tyk import desk, outbox, pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


# --- Abandon: the page, the reason, the trail ------------------------------------------
def test_abandoning_says_before_what_it_leaves_behind(desk_of):
    request = KeyRequestFactory()
    row = parked("request.create", request.code)

    page = text(desk_of.get(f"{OUTBOX}{row.pk}/abandon/"))

    assert (
        f"{request.number} is declined, with your sentence as the reason: its developer "
        "reads it in a mail and on the request, and can ask again. If the request did "
        "reach Tyk after all, the next pull finds it there and takes it back."
    ) in page
    assert Outbox.objects.get().served == 0


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("", "Say in a sentence why it is given up. It stays on the trail."),
        ("   ", "Say in a sentence why it is given up. It stays on the trail."),
        ("x" * 501, "Say it in at most 500 characters."),
    ],
)
def test_abandoning_needs_a_reason(desk_of, reason, sentence):
    row = parked("request.create", KeyRequestFactory().code)

    answer = abandon(desk_of, row, reason=reason)

    assert answer.status_code == 400
    assert sentence in text(answer)
    row.refresh_from_db()
    assert (row.served, row.parked_reason) == (0, "status 500, 8 times")


def test_an_undelivered_request_that_is_abandoned_is_declined(
    scene, desk_of, olga, mailoutbox
):
    request = scene.ask()
    row = Outbox.objects.get(kind="request.create")
    Outbox.objects.filter(pk=row.pk).update(parked_reason="status 500, 8 times")

    page = text(abandon(desk_of, row))
    outbox.drain()

    assert "Abandoned. It is not sent unless asked again." in page
    assert "Nothing, unless it is asked for again." in page
    assert written(scene) == []
    request.refresh_from_db()
    assert (request.status, request.reason) == ("declined", WHY)
    assert not request.plans.filter(open=True).exists()
    declined = Event.objects.get(request=request, verb=Event.Verb.DECLINED)
    assert (declined.actor, declined.note) == ("Olga", WHY)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (olga, str(row.pk))
    assert entry.get_change_message() == (
        f"Abandoned: {WHY} It was parked: status 500, 8 times"
    )
    assert any("was declined" in mail.subject for mail in mailoutbox)
    row.refresh_from_db()
    assert (row.served, row.abandoned_by, row.abandoned_reason) == (1, "Olga", WHY)


@pytest.mark.parametrize("trait", [{}, {"approved": True, "tyk_id": None}])
def test_who_may_not_decide_gives_no_request_up(olga, signed_in, trait):
    request = KeyRequestFactory(**trait)
    row = parked("request.create", request.code)
    olga.user_permissions.remove(Permission.objects.get(codename="change_keyrequest"))

    page = text(abandon(signed_in(olga), row))

    assert f"Giving this up decides {request.number}, and you may not" in page
    before = request.status
    request.refresh_from_db()
    row.refresh_from_db()
    assert (request.status, row.served, row.abandoned) == (before, 0, 0)


def test_an_approval_that_never_reached_tyk_lapses(desk_of):
    request = KeyRequestFactory(approved=True, tyk_id=None)
    row = parked("request.create", request.code)

    said = text(desk_of.get(f"{OUTBOX}{row.pk}/abandon/"))
    abandon(desk_of, row)

    assert f"The approval of {request.number} ends and shows as lapsed" in said
    request.refresh_from_db()
    assert request.status == "lapsed"
    lapsed = Event.objects.get(request=request, verb=Event.Verb.LAPSED)
    assert (lapsed.actor, lapsed.note) == ("Olga", WHY)


def test_what_did_arrive_of_an_abandoned_request_is_taken_back(scene, desk_of):
    """Tyk has it, the answer was lost, somebody gave up: the pull tidies up."""
    request = scene.ask()
    scene.deliver()
    (tyk_request,) = scene.box.requests()
    KeyRequest.objects.update(tyk_id=None, tyk_state="")
    Outbox.objects.filter(kind="request.create").update(
        asked=2, parked_reason="a bug", sending_since="2020-01-01T00:00Z"
    )
    abandon(desk_of, Outbox.objects.get(kind="request.create"))
    outbox.drain()
    assert scene.box.requests() == [tyk_request]
    pull.run("pending")
    outbox.drain()
    outbox.drain()

    assert scene.box.requests() == []
    request.refresh_from_db()
    assert request.status == "declined"


def test_a_revocation_that_is_abandoned_leaves_a_live_key(alice, alices_key, desk_of):
    services.revoke(alices_key, actor="Alice Arnold")
    row = Outbox.objects.get(kind="key.revoke")
    Outbox.objects.update(parked_reason="Tyk refuses to delete this key")

    said = text(desk_of.get(f"{OUTBOX}{row.pk}/abandon/"))
    abandon(desk_of, row)

    assert "The key stays live: calls with it go on working." in said
    alices_key.refresh_from_db()
    assert (alices_key.state, alices_key.ends_at) == (Key.State.LIVE, None)
    event = alices_key.events.first()
    assert (event.actor, event.note) == (
        "Olga",
        f"revoking was abandoned, the key stays live: {WHY}",
    )
    # Asked again, it is sent again.
    services.revoke(alices_key, actor="Alice Arnold")
    assert outbox.due().filter(pk=row.pk).exists()


def test_a_claim_that_is_given_up_can_be_made_again(desk_of):
    mint = MintFactory(state=Mint.State.UNSURE, unsure_at=timezone.now())
    row = parked("mint.settle", mint.code)

    abandon(desk_of, row)

    mint.refresh_from_db()
    assert mint.state == Mint.State.LOST
    assert not mint.request.mints.filter(state__in=services.UNFINISHED).exists()
    settled = Event.objects.get(request=mint.request, verb=Event.Verb.SETTLED)
    assert (settled.actor, settled.note) == ("Olga", f"given up: {WHY}")
    assert Outbox.objects.filter(kind="mint.audit", subject=str(mint.code)).exists()


def test_a_profile_change_that_is_given_up_is_told_to_its_developer(
    bob, desk_of, signed_in
):
    edit = ProfileEditFactory(
        developer=bob,
        before={"inactive": True, "fields.Name": "Bob"},
        after={"inactive": False, "fields.Name": "Bobby"},
    )
    row = parked("developer.profile", bob.code)

    said = text(desk_of.get(f"{OUTBOX}{row.pk}/abandon/"))
    abandon(desk_of, row)

    assert "it could not be saved, with what they typed." in said
    assert "The account is not switched on or off" in said
    edit.refresh_from_db()
    assert (edit.state, edit.after) == (
        ProfileEdit.State.REFUSED,
        {"fields.Name": "Bobby"},
    )
    page = text(signed_in(bob).get("/account/"))
    assert "Your change was not accepted" in page
    assert "On its way to the key service" not in page


def test_a_mail_that_is_given_up_is_never_sent(desk_of, mailoutbox):
    request = KeyRequestFactory(approved=True)
    row = parked("mail.approved", request.code)

    abandon(desk_of, row)
    outbox.drain()

    assert mailoutbox == []
    request.refresh_from_db()
    assert request.status == "approved"


# --- Abandon: what stands in the way -----------------------------------------------------
def test_what_is_being_sent_is_not_abandoned(desk_of):
    lease = timezone.now() + timedelta(minutes=1)
    request = KeyRequestFactory()
    row = OutboxFactory(
        kind="request.create", subject=str(request.code), lease_until=lease
    )

    page = text(abandon(desk_of, row))

    assert (
        "This is being sent right now. Wait until that has ended, then read what came "
        "of it."
    ) in page
    row.refresh_from_db()
    request.refresh_from_db()
    assert (row.served, request.status) == (0, "pending")
    assert not LogEntry.objects.exists()


def test_a_quarantine_is_waited_out_before_giving_up(desk_of, settings):
    settings.OUTBOX_QUARANTINE = 90
    since = timezone.now() - timedelta(seconds=5)
    row = parked(
        "request.create",
        KeyRequestFactory().code,
        sending_since=since,
        unsure_since=since,
    )

    page = text(abandon(desk_of, row))

    assert "A write may still arrive until" in page
    row.refresh_from_db()
    assert row.served == 0


def test_a_claim_that_is_being_made_is_not_given_up(desk_of):
    mint = MintFactory()
    row = OutboxFactory(
        kind="mint.settle",
        subject=str(mint.code),
        next_at=timezone.now() + timedelta(seconds=100),
    )

    assert "A write may still arrive until" in text(abandon(desk_of, row))

    mint.refresh_from_db()
    assert mint.state == Mint.State.SENDING


def test_two_staff_at_once_have_one_effect(olga, signed_in):
    request = KeyRequestFactory()
    row = parked("request.create", request.code)
    other = StaffFactory(name="Otto", is_superuser=True)
    first, second = signed_in(olga), signed_in(other)
    for client in (first, second):
        assert client.get(f"{OUTBOX}{row.pk}/abandon/").status_code == 200

    abandon(first, row)
    page = text(abandon(second, row, reason="Me too."))

    assert f"Olga abandoned this just now: {WHY}" in page
    assert LogEntry.objects.count() == 1
    assert Event.objects.filter(verb=Event.Verb.DECLINED).count() == 1
    request.refresh_from_db()
    assert request.reason == WHY


def test_of_two_in_the_same_moment_one_is_refused(olga):
    row = parked("request.create", KeyRequestFactory().code)
    start, outcomes = threading.Barrier(2), []

    def give_up() -> None:
        start.wait()
        try:
            desk.abandon(row.pk, seen=1, reason=WHY, by=olga)
            outcomes.append("done")
        except desk.CannotAbandon as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=give_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [f"Olga abandoned this just now: {WHY}", "done"]
    assert Event.objects.filter(verb=Event.Verb.DECLINED).count() == 1


def test_trying_again_what_a_colleague_abandoned_says_so(desk_of):
    row = parked("mail.approved", KeyRequestFactory(approved=True).code)
    abandon(desk_of, row)

    page = text(desk_of.post(f"{OUTBOX}{row.pk}/try-again/", follow=True))

    assert (
        "Nothing was changed. Abandoned: Nothing, unless it is asked for again." in page
    )
    assert not outbox.due().exists()


def test_what_was_asked_for_since_is_not_abandoned_unread(desk_of):
    row = parked("mail.approved", KeyRequestFactory(approved=True).code, asked=2)

    page = text(abandon(desk_of, row, asked=1))

    assert "This was asked for again since you opened the page. Read it once more." in (
        page
    )
    row.refresh_from_db()
    assert row.served == 0


def test_nobody_gives_up_their_own_request(olga, desk_of):
    request = KeyRequestFactory(
        developer__email=olga.email, developer__email_key=olga.email
    )
    row = parked("request.create", request.code)

    abandon(desk_of, row)

    row.refresh_from_db()
    request.refresh_from_db()
    assert (row.served, request.status) == (0, "pending")
    assert not LogEntry.objects.exists()


def test_a_worker_that_outlived_its_lease_loses_an_abandoned_row(olga):
    row = OutboxFactory(kind="mail.approved", next_at="2020-01-01T00:00Z")
    job = outbox._lease(row.pk)
    assert job is not None
    Outbox.objects.update(lease_until="2020-01-01T00:00Z")

    desk.abandon(row.pk, seen=1, reason=WHY, by=olga)

    with pytest.raises(outbox.LeaseLost), job.sending():
        raise AssertionError("it was sent")


def test_what_may_have_arrived_is_looked_for_when_it_is_asked_again(olga):
    row = parked(
        "mail.approved",
        KeyRequestFactory(approved=True).code,
        sending_since="2020-01-01T00:00Z",
    )
    desk.abandon(row.pk, seen=1, reason=WHY, by=olga)

    outbox.enqueue("mail.approved", row.subject)

    job = outbox._lease(row.pk)
    assert job is not None
    assert job.must_look


def test_abandoned_rows_are_found(desk_of):
    row = parked("mail.approved", KeyRequestFactory(approved=True).code)
    OutboxFactory(served=1)
    abandon(desk_of, row)

    page = desk_of.get(OUTBOX, {"state": "abandoned"})

    assert list(page.context["cl"].result_list) == [row]
    assert f"by Olga: {WHY}" in text(page)


# --- Several at once ------------------------------------------------------------------
def several(client, rows, **more: object):
    data = {
        "action": "abandon_selected",
        "_selected_action": [row.pk for row in rows],
        **{f"asked_{row.pk}": row.asked for row in rows},
        **more,
    }
    return client.post(OUTBOX, data, follow=True)


def test_several_are_asked_for_once_and_given_up_one_by_one(desk_of, mailoutbox):
    rows = [
        parked("mail.approved", KeyRequestFactory(approved=True).code) for _ in range(3)
    ]
    busy = OutboxFactory(
        kind="mail.reset", lease_until=timezone.now() + timedelta(minutes=1)
    )

    asked = text(several(desk_of, [*rows, busy]))
    assert "Abandon: 4 rows" in asked
    assert asked.count("The developer gets no mail that access is approved.") == 3
    assert "This is being sent right now." in asked
    assert not Outbox.objects.filter(abandoned__gt=0).exists()
    refused = several(desk_of, rows, confirmed="yes", reason=" ")
    assert refused.status_code == 400

    page = text(several(desk_of, [*rows, busy], confirmed="yes", reason=WHY))
    outbox.drain()

    assert (
        f"3 of 4 rows abandoned. Row {busy.pk}: This is being sent right now." in page
    )
    assert (
        Outbox.objects.filter(abandoned=1, served=1, abandoned_by="Olga").count() == 3
    )
    assert LogEntry.objects.count() == 3
    assert mailoutbox == []


def test_who_may_only_look_gives_up_no_several(organisation, signed_in):
    viewer = StaffFactory()
    viewer.user_permissions.add(Permission.objects.get(codename="view_outbox"))
    row = parked("mail.approved", KeyRequestFactory(approved=True).code)

    several(signed_in(viewer), [row], confirmed="yes", reason=WHY)

    row.refresh_from_db()
    assert row.served == 0


def test_of_all_that_are_selected_the_first_fifty_are_done_and_that_is_told(
    desk_of, monkeypatch
):
    """An outage leaves thousands, and a click must not hold a web process for them."""
    monkeypatch.setattr("tyk.outbox.doorbell.ring", lambda name: None)
    request = KeyRequestFactory(approved=True)
    rows = [parked("mail.approved", f"{request.code} {n}") for n in range(53)]

    asked = text(several(desk_of, rows[:2], select_across="1"))
    page = text(several(desk_of, rows[:2], action="try_again", select_across="1"))

    assert "Abandon: 50 rows, the first of those selected" in asked
    assert "50 of 50 rows, the first of those selected are tried again now." in page
    assert set(Outbox.objects.exclude(parked_reason="")) == set(rows[50:])
