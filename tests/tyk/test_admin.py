"""Operators watch the work owed to Tyk, mend what is parked, and change nothing else."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from developers.models import User
from tests.factories import (
    KeyRequestFactory,
    OutboxFactory,
    PullStateFactory,
    StaffFactory,
)
from tyk import outbox
from tyk.models import Organisation, Outbox, PullState

pytestmark = pytest.mark.django_db

OUTBOX = "/admin/tyk/outbox/"


def staff_with(name: str, *rights: str) -> User:
    user: User = StaffFactory(name=name)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="tyk", codename__in=rights)
    )
    return user


@pytest.fixture
def chief(organisation, signed_in):
    return signed_in(StaffFactory(name="Chief", is_superuser=True))


@pytest.fixture
def parked(db) -> Outbox:
    return OutboxFactory(
        kind="key.revoke",
        subject="4f6a",
        attempts=8,
        next_at=timezone.now() + timedelta(hours=1),
        parked_reason="Tyk refuses to delete by hash",
        last_outcome="Tyk refuses to delete by hash",
    )


def rows(client, **query: str) -> list[Outbox]:
    return list(client.get(OUTBOX, query).context["cl"].result_list)


def try_again(client, *chosen: Outbox):
    ticked = {"action": "try_again", "_selected_action": [row.pk for row in chosen]}
    return client.post(OUTBOX, ticked, follow=True)


def test_what_is_owed_comes_first(chief, parked):
    due = OutboxFactory(kind="mail.approved")
    done = OutboxFactory(kind="mail.reset", served=1)

    assert rows(chief) == [due, parked]
    assert rows(chief, state="parked") == [parked]
    assert set(rows(chief, state="all")) == {due, parked, done}
    assert rows(chief, kind="mail.approved") == [due]
    assert rows(chief, kind="mail") == [due]


def test_a_row_tells_why_it_waits(chief, parked):
    page = chief.get(OUTBOX).content.decode()
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())

    assert (
        "just now Revoke a key in Tyk 4f6a Parked Tyk refuses to delete by hash 8"
        in (told)
    )


def test_a_row_being_served_is_told_apart(chief):
    OutboxFactory(lease_until=timezone.now() + timedelta(minutes=1))

    assert ">Sending<" in chief.get(OUTBOX).content.decode()


def test_trying_again_frees_a_parked_row_and_says_who_did(chief, parked):
    page = try_again(chief, parked).content.decode()

    assert "1 of 1 rows are tried again now." in page
    parked.refresh_from_db()
    assert (parked.parked_reason, parked.attempts) == ("", 0)
    assert list(outbox.due().filter(next_at__lte=timezone.now())) == [parked]
    entry = LogEntry.objects.get()
    assert (entry.user.name, entry.object_id) == ("Chief", str(parked.pk))
    assert "Tyk refuses to delete by hash" in entry.get_change_message()


def test_trying_again_leaves_what_is_being_served(chief):
    busy = OutboxFactory(lease_until=timezone.now() + timedelta(minutes=1), attempts=3)
    done = OutboxFactory(served=1)

    page = try_again(chief, busy, done).content.decode()

    assert "0 of 2 rows are tried again now." in page
    busy.refresh_from_db()
    assert busy.attempts == 3
    assert not LogEntry.objects.exists()


def test_trying_again_does_not_cut_a_quarantine_short(chief, parked):
    since = timezone.now() - timedelta(seconds=5)
    Outbox.objects.update(sending_since=since, unsure_since=since)

    try_again(chief, parked)

    parked.refresh_from_db()
    assert (parked.sending_since, parked.unsure_since) == (since, since)


def test_who_may_only_look_does_not_try_again(parked, signed_in):
    client = signed_in(staff_with("Vera", "view_outbox"))
    assert "Try again" not in client.get(OUTBOX).content.decode()

    try_again(client, parked)

    parked.refresh_from_db()
    assert parked.parked_reason == "Tyk refuses to delete by hash"


def test_who_may_mend_does(parked, signed_in):
    try_again(signed_in(staff_with("Olga", "view_outbox", "change_outbox")), parked)

    parked.refresh_from_db()
    assert parked.parked_reason == ""


@pytest.mark.parametrize("kind", ["outbox", "pullstate", "organisation"])
def test_without_rights_nothing_is_seen(sam, signed_in, kind):
    assert signed_in(sam).get(f"/admin/tyk/{kind}/").status_code == 403


@pytest.mark.parametrize("kind", ["outbox", "pullstate", "organisation"])
def test_nothing_is_added_changed_or_deleted(chief, parked, kind):
    PullStateFactory()
    rows = {
        "outbox": Outbox.objects,
        "pullstate": PullState.objects,
        "organisation": Organisation.objects,
    }[kind]
    row = rows.first()
    assert row is not None
    before = rows.values().get(pk=row.pk)
    base = f"/admin/tyk/{kind}/"

    answers = [
        chief.get(f"{base}add/"),
        chief.post(f"{base}{row.pk}/change/", {"parked_reason": ""}),
        chief.post(f"{base}{row.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert chief.get(f"{base}{row.pk}/change/").status_code == 200
    assert rows.values().get(pk=row.pk) == before


def test_pulls_tell_when_they_were_complete_and_what_went_wrong(chief):
    PullStateFactory(
        kind="catalogue",
        seen=12,
        held_back_reason="11 of 12 entries would go at once",
        last_error="timed out",
    )

    page = chief.get("/admin/tyk/pullstate/").content.decode()

    assert "11 of 12 entries would go at once" in page
    assert "timed out" in page


def rows_of(page: str) -> list[list[str]]:
    """The cells of the list, without their tags."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    return [
        [re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in cells]
        for line in body.split("<tr")[1:]
        if (cells := re.findall(r"<t[hd][^>]*class=\"field-.*?</t[hd]>", line, re.S))
    ]


def test_the_sync_page_says_it_in_words(chief):
    ago = timezone.now() - timedelta(minutes=2)
    PullStateFactory(kind="catalogue", completed_at=ago, seen=12, changed=2, bad=1)
    PullStateFactory(
        kind="developers", completed_at=ago, seen=5, held_back_reason="all would go"
    )
    PullStateFactory(kind="usage", completed_at=None)
    OutboxFactory.create_batch(2, parked_reason="no such mailbox")
    OutboxFactory()
    OutboxFactory(asked=4, served=4)

    page = chief.get("/admin/tyk/pullstate/").content.decode().replace("\xa0", " ")

    assert [cells[:5] for cells in rows_of(page)] == [
        [
            "Catalogue every entry",
            "2 minutes ago",
            "12 read, 2 changed, 1 unreadable",
            "in step",
            "1 could not be read: see the log.",
        ],
        [
            "Developers all of them, with their keys",
            "2 minutes ago",
            "5 read",
            "no; held back: all would go",
            "Look in Tyk whether it really went. If not, mend Tyk: the next pull is in "
            "step again. If it did, the Drift page or manage.py drift shows what it is.",
        ],
        [
            "Usage keys whose turn it is",
            "never",
            "0 read",
            "not read yet",
            "Ask now, or look whether a worker and the beat run.",
        ],
    ]
    assert "Not begun yet: Settings of the organisation (all of them), " in page
    assert '<a href="/admin/tyk/outbox/?state=parked">2 parked</a>' in page
    assert '<a href="/admin/tyk/outbox/">1 due</a>' in page


def test_the_sync_page_tells_the_outbox_to_those_who_may_look(organisation, signed_in):
    OutboxFactory(parked_reason="no such mailbox")
    reader = signed_in(staff_with("Reader", "view_pullstate"))

    page = reader.get("/admin/tyk/pullstate/").content.decode()

    assert "<h1>Sync</h1>" in page
    assert "1 parked" not in page


def test_the_organisation_page_holds_no_credential(chief, settings):
    for address in ("/admin/tyk/organisation/", "/admin/tyk/organisation/1/change/"):
        page = chief.get(address).content.decode()
        assert str(settings.TYK_API_KEY) not in page
        assert str(settings.SECRET_KEY) not in page
    assert Organisation.objects.get().org_id in page


def test_the_list_costs_the_same_for_many(chief):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert chief.get(OUTBOX).status_code == 200
        return len(queries)

    OutboxFactory.create_batch(5)
    cost()
    few = cost()
    OutboxFactory.create_batch(45)

    assert cost() == few
    assert few <= 12


# --- Every page of the admin ------------------------------------------------------
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:")


def test_no_page_needs_an_inline_style_or_script(chief, alice, alices_key, parked):
    PullStateFactory()
    request, waiting = alices_key.request, KeyRequestFactory()
    base = "/admin/keyrequests"
    pages = [
        "/admin/",
        "/admin/tyk/",
        OUTBOX,
        f"{OUTBOX}{parked.pk}/change/",
        f"{OUTBOX}{parked.pk}/abandon/",
        "/admin/tyk/alarm/",
        "/admin/tyk/pullstate/",
        "/admin/tyk/organisation/1/change/",
        f"{base}/keyrequest/",
        f"{base}/keyrequest/?state=all",
        f"{base}/keyrequest/{request.pk}/change/",
        f"{base}/keyrequest/{waiting.pk}/change/",
        f"{base}/keyrequest/{waiting.pk}/approve/",
        f"{base}/keyrequest/{waiting.pk}/decline/",
        f"{base}/key/",
        f"{base}/key/{alices_key.pk}/change/",
        f"{base}/key/{alices_key.pk}/revoke/",
        f"{base}/mint/",
        f"{base}/event/",
    ]

    for address in pages:
        answer = chief.get(address)
        assert answer.status_code == 200, address
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
        assert INLINE.findall(answer.content.decode()) == [], address
