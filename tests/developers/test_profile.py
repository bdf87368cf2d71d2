"""Switching an account on or off: read, merge, write, and nothing else changes."""

from typing import Any

import pytest
from django.core import mail

from developers import services
from developers.models import Developer, ProfileEdit
from tests.cast import in_tyk
from tests.developers.steps import let_the_quarantine_pass
from tests.factories import PASSWORD, DeveloperFactory
from tyk import outbox
from tyk.models import Outbox
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def dora(box, organisation) -> Developer:
    row = in_tyk(box, DeveloperFactory(name="Dora", email="dora@shop.example"))
    policy = box.add_policy("Gold")
    box.issue_key(row.tyk_id, policy)
    box.edit_developer(
        row.tyk_id,
        sso_key="sso",
        nonce="n0",
        fields={"Name": "Dora", "traffic_source": "fair", "portal_ref": "a.b"},
    )
    return row


def in_sandbox(box: Sandbox, developer: Developer) -> dict[str, Any]:
    whole = box.developer(developer.tyk_id)
    return {name: value for name, value in whole.items() if name != "inactive"}


def test_only_our_member_changes(box, dora):
    before = in_sandbox(box, dora)
    services.set_active(dora, active=False)
    outbox.drain()

    assert box.developer(dora.tyk_id)["inactive"] is True
    assert in_sandbox(box, dora) == before
    assert before["keys"]
    assert box.password_is(dora.email, PASSWORD)
    dora.refresh_from_db()
    assert dora.inactive
    assert ProfileEdit.objects.get().state == "done"
    outbox.drain()
    assert mail.outbox == []


def test_switched_on_again_and_told_by_mail(box, dora):
    box.edit_developer(dora.tyk_id, inactive=True)
    services.set_active(dora, active=True)
    outbox.drain()

    assert box.developer(dora.tyk_id)["inactive"] is False
    assert [message.subject for message in mail.outbox] == [
        "Your account at Northwind APIs is ready"
    ]


def test_key_made_between_two_edits_is_kept(box, dora):
    services.set_active(dora, active=False)
    outbox.drain()
    box.issue_key(dora.tyk_id, box.add_policy("Silver"))
    dora.refresh_from_db()

    services.set_active(dora, active=True)
    outbox.drain()

    assert box.developer(dora.tyk_id)["inactive"] is False
    assert len(box.developer(dora.tyk_id)["keys"]) == 2


def test_already_so_in_tyk_writes_nothing(box, dora):
    box.edit_developer(dora.tyk_id, inactive=True)
    services.set_active(dora, active=False)
    outbox.drain()

    assert "updateDeveloper" not in box.journal.operations()
    assert ProfileEdit.objects.get().state == "done"
    dora.refresh_from_db()
    assert dora.inactive


FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"mode": "refuse_connection"},
    "500, not done": {"mode": "status", "status": 500},
    "500, done": {"mode": "status", "status": 500, "commit": True},
    "html": {"mode": "html_200"},
    "429": {"mode": "status", "status": 429, "headers": {"Retry-After": "1"}},
}


@pytest.mark.parametrize("_case", FAULTS)
def test_fault_is_made_good_by_the_next_try(_case, box, dora, settings):
    before = in_sandbox(box, dora)
    box.faults.add("updateDeveloper", times=1, **FAULTS[_case])
    services.set_active(dora, active=False)
    outbox.drain()
    assert Outbox.objects.get().served == 0
    assert ProfileEdit.objects.get().state == "due"

    settings.OUTBOX_QUARANTINE = 0
    let_the_quarantine_pass()
    Outbox.objects.update(next_at=Outbox.objects.get().asked_at)
    outbox.drain()

    assert box.developer(dora.tyk_id)["inactive"] is True
    assert in_sandbox(box, dora) == before
    assert ProfileEdit.objects.get().state == "done"
    row = Outbox.objects.get()
    assert (row.served, row.parked_reason) == (1, "")


def test_developer_gone_from_tyk_drops_the_wish(box, dora):
    box.delete_developer(dora.tyk_id)
    services.set_active(dora, active=False)
    outbox.drain()
    assert ProfileEdit.objects.get().state == "dropped"
    dora.refresh_from_db()
    assert dora.gone_at is not None
