"""A leaked key ends at once, staff hear of it, and its owner has a new one."""

import contextlib
import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from catalogue.models import Plan
from developers import throttle
from developers.errors import Throttled
from keyrequests import services, staff
from keyrequests.models import Event, Key
from tests.keyrequests import rows
from tests.keyrequests.scene import Scene, build
from tyk import pull
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def page(client, scene) -> Client:
    return rows.sign_in(client, scene.developer)


def keys_in(response: Any) -> list[str]:
    return re.findall(r'<code class="key"[^>]*>([^<]+)</code>', response.text)


@pytest.fixture
def leaky(page, scene) -> tuple[Key, str]:
    """A key somebody holds, and its text."""
    request = scene.approved()
    [text] = keys_in(page.post(reverse("keyrequests:claim", args=[request.code])))
    return Key.objects.get(), text


def leaked(page: Client, key: Key, **more: Any) -> Any:
    return page.post(reverse("keyrequests:leaked", args=[key.code]), **more)


def again(page: Client, key: Key) -> Any:
    return page.post(
        reverse("keyrequests:replace", args=[key.code]), {"overlap": "0"}, follow=True
    )


def test_old_key_stops_and_a_new_one_is_shown(page, scene, leaky):
    key, old = leaky

    response = leaked(page, key)
    scene.deliver()

    [new] = keys_in(response)
    assert scene.box.gateway_accepts(new)
    assert not scene.box.gateway_accepts(old)
    assert response.headers["Cache-Control"] == "no-store, private"


@pytest.fixture
def of_two_plans(scene, leaky) -> Key:
    """Staff gave the key a second plan."""
    key: Key = leaky[0]
    scene.deliver()
    pull.run("developers")
    plans = [Plan.objects.get(pk=one.plan_id) for one in (scene.entry, scene.automatic)]
    key.refresh_from_db()
    staff.change_plans(key, plans=plans, seen=staff.policies_of(key), by=scene.reviewer)
    scene.deliver()
    return key


def test_key_that_was_given_two_plans_is_replaced_at_once(page, scene, of_two_plans):
    assert "Stop it, get a new key" in page.get(of_two_plans.get_absolute_url()).text

    response = leaked(page, of_two_plans)
    scene.deliver()

    [new] = keys_in(response)
    assert scene.box.gateway_accepts(new)
    [held] = scene.box.developer(scene.developer.tyk_id)["keys"].values()
    assert sorted(held) == sorted([scene.entry.policy_id, scene.automatic.policy_id])
    assert "<h1>Your new key for Orders, Geocoding</h1>" in response.text
    assert "Orders, orders-standard; Geocoding, geocoding" in response.text


def test_key_of_a_plan_that_is_gone_offers_no_replacement_and_says_what_to_do(
    page, scene, of_two_plans
):
    Plan.objects.filter(pk=scene.automatic.plan_id).update(live=False)

    text = page.get(of_two_plans.get_absolute_url()).text

    assert "Stop it, get a new key" not in text
    assert "Replace key" not in text
    assert "This key cannot be replaced" in text
    assert "One of its plans is no longer offered." in text
    assert "If it leaked, revoke it" in text
    assert reverse("keyrequests:revoke", args=[of_two_plans.code]) in text


def test_leaked_key_whose_plan_went_meanwhile_ends_and_says_what_to_do(
    page, scene, of_two_plans
):
    """The page was open when the plan went."""
    Plan.objects.filter(pk=scene.automatic.plan_id).update(live=False)

    response = leaked(page, of_two_plans, follow=True)
    scene.deliver()

    assert scene.box.keys() == []
    assert keys_in(response) == []
    assert "Get the new key" not in response.text
    assert "No new key can be made for it" in response.text


def test_staff_are_told_by_mail_and_on_the_time_line(page, scene, leaky):
    key, old = leaky
    mail.outbox.clear()

    [new] = keys_in(leaked(page, key))
    scene.deliver()

    [told] = [m for m in mail.outbox if "leaked" in m.subject]
    assert told.to == ["rita@northwind.example"]
    assert key.masked in told.body or "••••" in told.body
    for secret in (old, new):
        assert all(secret not in m.body for m in mail.outbox)
    assert key.events.filter(verb=Event.Verb.LEAKED).count() == 1


def test_key_ends_even_while_the_key_service_is_away(page, scene, leaky):
    key, old = leaky
    scene.box.refuse()

    response = leaked(page, key)
    key.refresh_from_db()
    told = page.get(key.get_absolute_url()).text
    scene.box.heal()
    scene.due_now("key.revoke")
    scene.deliver()

    assert response.status_code == 503
    assert "ends as soon as the gateway confirms" in response.text
    assert "This key is still live" in told
    assert "Get the new key" in told
    assert not scene.box.gateway_accepts(old)


def test_new_key_is_owed_once(page, scene, leaky):
    key, _ = leaky
    scene.box.refuse()
    leaked(page, key)
    scene.box.heal()
    scene.due_now("key.revoke")
    scene.deliver()

    [new] = keys_in(again(page, key))
    second = again(page, key)

    assert scene.box.gateway_accepts(new)
    assert keys_in(second) == []
    assert len(scene.box.keys()) == 1
    assert "Get the new key" not in page.get(key.get_absolute_url()).text


def test_pages_say_that_it_ends_while_the_new_one_is_looked_for(page, scene, leaky):
    key, old = leaky
    Outbox.objects.filter(kind="mint.settle").delete()  # of the claim
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    response = leaked(page, key)
    told = page.get(key.get_absolute_url()).text
    asked = page.get(key.request.get_absolute_url()).text
    claim = page.get(reverse("keyrequests:claim", args=[key.request.code])).text
    scene.due_now("mint.settle")
    scene.deliver()

    assert response.status_code == 503
    for text in (response.text, told):
        assert "goes on working" not in text
        assert "Get the new key" not in text
    assert "The leaked key ends as soon as the gateway confirms it." in response.text
    assert "In two or three minutes you can get the new key here." in told
    assert "<h2>A new key is being made</h2>" in asked
    assert "Approved in the gateway dashboard" not in asked
    assert "you can replace the key again, on its own page" in claim
    assert not scene.box.gateway_accepts(old)
    [new] = keys_in(again(page, key))
    assert scene.box.gateway_accepts(new)


def test_who_had_too_many_keys_made_reads_that_the_leaked_one_ends(page, scene, leaky):
    key, old = leaky
    with contextlib.suppress(Throttled):
        for _ in range(30):  # more than any rule allows
            throttle.spend("claim", address=scene.developer.email)

    response = leaked(page, key, follow=True)
    scene.deliver()

    assert response.status_code == 200
    assert (
        "This key ends. You had many keys made in a short time: wait" in response.text
    )
    assert "Get the new key" in response.text
    assert len(scene.box.keys()) == 0
    assert not scene.box.gateway_accepts(old)


def test_double_click_makes_one_new_key(page, scene, leaky):
    key, _ = leaky
    leaked(page, key)

    second = leaked(page, key, follow=True)
    scene.deliver()

    assert keys_in(second) == []
    assert "This key has already ended." in second.text
    assert len(scene.box.keys()) == 1
    assert key.events.filter(verb=Event.Verb.LEAKED).count() == 1


def test_key_that_staff_ended_can_not_be_had_again_by_calling_it_leaked(
    page, scene, leaky
):
    key, _ = leaky
    services.revoke(key, actor="Rita")

    response = leaked(page, key, follow=True)
    scene.deliver()

    assert keys_in(response) == []
    assert keys_in(again(page, key)) == []
    assert scene.box.keys() == []


@pytest.fixture
def not_young(leaky) -> None:
    """Every replica lists it by now."""
    Key.objects.update(created_at=rows.AGO.days(1))


@pytest.mark.usefixtures("not_young")
def test_key_that_was_ended_in_tyk_can_not_be_had_again_by_calling_it_leaked(
    page, scene, leaky
):
    """The mirror has not looked since."""
    key, _ = leaky
    scene.box.delete_key(scene.box.keys()[0].id)

    response = leaked(page, key, follow=True)
    scene.deliver()
    second = again(page, key)

    assert "The gateway has ended this key" in response.text
    assert keys_in(response) == keys_in(second) == []
    assert "Get the new key" not in second.text
    key.refresh_from_db()
    assert key.state == Key.State.REVOKED
    assert not key.events.filter(verb=Event.Verb.LEAKED).exists()
    assert scene.box.keys() == []
    assert [r["approved"] for r in scene.box.requests()] == [True]


@pytest.mark.usefixtures("not_young")
def test_slow_look_holds_up_no_end(page, scene, leaky):
    key, old = leaky
    scene.box.faults.add("getDeveloper", mode="latency", seconds=3.0, times=1)

    [new] = keys_in(leaked(page, key))
    scene.deliver()

    assert scene.box.gateway_accepts(new)
    assert not scene.box.gateway_accepts(old)
    assert key.events.filter(verb=Event.Verb.LEAKED).count() == 1


def test_nothing_is_owed_after_a_week(page, scene, leaky):
    key, _ = leaky
    scene.box.refuse()
    leaked(page, key)
    scene.box.heal()
    Event.objects.filter(verb=Event.Verb.LEAKED).update(at=rows.AGO.days(8))

    assert keys_in(again(page, key)) == []


def test_opening_the_address_does_nothing(page, scene, leaky):
    key, old = leaky

    page.get(reverse("keyrequests:leaked", args=[key.code]))

    key.refresh_from_db()
    assert key.state == Key.State.LIVE
    assert scene.box.gateway_accepts(old)


def test_stranger_ends_nothing(client, scene, leaky):
    key, old = leaky
    stranger = rows.sign_in(Client(), rows.developer("Charlie"))

    assert leaked(stranger, key).status_code == 404
    assert scene.box.gateway_accepts(old)


def test_key_that_was_to_end_later_ends_now(page, scene, leaky):
    key, old = leaky
    page.post(
        reverse("keyrequests:replace", args=[key.code]),
        {"overlap": "604800", "reason": "I did not save it"},
    )

    leaked(page, key)
    scene.due_now("key.revoke")
    scene.deliver()

    assert not scene.box.gateway_accepts(old)
    history = page.get(key.get_absolute_url()).text
    assert "<q>I did not save it</q>" in history
