"""Several requests decided at once: a page that asks, and a result for each."""

import re

import pytest
from django.contrib.messages import get_messages

from keyrequests import acts, services
from keyrequests.models import Event, KeyRequest
from tests.factories import (
    DeveloperFactory,
    EntryFactory,
    KeyRequestFactory,
    PlanFactory,
    StaffFactory,
)
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

QUEUE = "/admin/keyrequests/keyrequest/"


@pytest.fixture
def reviewer(organisation, rita, signed_in):
    return signed_in(rita)


@pytest.fixture
def three(organisation) -> list[KeyRequest]:
    entry = EntryFactory(name="Orders")
    return [KeyRequestFactory(entry=entry) for _ in range(3)]


def bulk(client, verb: str, rows: list[KeyRequest], path: str = QUEUE, **typed: str):
    ticked = {"action": f"{verb}_selected", "_selected_action": [r.pk for r in rows]}
    return client.post(path, {**ticked, **typed})


def statuses(rows: list[KeyRequest]) -> list[str]:
    return [KeyRequest.objects.get(pk=row.pk).status for row in rows]


def told(answer) -> list[tuple[str, str]]:
    return [(m.level_tag, str(m)) for m in get_messages(answer.wsgi_request)]


def owed() -> list[tuple[str, str]]:
    return sorted(Outbox.objects.values_list("kind", "subject"))


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_first_post_only_asks(reviewer, three, verb):
    answer = bulk(reviewer, verb, three)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"<h1>{verb.capitalize()} 3 requests</h1>" in page
    for row in three:
        assert f"{row.number}: {row.developer}, Orders" in page
        assert f'name="_selected_action" value="{row.pk}"' in page
    assert statuses(three) == ["pending"] * 3
    assert owed() == []


def test_confirmed_approval_owes_one_mail_each(reviewer, rita, three):
    answer = bulk(reviewer, "approve", three, confirmed="yes", reason=" Welcome ")

    assert told(answer) == [("success", "3 requests approved.")]
    assert statuses(three) == ["approved"] * 3
    assert {row.reason for row in KeyRequest.objects.all()} == {"Welcome"}
    assert {row.decided_by for row in KeyRequest.objects.all()} == {rita}
    assert owed() == sorted(("mail.approved", str(row.code)) for row in three)


def test_confirmed_decline_owes_mail_and_removal_each(reviewer, three):
    other_plan = KeyRequestFactory(entry__plan=PlanFactory())
    rows = [*three, other_plan]

    answer = bulk(reviewer, "decline", rows, confirmed="yes", reason="Not this year")

    assert told(answer) == [("success", "4 requests declined.")]
    assert statuses(rows) == ["declined"] * 4
    assert owed() == sorted(
        (kind, str(row.code))
        for row in rows
        for kind in ("mail.declined", "request.delete")
    )


def test_only_what_was_ticked_is_decided(reviewer, three):
    bulk(reviewer, "approve", three[:2], confirmed="yes")

    assert statuses(three) == ["approved", "approved", "pending"]


def test_each_row_has_its_own_result(reviewer, rita, three):
    sue = StaffFactory(name="Sue")
    services.approve(three[0], by=sue)
    own = KeyRequestFactory(
        entry=three[0].entry, developer=DeveloperFactory(email=rita.email)
    )
    before = owed()

    answer = bulk(reviewer, "approve", [*three, own], confirmed="yes")

    [(level, words)] = told(answer)
    assert level == "warning"
    assert words.startswith("2 requests approved. ")
    assert f"{three[0].number}: Sue approved this" in words
    assert f"{own.number}: This request comes from your own address." in words
    assert statuses([*three, own]) == ["approved"] * 3 + ["pending"]
    assert KeyRequest.objects.get(pk=three[0].pk).decided_by == sue
    new = sorted(("mail.approved", str(row.code)) for row in three[1:])
    assert [row for row in owed() if row not in before] == new
    refused = Event.objects.filter(verb="refused").order_by("request")
    assert list(refused.values_list("request", "actor", "note")) == [
        (three[0].pk, "Rita", "already_decided"),
        (own.pk, "Rita", "own_request"),
    ]


def read_by(page: str) -> dict[str, str]:
    """What the page that asks would send of each row, as it was read."""
    return dict(re.findall(r'name="(seen-\d+)" value="(\w+)"', page))


CHANGED = (
    "The developer changed this request since you opened it. Nothing was decided: "
    "read it again."
)
AMENDED = [
    {"answers": {"Use case": "A bank"}},
    {"answers": {}, "project": "Another one"},
    {"answers": {}, "redirect_uri": "https://elsewhere.example/cb"},
]


@pytest.mark.parametrize("verb", ["approve", "decline"])
@pytest.mark.parametrize("amended", AMENDED)
def test_what_was_changed_since_it_was_read_is_not_decided(
    reviewer, rita, three, verb, amended
):
    read = read_by(bulk(reviewer, verb, three).content.decode())
    acts.amend(three[1], **amended)
    before = owed()

    answer = bulk(reviewer, verb, three, confirmed="yes", reason="Ok", **read)

    past = {"approve": "approved", "decline": "declined"}[verb]
    assert told(answer) == [
        ("warning", f"2 requests {past}. {three[1].number}: {CHANGED}")
    ]
    assert statuses(three) == [past, "pending", past]
    new = [subject for kind, subject in owed() if (kind, subject) not in before]
    assert set(new) == {str(three[0].code), str(three[2].code)}
    changed = KeyRequest.objects.get(pk=three[1].pk)
    assert (changed.decided_by, changed.decided_at, changed.reason) == (None, None, "")


def test_what_was_read_is_decided(reviewer, three):
    read = read_by(bulk(reviewer, "approve", three).content.decode())

    answer = bulk(reviewer, "approve", three, confirmed="yes", **read)

    assert len(read) == 3
    assert told(answer) == [("success", "3 requests approved.")]
    assert statuses(three) == ["approved"] * 3


def test_a_page_that_asks_for_the_reason_once_more_shows_no_newer_text(reviewer, three):
    """It names the requests and not their answers: what was read is what was read."""
    read = read_by(bulk(reviewer, "decline", three).content.decode())
    acts.amend(three[1], answers={"Use case": "A bank"})

    page = bulk(reviewer, "decline", three, confirmed="yes", reason=" ", **read)

    assert page.status_code == 400
    assert len(read) == 3
    assert read_by(page.content.decode()) == read


def test_the_question_names_what_will_be_refused(reviewer, rita, three):
    services.approve(three[0], by=StaffFactory())
    own = KeyRequestFactory(
        entry=three[0].entry, developer=DeveloperFactory(email=rita.email)
    )

    page = bulk(reviewer, "approve", [*three, own]).content.decode()

    assert f"{own.number}: This request comes from your own address." in page
    assert "approved, key not claimed already" in page


def test_nothing_done_is_said_too(reviewer, three):
    services.approve(three[0], by=StaffFactory(name="Sue"))

    [(level, words)] = told(
        bulk(reviewer, "decline", three[:1], confirmed="yes", reason="No")
    )

    assert level == "warning"
    assert words.startswith(f"No requests declined. {three[0].number}: Sue approved")
    assert statuses(three[:1]) == ["approved"]


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_two_plans_are_not_approved_at_once(reviewer, three, confirmed):
    rows = [*three, KeyRequestFactory(entry__plan=PlanFactory())]

    answer = bulk(reviewer, "approve", rows, **confirmed)

    assert told(answer) == [
        (
            "error",
            "Approve several only for one and the same plan. Nothing was changed.",
        )
    ]
    assert statuses(rows) == ["pending"] * 4
    assert owed() == []


def test_two_entries_of_one_plan_are(reviewer, three):
    same = KeyRequestFactory(entry=EntryFactory(plan=three[0].entry.plan))

    bulk(reviewer, "approve", [three[0], same], confirmed="yes")

    assert statuses([three[0], same]) == ["approved"] * 2


def test_a_decline_without_reason_asks_again_with_the_same_rows(reviewer, three):
    answer = bulk(reviewer, "decline", three, confirmed="yes", reason="  ")

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Say why before you decline." in page
    assert page.count('name="_selected_action"') == 3
    assert statuses(three) == ["pending"] * 3
    assert not Event.objects.exists()


@pytest.mark.parametrize("who", ["look_only", "sam"])
@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_without_the_right_nothing_is_decided(request, signed_in, three, who, verb):
    client = signed_in(request.getfixturevalue(who))

    bulk(client, verb, three, confirmed="yes", reason="No")

    assert statuses(three) == ["pending"] * 3
    assert owed() == []


def test_select_all_takes_the_oldest_that_fit(reviewer):
    rows = KeyRequestFactory.create_batch(52, entry=EntryFactory())
    ticked = {"action": "approve_selected", "select_across": "1"}

    page = reviewer.post(
        QUEUE, {**ticked, "_selected_action": [rows[0].pk]}
    ).content.decode()

    assert "These are the 50 that can be decided at once." in page
    assert page.count('name="_selected_action"') == 50
    assert f'name="_selected_action" value="{rows[49].pk}"' in page
    assert f'name="_selected_action" value="{rows[50].pk}"' not in page


def test_the_list_comes_back_as_it_was(reviewer, three):
    path = f"{QUEUE}?q=shop"

    answer = bulk(reviewer, "approve", three, path=path, confirmed="yes")

    assert (answer.status_code, answer.headers["Location"]) == (302, path)
    assert statuses(three) == ["approved"] * 3
