"""Keys, mints and the audit trail as staff see them: everything but the key."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keyrequests.models import Event, Key, KeyRequest, Mint
from tests.factories import (
    EventFactory,
    KeyFactory,
    KeyPolicyFactory,
    KeyRequestFactory,
    MintFactory,
    StaffFactory,
)
from tyk.models import Outbox

pytestmark = pytest.mark.django_db

KEYS = "/admin/keyrequests/key/"
RAW = "5e9d9544a1dcd60001d0ed20raw0key0of0mira"


@pytest.fixture
def chief(organisation, signed_in):
    return signed_in(StaffFactory(name="Chief", is_superuser=True))


def of(key: Key, page: str = "change") -> str:
    return f"{KEYS}{key.pk}/{page}/"


def text(client, address: str) -> str:
    return re.sub(r"<[^>]+>", " ", client.get(address).content.decode())


def test_a_row_tells_holder_plan_and_state(chief, alice, alices_key):
    Key.objects.filter(pk=alices_key.pk).update(state="revoking")
    KeyPolicyFactory(key=alices_key, plan=None, policy_id="gone")
    # What PostgreSQL writes anew it reads last, unless it is told an order.
    alices_key.policies.exclude(plan=None).update(policy_id="renamed")

    page = " ".join(text(chief, KEYS).split())

    plan = alices_key.policies.first().plan.name
    assert (
        f"Shop window Alice Arnold alice@shop.example {plan}, (No Catalog Entry) "
        f"•••• {alices_key.fp[-4:]} being revoked, still live" in page
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [("SHOP window", 1), ("alice@", 1), ("arnold", 1), ("nobody", 0)],
)
def test_search_by_name_holder_and_address(chief, alice, words, found):
    KeyFactory(name="Other", developer__email="other@tinfold.example")

    page = chief.get(KEYS, {"q": words})

    assert [k.developer for k in page.context["cl"].result_list] == [alice] * found


def test_a_key_is_not_found_by_what_it_is(chief, alices_key):
    for words in (alices_key.fp, alices_key.fp[-4:]):
        assert not chief.get(KEYS, {"q": words}).context["cl"].result_list


@pytest.mark.parametrize("page", ["change", "delete", "revoke"])
def test_no_page_tells_the_id_the_fingerprint_or_the_seal(chief, alice, page):
    request = KeyRequestFactory(developer=alice, granted=True)
    key = KeyFactory(developer=alice, request=request, raw=RAW)
    MintFactory(request=request, key=key, state="shown", before=[key.fp])
    EventFactory(request=request, key=key, verb="claimed", actor="Alice Arnold")
    sealed = bytes(key.sealed_id)
    secrets = [RAW.encode(), key.fp.encode(), sealed, sealed.hex().encode()]
    mint = Mint.objects.get()
    addresses = [
        "/admin/",
        KEYS,
        of(key, page),
        "/admin/keyrequests/mint/?state=all",
        f"/admin/keyrequests/mint/{mint.pk}/change/",
        "/admin/keyrequests/event/",
        "/admin/keyrequests/keyrequest/?state=all",
        f"/admin/keyrequests/keyrequest/{request.pk}/change/",
        f"/admin/developers/developer/{alice.pk}/change/",
    ]

    for address in addresses:
        bytes_shown = chief.get(address).content
        assert [s for s in secrets if s in bytes_shown] == [], address


@pytest.mark.parametrize("kind", ["key", "mint", "event"])
def test_nothing_is_added_changed_or_deleted(chief, kind, alice, alices_key):
    MintFactory()
    EventFactory()
    rows = {"key": Key.objects, "mint": Mint.objects, "event": Event.objects}[kind]
    row = rows.first()
    assert row is not None
    before = rows.values().get(pk=row.pk)
    base = f"/admin/keyrequests/{kind}/"

    answers = [
        chief.get(f"{base}add/"),
        chief.post(f"{base}add/", {"name": "Mine"}),
        chief.post(f"{base}{row.pk}/change/", {"name": "Mine", "state": "gone"}),
        chief.post(f"{base}{row.pk}/delete/", {"post": "yes"}),
    ]
    chief.post(base, {"action": "delete_selected", "_selected_action": [row.pk]})

    assert [answer.status_code for answer in answers] == [403] * 4
    assert rows.values().get(pk=row.pk) == before


def test_a_key_has_its_time_line(chief, alices_key):
    EventFactory(key=alices_key, request=None, verb="claimed", actor="Alice Arnold")

    page = " ".join(text(chief, of(alices_key)).split())

    assert "Time line When Who What" in page
    assert "Alice Arnold claimed the key" in page


# --- Ending a key ----------------------------------------------------------------
def state(key: Key) -> str:
    key.refresh_from_db()
    return key.state


def test_a_key_is_ended_after_a_page_that_asks(alices_key, keeper, signed_in):
    client = signed_in(keeper)
    assert (
        'href="' + of(alices_key, "revoke")
        in client.get(of(alices_key)).content.decode()
    )

    asked = " ".join(text(client, of(alices_key, "revoke")).split())
    assert "This cannot be undone." in asked
    assert (state(alices_key), Outbox.objects.count()) == ("live", 0)
    answer = client.post(of(alices_key, "revoke"), follow=True)

    assert answer.redirect_chain == [(of(alices_key), 302)]
    assert "it is live until Tyk has it" in answer.content.decode()
    assert state(alices_key) == "revoking"
    owed = Outbox.objects.values_list("kind", "subject")
    assert list(owed) == [("key.revoke", str(alices_key.code))]
    assert Event.objects.get(verb="revoke_asked").actor == "Kim"


@pytest.mark.parametrize("who", ["sam", "look_only", "rita"])
def test_without_the_right_a_key_stays(request, alices_key, signed_in, who):
    staff = request.getfixturevalue(who)
    client = signed_in(staff)

    assert client.get(of(alices_key, "revoke")).status_code == 403
    assert client.post(of(alices_key, "revoke")).status_code == 403

    assert state(alices_key) == "live"
    assert not Outbox.objects.exists()
    refused = alices_key.events.get()
    assert (refused.verb, refused.actor, refused.note) == (
        "refused",
        staff.name,
        "not_allowed",
    )


def test_who_may_only_look_sees_no_button(alices_key, look_only, signed_in):
    page = signed_in(look_only).get(of(alices_key)).content.decode()

    assert alices_key.masked in page
    assert "/revoke/" not in page


def test_a_key_that_ended_is_not_ended_again(alices_key, keeper, signed_in):
    Key.objects.update(state="revoked", ended_at=timezone.now())
    client = signed_in(keeper)

    assert "/revoke/" not in client.get(of(alices_key)).content.decode()
    asked = client.get(of(alices_key, "revoke"), follow=True)
    posted = client.post(of(alices_key, "revoke"), follow=True)

    for answer in (asked, posted):
        assert answer.redirect_chain == [(of(alices_key), 302)]
        assert "This key has already ended." in answer.content.decode()
    assert state(alices_key) == "revoked"
    assert not Outbox.objects.exists()
    assert alices_key.events.get().note == "not_live"


def test_no_such_key(chief):
    assert chief.get(f"{KEYS}999/revoke/").status_code == 404
    assert chief.get(f"{KEYS}999/change/").status_code == 302


# --- Mints and the trail ---------------------------------------------------------
def test_unsure_claims_come_first(chief):
    unsure = MintFactory(state="unsure")
    shown = MintFactory(state="shown")
    address = "/admin/keyrequests/mint/"

    def rows(**query: str) -> list[Mint]:
        return list(chief.get(address, query).context["cl"].result_list)

    assert rows() == [unsure]
    assert rows(state="shown") == [shown]
    assert rows(state="all") == [shown, unsure]


def test_the_trail_is_found_by_who_did_it(chief):
    EventFactory(actor="Sam Oduya")
    wanted = EventFactory(actor="Rita", verb="approved")

    page = chief.get("/admin/keyrequests/event/", {"q": "rita", "verb": "approved"})

    assert list(page.context["cl"].result_list) == [wanted]


@pytest.mark.parametrize("kind", ["key", "event", "mint"])
def test_lists_cost_the_same_for_many(chief, kind):
    address = f"/admin/keyrequests/{kind}/"

    def grow(number: int) -> None:
        for _ in range(number):
            key = KeyFactory(request=KeyRequestFactory(granted=True))
            KeyPolicyFactory(key=key)
            EventFactory(key=key, request=key.request)
            MintFactory(state="unsure", replaces=key)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert chief.get(address).status_code == 200
        return len(queries)

    grow(5)
    cost()
    few = cost()
    grow(15)

    assert cost() == few
    assert few <= 12


def test_reviewers_reach_what_they_need_and_no_more(organisation, rita, signed_in):
    client = signed_in(rita)
    rows = KeyRequest, Key, Mint, Event

    reached = [
        model.__name__
        for model in rows
        if client.get(f"/admin/keyrequests/{model._meta.model_name}/").status_code
        == 200
    ]

    assert reached == ["KeyRequest"]
    assert Permission.objects.filter(user=rita).count() == 2
