"""Sealing key ids at rest, and the fingerprints they are found by.

With key hashing off a key id *is* the key, so ids never stand in the database in
clear. AES-GCM with a ring of keys: the first seals, all unseal. The row's code is
the associated data, so a sealed id can't be moved to another row.
"""

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class SealBroken(Exception):
    """The sealed text was altered, moved to another row, or its key is gone."""


def seal(text: str, *, aad: str) -> bytes:
    """`text` as bytes that only this row (`aad`) and the first seal key open."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_ring()[0]).encrypt(nonce, text.encode(), aad.encode())


def unseal(blob: bytes, *, aad: str) -> str:
    """The text sealed for the row `aad`; raises SealBroken."""
    nonce, sealed = bytes(blob[:NONCE_BYTES]), bytes(blob[NONCE_BYTES:])
    for key in _ring():
        try:
            return AESGCM(key).decrypt(nonce, sealed, aad.encode()).decode()
        except InvalidTag:
            continue
    raise SealBroken(aad)


def fingerprint(text: str, *, purpose: str) -> str:
    """64 hex characters that name `text` without giving it away, for one purpose."""
    return fingerprints(text, purpose=purpose)[0]


def fingerprints(text: str, *, purpose: str) -> list[str]:
    """The fingerprint by each key of the ring: what older rows may be found by."""
    message = f"{purpose}\0{text}".encode()
    return [hmac.new(key, message, "sha256").hexdigest() for key in _ring()]


def key_fingerprints(key_id: str, *, tyk_id: str) -> tuple[str, ...]:
    """What names a key of the developer `tyk_id`, by each key of the ring."""
    return tuple(fingerprints(key_id, purpose=f"key:{tyk_id}"))


def keyed_digest(text: str, *, purpose: str) -> str:
    """64 hex characters that change with `text`, by the first key alone.

    BLAKE2, for what is compared by the hundred thousand: in an eighth of the time of
    a fingerprint. Another first key only has everything compared once more.
    """
    made = hashlib.blake2b(key=_ring()[0], digest_size=32)
    made.update(f"{purpose}\0{text}".encode())
    return made.hexdigest()


def digest(token: str) -> str:
    """SHA-256 of a long random token, as 64 hex characters."""
    return hashlib.sha256(token.encode()).hexdigest()


def _ring() -> list[bytes]:
    return _derive(tuple(settings.SEAL_KEYS))


@lru_cache(maxsize=4)
def _derive(keys: tuple[str, ...]) -> list[bytes]:
    """A 32-byte key for each text of the ring, whatever its form."""
    return [hashlib.sha256(b"seal\0" + key.strip().encode()).digest() for key in keys]
