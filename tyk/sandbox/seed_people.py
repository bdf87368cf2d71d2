"""Northwind's developers, with what they asked for and what they were given."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from tyk.sandbox import keymaking, passwords
from tyk.sandbox.clock import developer_date, plain_date, request_date, session_date
from tyk.sandbox.seed_catalogue import Offer, offer, oid
from tyk.sandbox.shapes import Json

USAGE_DAYS = 40
Kinds = dict[str, dict[str, Json]]


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """Somebody the demo can log in as."""

    email: str
    password: str


DEMO_DEVELOPER = DemoLogin("mira@tinfold.example", "northwind-demo-2026")
# The same password, but switched off in Tyk.
DEMO_INACTIVE = DemoLogin("theo@harrowfreight.example", DEMO_DEVELOPER.password)


@dataclass(frozen=True, slots=True)
class Person:
    """A developer. `since` is in days before today."""

    email: str
    name: str
    company: str
    since: int
    inactive: bool = False

    @property
    def id(self) -> str:
        return oid(f"developer/{self.email}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A key somebody has: made `days` ago, used about `a_day` times a day."""

    email: str
    offer: str
    days: int
    a_day: int
    builds: str
    calls: str
    errors: float = 0.02


@dataclass(frozen=True, slots=True)
class Wish:
    """A pending key request, sent `hours` ago."""

    email: str
    offer: str
    hours: float
    builds: str
    calls: str
    redirect_uri: str = ""


PEOPLE = (
    Person(DEMO_DEVELOPER.email, "Mira Tal", "Tinfold", 210),
    Person("jonas@harbourline.example", "Jonas Abend", "Harbourline", 184),
    Person("priya@quillandcart.example", "Priya Raman", "Quill & Cart", 171),
    Person("tomasz@wilkwarehouse.example", "Tomasz Wilk", "Wilk Warehouse", 160),
    Person("aoife@greenparcel.example", "Aoife Brennan", "Green Parcel", 133),
    Person("samir@medinamarkt.example", "Samir Haddad", "Medina Markt", 120),
    Person("elena@costalogistica.example", "Elena Costa", "Costa Logística", 118),
    Person(DEMO_INACTIVE.email, "Theo Marsh", "Harrow Freight", 97, inactive=True),
    Person("ops@rivetandbolt.example", "", "", 76),
    Person("yuki@paperlantern.example", "Yuki Tanabe", "Paper Lantern", 52),
    Person("lars+api@fjordfood.example", "Lars Ek", "Fjord Food", 31),
    Person("nadia@kumasicrafts.example", "Nadia Osei", "Kumasi Crafts", 6),
    Person("camille@atelier-roux.example", "Camille Roux", "Atelier Roux", 11),
)
GRANTS = (
    Grant(
        DEMO_DEVELOPER.email,
        "Orders Standard",
        120,
        3_900,
        "A packing screen for our workshop",
        "About 4,000 a day",
    ),
    Grant(
        DEMO_DEVELOPER.email,
        "Geocoding",
        64,
        820,
        "Checks addresses before we print labels",
        "Under 1,000 a day",
        0.05,
    ),
    Grant(DEMO_DEVELOPER.email, "Legacy beta", 205, 35, "Trying the beta", "Few"),
    Grant(
        "jonas@harbourline.example",
        "Orders Sandbox",
        180,
        240,
        "Prototype of a harbour pick-up app",
        "Hundreds",
        0.09,
    ),
    Grant(
        "jonas@harbourline.example",
        "Shipping",
        140,
        5_100,
        "Compares carriers at check-out",
        "5,000 a day",
    ),
    Grant(
        "priya@quillandcart.example",
        "Orders Standard",
        150,
        6_400,
        "Our web shop",
        "7,000 a day",
    ),
    # A second key of the same policy: Tyk's `subscriptions` has room for one.
    Grant(
        "priya@quillandcart.example",
        "Orders Standard",
        45,
        1_150,
        "Staging of our web shop",
        "1,000 a day",
        0.06,
    ),
    Grant(
        "tomasz@wilkwarehouse.example",
        "Payments",
        155,
        2_050,
        "Refunds from the returns desk",
        "2,000 a day",
    ),
    Grant(
        "aoife@greenparcel.example",
        "Shipping",
        130,
        9_300,
        "Label printing at our depots",
        "10,000 a day",
    ),
    Grant(
        "elena@costalogistica.example",
        "Orders Partner",
        110,
        184_000,
        "Fulfilment for 40 shops",
        "200,000 a day",
        0.008,
    ),
    Grant(
        "elena@costalogistica.example",
        "Partner ledger",
        90,
        60,
        "Month-end bookkeeping",
        "Few",
    ),
    Grant(
        DEMO_INACTIVE.email,
        "Shipping",
        88,
        410,
        "Tracking page for customers",
        "500 a day",
    ),
    Grant(
        "ops@rivetandbolt.example",
        "Geocoding",
        70,
        2_700,
        "Nightly address clean-up",
        "3,000 a night",
    ),
    Grant(
        "yuki@paperlantern.example",
        "Weather",
        50,
        1_300,
        "Decides when lanterns are safe to ship",
        "1,500 a day",
    ),
    Grant(
        "yuki@paperlantern.example",
        "Geocoding",
        48,
        300,
        "Finds the nearest shop",
        "300 a day",
    ),
    Grant(
        "lars+api@fjordfood.example",
        "Weather",
        29,
        520,
        "Ice forecast for our vans",
        "500 a day",
    ),
)
CLIENT = Grant(
    "samir@medinamarkt.example",
    "Connect",
    100,
    0,
    "Price comparison for market stalls",
    "1,000 a day",
)
WISHES = (
    Wish(
        DEMO_DEVELOPER.email, "Shipping", 0.6, "Labels for our spring fair", "200 a day"
    ),
    Wish(
        "nadia@kumasicrafts.example",
        "Orders Sandbox",
        2.2,
        "First steps with a shop for basket weavers",
        "A few hundred",
    ),
    Wish(
        "jonas@harbourline.example",
        "Orders Partner",
        27,
        "Pick-up points for six harbour shops",
        "40,000 a day",
    ),
    Wish(
        "ops@rivetandbolt.example",
        "Payments",
        98,
        "Deposits for tool rental",
        "1,000 a day",
    ),
    Wish(
        "camille@atelier-roux.example",
        "Connect",
        219,
        "Shows our stock in the co-op's shared catalogue",
        "2,000 a day",
        "https://atelier-roux.example/oauth/callback",
    ),
)
PATHS = {
    "Orders": ["/orders", "/orders/{id}", "/orders/{id}/events", "/returns"],
    "Payments": ["/payments", "/payments/{id}", "/payments/{id}/refunds"],
    "Shipping": ["/rates", "/labels", "/tracking/{number}"],
    "Geocoding": ["/search", "/reverse", "/complete"],
    "Weather": ["/forecast", "/warnings"],
    "Partner ledger": ["/bookings", "/balance"],
}


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
