"""Rows as they stand in a healthy portal. A factory makes a valid row, no more.

DeveloperFactory()                     a developer as a pull leaves it
DeveloperUserFactory(developer=…)      the login row of one
StaffFactory(email=…, password=…)      somebody of the company
PlanFactory() EntryFactory()           something on the shelf
KeyRequestFactory(developer=…, entry=…)  pending; `approved=True`, `granted=True`
KeyFactory(developer=…, raw="…")       a live key with its id sealed
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from factory.django import DjangoModelFactory

from catalogue.models import Document, Entry, Plan
from developers.models import (
    Developer,
    MailedLink,
    ProfileEdit,
    SignUp,
    User,
    email_key,
)
from keyrequests.holdings import fingerprints
from keyrequests.models import (
    Event,
    Key,
    KeyPolicy,
    KeyRequest,
    Mint,
    RequestedPlan,
    UsageDay,
)
from tyk.models import Organisation, Outbox, PullState
from tyk.seal import seal

SINCE = datetime(2025, 9, 3, 8, 30, tzinfo=UTC)
PASSWORD = "plum-orbit-granite-7"
STAFF_PASSWORD = "quiet-harbour-lantern-3"
ORG_ID = "5e9d9544a1dcd60001d0ed20"


def tyk_id(number: int, *, kind: int = 0) -> str:
    """An id as Tyk makes them: 24 hex; `kind` keeps families apart."""
    return f"{0x5F0000000000 + kind:012x}{number:012x}"


# --- tyk -------------------------------------------------------------------------------
class OrganisationFactory(DjangoModelFactory[Organisation]):
    """The one row; made again, it is updated."""

    class Meta:
        model = Organisation
        django_get_or_create = ("pk",)

    pk = 1
    instance = "1a2b3c4d"
    org_id = ORG_ID
    signup_fields = factory.LazyFunction(lambda: ["Name", "Company"])
    key_request_fields = factory.LazyFunction(lambda: ["Use case"])


class PullStateFactory(DjangoModelFactory[PullState]):
    class Meta:
        model = PullState
        django_get_or_create = ("kind",)

    kind = "catalogue"
    started_at = factory.LazyFunction(timezone.now)
    completed_at = factory.LazyFunction(timezone.now)


class OutboxFactory(DjangoModelFactory[Outbox]):
    class Meta:
        model = Outbox

    kind = "mail.reset"
    subject = factory.Sequence(str)
    asked = 1
    next_at = factory.LazyFunction(timezone.now)


# --- developers ------------------------------------------------------------------------
class DeveloperFactory(DjangoModelFactory[Developer]):
    """A developer as a pull leaves it; not in any sandbox."""

    class Meta:
        model = Developer

    tyk_id = factory.Sequence(lambda n: tyk_id(n, kind=1))
    name = factory.Sequence(lambda n: f"Developer {n}")
    email = factory.Sequence(lambda n: f"developer{n}@shop.example")
    email_key = factory.LazyAttribute(lambda row: email_key(row.email))
    fields = factory.LazyAttribute(lambda row: {"Name": row.name})
    registered_at = SINCE
    password_updated = SINCE
    digest = factory.Sequence(lambda n: f"{n:064x}")
    read_at = factory.LazyFunction(timezone.now)


class DeveloperUserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    developer = factory.SubFactory(DeveloperFactory)
    password = factory.LazyFunction(lambda: make_password(None))


class StaffFactory(DjangoModelFactory[User]):
    """Somebody of the company; `password` in clear."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"staff{n}@northwind.example")
    name = factory.Sequence(lambda n: f"Staff {n}")
    is_staff = True
    password = STAFF_PASSWORD

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **members: Any) -> User:
        members["password"] = make_password(members["password"])
        user: User = super()._create(model_class, *args, **members)
        return user


class SignUpFactory(DjangoModelFactory[SignUp]):
    class Meta:
        model = SignUp

    email = factory.Sequence(lambda n: f"new{n}@shop.example")
    email_key = factory.LazyAttribute(lambda row: email_key(row.email))
    fields = factory.LazyFunction(lambda: {"Name": "Nora New"})
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))


class MailedLinkFactory(DjangoModelFactory[MailedLink]):
    class Meta:
        model = MailedLink

    purpose = MailedLink.Purpose.RESET
    email = factory.Sequence(lambda n: f"link{n}@shop.example")
    email_key = factory.LazyAttribute(lambda row: email_key(row.email))
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=30))


class ProfileEditFactory(DjangoModelFactory[ProfileEdit]):
    class Meta:
        model = ProfileEdit

    developer = factory.SubFactory(DeveloperFactory)
    before = factory.LazyFunction(lambda: {"inactive": True})
    after = factory.LazyFunction(lambda: {"inactive": False})


# --- catalogue -------------------------------------------------------------------------
class PlanFactory(DjangoModelFactory[Plan]):
    class Meta:
        model = Plan

    oid = factory.Sequence(lambda n: tyk_id(n, kind=2))
    ref = factory.SelfAttribute("oid")
    name = factory.Sequence(lambda n: f"Plan {n}")
    rate = 60
    per = 60
    quota_max = 10_000
    quota_period = 86_400
    apis = factory.Sequence(lambda n: [[f"{n:032x}", f"API {n}"]])
    live = True


class EntryFactory(DjangoModelFactory[Entry]):
    class Meta:
        model = Entry

    name = factory.Sequence(lambda n: f"Entry {n}")
    slug = factory.Sequence(lambda n: f"entry-{n}")
    short_text = "What it does, in a sentence."
    plan = factory.SubFactory(PlanFactory)
    policy_id = factory.LazyAttribute(lambda row: row.plan.oid if row.plan else "")
    shown = True
    position = factory.Sequence(lambda n: n)


class DocumentFactory(DjangoModelFactory[Document]):
    class Meta:
        model = Document

    entry = factory.SubFactory(EntryFactory)
    body = '{"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {}}'
    digest = factory.Sequence(lambda n: f"{n:064x}")


# --- keyrequests -------------------------------------------------------------------------
class KeyRequestFactory(DjangoModelFactory[KeyRequest]):
    """A pending request with its plan; traits `approved` and `granted`."""

    class Meta:
        model = KeyRequest
        skip_postgeneration_save = True

    class Params:
        approved = factory.Trait(
            status=KeyRequest.Status.APPROVED,
            decided_at=factory.LazyFunction(timezone.now),
            decided_in=KeyRequest.DecidedIn.STAFF,
            tyk_id=factory.Sequence(lambda n: tyk_id(n, kind=3)),
            tyk_state="pending",
        )
        granted = factory.Trait(
            status=KeyRequest.Status.GRANTED,
            decided_at=factory.LazyFunction(timezone.now),
            decided_in=KeyRequest.DecidedIn.STAFF,
            tyk_id=factory.Sequence(lambda n: tyk_id(n, kind=3)),
            tyk_state="approved",
        )

    developer = factory.SubFactory(DeveloperFactory)
    entry = factory.SubFactory(EntryFactory)
    entry_name = factory.LazyAttribute(lambda row: row.entry.name if row.entry else "")
    answers = factory.LazyFunction(lambda: {"Use case": "A shop window"})
    created_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def plans(self, create: bool, extracted: object, **_: object) -> None:
        """The plan of its entry, open as long as the request is."""
        if create and self.entry is not None:
            RequestedPlan.objects.create(
                request=self,
                developer=self.developer,
                policy_id=self.entry.policy_id,
                plan=self.entry.plan,
                origin=self.origin,
                open=self.is_open,
            )


class KeyFactory(DjangoModelFactory[Key]):
    """A live key. `raw` is its id in Tyk: sealed, and kept as a fingerprint."""

    class Meta:
        model = Key
        exclude = ("raw",)

    raw = factory.Sequence(lambda n: f"{n:016x}")
    developer = factory.SubFactory(DeveloperFactory)
    name = factory.Sequence(lambda n: f"Key {n}")
    created_at = factory.LazyFunction(timezone.now)
    fp = factory.LazyAttribute(lambda row: fingerprints(row.developer, row.raw)[0])

    @factory.lazy_attribute
    def sealed_id(self) -> bytes:
        return seal(self.raw, aad=str(self.code))

    code = factory.Faker("uuid4", cast_to=None)


class KeyPolicyFactory(DjangoModelFactory[KeyPolicy]):
    class Meta:
        model = KeyPolicy

    key = factory.SubFactory(KeyFactory)
    plan = factory.SubFactory(PlanFactory)
    policy_id = factory.LazyAttribute(lambda row: row.plan.oid if row.plan else "")


class MintFactory(DjangoModelFactory[Mint]):
    class Meta:
        model = Mint

    request = factory.SubFactory(KeyRequestFactory, approved=True)
    tyk_request_id = factory.LazyAttribute(lambda row: row.request.tyk_id)
    started_at = factory.LazyFunction(timezone.now)


class UsageDayFactory(DjangoModelFactory[UsageDay]):
    class Meta:
        model = UsageDay

    key = factory.SubFactory(KeyFactory)
    day = factory.LazyFunction(lambda: timezone.now().date())
    hits = 100
    ok = 98
    errors = 2


class EventFactory(DjangoModelFactory[Event]):
    class Meta:
        model = Event

    request = factory.SubFactory(KeyRequestFactory)
    verb = Event.Verb.SENT
    at = factory.LazyFunction(timezone.now)
