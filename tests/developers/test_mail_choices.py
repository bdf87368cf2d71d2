"""Mails somebody may do without: chosen on a page, or ended by one click in a mail."""

import re
from typing import Any

import pytest
from django.core import mail, signing
from django.test import Client

from developers import mail_choices
from developers.models import Choices
from tests.developers.steps import words
from tests.keyrequests.scene import Scene, build
from tyk import outbox

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/account/mails/"


@pytest.fixture
def scene(box):
    return build(box)


@pytest.fixture
def browser(scene, signed_in):
    return signed_in(scene.developer)


def test_everything_is_on_until_somebody_says_otherwise(browser):
    page = browser.get(PAGE)

    assert "A receipt for each request" in words(page)
    assert page.content.decode().count(" checked") == len(mail_choices.OPTIONAL)
    assert "Your password or your e-mail address was changed" in words(page)


def test_an_unticked_mail_is_not_sent_and_others_are(scene, browser):
    browser.post(PAGE, {"approval_reminder": "on"})

    request = scene.ask()
    scene.deliver()

    developers = [m.subject for m in mail.outbox if scene.developer.email in m.to]
    assert developers == []
    from keyrequests import services

    services.decline(request, by=scene.reviewer, reason="Not now.")
    scene.deliver()
    [declined] = [m for m in mail.outbox if scene.developer.email in m.to]
    assert "declined" in declined.subject
    assert "List-Unsubscribe" not in declined.extra_headers


def test_none_at_all_is_a_choice_and_can_be_taken_back(scene, browser):
    browser.post(PAGE, {})
    assert mail_choices.wanted(scene.developer) == []

    browser.post(PAGE, {"request_received": "on", "password_changed": ""})
    assert mail_choices.wanted(scene.developer) == ["request_received"]


def _receipt(scene: Scene) -> Any:
    scene.ask()
    scene.deliver()
    [sent] = [m for m in mail.outbox if scene.developer.email in m.to]
    return sent


def test_one_click_ends_them_without_logging_in(scene):
    sent = _receipt(scene)
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(
        r"<http://testserver(/\S+)>", sent.extra_headers["List-Unsubscribe"]
    )
    assert found
    path = found[1]
    assert path in sent.body
    assert path in sent.alternatives[0][0]
    # As a mail program does it: no cookie, no token of ours.
    program = Client(enforce_csrf_checks=True)

    assert "Stop these mails?" in words(program.get(path))
    assert mail_choices.wants(scene.developer, "request_received"), "a GET only asks"
    for _twice in range(2):
        done = program.post(path, {"List-Unsubscribe": "One-Click"})
        assert "No more of these mails" in words(done)

    assert mail_choices.wanted(scene.developer) == ["approval_reminder", "quota"]


def test_a_link_nobody_signed_does_nothing(scene):
    stranger = Client()
    for token in ("x", signing.dumps(["x", "approved"], salt="other")):
        assert stranger.post(f"/mails/stop/{token}/").status_code == 404
    assert not Choices.objects.exists()


def test_the_link_ends_its_own_kind_and_no_other(scene):
    sent = _receipt(scene)
    path = sent.extra_headers["List-Unsubscribe"].strip("<>").partition("testserver")[2]
    forged = path.replace(path.split("/")[3][:8], "AAAAAAAA")

    assert Client().post(forged).status_code == 404
    outbox.drain()
    assert mail_choices.wanted(scene.developer) == list(mail_choices.OPTIONAL)
