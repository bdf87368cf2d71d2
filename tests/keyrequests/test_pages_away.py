"""The key service is away: what still works, and one mail when it is back."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from keyrequests import services
from keyrequests.models import Key, KeyRequest
from tests.keyrequests import rows
from tests.keyrequests.scene import Scene, build
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

TITLE = "The key service is back"


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def page(client, scene) -> Client:
    return rows.sign_in(client, scene.developer)


def claim_url(request: KeyRequest) -> str:
    return reverse("keyrequests:claim", args=[request.code])


def tell_me(page: Client, request: KeyRequest) -> Any:
    address = reverse("keyrequests:tell-me", args=[request.code])
    return page.post(address, follow=True)


def told() -> list[mail.EmailMessage]:
    return [message for message in mail.outbox if message.subject.startswith(TITLE)]


@pytest.fixture
def away(page, scene) -> KeyRequest:
    """An approval whose claim was tried while the Dashboard refuses connections."""
    request: KeyRequest = scene.approved()
    mail.outbox.clear()
    scene.box.refuse()
    response = page.post(claim_url(request))
    assert "Mail me when it is back" in response.text
    assert "Calls with them go on as before." in response.text
    return request


def test_mail_comes_once_when_it_answers_again(page, scene, away):
    answer = tell_me(page, away)
    scene.deliver()
    while_away = told()
    scene.box.heal()
    for _ in range(2):
        scene.due_now("mail.service_back")
        scene.deliver()

    assert "We mail you once" in answer.text
    assert while_away == []
    [message] = told()
    assert message.to == [scene.developer.email]
    assert claim_url(away) in str(message.body)


def test_asked_twice_is_told_once(page, scene, away):
    tell_me(page, away)
    again = page.post(claim_url(away)).text
    tell_me(page, away)
    scene.box.heal()
    scene.due_now("mail.service_back")
    scene.deliver()

    assert "We mail you once, as soon as it is back." in again
    assert "Mail me when it is back" not in again
    assert len(told()) == 1


def test_who_has_the_key_meanwhile_hears_nothing(page, scene, away):
    tell_me(page, away)
    scene.box.heal()
    assert page.post(claim_url(away)).status_code == 200
    scene.due_now("mail.service_back")
    scene.deliver()

    assert told() == []
    row = Outbox.objects.get(kind="mail.service_back")
    assert row.served == row.asked


@pytest.mark.parametrize("fault", ["500", "cut off", "a page"])
def test_an_outage_of_any_kind_is_waited_out(page, scene, away, fault):
    tell_me(page, away)
    scene.box.heal()
    modes: dict[str, dict[str, Any]] = {
        "500": {"mode": "status", "status": 500},
        "cut off": {"mode": "reset_after"},
        "a page": {"mode": "html_200"},
    }
    for _ in range(12):
        scene.box.faults.add("getDeveloper", times=1, **modes[fault])
        scene.due_now("mail.service_back")
        scene.deliver()
    row = Outbox.objects.get(kind="mail.service_back")
    assert (row.parked_reason, told()) == ("", [])
    scene.box.heal()
    scene.due_now("mail.service_back")
    scene.deliver()

    assert len(told()) == 1


def test_owner_of_a_key_to_be_replaced_is_told_as_well(page, scene):
    request = scene.approved()
    page.post(claim_url(request))
    key = Key.objects.get()
    scene.box.refuse()
    response = page.post(
        reverse("keyrequests:replace", args=[key.code]), {"overlap": "0"}
    )
    page.post(reverse("keyrequests:tell-me-key", args=[key.code]))
    scene.box.heal()
    scene.due_now("mail.service_back")
    scene.deliver()

    assert "Mail me when it is back" in response.text
    [message] = told()
    assert key.get_absolute_url() in str(message.body)


def test_strangers_ask_for_nothing(scene, away):
    stranger = rows.sign_in(Client(), rows.developer("Charlie"))

    assert tell_me(stranger, away).status_code == 404
    assert not Outbox.objects.filter(kind="mail.service_back").exists()


def test_approval_says_how_long_it_stands_and_how_often_it_reminds(page, scene):
    request = scene.approved()
    until = services.open_until(request)
    assert until is not None
    texts = []
    for days in (0, 5, 20):
        KeyRequest.objects.update(decided_at=rows.AGO.days(days))
        texts.append(re.sub(r"<[^>]+>", "", page.get(claim_url(request)).text))

    assert f"{until:%-d %b %Y}. We remind you twice." in texts[0]
    assert "We remind you once more." in texts[1]
    assert "We remind you" not in texts[2]
