"""What tests of a profile share: Dora with a key, her page, and what Tyk holds."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from developers.models import Developer, ProfileEdit
from tests.cast import in_tyk
from tests.developers.steps import let_the_quarantine_pass
from tests.factories import DeveloperFactory
from tyk import outbox
from tyk.models import Outbox
from tyk.sandbox import Sandbox

ACCOUNT = "/account/"
LONG_AGO = "2020-01-01T00:00Z"
FIELDS = {"Name": "Dora", "Company": "Tinfold", "traffic_source": "fair"}


def dora_with_a_key(box: Sandbox) -> Developer:
    row = DeveloperFactory(
        name="Dora",
        email="dora@shop.example",
        fields={"Name": "Dora", "Company": "Tinfold"},
    )
    in_tyk(box, row)
    box.issue_key(row.tyk_id, box.add_policy("Gold"))
    box.edit_developer(row.tyk_id, sso_key="sso", nonce="n0", fields=FIELDS)
    return row


def save(browser: Client, **typed: str) -> Any:
    return browser.post(ACCOUNT, {"name": "Dora", "company": "Tinfold", **typed})


def try_now(settings) -> None:
    settings.OUTBOX_QUARANTINE = 0
    let_the_quarantine_pass()
    Outbox.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    outbox.drain()


def fields_in_tyk(box: Sandbox, developer: Developer) -> dict[str, str]:
    found: dict[str, str] = box.developer(developer.tyk_id)["fields"]
    return found


def rest_of(box: Sandbox, developer: Developer) -> dict[str, Any]:
    whole = box.developer(developer.tyk_id)
    return {name: value for name, value in whole.items() if name != "fields"}


def edit() -> ProfileEdit:
    return ProfileEdit.objects.get()
