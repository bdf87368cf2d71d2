"""Raw keys and the ids Tyk lists them under.

A current raw key is base64 of `{"org", "id", "h"}`, an older one the organisation id
followed by 32 hex (TykTechnologies/tyk, internal/crypto/token.go). With key hashing on
Tyk keeps a murmur hash and forgets the key. Here a cut SHA-256 stands in for murmur:
it has the right length and is deterministic, and nothing outside can tell more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTHS = {"murmur32": 8, "murmur64": 16}


def raw_token(org_id: str, *, form: str, hashing: str) -> str:
    """A fresh raw key. `form` is `current` or `legacy`."""
    secret = secrets.token_hex(16)
    if form == "legacy":
        return f"{org_id}{secret}"
    algorithm = "murmur64" if hashing == "off" else hashing
    inside = {"org": org_id, "id": secret, "h": algorithm}
    return base64.b64encode(json.dumps(inside, separators=(",", ":")).encode()).decode()


def digest(raw: str, hashing: str) -> str:
    """The id a raw key is listed under; with hashing off, the key itself."""
    if hashing == "off":
        return raw
    return hashlib.sha256(raw.encode()).hexdigest()[: LENGTHS[hashing]]


def basic_id(org_id: str, username: str, hashing: str) -> str:
    """Basic-auth names are looked up by murmur32 whatever the algorithm."""
    return digest(f"{org_id}{username}", "off" if hashing == "off" else "murmur32")


def hashed_ids(raw: str) -> list[str]:
    """The hashes a raw key may be listed under, whatever the hashing was."""
    return [digest(raw, hashing) for hashing in LENGTHS]


def word(length: int) -> str:
    """A random word without look-alikes: user names and passwords."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def shown_id(key_id: str) -> str:
    """An id fit for eyes: with hashing off the id is a key, so it is hashed."""
    is_hash = len(key_id) in LENGTHS.values()
    return key_id if is_hash else digest(key_id, "murmur64")
