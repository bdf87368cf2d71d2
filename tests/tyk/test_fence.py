"""A copied or restored database sends nothing until somebody says what it is."""

from io import StringIO

import pytest
from django.core.management import call_command

from developers import live as accounts
from developers.errors import UpstreamUnavailable
from keyrequests import live, services
from keyrequests.errors import Paused
from keyrequests.models import Key
from tests.factories import MailedLinkFactory
from tests.keyrequests.scene import Scene, build
from tyk import fence, outbox
from tyk.dashboard.secret import Secret
from tyk.models import Organisation, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def elsewhere(scene: Scene, settings) -> Scene:
    """The same database, started under another address."""
    outbox.drain()
    settings.PORTAL_BASE_URL = "https://staging.example.com"
    return scene


def told(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_under_another_address_nothing_is_sent(elsewhere, mailoutbox):
    elsewhere.ask()
    elsewhere.box.journal.clear()

    assert outbox.drain() == {"paused": 1}

    assert elsewhere.box.journal.operations() == []
    assert mailoutbox == []
    assert "belongs to the portal at testserver" in fence.closed()


def test_under_another_address_no_key_is_made(scene, settings):
    request = scene.approved()
    settings.PORTAL_BASE_URL = "https://staging.example.com"

    with pytest.raises(Paused):
        live.claim(request)

    assert scene.box.keys() == []


def test_another_port_is_the_same_portal(elsewhere, settings):
    settings.PORTAL_BASE_URL = "http://testserver:8001"

    assert fence.closed() == ""


def test_after_a_restore_what_was_sent_already_is_found_and_not_repeated(elsewhere):
    """The backup is older than the delivery: Tyk has the request, we don't know."""
    request = elsewhere.ask()
    elsewhere.box.add_request(
        elsewhere.developer.tyk_id,
        elsewhere.policy,
        fields={"portal_ref": Organisation.current().marker(request.code)},
    )

    said = told("after_restore")
    outbox.drain()

    assert "3 owed rows look in Tyk before they send anything" in said
    assert len(elsewhere.box.requests()) == 1
    request.refresh_from_db()
    assert request.tyk_id == elsewhere.box.requests()[0]["id"]


def test_after_a_restore_a_key_that_ends_later_can_be_ended_now(scene):
    key = live.claim(scene.approved()).key
    live.replace(key, overlap=7 * 86400)
    key.refresh_from_db()
    told("after_restore")
    scene.deliver()
    key.refresh_from_db()
    assert key.state == Key.State.LIVE

    services.revoke(key, actor=scene.developer)
    scene.deliver()

    key.refresh_from_db()
    assert key.state == Key.State.REVOKED


def test_a_copy_gets_a_name_of_its_own_and_owes_nothing(elsewhere, mailoutbox):
    first = Organisation.current().instance
    elsewhere.ask()

    said = told("after_restore", "--copy")
    outbox.drain()

    assert "3 owed rows were left to the first portal" in said
    assert Organisation.current().instance != first
    assert elsewhere.box.requests() == []
    assert mailoutbox == []
    assert not Outbox.objects.filter(last_outcome="done").exclude(asked=1).exists()
    assert outbox.due().count() == 0


def test_under_another_address_no_password_is_set(elsewhere):
    email = elsewhere.developer.email
    link = MailedLinkFactory(email=email, developer=elsewhere.developer)
    elsewhere.box.journal.clear()

    with pytest.raises(UpstreamUnavailable):
        accounts.reset(link, Secret("copper-meadow-violin-2"))

    assert elsewhere.box.journal.operations() == []
    link.refresh_from_db()
    assert link.used_at is None


def test_in_a_copy_what_was_parked_there_is_free_to_be_asked_again(elsewhere):
    request = elsewhere.ask()
    rows = Outbox.objects.filter(subject=str(request.code))
    rows.update(parked_reason="stuck", sending_since="2020-01-01T00:00Z", attempts=3)
    told("after_restore", "--copy")

    outbox.enqueue("request.create", request.code)
    outbox.drain()

    row = rows.get(kind="request.create")
    assert (row.served, row.parked_reason, row.attempts) == (row.asked, "", 0)
    assert len(elsewhere.box.requests()) == 1
