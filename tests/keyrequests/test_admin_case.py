"""The page of one request, and the two that ask before a decision."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests.models import Event, KeyRequest
from tests.factories import (
    DeveloperFactory,
    EntryFactory,
    EventFactory,
    KeyFactory,
    KeyPolicyFactory,
    KeyRequestFactory,
    MintFactory,
    PlanFactory,
    StaffFactory,
    UsageDayFactory,
)
from tyk import outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

QUEUE = "/admin/keyrequests/keyrequest/"


@pytest.fixture
def reviewer(organisation, rita, signed_in):
    return signed_in(rita)


@pytest.fixture
def case(organisation) -> KeyRequest:
    """Mira asks for Orders, and waits since yesterday."""
    plan = PlanFactory(name="orders-partner", rate=600, per=60, quota_max=-1)
    return KeyRequestFactory(
        developer=DeveloperFactory(name="Mira Tal", email="mira@tinfold.example"),
        entry=EntryFactory(name="Orders", plan=plan),
        project="Tinfold checkout",
        answers={"What you build": "Eleven bakeries", "portal_state": "internal"},
        created_at=timezone.now() - timedelta(hours=30),
        tyk_id="5f0000000000000000000001",
        tyk_state="pending",
    )


def at(row: KeyRequest, page: str = "change") -> str:
    return f"{QUEUE}{row.pk}/{page}/"


def words(html: str) -> str:
    body = html[html.index('<main id="content-start"') : html.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split()).replace(" .", ".")


def read(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return words(answer.content.decode())


def test_the_case_tells_reasons_plan_developer_and_keys(case, reviewer):
    KeyPolicyFactory(
        key=KeyFactory(developer=case.developer, name="Old shop"), plan=None
    )
    for _ in range(2):
        KeyPolicyFactory(plan=case.entry.plan)
    KeyRequestFactory(developer=case.developer, granted=True)
    KeyRequestFactory(developer=case.developer, status="declined")

    page = read(reviewer, at(case))

    assert "Mira Tal asks for Orders" in page
    assert "1 day, over target" in page
    assert "Project Tinfold checkout What you build Eleven bakeries" in page
    assert "Policy orders-partner Limits 600 calls a minute" in page
    assert "Already on it 2 developers" in page
    assert "State in Tyk request delivered, not approved" in page
    assert "mira@tinfold.example" in page
    assert "Requests 3 in all, 1 approved, 1 declined here since 3 Sep 2025" in page
    assert "Old shop (No Catalog Entry), ••••" in page
    assert "internal" not in page


def test_the_time_line_is_newest_first_and_tells_refusals(case, reviewer):
    EventFactory(request=case, verb="sent", actor="Mira Tal", at=case.created_at)
    EventFactory(request=case, verb="refused", actor="Sam", note="not_allowed")

    page = read(reviewer, at(case))

    refused = page.index("Sam a decision was refused no right to decide")
    assert refused < page.index("Mira Tal sent the request")


def test_a_case_costs_the_same_whatever_its_history(case, reviewer):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert reviewer.get(at(case)).status_code == 200
        return len(queries)

    def grow(number: int) -> None:
        for _ in range(number):
            EventFactory(request=case)
            KeyRequestFactory(developer=case.developer)
            KeyPolicyFactory(key=KeyFactory(developer=case.developer))

    grow(2)
    cost()
    few = cost()
    grow(15)

    assert cost() == few
    assert few <= 18


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"live": False}, "Tyk no longer offers this plan"),
        ({"gone_at": timezone.now()}, "Tyk no longer offers this plan"),
    ],
)
@pytest.mark.parametrize("page", ["change", "approve"])
def test_a_dead_plan_is_told_before_the_decision(
    case, reviewer, page, changed, warning
):
    assert warning not in read(reviewer, at(case, page))
    type(case.entry.plan).objects.update(**changed)

    assert warning in read(reviewer, at(case, page))


def test_an_entry_gone_meanwhile_is_told(case, reviewer):
    type(case.entry).objects.update(gone_at=timezone.now())

    assert "Entry Orders no longer in the catalogue" in read(reviewer, at(case))


def test_own_address_is_told_before_anybody_tries(reviewer, rita):
    own = KeyRequestFactory(developer=DeveloperFactory(email=rita.email))

    assert "A colleague decides it." in read(reviewer, at(own))


def test_links_lead_only_where_the_reader_may_go(case, reviewer, rita, signed_in):
    developer = f"/admin/developers/developer/{case.developer_id}/change/"
    assert developer not in reviewer.get(at(case)).content.decode()

    rita.user_permissions.add(Permission.objects.get(codename="view_developer"))

    page = signed_in(rita).get(at(case)).content.decode()
    assert f'href="{developer}"' in page
    assert signed_in(rita).get(developer).status_code == 200


def test_typed_markup_stays_text(reviewer):
    row = KeyRequestFactory(
        project="<img src=x>", answers={"<i>Q</i>": "<script>alert(1)</script>"}
    )

    page = reviewer.get(at(row)).content.decode()

    assert "<img src=x>" not in page
    assert "<i>Q" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_case_itself_takes_no_change(case, reviewer, method):
    before = KeyRequest.objects.values().get(pk=case.pk)

    answer = getattr(reviewer, method)(at(case))

    assert answer.status_code == 403
    assert KeyRequest.objects.values().get(pk=case.pk) == before


def test_head_is_a_read(case, reviewer):
    assert reviewer.head(at(case)).status_code == 200


@pytest.mark.parametrize("page", ["change", "approve", "decline"])
def test_no_such_request(organisation, reviewer, page):
    assert reviewer.get(f"{QUEUE}999/{page}/").status_code == 404


# --- Asking and deciding ---------------------------------------------------------
def test_approving_says_what_the_developer_gets(case, reviewer, settings):
    settings.APPROVAL_DAYS = 90
    until = timezone.now() + timedelta(days=90)

    page = read(reviewer, at(case, "approve"))

    assert "Mira Tal (mira@tinfold.example) gets the mail" in page
    assert "“Your access to Orders is approved”" in page
    assert f"until {until:%-d %b %Y}" in page
    assert "No key is made now" in page


def test_declining_says_what_happens_in_tyk(case, reviewer):
    page = read(reviewer, at(case, "decline"))

    assert "“Your request for Orders was declined”" in page
    assert "removed from Tyk; its history stays here" in page


@pytest.mark.parametrize("page", ["approve", "decline"])
def test_looking_at_the_question_changes_nothing(case, reviewer, page):
    reviewer.get(at(case, page))

    case.refresh_from_db()
    assert case.status == "pending"
    assert not case.events.exists()
    assert not Outbox.objects.exists()


def test_a_reason_too_short_keeps_what_was_typed(case, reviewer):
    answer = reviewer.post(at(case, "decline"), {"reason": " \n "})

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Say why before you decline. The developer reads this text." in page
    assert 'aria-invalid="true"' in page
    assert "> \n </textarea>" in page


def test_after_a_decision_the_next_request_opens_by_itself(case, reviewer):
    following = KeyRequestFactory()

    answer = reviewer.post(at(case, "approve"), follow=True)

    assert answer.redirect_chain == [(at(following), 302)]
    page = words(answer.content.decode())
    assert f"{case.number} approved. Mira Tal gets the mail now" in page
    assert f"{following.developer} asks for {following.entry_name}" in page


def test_what_was_left_open_does_not_come_back_at_once(case, reviewer, rita):
    """Behind the one just decided, not the longest waiting one that was skipped."""
    own = KeyRequestFactory(
        developer=DeveloperFactory(email=rita.email),
        created_at=case.created_at + timedelta(minutes=1),
    )
    behind = KeyRequestFactory(created_at=case.created_at + timedelta(minutes=2))
    skipped = KeyRequestFactory(created_at=case.created_at - timedelta(hours=1))

    assert f"next: {behind.number}" in read(reviewer, at(case))
    answer = reviewer.post(at(case, "approve"))

    assert answer.headers["Location"] == at(behind)
    assert skipped.number != behind.number
    answer = reviewer.post(at(behind, "approve"))
    assert answer.headers["Location"] == at(skipped)
    assert own.status == "pending"


def test_what_changed_since_it_was_read_is_not_decided(case, reviewer):
    page = reviewer.get(at(case)).content.decode()
    [seen] = re.findall(r'name="seen" value="(\w+)"', page)
    KeyRequest.objects.filter(pk=case.pk).update(answers={"What you build": "A bank"})

    typed = {"seen": seen, "reason": "Welcome <b>aboard</b>"}
    answer = reviewer.post(at(case, "approve"), typed)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "The developer changed this request since you opened it." in words(page)
    assert "A bank" in words(page)
    assert "Welcome &lt;b&gt;aboard&lt;/b&gt;</textarea>" in page
    case.refresh_from_db()
    assert case.status == "pending"
    assert not Outbox.objects.exists()
    # What stands on the page now has been read.
    again = {**typed, "seen": answer.context["seen"]}
    reviewer.post(at(case, "approve"), again)
    case.refresh_from_db()
    assert (case.status, case.reason) == ("approved", "Welcome <b>aboard</b>")


def test_a_preview_stands_for_no_reading(case, reviewer):
    """Its page does not show what the developer wrote meanwhile."""
    seen = reviewer.get(at(case)).context["seen"]
    KeyRequest.objects.filter(pk=case.pk).update(answers={"What you build": "A bank"})

    page = reviewer.post(at(case, "decline"), {"preview": "yes", "seen": seen})

    assert page.context["seen"] == seen


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_preview_is_the_mail_that_goes_out(case, reviewer, mailoutbox, verb):
    reason = "Please tell us about the bakeries. " * 100 + "The end."

    page = reviewer.post(at(case, verb), {"reason": reason, "preview": "yes"})
    assert KeyRequest.objects.get().status == "pending"
    reviewer.post(at(case, verb), {"reason": reason})
    outbox.drain()

    [sent] = mailoutbox
    assert not KeyRequest.objects.filter(status="pending").exists()
    preview = page.context["preview"]
    assert (preview.to, preview.subject) == (sent.to[0], sent.subject)
    assert preview.body == sent.body.strip()
    assert reason in preview.body


def test_the_case_tells_how_much_the_other_keys_are_used(case, reviewer):
    now = timezone.now()
    key = KeyFactory(developer=case.developer, usage_as_of=now)
    UsageDayFactory(key=key, hits=2000, ok=1900, errors=100, last_hit=now)
    idle = KeyFactory(developer=case.developer, usage_as_of=now)
    KeyPolicyFactory(key=idle)

    page = read(reviewer, at(case))

    assert "2 000 calls in 7 days, 5 % errors" in page
    assert "No calls yet" in page


def test_after_the_last_decision_nothing_waits(case, reviewer):
    page = reviewer.post(
        at(case, "decline"), {"reason": "Stay on Standard"}, follow=True
    ).content.decode()

    assert f"{case.number} declined." in page
    assert "Nothing else waits." in page


def test_a_name_in_a_message_is_text(reviewer):
    bobby = DeveloperFactory(name="<script>alert(1)</script>")
    first, _ = KeyRequestFactory(developer=bobby), KeyRequestFactory(developer=bobby)

    page = reviewer.post(at(first, "approve"), follow=True).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; gets the mail" in page


def test_approving_before_tyk_knows_of_it_says_when_it_can_be_claimed(case, reviewer):
    later = "Tyk hears of it later: the key can be claimed then."
    undelivered = KeyRequestFactory(tyk_id=None)

    assert later not in words(
        reviewer.post(at(case, "approve"), follow=True).content.decode()
    )
    page = reviewer.post(at(undelivered, "approve"), follow=True)
    assert f"{undelivered.number} approved." in page.content.decode()
    assert later in page.content.decode()


# --- The verdict -------------------------------------------------------------------
NOON = timezone.now().replace(hour=12, minute=0) - timedelta(days=400)
AT_NOON = f"{NOON:%-d %b %Y}, 12:00"
LATER = NOON + timedelta(minutes=2)
AT_LATER = f"{NOON:%-d %b %Y}, 12:02"


@pytest.mark.parametrize(
    ("status", "decided_in", "verb", "told"),
    [
        ("granted", "staff", "claimed", "Approved by {by}, {at}. Claimed by {who}"),
        (
            "granted",
            "rule",
            "claimed",
            "Approved automatically, {at}. Claimed by {who}",
        ),
        ("lapsed", "staff", "lapsed", "Approved by {by}, {at}. Lapsed"),
    ],
)
def test_approving_and_claiming_are_two_deeds(
    case, reviewer, rita, status, decided_in, verb, told
):
    by = rita if decided_in == "staff" else None
    KeyRequest.objects.update(
        status=status, decided_in=decided_in, decided_at=NOON, decided_by=by
    )
    EventFactory(request=case, verb=verb, at=LATER + timedelta(hours=1))
    EventFactory(request=case, verb=verb, at=LATER)

    page = read(reviewer, at(case))

    whole = told.format(by=rita, at=AT_NOON, who=case.developer)
    assert f"Decision {whole}, {AT_LATER}." in page
    assert "Key made by" not in page


@pytest.mark.parametrize(
    ("status", "decided_in", "told"),
    [
        ("approved", "staff", "Approved by rita@northwind.example"),
        ("granted", "staff", "Approved by rita@northwind.example"),
        ("granted", "tyk", "Approved in the Tyk Dashboard"),
        ("declined", "staff", "Declined by rita@northwind.example"),
        ("declined", "tyk", "Declined in the Tyk Dashboard"),
        ("withdrawn", "", "Withdrawn by Mira Tal"),
    ],
)
def test_the_verdict_says_only_what_happened(
    case, reviewer, rita, status, decided_in, told
):
    type(rita).objects.update(name="")
    KeyRequest.objects.update(
        status=status, decided_in=decided_in, decided_at=NOON, decided_by=rita
    )

    assert f"Decision {told}, {AT_NOON}." in read(reviewer, at(case))


def test_a_claim_without_its_event_is_known_by_its_mint(case, reviewer, rita):
    KeyRequest.objects.update(
        status="granted", decided_in="staff", decided_at=NOON, decided_by=rita
    )
    MintFactory(request=case, state="shown", started_at=NOON, ended_at=LATER)

    assert f"Claimed by Mira Tal, {AT_LATER}." in read(reviewer, at(case))


def test_the_queue_does_not_say_that_staff_made_the_key(case, reviewer, rita):
    KeyRequest.objects.update(status="granted", decided_in="staff", decided_by=rita)

    answer = reviewer.get(QUEUE, {"state": "all"})

    assert "Key made approved by Rita" in words(answer.content.decode())


def test_an_address_keeps_its_small_letters(case, reviewer, rita):
    type(rita).objects.update(name="")
    reviewer.post(at(case, "approve"))

    page = reviewer.get(at(case, "decline"), follow=True).content.decode()

    assert "This was approved by rita@northwind.example just now." in page
    assert "Rita@" not in page


@pytest.mark.parametrize("page", ["approve", "decline"])
def test_a_colleague_was_quicker_before_the_question(case, reviewer, page):
    reviewer.post(at(case, "approve"))

    answer = reviewer.get(at(case, page), follow=True)

    assert answer.redirect_chain == [(at(case), 302)]
    assert "Rita approved this" in answer.content.decode()
    assert 'value="Decline"' not in answer.content.decode()


def test_withdrawn_meanwhile(case, reviewer):
    KeyRequest.objects.update(status="withdrawn")

    page = reviewer.post(at(case, "approve"), follow=True).content.decode()

    assert "The developer withdrew this request." in page
    case.refresh_from_db()
    assert case.status == "withdrawn"
    assert not Outbox.objects.exists()


# --- The trail of refusals -------------------------------------------------------
def refusals(row: KeyRequest) -> list[tuple[str, str]]:
    events = row.events.filter(verb=Event.Verb.REFUSED).order_by("pk")
    return list(events.values_list("actor", "note"))


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_second_decision_leaves_a_trace(case, reviewer, rita, signed_in, verb):
    sue = StaffFactory(name="Sue", email="sue@northwind.example", is_superuser=True)
    signed_in(sue).post(at(case, "approve"))

    reviewer.post(at(case, verb), {"reason": "No"})

    case.refresh_from_db()
    assert (case.status, case.decided_by, case.reason) == ("approved", sue, "")
    assert refusals(case) == [("Rita", "already_decided")]


@pytest.mark.parametrize("verb", ["approve", "decline"])
@pytest.mark.parametrize("who", ["sam", "look_only"])
def test_trying_without_the_right_leaves_a_trace(
    case, request, signed_in, verb, who, rita
):
    staff = request.getfixturevalue(who)

    answer = signed_in(staff).post(at(case, verb), {"reason": "No"})

    assert answer.status_code == 403
    case.refresh_from_db()
    assert case.status == "pending"
    assert refusals(case) == [(staff.name, "not_allowed")]
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_looking_without_the_right_leaves_none(case, sam, signed_in, verb):
    assert signed_in(sam).get(at(case, verb)).status_code == 403
    assert refusals(case) == []


def test_the_developer_does_not_read_of_refusals(case, signed_in):
    EventFactory(request=case, verb="refused", actor="Sam", note="not_allowed")

    page = signed_in(case.developer).get(case.get_absolute_url()).content.decode()

    assert "refused" not in page
    assert "Sam" not in page


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_own_address_in_another_spelling(reviewer, rita, verb):
    own = KeyRequestFactory(developer=DeveloperFactory(email=rita.email.title()))

    reviewer.post(at(own, verb), {"reason": "Mine"})

    own.refresh_from_db()
    assert (own.status, own.decided_by, own.reason) == ("pending", None, "")
    assert refusals(own) == [("Rita", "own_request")]
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_forged_post_is_stopped(case, rita, verb):
    client = Client(enforce_csrf_checks=True)
    client.force_login(rita, "developers.backends.StaffBackend")

    answer = client.post(at(case, verb), {"reason": "No"})

    assert answer.status_code == 403
    case.refresh_from_db()
    assert case.status == "pending"
