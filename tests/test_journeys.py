"""The main job from sign-up to revoked key, page by page, as a person clicks it."""

import pytest
from django.test import Client

from keyrequests.models import Key, KeyRequest
from tests.journey import Journey
from tests.keyrequests.scene import build
from tyk import outbox, pull

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_sign_up_to_a_revoked_key(box, mailoutbox):
    scene = build(box)
    journey = Journey(box=box, mails=mailoutbox, reviewer=scene.reviewer)

    journey.sign_up("nora@tinfold.example", "an uncommon walrus")
    shown = journey.ask_and_claim("Orders")
    assert box.gateway_accepts(shown.key)
    fresh = journey.replace()
    assert box.gateway_accepts(fresh.key)
    assert not box.gateway_accepts(shown.key)

    key = Key.objects.get(state=Key.State.LIVE)
    journey.post(f"/keys/{key.code}/revoke/", confirm=str(key))
    outbox.drain()

    assert not box.gateway_accepts(fresh.key)
    assert [mail.subject for mail in mailoutbox][-1] == "Your key “Orders” was revoked"


def test_no_page_but_the_five_asks_the_dashboard(box, mailoutbox):
    """Also while it hangs: a page that asked would take seconds and fail."""
    scene = build(box)
    journey = Journey(box=box, mails=mailoutbox, reviewer=scene.reviewer)
    journey.sign_up("nora@tinfold.example", "an uncommon walrus")
    journey.ask_and_claim("Orders")
    request, key = KeyRequest.objects.get(), Key.objects.get()
    pull.run("developers")
    box.hang()
    box.journal.clear()

    for path in (
        "/",
        "/catalogue/",
        f"/catalogue/{scene.entry.slug}/",
        f"/catalogue/{scene.automatic.slug}/request/",
        "/requests/",
        f"/requests/{request.code}/",
        f"/requests/{request.code}/claim/",
        "/keys/",
        f"/keys/{key.code}/",
        f"/keys/{key.code}/revoke/",
        "/account/",
        "/password/change/",
        "/health/live",
        "/health/ready",
    ):
        assert journey.developer.get(path).status_code == 200, path
    for path in ("/", "/catalogue/", "/login/", "/sign-up/", "/password/reset/"):
        assert Client().get(path).status_code == 200, path
    for path in (
        "/admin/",
        "/admin/keyrequests/keyrequest/",
        f"/admin/keyrequests/keyrequest/{request.pk}/change/",
        "/admin/keyrequests/key/",
        "/admin/developers/developer/",
        "/admin/tyk/outbox/",
        "/admin/catalogue/entry/",
    ):
        assert journey.staff.get(path).status_code == 200, path
    journey.ask("Geocoding")

    assert box.journal.operations() == []
