"""Turns the demo's cast into records."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from tyk.sandbox import keymaking, passwords
from tyk.sandbox.clock import developer_date, plain_date, request_date, session_date
from tyk.sandbox.seed_catalogue import Offer, offer, oid
from tyk.sandbox.seed_people import (
    CLIENT,
    DEMO_DEVELOPER,
    DEMO_INACTIVE,
    GRANTS,
    PATHS,
    PEOPLE,
    WISHES,
    Grant,
    Person,
    Wish,
)
from tyk.sandbox.shapes import Json

USAGE_DAYS = 40
Kinds = dict[str, dict[str, Json]]


def _fields(person: Person) -> Json:
    named = {"Name": person.name, "Company": person.company}
    return {member: text for member, text in named.items() if text}


class _Register:
    """Collects the records while going through the lists above."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.today = moment.date()
        self.kinds: Kinds = {
            kind: {}
            for kind in ("developers", "passwords", "keys", "clients", "requests")
        }
        self.people = {person.email: person for person in PEOPLE}

    def ago(self, days: float) -> datetime:
        return self.moment - timedelta(days=days)

    def enrol(self, person: Person) -> None:
        """The developer; only the demo's own logins have a password anyone knows."""
        joined = developer_date(self.ago(person.since))
        self.kinds["developers"][person.id] = {
            "email": person.email,
            "date_created": joined,
            "password_updated": joined,
            "last_login_date": plain_date(self.ago(person.since % 9 + 1)),
            "fields": _fields(person),
            "keys": {},
            "subscriptions": {},
            **({"inactive": True} if person.inactive else {}),
        }
        logins = {
            login.email: login.password for login in (DEMO_DEVELOPER, DEMO_INACTIVE)
        }
        word = logins.get(person.email) or secrets.token_hex(16)
        self.kinds["passwords"][person.id] = {"hash": passwords.sealed(word)}

    def _session(self, grant: Grant, kind: str, policy_id: str) -> Json:
        person = self.people[grant.email]
        return {
            "kind": kind,
            "developer": person.id,
            "policies": [policy_id],
            "fields": {"What you build": grant.builds, "Expected calls": grant.calls},
            "user_fields": _fields(person),
            "alias": person.email,
            "created": session_date(self.ago(grant.days)),
        }

    def _asked(self, name: str, grant: Grant, policy_id: str) -> None:
        """The approved request a key came from."""
        self.kinds["requests"][oid(f"request/{name}")] = {
            "by_user": self.people[grant.email].id,
            "apply_policies": [policy_id],
            "for_plan": policy_id,
            "fields": {"What you build": grant.builds, "Expected calls": grant.calls},
            "approved": True,
            "date_created": request_date(self.ago(grant.days + 1.2)),
            "version": "v2",
        }

    def give(self, number: int, grant: Grant) -> None:
        """A key with its traffic, on the developer's record."""
        wanted = offer(grant.offer)
        name = f"{grant.email}/{grant.offer}/{number}"
        basic = wanted.auth == "basic"
        digest = hashlib.sha256(f"northwind/key/{name}".encode()).hexdigest()
        key_id = digest[: keymaking.LENGTHS["murmur32" if basic else "murmur64"]]
        session = self._session(grant, "basic" if basic else "token", wanted.policy_id)
        session["traffic"] = self._traffic(grant, wanted)
        self.kinds["keys"][key_id] = session
        self._asked(name, grant, wanted.policy_id)
        record = self.kinds["developers"][self.people[grant.email].id]
        record["keys"][key_id] = [wanted.policy_id]
        record["subscriptions"][wanted.policy_id] = key_id

    def _traffic(self, grant: Grant, wanted: Offer) -> Json:
        since = self.today - timedelta(days=min(grant.days, USAGE_DAYS))
        return {
            "a_day": grant.a_day,
            "errors": grant.errors,
            "since": since.isoformat(),
            "paths": PATHS[wanted.api],
        }

    def give_client(self, grant: Grant) -> None:
        """An OAuth client; its secret is fresh, so that nobody knows it."""
        person, wanted = self.people[grant.email], offer(grant.offer)
        client_id = hashlib.sha256(b"northwind/client").hexdigest()[:32]
        secret = secrets.token_urlsafe(24)
        session = self._session(grant, "oauth", wanted.policy_id)
        session["secret"] = passwords.sealed(secret)
        self.kinds["clients"][client_id] = session
        self._asked("client", grant, wanted.policy_id)
        client = {
            "client_id": client_id,
            "secret": secret,
            "redirect_uri": "https://medinamarkt.example/connect/done",
            "app_description": "Stall prices",
            "use_case": grant.builds,
            "date_created": request_date(self.ago(grant.days)),
        }
        record = self.kinds["developers"][person.id]
        record["oauth_clients"] = {wanted.policy_id: [client]}

    def wish(self, number: int, wish: Wish) -> None:
        """A request somebody has yet to decide."""
        policy_id = offer(wish.offer).policy_id
        record: Json = {
            "by_user": self.people[wish.email].id,
            "apply_policies": [policy_id],
            "for_plan": policy_id,
            "fields": {"What you build": wish.builds, "Expected calls": wish.calls},
            "date_created": request_date(self.ago(wish.hours / 24)),
            "version": "v2",
        }
        if wish.redirect_uri:
            record["oauth_info"] = {"redirect_uri": wish.redirect_uri}
        self.kinds["requests"][oid(f"wish/{number}")] = record


def people(moment: datetime) -> Kinds:
    """Everybody, with keys, past requests and wishes; dates relative to `moment`."""
    register = _Register(moment)
    for person in PEOPLE:
        register.enrol(person)
    for number, grant in enumerate(GRANTS):
        register.give(number, grant)
    register.give_client(CLIENT)
    for number, wish in enumerate(WISHES):
        register.wish(number, wish)
    return register.kinds
