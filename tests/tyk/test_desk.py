"""The outbox desk: told in words, tried again, looked into; who may, and how fast."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings as live_settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Count, F, Min
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests.models import KeyRequest
from portal_site.models import Act
from tests.factories import (
    DeveloperFactory,
    KeyFactory,
    KeyRequestFactory,
    MailedLinkFactory,
    MintFactory,
    OutboxFactory,
    SignUpFactory,
    StaffFactory,
)
from tests.tyk.steps import OUTBOX, WHY, abandon, parked, text, trail, written
from tyk import alarms, desk, outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


# --- What a row page says -----------------------------------------------------------
def test_every_kind_of_work_is_on_the_desk():
    known = {kind: desk.work_of(kind) for kind in live_settings.OUTBOX_HANDLERS}

    assert [kind for kind, work in known.items() if work is None] == []


def test_a_row_page_tells_what_it_is_what_was_tried_and_what_is_next(desk_of):
    request = KeyRequestFactory(entry__name="Orders")
    row = parked("request.create", request.code, asked=3)

    page = text(desk_of.get(f"{OUTBOX}{row.pk}/change/"))

    assert "Send a request to Tyk" in page
    assert "Makes the request in Tyk once, with our marker, and keeps its id." in page
    assert "Failed tries 8" in page
    assert "Last outcome status 500, 8 times" in page
    assert (
        "Nothing happens by itself: a person mends the cause, then tries again, or "
        "abandons it."
    ) in page
    assert "and 3 times over: one turn does them all" in page
    assert "Nothing yet." in page


def test_no_page_of_the_desk_calls_tyk(box, desk_of):
    row = parked("request.create", KeyRequestFactory().code)
    pages = [OUTBOX, f"{OUTBOX}{row.pk}/change/", f"{OUTBOX}{row.pk}/abandon/"]

    assert [desk_of.get(page).status_code for page in pages] == [200] * 3
    abandon(desk_of, row)
    assert box.journal.operations() == []


@pytest.mark.parametrize(
    ("members", "state", "next_"),
    [
        ({}, "Due", "It is tried at once."),
        ({"served": 1}, "Done", "Nothing: both sides agreed."),
        (
            {"sending_since": "2020-01-01T00:00Z"},
            "Unsure",
            "A write may have arrived. What Tyk holds is looked for at once, before "
            "anything is sent again.",
        ),
        (
            {"parked_reason": "no"},
            "Parked",
            "Nothing happens by itself: a person mends the cause, then tries again, or "
            "abandons it.",
        ),
        (
            {"served": 1, "abandoned": 1},
            "Abandoned",
            "Nothing, unless it is asked for again.",
        ),
    ],
)
def test_where_a_row_stands(members, state, next_):
    row = OutboxFactory(**members)
    row.refresh_from_db()

    assert (desk.standing(row).words, desk.standing(row).next) == (state, next_)


def test_a_row_links_what_it_is_about_to_who_may_see_it(olga, signed_in):
    request = KeyRequestFactory(entry__name="Orders")
    row = parked("request.create", request.code)
    address = f"/admin/keyrequests/keyrequest/{request.pk}/change/"
    client = signed_in(olga)

    shown = client.get(f"{OUTBOX}{row.pk}/change/").content.decode()
    assert "a request" in shown
    assert address not in shown

    olga.user_permissions.add(Permission.objects.get(codename="view_keyrequest"))
    for page in (OUTBOX, f"{OUTBOX}{row.pk}/change/"):
        shown = client.get(page).content.decode()
        assert f'<a href="{address}">{request.number} Orders</a>' in shown


def test_ages_are_told_in_words_and_shape(desk_of):
    for minutes in (0, 20, 120):
        row = OutboxFactory()
        asked_at = timezone.now() - timedelta(minutes=minutes)
        Outbox.objects.filter(pk=row.pk).update(asked_at=asked_at)

    page = desk_of.get(OUTBOX).content.decode()

    assert '<span class="age age-fresh">just now<span class="what"></span>' in page
    assert '<span class="age age-soon">20 minutes<span class="what">slow<' in page
    assert '<span class="age age-late">2 hours<span class="what">over an hour<' in page


def a_row_of_each_kind() -> None:
    """One row of every kind, about a row of its own."""
    request, key, mint = KeyRequestFactory(), KeyFactory(), MintFactory()
    developer = DeveloperFactory()
    link = MailedLinkFactory(developer=DeveloperFactory())
    subjects = {
        "request": request.code,
        "key": key.code,
        "mint": mint.code,
        "developer": developer.code,
        "mail.sign_up": SignUpFactory().code,
        "mail.reset": link.code,
        "mail.approved": request.code,
        "mail.approval_reminder": f"{request.code} 3",
        "mail.alarm": request.pk,
        "drift.decision": Act.objects.create(
            verb=Act.Verb.TAKE, actor="Op", fingerprint=uuid4().hex
        ).code,
    }
    for prefix, subject in subjects.items():
        for kind in live_settings.OUTBOX_HANDLERS:
            if kind == prefix or kind.startswith(f"{prefix}."):
                OutboxFactory(kind=kind, subject=str(subject))


@pytest.mark.parametrize("who", ["superuser", "group"])
def test_a_list_with_what_rows_are_about_costs_the_same_for_many(who, signed_in):
    """Of every kind on one page, for whoever may see them all."""
    staff = StaffFactory(is_superuser=who == "superuser")
    if who == "group":
        group = Group.objects.create(name="Operators")
        group.permissions.set(Permission.objects.all())
        staff.groups.add(group)
    client = signed_in(staff)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = client.get(OUTBOX, {"state": "all"})
        assert page.status_code == 200
        return len(queries)

    a_row_of_each_kind()
    cost()
    few = cost()
    for _ in range(5):
        a_row_of_each_kind()

    assert Outbox.objects.count() >= 50
    assert cost() == few
    assert few <= 12


# --- Who may -----------------------------------------------------------------------
@pytest.mark.parametrize("act", ["try-again", "look", "abandon"])
def test_who_may_only_look_changes_nothing(act, organisation, signed_in):
    viewer = StaffFactory(name="Vera")
    viewer.user_permissions.add(Permission.objects.get(codename="view_outbox"))
    client, row = signed_in(viewer), parked("request.create", KeyRequestFactory().code)
    before = Outbox.objects.values().get()

    page = client.get(f"{OUTBOX}{row.pk}/change/")
    assert page.status_code == 200
    assert f"{row.pk}/{act}/" not in page.content.decode()
    answer = client.post(
        f"{OUTBOX}{row.pk}/{act}/", {"reason": WHY, f"asked_{row.pk}": 1}
    )

    assert answer.status_code == 403
    assert Outbox.objects.values().get() == before
    assert not LogEntry.objects.exists()


def test_without_rights_there_is_no_row_page(sam, signed_in):
    row = OutboxFactory()

    for path in ("change", "abandon"):
        assert signed_in(sam).get(f"{OUTBOX}{row.pk}/{path}/").status_code == 403


def test_a_link_alone_does_nothing(desk_of):
    row = parked("request.create", KeyRequestFactory().code)
    before = Outbox.objects.values().get()

    for act in ("try-again", "look", "abandon"):
        assert desk_of.get(f"{OUTBOX}{row.pk}/{act}/", follow=True).status_code == 200

    assert Outbox.objects.values().get() == before


# --- Look --------------------------------------------------------------------------
def test_looking_finds_what_arrived_and_sends_nothing_again(scene, desk_of):
    """The first send arrived; nobody noted that. Trying again would make a second."""
    request = scene.ask()
    scene.deliver()
    KeyRequest.objects.update(tyk_id=None, tyk_state="")
    row = Outbox.objects.get(kind="request.create")
    Outbox.objects.filter(pk=row.pk).update(asked=2, parked_reason="a bug of ours")
    sent = len(written(scene))
    assert sent == 1

    page = text(desk_of.post(f"{OUTBOX}{row.pk}/look/", follow=True))
    outbox.drain()

    assert "A worker looks in Tyk now, before it goes on." in page
    assert len(written(scene)) == sent
    request.refresh_from_db()
    assert request.tyk_id is not None
    assert "Asked to look first. It was parked: a bug of ours" in trail()


def test_looking_and_finding_nothing_goes_on(scene, desk_of):
    request = scene.ask()
    row = Outbox.objects.get(kind="request.create")
    Outbox.objects.filter(pk=row.pk).update(parked_reason="a bug of ours")

    desk_of.post(f"{OUTBOX}{row.pk}/look/")
    outbox.drain()

    request.refresh_from_db()
    assert request.tyk_id is not None
    assert len(written(scene)) == 1


def test_looking_does_not_cut_a_quarantine_short():
    since = timezone.now() - timedelta(seconds=5)
    row = parked(
        "request.create",
        KeyRequestFactory().code,
        sending_since=since,
        unsure_since=since,
    )

    assert desk.look(row.pk)

    row.refresh_from_db()
    assert (row.sending_since, row.unsure_since) == (since, since)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        pytest.param("mail.approved", {}, id="a mailbox can't be looked into"),
        pytest.param("key.revoke", {}, id="deleting twice does no harm"),
        pytest.param("request.create", {"served": 1}, id="done"),
        pytest.param(
            "request.create", {"lease_until": "2999-01-01T00:00Z"}, id="being sent"
        ),
    ],
)
def test_what_can_not_be_looked_for(kind, members):
    row = OutboxFactory(kind=kind, **members)
    before = Outbox.objects.values().get()

    assert not desk.look(row.pk)
    assert Outbox.objects.values().get() == before


# --- The indexes -------------------------------------------------------------------
def many_rows() -> None:
    """Nearly all served, many due, few parked; and the planner knows it."""
    now = timezone.now()
    Outbox.objects.bulk_create(
        Outbox(
            kind="key.revoke" if number % 2 else "mail.reset",
            subject=str(number),
            asked=1,
            served=0 if number < 1000 else 1,
            next_at=now,
            parked_reason="no" if number < 20 else "",
        )
        for number in range(10_000)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE tyk_outbox")


def test_what_is_owed_and_parked_is_read_by_an_index():
    """Without them each reads the whole table, and that every minute."""
    many_rows()
    waiting = alarms.parked()
    by_kind = waiting.order_by().values("kind")
    owed = Outbox.objects.filter(asked__gt=F("served"))

    assert "outbox_owed" in owed.order_by("next_at", "pk").explain()
    # As metrics and alarms ask.
    counted = by_kind.annotate(n=Count("pk"), oldest=Min("asked_at"))
    assert "outbox_parked" in counted.explain()
    reasons = waiting.order_by("kind", "parked_reason").distinct()
    assert "outbox_parked" in reasons.values_list("kind", "parked_reason").explain()
    # As desk and doctor do; SQLite, which never counted its rows, may take either.
    either = ("outbox_parked", "outbox_owed")
    listed = waiting.order_by("next_at", "pk")
    assert any(name in listed.explain() for name in either)
    assert any(name in waiting.values("pk").explain() for name in either)
