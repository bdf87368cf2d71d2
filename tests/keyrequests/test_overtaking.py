"""A whole-record write that may still land is overtaken by nobody of ours."""

import pytest
from django.test import Client

from developers import live as accounts, live_address, services as people
from developers.errors import AccountBusy as AddressBusy, OutcomeUnclear
from developers.models import MailedLink, ProfileEdit
from keyrequests import live, services
from keyrequests.errors import AccountBusy, ClaimUnsure
from keyrequests.models import Key
from tests.developers.steps import words
from tests.keyrequests.scene import Scene, build
from tests.reliability.boundaries import placed
from tyk import outbox
from tyk.dashboard.secret import Secret
from tyk.models import Lane, Outbox

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = "2020-01-01T00:00Z"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(live, "LANE_WAIT", 0.0)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def late(monkeypatch):
    """`late.land(box)` lets Tyk carry out the held back PUT at last."""
    with placed(monkeypatch) as boundaries:
        yield boundaries


def lose_a_profile_edit(scene, late) -> None:
    """Its PUT is sent and Tyk will carry it out when nobody listens any more."""
    scene.box.faults.add("updateDeveloper", mode="refuse_connection", times=1)
    late.hold_back = "updateDeveloper"
    people.edit_profile(scene.developer, fields={"Name": "Mira Night"})
    with late.watched():
        outbox.drain()
    assert len(late.late) == 1
    assert Outbox.objects.get(kind="developer.profile").unsure_since is not None


def quarantine_is_over() -> None:
    Lane.objects.update(until=LONG_AGO)
    Outbox.objects.filter(kind="developer.profile").update(
        next_at=LONG_AGO, sending_since=LONG_AGO, unsure_since=LONG_AGO
    )


def test_a_claim_waits_for_a_profile_edit_that_may_still_land(scene, late):
    request = scene.approved()
    lose_a_profile_edit(scene, late)

    with pytest.raises(AccountBusy) as busy:
        live.claim(request)

    assert 80 <= busy.value.seconds <= 90
    assert scene.box.keys() == []

    late.land(scene.box)  # it would have dropped a key claimed meanwhile
    quarantine_is_over()
    shown = live.claim(request)
    scene.deliver()

    assert len(scene.box.keys_of(scene.developer.tyk_id)) == 1
    assert Key.objects.get(pk=shown.key.pk).fp is not None
    assert scene.box.developer(scene.developer.tyk_id)["fields"]["Name"] == "Mira Night"
    assert ProfileEdit.objects.get().state == "done"
    assert Outbox.objects.filter(parked_reason__gt="").count() == 0


def test_a_profile_edit_waits_for_an_unsure_claim(scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)
    with pytest.raises(ClaimUnsure):
        live.claim(request)

    people.edit_profile(scene.developer, fields={"Name": "Mira Night"})
    outbox.drain()

    assert "updateDeveloper" not in scene.box.journal.operations()
    assert Outbox.objects.get(kind="developer.profile").attempts == 0
    quarantine_is_over()
    outbox.drain()
    assert ProfileEdit.objects.get().state == "done"


def test_the_pages_say_what_is_waited_for_and_go_on_showing_the_rest(
    scene, late, signed_in
):
    request = scene.approved()
    other = scene.ask(entry=scene.automatic)
    scene.deliver()
    other.refresh_from_db()
    live.claim(other)
    key = Key.objects.get()
    lose_a_profile_edit(scene, late)
    browser: Client = signed_in(scene.developer)

    for path in (f"/requests/{request.code}/claim/", f"/keys/{key.code}/replace/"):
        page = browser.post(path, {"overlap": "0"}, follow=True)
        said = words(page)
        assert page.status_code == 200
        assert "We are finishing a change to your account. No key was made." in said
        assert "Try again in 9" in said or "Try again in 8" in said
    for path in ("/keys/", f"/keys/{key.code}/", "/requests/", "/account/", "/"):
        assert browser.get(path, follow=True).status_code == 200
    assert len(scene.box.keys()) == 1


def test_what_must_not_wait_does_not(scene, late):
    """A new password and the end of a leaked key: neither is undone by the PUT."""
    request = scene.approved()
    live.claim(request)
    scene.deliver()
    lose_a_profile_edit(scene, late)

    people.ask_for_reset(scene.developer.email)
    services.revoke(Key.objects.get(), actor="Mira")
    outbox.drain()
    accounts.reset(MailedLink.objects.get(), Secret("an uncommon walrus"))

    assert scene.box.keys() == []
    assert Key.objects.get().state == Key.State.REVOKED
    late.land(scene.box)
    assert scene.box.password_is(scene.developer.email, "an uncommon walrus")
    assert scene.box.keys() == []


def test_a_new_address_that_may_still_land_is_not_overtaken(scene, settings):
    request = scene.approved()
    settings.TYK_PASSWORD_DEADLINE = 1.0
    people.ask_for_new_address(scene.developer, address="mira@night.example")
    outbox.drain()
    scene.box.faults.add("updateDeveloper", mode="timeout_before", seconds=2, times=1)

    with pytest.raises(OutcomeUnclear):
        live_address.change(MailedLink.objects.get())

    with pytest.raises(AccountBusy):
        live.claim(request)
    scene.box.heal()
    link = MailedLink.objects.get()
    with pytest.raises(AddressBusy) as busy:
        live_address.change(link)
    assert str(busy.value).startswith(
        "We are finishing a change to your account. Try again in "
    )
    link.refresh_from_db()
    assert (link.used_at, link.taken_until) == (None, None)
    Lane.objects.update(until=LONG_AGO)
    live_address.change(MailedLink.objects.get())
    live.claim(request)  # nothing is out any more
