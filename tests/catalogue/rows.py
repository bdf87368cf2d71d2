"""Rows of the catalogue and of the people who read it, as pulls would leave them."""

from datetime import UTC, datetime
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from catalogue.models import Entry, Plan
from developers.models import Developer, User, email_key
from keyrequests.models import Key, KeyPolicy, KeyRequest, RequestedPlan

NOON = datetime(2025, 11, 19, 12, 0, tzinfo=UTC)


class PlanFactory(DjangoModelFactory[Plan]):
    class Meta:
        model = Plan

    oid = factory.Sequence(lambda n: f"{n:024x}")
    ref = factory.SelfAttribute("oid")
    name = factory.Sequence(lambda n: f"Policy {n}")
    rate = 60
    per = 60
    quota_max = 10_000
    quota_period = 86_400
    apis = factory.Sequence(lambda n: [[f"api{n}", f"API {n}"]])
    live = True


class EntryFactory(DjangoModelFactory[Entry]):
    class Meta:
        model = Entry

    name = factory.Sequence(lambda n: f"Entry {n}")
    slug = factory.Sequence(lambda n: f"entry-{n}")
    short_text = "What it does."
    plan = factory.SubFactory(PlanFactory)
    policy_id = factory.LazyAttribute(
        lambda entry: entry.plan.oid if entry.plan else ""
    )
    shown = True
    position = factory.Sequence(lambda n: n)


def keyless(**members: Any) -> Entry:
    """An entry anybody may call."""
    return EntryFactory(plan=None, keyless=True, **members)


def developer(name: str) -> Developer:
    """A developer the mirror knows."""
    email = f"{name.lower()}@shop.example"
    return Developer.objects.create(
        tyk_id=f"{sum(map(ord, name)):024x}",
        email=email,
        email_key=email_key(email),
        name=name,
        seen_here_at=datetime.now(UTC),
    )


def login_row(of: Developer) -> User:
    """What a first proven sign-in leaves behind."""
    return User.objects.create(developer=of, password=make_password(None))


def asked(of: Developer, plan: Plan, status: str = "pending") -> KeyRequest:
    """A request for `plan`, open unless its status says it ended."""
    request = KeyRequest.objects.create(
        developer=of, entry_name=plan.name, status=status, created_at=NOON
    )
    RequestedPlan.objects.create(
        request=request,
        developer=of,
        policy_id=plan.oid,
        plan=plan,
        open=status in {"pending", "approved"},
    )
    return request


def holds(of: Developer, plan: Plan, state: str = "live") -> Key:
    """A key for `plan`."""
    key = Key.objects.create(developer=of, state=state, created_at=NOON)
    KeyPolicy.objects.create(key=key, policy_id=plan.oid, plan=plan)
    return key
