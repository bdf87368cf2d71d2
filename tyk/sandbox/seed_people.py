"""Northwind's developers, with what they asked for and what they were given."""

from __future__ import annotations

from dataclasses import dataclass

from tyk.sandbox.seed_catalogue import oid


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
