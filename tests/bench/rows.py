"""Rows by the hundred thousand, as pulls and services leave them; written in bulk."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue.models import Entry, Plan
from developers.models import Developer, User, email_key
from keyrequests.models import Event, Key, KeyPolicy, KeyRequest, RequestedPlan
from tests.bench.ids import tyk_id
from tests.factories import (
    DeveloperUserFactory,
    DocumentFactory,
    EntryFactory,
    OrganisationFactory,
    PlanFactory,
    PullStateFactory,
    StaffFactory,
)
from tyk import lanes
from tyk.models import Outbox
from tyk.seal import fingerprint, seal

CHUNK = 5000
Status = KeyRequest.Status
Row = TypeVar("Row", bound=Model)


def keep(rows: Iterator[Row]) -> list[int]:
    """Insert all; their primary keys."""
    made: list[int] = []
    while chunk := list(islice(rows, CHUNK)):
        made += [row.pk for row in type(chunk[0])._default_manager.bulk_create(chunk)]
    return made


def developers(count: int) -> list[int]:
    now = timezone.now()
    return keep(
        Developer(
            tyk_id=tyk_id(n, kind=1),
            name=f"Developer {n}",
            email=f"developer{n}@shop.example",
            email_key=email_key(f"developer{n}@shop.example"),
            fields={"Name": f"Developer {n}", "Company": "Tinfold"},
            digest=f"{n:064x}",
            registered_at=now - timedelta(days=n % 900),
            read_at=now,
        )
        for n in range(count)
    )


def queue_requests(count: int, *, policy: str) -> int:
    """Requests of as many developers that Tyk has not got, each due now."""
    people = developers(count)
    plan = Plan.objects.filter(oid=policy).first() or PlanFactory(oid=policy)
    now = timezone.now()
    made = keep(
        KeyRequest(
            code=UUID(int=n + 1),
            developer_id=person,
            entry_name="Orders",
            answers={"Use case": "A checkout"},
            created_at=now,
        )
        for n, person in enumerate(people)
    )
    keep(
        RequestedPlan(
            request_id=request, developer_id=person, policy_id=policy, plan=plan
        )
        for person, request in zip(people, made, strict=True)
    )
    keep(
        Outbox(
            kind="request.create",
            subject=str(UUID(int=n + 1)),
            lane=lanes.for_developer(tyk_id(n, kind=1)),
            asked=1,
            next_at=now,
        )
        for n in range(count)
    )
    return count


def shelf(entries: int = 20) -> list[Entry]:
    """So many entries, each with a plan of its own and a document."""
    OrganisationFactory()
    for kind in ("catalogue", "developers", "requests", "policies"):
        PullStateFactory(kind=kind)
    made: list[Entry] = []
    for n in range(entries):
        plan = PlanFactory(oid=tyk_id(n, kind=5), name=f"Plan {n}")
        entry = EntryFactory(name=f"API number {n}", plan=plan, policy_id=plan.oid)
        DocumentFactory(entry=entry)
        made.append(entry)
    return made


def crowd(people: int, requests: int, shelf: list[Entry]) -> list[int]:
    """Developers with requests (one of twenty pending), time lines and keys."""
    pks = developers(people)
    made = keep(_requests(pks, requests, shelf))
    each = list(enumerate(made))
    keep(
        RequestedPlan(
            request_id=request,
            developer_id=pks[n % people],
            policy_id=shelf[n // people % len(shelf)].policy_id,
            plan=shelf[n // people % len(shelf)].plan,
            open=_is_pending(n),
        )
        for n, request in each
    )
    now = timezone.now()
    keep(
        Event(
            request_id=request,
            verb=Event.Verb.SENT,
            actor="Developer",
            by_owner=True,
            at=now,
        )
        for _, request in each
    )
    keys = keep(_keys(pks, made, shelf))
    keep(
        KeyPolicy(
            key_id=key,
            policy_id=shelf[n % len(shelf)].policy_id,
            plan=shelf[n % len(shelf)].plan,
        )
        for n, key in enumerate(keys)
    )
    return pks


def pages(shelf: list[Entry]) -> dict[str, tuple[str, str]]:
    """The path of each page that is measured, and the cookie it is asked with.

    The developer is one with a key and, behind many, with ten requests.
    """
    developer = Developer.objects.get(tyk_id=tyk_id(1, kind=1))
    theirs = _cookie(DeveloperUserFactory(developer=developer), "TykBackend")
    staff = _cookie(StaffFactory(is_superuser=True), "StaffBackend")
    request = developer.requests.order_by("pk")[0]
    queue = reverse("admin:keyrequests_keyrequest_changelist")
    people = reverse("admin:developers_developer_changelist")
    return {
        "one line": ("/one-line/", ""),
        "catalogue, visitor": (reverse("catalogue:list"), ""),
        "entry, visitor": (reverse("catalogue:entry", args=[shelf[0].slug]), ""),
        "catalogue": (reverse("catalogue:list"), theirs),
        "entry": (reverse("catalogue:entry", args=[shelf[0].slug]), theirs),
        "home": (reverse("home"), theirs),
        "keys": (reverse("keyrequests:keys"), theirs),
        "usage": (reverse("keyrequests:usage"), theirs),
        "request": (request.get_absolute_url(), theirs),
        "admin queue": (queue, staff),
        "developer search": (f"{people}?q=developer11%40", staff),
    }


def own_pages(shelf: list[Entry]) -> dict[str, tuple[str, str]]:
    """Two more of a developer's: what they typed, and the form they type into."""
    developer = Developer.objects.get(tyk_id=tyk_id(2, kind=1))
    theirs = _cookie(DeveloperUserFactory(developer=developer), "TykBackend")
    ask = reverse("keyrequests:ask", args=[shelf[-1].slug])
    return {"account": (reverse("developers:account"), theirs), "ask": (ask, theirs)}


def wishes(shelf: list[Entry], people: int = 40) -> list[tuple[str, str, str]]:
    """The form's path, a cookie and a nonce of requests nobody has sent yet."""
    made = []
    for n in range(3, 3 + people):
        developer = Developer.objects.get(tyk_id=tyk_id(n, kind=1))
        theirs = _cookie(DeveloperUserFactory(developer=developer), "TykBackend")
        for entry in shelf[1:4]:
            path = reverse("keyrequests:ask", args=[entry.slug])
            made.append((path, theirs, str(uuid4())))
    return made


def _cookie(user: User, backend: str) -> str:
    browser = Client()
    browser.force_login(user, backend=f"developers.backends.{backend}")
    return f"sessionid={browser.cookies['sessionid'].value}"


def _is_pending(number: int) -> bool:
    return number % 20 == 0


def _requests(pks: list[int], count: int, shelf: list[Entry]) -> Iterator[KeyRequest]:
    now = timezone.now()
    for n in range(count):
        entry = shelf[n // len(pks) % len(shelf)]
        pending = _is_pending(n)
        yield KeyRequest(
            code=UUID(int=n + 1),
            developer_id=pks[n % len(pks)],
            entry=entry,
            entry_name=entry.name,
            answers={"Use case": "A checkout"},
            status=Status.PENDING if pending else Status.GRANTED,
            tyk_id=tyk_id(n, kind=2),
            tyk_state="pending" if pending else "approved",
            created_at=now - timedelta(seconds=count - n),
            decided_at=None if pending else now,
            decided_in="" if pending else KeyRequest.DecidedIn.STAFF,
        )


def _keys(pks: list[int], requests: list[int], shelf: list[Entry]) -> Iterator[Key]:
    """One for each developer, of a request that was granted."""
    now = timezone.now()
    for n, person in enumerate(pks):
        if _is_pending(n) or n >= len(requests):
            continue
        key = Key(
            developer_id=person,
            request_id=requests[n],
            name=shelf[0].name,
            created_at=now,
        )
        hashed = f"{n:064x}"
        key.sealed_id = seal(hashed, aad=str(key.code))
        key.fp = fingerprint(hashed, purpose=f"key:{tyk_id(n, kind=1)}")
        yield key
