"""What a developer has asked for and holds, in one line of a test."""

from datetime import UTC, datetime
from typing import Any

from catalogue.models import Entry, Plan
from developers.models import Developer
from keyrequests.models import Key, KeyRequest
from tests.factories import (
    EntryFactory,
    KeyFactory,
    KeyPolicyFactory,
    KeyRequestFactory,
)

NOON = datetime(2025, 11, 19, 12, 0, tzinfo=UTC)


def keyless(**members: Any) -> Entry:
    """An entry anybody may call."""
    return EntryFactory(plan=None, keyless=True, **members)


def asked(of: Developer, entry: Entry, status: str = "pending") -> KeyRequest:
    """A request for an entry, open unless its status says it ended."""
    return KeyRequestFactory(developer=of, entry=entry, status=status, created_at=NOON)


def holds(of: Developer, plan: Plan, state: str = "live") -> Key:
    """A key for a plan."""
    key = KeyFactory(developer=of, state=state, created_at=NOON)
    KeyPolicyFactory(key=key, plan=plan)
    return key
