"""Tyk → mirror: developers with their keys, and key requests."""

from keyrequests.pull.asked import (
    apply_asked,
    decided_there,
    pending_requests,
    requests,
)
from keyrequests.pull.people import (
    LISTED_WITHIN,
    being_settled,
    developers,
    in_chunks,
    key_made_by,
    keys_marked_by,
    one_developer,
    recent_developers,
)

__all__ = [
    "LISTED_WITHIN",
    "apply_asked",
    "being_settled",
    "decided_there",
    "developers",
    "in_chunks",
    "key_made_by",
    "keys_marked_by",
    "one_developer",
    "pending_requests",
    "recent_developers",
    "requests",
]
