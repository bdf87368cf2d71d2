"""Northwind's APIs, policies, catalogue, documents and portal configuration."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from tyk.sandbox import seed_texts
from tyk.sandbox.shapes import Json
from tyk.sandbox.shelf import ENTRY_CONFIG

DOCUMENTS = Path(__file__).parent / "documents"
DAY, MONTH = 86_400, 2_592_000
MADE = "2025-09-01T10:12:44.560506+03:00"
ASKED = ["What you build", "Expected calls"]
AUTOMATIC: Json = {"override": True, "require_key_approval": False}


def oid(name: str) -> str:
    """A fixed object id for a thing of the demo."""
    return "68b5" + hashlib.sha256(f"northwind/{name}".encode()).hexdigest()[:20]


def api_id(name: str) -> str:
    """A fixed 32-hex API id."""
    return hashlib.sha256(f"northwind/api/{name}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Offer:
    """One policy, and the catalogue entry that leads to it (if there is one)."""

    name: str
    api: str
    rate: int
    per: int
    quota: int
    renewal: int
    auth: str = "authToken"
    document: str = ""
    show: bool = True
    config: Json = field(default_factory=dict)
    listed: bool = True

    @property
    def policy_id(self) -> str:
        return oid(f"policy/{self.name}")


OFFERS = (
    Offer("Orders Sandbox", "Orders", 60, 60, 1_000, DAY, document="orders"),
    Offer("Orders Standard", "Orders", 300, 60, 10_000, DAY, document="orders"),
    Offer("Orders Partner", "Orders", 1_200, 60, 500_000, DAY, document="orders"),
    Offer(
        "Payments",
        "Payments",
        120,
        60,
        100_000,
        MONTH,
        auth="basic",
        document="payments",
        config={
            "override": True,
            "require_key_approval": True,
            "key_request_fields": [*ASKED, "Countries you sell in"],
        },
    ),
    Offer("Shipping", "Shipping", 60, 60, 20_000, DAY, document="shipping"),
    Offer(
        "Geocoding",
        "Geocoding",
        120,
        60,
        50_000,
        DAY,
        document="geocoding",
        config={**AUTOMATIC, "key_request_fields": ["What you build"]},
    ),
    Offer(
        "Weather",
        "Weather",
        60,
        60,
        100_000,
        MONTH,
        document="weather",
        config=AUTOMATIC,
    ),
    Offer(
        "Connect",
        "Connect",
        60,
        60,
        20_000,
        DAY,
        auth="oauth",
        document="connect",
    ),
    Offer(
        "Service status",
        "Service status",
        60,
        60,
        -1,
        -1,
        auth="keyless",
        document="status",
    ),
    Offer(
        "Partner ledger",
        "Partner ledger",
        60,
        60,
        5_000,
        DAY,
        document="ledger",
        show=False,
    ),
    # In no entry any more, but still on a key.
    Offer("Legacy beta", "Orders", 10, 1, 500, DAY, listed=False),
)


def offer(name: str) -> Offer:
    """The offer with this name."""
    return next(each for each in OFFERS if each.name == name)


def _policy(each: Offer) -> Json:
    right = {
        "api_name": each.api,
        "api_id": api_id(each.api),
        "versions": ["Default"],
        "allowed_urls": [],
        "restricted_types": [],
        "allowed_types": [],
        "disable_introspection": False,
        "limit": None,
        "field_access_rights": [],
        "allowance_scope": "",
    }
    return {
        "name": each.name,
        "rate": each.rate,
        "per": each.per,
        "quota_max": each.quota,
        "quota_renewal_rate": each.renewal,
        "throttle_interval": -1,
        "throttle_retry_limit": -1,
        "max_query_depth": -1,
        "access_rights": {api_id(each.api): right},
        "active": True,
        "state": "active",
        "auth_types": [each.auth],
        "tags": [],
        "meta_data": {},
        "date_created": MADE,
        "last_updated": "1756714364",
    }


def _entry(each: Offer) -> Json:
    short, long = seed_texts.TEXTS[each.name]
    return {
        "name": each.name,
        "short_description": short,
        "long_description": long,
        "show": each.show,
        "policy_id": each.policy_id,
        "documentation": oid(f"document/{each.document}"),
        "version": "v2",
        "is_keyless": each.auth == "keyless",
        "config": {**ENTRY_CONFIG, **each.config},
        "fields": {},
        "auth_type": each.auth,
    }


def _documentation(name: str) -> Json:
    text = (DOCUMENTS / f"{name}.json").read_bytes()
    # Lines of 76 as `base64` writes them: Tyk takes and returns the breaks.
    return {"doc_type": "swagger", "documentation": base64.encodebytes(text).decode()}


def _configuration() -> Json:
    return {
        "signup_fields": ["Name", "Company"],
        "key_request_fields": ASKED,
        "require_key_approval": True,
        "email": "apis@northwind.example",
    }


def shelf() -> dict[str, dict[str, Json]]:
    """Everything developers can choose from."""
    listed = [each for each in OFFERS if each.listed]
    names = sorted({each.document for each in listed})
    apis = {api_id(o.api): {"name": o.api, "auth_type": o.auth} for o in OFFERS}
    entries = [_entry(each) for each in listed]
    return {
        "apis": apis,
        "policies": {each.policy_id: _policy(each) for each in OFFERS},
        "documentation": {oid(f"document/{n}"): _documentation(n) for n in names},
        "catalogue": {oid("catalogue"): {"apis": entries, "email": ""}},
        "configuration": {oid("configuration"): _configuration()},
    }
