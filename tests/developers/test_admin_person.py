"""A developer's page for staff: all of them on one page, edits, a new key."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from developers import services as people
from developers.models import Developer, ProfileEdit
from keyrequests.models import Event, Key, KeyRequest, UsageHour
from portal_site.staff import ensure_roles
from tests.cast import in_tyk
from tests.developers.steps import words
from tests.factories import (
    DeveloperFactory,
    EntryFactory,
    EventFactory,
    KeyFactory,
    KeyPolicyFactory,
    KeyRequestFactory,
    OutboxFactory,
    PlanFactory,
    StaffFactory,
    UsageDayFactory,
)
from tyk import desk, outbox
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

LIST = "/admin/developers/developer/"


@pytest.fixture
def colleague(signed_in):
    """Signs in somebody with these roles."""

    def sign_in(*roles: str) -> Client:
        ensure_roles()
        person = StaffFactory(name="Rolf")
        person.groups.set(Group.objects.filter(name__in=roles))
        client: Client = signed_in(person)
        return client

    return sign_in


@pytest.fixture
def both(organisation, colleague) -> Client:
    """Somebody who decides requests and keeps what people hold."""
    client: Client = colleague("Reviewer", "Operator")
    return client


def page(developer: Developer, act: str = "change") -> str:
    return f"{LIST}{developer.pk}/{act}/"


# --- The list ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "typed", ["ALICE@SHOP", "arnold", "  alice  ", "{tyk_id}"]
)  # fmt: skip
def test_a_developer_is_found_by_part_of_address_or_name_and_by_id(
    alice, bob, both, typed
):
    answer = both.get(LIST, {"q": typed.format(tyk_id=alice.tyk_id)})

    assert [row.pk for row in answer.context["cl"].result_list] == [alice.pk]


# --- The page ------------------------------------------------------------------------
def test_the_page_tells_all_of_a_developer(alice, alices_key, both):
    now = timezone.now()
    entry = alices_key.request.entry
    Key.objects.filter(pk=alices_key.pk).update(usage_as_of=now)
    UsageDayFactory(key=alices_key, hits=1200, ok=1188, errors=12, last_hit=now)
    UsageHour.objects.create(key=alices_key, hour=now, hits=1200, ok=1188, errors=12)
    found = KeyFactory(developer=alice, name="By hand", origin="found")
    KeyPolicyFactory(key=found, plan=None, policy_id="5f0000000000000000000099")
    alone = KeyFactory(developer=alice, name="Without an entry")
    KeyPolicyFactory(key=alone, plan=PlanFactory(name="Silver"))
    KeyRequestFactory(developer=alice, entry=EntryFactory(name="Weather"))
    EventFactory(key=alices_key, request=None, verb="claimed", actor="Alice Arnold")
    people.send_reset_link(alice)

    told = words(both.get(page(alice)))

    assert "AA Alice Arnold alice@shop.example Active" in told
    assert f"Shop window {alices_key.masked} {entry.plan.name} {entry.name}" in told
    assert "1 200 calls in 7 days, 1 % errors 12 % of the quota" in told
    assert f"By hand {found.masked} (No Catalog Entry)" in told
    assert f"Without an entry {alone.masked} Silver (No Catalog Entry)" in told
    assert "Weather" in told
    assert "Alice Arnold claimed the key Shop window" in told
    assert "Choose a new password" in told
    assert "On its way" in told
    assert "E-mail developer, after a mail alice@shop.example" in told
    assert f"Id in Tyk from Tyk {alice.tyk_id}" in told


def test_each_role_sees_and_may_do_its_part(alice, colleague):
    buttons = {
        "New key": "Reviewer", "Edit fields": "Operator", "Deactivate account": "Operator",
    }  # fmt: skip
    for role in ("Viewer", "Reviewer", "Operator"):
        told = words(colleague(role).get(page(alice)))
        assert {b for b in buttons if b in told} == {
            b for b, needed in buttons.items() if needed == role
        }
        assert "Shop window" in told


def test_the_mails_of_a_developer_are_those_to_them(alice, alices_key, both):
    OutboxFactory(kind="mail.quota", subject=f"{alices_key.code} 80")
    OutboxFactory(kind="mail.approval_reminder", subject=f"{alices_key.request.code} 3")
    OutboxFactory(kind="mail.key_leaked", subject=str(alices_key.code))

    shown = [one.what for one in both.get(page(alice)).context["mails"]]

    kinds = ["mail.approval_reminder", "mail.quota"]
    names = [desk.words_of(kind).removeprefix("Mail: ") for kind in kinds]
    assert shown == [name[:1].upper() + name[1:] for name in names]


def test_who_may_see_developers_alone_sees_no_keys_and_no_requests(
    alice, alices_key, signed_in, sam
):
    EventFactory(key=alices_key, request=None, verb="claimed", actor="Alice Arnold")
    OutboxFactory(kind="mail.key_revoked", subject=str(alices_key.code))
    sam.user_permissions.set(Permission.objects.filter(codename="view_developer"))

    answer = signed_in(sam).get(page(alice))
    told = words(answer)

    assert "alice@shop.example" in told
    assert "Shop window" not in told
    assert "claimed the key" not in told
    assert answer.context["mails"] == []
    assert "Requests" not in told


def test_the_page_costs_the_same_whatever_its_history(alice, both):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert both.get(page(alice)).status_code == 200
        return len(queries)

    def grow(number: int) -> None:
        for _ in range(number):
            key = KeyFactory(developer=alice)
            KeyPolicyFactory(key=key)
            EventFactory(request=KeyRequestFactory(developer=alice), key=key)
            people.send_reset_link(alice)

    grow(2)
    cost()
    few = cost()
    grow(12)

    assert cost() == few
    assert few <= 20


# --- Editing fields --------------------------------------------------------------------
def test_an_edit_shows_the_difference_before_it_is_saved(box, bob, both):
    in_tyk(box, bob)
    form = both.get(page(bob, "edit"))
    assert "This does not affect existing keys." in words(form)
    typed = {
        f"was_{box_.member}": box_.now for box_ in form.context["boxes"]
    } | {"field_0": " Bob B. Brown ", "field_1": ""}  # fmt: skip

    asked = both.post(page(bob, "edit"), typed)
    assert "Name Bob Brown Bob B. Brown" in words(asked)
    assert not ProfileEdit.objects.exists()
    done = both.post(page(bob, "edit"), {**typed, "confirmed": "Save"}, follow=True)

    assert "Name: on its way to Tyk. Keys are not affected." in words(done)
    outbox.drain()
    assert box.developer(bob.tyk_id)["fields"]["Name"] == "Bob B. Brown"
    entry = LogEntry.objects.get()
    assert (str(entry.user), entry.change_message) == ("Rolf", "Edited Name")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"field_0": "Alice Arnold"}, "Nothing is different yet."),
        ({"field_0": "x" * 501}, "Name: at most 500 characters."),
        (
            {"field_0": "Al", "was_field_0": "Older"},
            "The developer changed these fields since you opened the page.",
        ),
    ],
)
def test_an_edit_that_can_not_be_saved_says_why(alice, both, typed, sentence):
    answer = both.post(page(alice, "edit"), {**typed, "confirmed": "Save"})

    assert answer.status_code == 400
    assert sentence in words(answer)
    assert not ProfileEdit.objects.exists()


def test_what_was_typed_can_be_changed_again(alice, both):
    answer = both.post(page(alice, "edit"), {"field_0": "Al", "again": "yes"})

    assert answer.status_code == 200
    assert 'name="field_0" value="Al"' in answer.content.decode()


# --- A new key -------------------------------------------------------------------------
def give(client: Client, developer: Developer, plan, **more):
    form = {"plan": plan.pk, "nonce": "5e7a3f0e-0000-4000-8000-000000000001", **more}
    return client.post(page(developer, "new-key"), form, follow=True)


def test_staff_give_access_and_the_developer_claims_it(bob, both, mailoutbox):
    entry = EntryFactory(name="Weather", plan__name="Weather, Partner")
    asked = words(both.get(page(bob, "new-key")))
    assert "Weather, Partner, by Weather 60 calls a minute" in asked
    assert "nobody else ever sees it" in asked

    told = words(give(both, bob, entry.plan, reason="As we said on the phone."))

    request = KeyRequest.objects.get()
    assert f"{request.number} is approved. Bob Brown gets the mail now" in told
    assert (request.status, request.entry, str(request.decided_by)) == (
        "approved", entry, "Rolf",
    )  # fmt: skip
    kinds = Outbox.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["mail.approved", "request.create"]
    assert not Key.objects.exists()


def test_the_form_sent_twice_gives_access_once(bob, both):
    plan = EntryFactory().plan

    for _ in range(2):
        assert give(both, bob, plan).status_code == 200

    assert KeyRequest.objects.count() == 1


def test_a_plan_that_is_open_already_is_not_given_again(bob, both):
    waiting = KeyRequestFactory(developer=bob)

    answer = give(both, bob, waiting.entry.plan)

    assert answer.status_code == 400
    assert f"{waiting.number} is open for this plan already" in words(answer)
    assert KeyRequest.objects.count() == 1


def test_what_has_no_keys_is_not_offered(bob, both):
    EntryFactory(name="Status", keyless=True, plan__name="Status plan")
    EntryFactory(name="Old", plan__name="Old plan", plan__live=False)

    told = words(both.get(page(bob, "new-key")))

    assert "No plan is offered" in told


def test_who_can_not_sign_in_is_given_nothing(bob, both):
    Developer.objects.filter(pk=bob.pk).update(inactive=True)

    told = words(give(both, bob, EntryFactory().plan))

    assert "They cannot sign in, so they could not claim it." in told
    assert not KeyRequest.objects.exists()


def test_nobody_gives_access_to_their_own_address(both, organisation):
    own = DeveloperFactory(email=StaffFactory._meta.model.objects.get().email)

    answer = give(both, own, EntryFactory().plan)

    assert "This is your own address." in words(answer)
    assert not KeyRequest.objects.exists()
    assert Event.objects.get().verb == "refused"


# --- Acts say whom they touch ------------------------------------------------------------
def test_a_deactivation_says_how_many_keys_and_calls_go_on(alice, alices_key, both):
    now = timezone.now()
    Key.objects.filter(pk=alices_key.pk).update(usage_as_of=now)
    UsageDayFactory(key=alices_key, hits=1200, ok=1200, errors=0, last_hit=now)
    KeyRequestFactory(developer=alice)

    told = words(both.get(page(alice, "deactivate")))

    assert "Working keys 1 Calls in 7 days 1 200 Open requests 1" in told
