"""Rows for page tests: what pages show needs no Dashboard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from catalogue.models import Entry, Plan
from developers import services as accounts
from developers.models import Developer, email_key
from keyrequests.models import Key, KeyPolicy, KeyRequest, RequestedPlan
from tyk import pull
from tyk.models import Organisation

QUESTIONS = ["What you build", "Expected calls"]


def organisation(**members: Any) -> Organisation:
    row = Organisation.current()
    defaults = {"key_request_fields": QUESTIONS, "require_key_approval": True}
    Organisation.objects.filter(pk=row.pk).update(**{**defaults, **members})
    return Organisation.current()


def developer(name: str = "Mira Tal") -> Developer:
    email = f"{name.split()[0].lower()}@tinfold.example"
    return Developer.objects.create(
        tyk_id=uuid4().hex[:24],
        email=email,
        email_key=email_key(email),
        name=name,
        read_at=timezone.now(),
        seen_here_at=timezone.now(),
    )


def sign_in(client: Client, who: Developer) -> Client:
    client.force_login(accounts.user_of(who), backend="developers.backends.TykBackend")
    return client


def plan(name: str = "Standard", **members: Any) -> Plan:
    oid = uuid4().hex[:24]
    limits = {"rate": 60, "per": 60, "quota_max": 10_000, "quota_period": 86400}
    return Plan.objects.create(
        oid=oid, ref=oid, name=name, **{"live": True, **limits, **members}
    )


def entry(name: str = "Orders", **members: Any) -> Entry:
    on = members.pop("plan", None) or plan()
    return Entry.objects.create(
        **{
            "name": name,
            "slug": name.lower().replace(" ", "-"),
            "plan": on,
            "policy_id": on.oid,
            "shown": True,
            **members,
        }
    )


def request(
    who: Developer,
    on: Entry,
    status: KeyRequest.Status = KeyRequest.Status.PENDING,
    **members: Any,
) -> KeyRequest:
    assert on.plan is not None
    row = KeyRequest.objects.create(
        **{
            "developer": who,
            "entry": on,
            "entry_name": on.name,
            "status": status,
            "answers": {"What you build": "A checkout"},
            "created_at": timezone.now(),
            "tyk_id": uuid4().hex[:24],
            "tyk_state": "pending",
            **members,
        }
    )
    RequestedPlan.objects.create(
        request=row,
        developer=who,
        policy_id=on.plan.oid,
        plan=on.plan,
        open=row.is_open,
    )
    return row


def key(who: Developer, on: Plan | None = None, **members: Any) -> Key:
    row = Key.objects.create(
        **{
            "developer": who,
            "fp": uuid4().hex,
            "name": "Tinfold checkout",
            "created_at": timezone.now(),
            **members,
        }
    )
    KeyPolicy.objects.create(key=row, policy_id=on.oid if on else "gone", plan=on)
    return row


@dataclass(frozen=True)
class Ago:
    """Times that read well in tests: `AGO.days(3)`."""

    def days(self, number: int) -> datetime:
        return timezone.now() - timedelta(days=number)


AGO = Ago()


def pull_catalogue() -> None:
    """Read policies and entries from the Dashboard once more."""
    for kind in ("policies", "catalogue"):
        pull.run(kind)
