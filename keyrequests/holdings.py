"""What one developer holds in Tyk, and how a key id is kept here.

Tyk lists keys in three members that overlap: `keys` (key → policies, since
Dashboard 1.9), the older `subscriptions` (policy → key, which loses keys that share
a policy) and `oauth_clients`. With hashing off the ids are the raw keys.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from developers.models import Developer
from keyrequests.models import Key
from tyk import fitting, seal
from tyk.models import Organisation

# murmur32, murmur64, murmur128 and sha256 in hex (Tyk docs, key hashing).
HASH = re.compile(r"[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}")


class _Client(Protocol):
    @property
    def client_id(self) -> str: ...


class Listing(Protocol):
    """The members of a Tyk developer record that list keys."""

    @property
    def keys(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def subscriptions(self) -> Mapping[str, str]: ...
    @property
    def oauth_clients(self) -> Mapping[str, Sequence[_Client]]: ...


@dataclass(frozen=True, slots=True)
class Held:
    """One key of a developer. `id` may be the raw key: never printed."""

    id: str = field(repr=False)
    fps: tuple[str, ...]  # by each seal key: a row may have been made under an older
    policies: frozenset[str]
    is_oauth: bool = False
    #: Listed with all of its policies, as `subscriptions` does not.
    is_whole: bool = True

    @property
    def fp(self) -> str:
        return self.fps[0]


@dataclass(frozen=True, slots=True)
class Holdings:
    held: tuple[Held, ...]

    @property
    def fingerprints(self) -> list[str]:
        return sorted(one.fp for one in self.held)

    def beyond(self, before: Sequence[str]) -> list[Held]:
        """Those whose fingerprint is not in `before`."""
        known = set(before)
        return [one for one in self.held if known.isdisjoint(one.fps)]


def of_developer(developer: Developer, listing: Listing) -> Holdings:
    """What `listing`, the record just read of `developer`, says they hold."""
    return of_record(developer.tyk_id, listing)


def of_record(tyk_id: str, listing: Listing) -> Holdings:
    """The same by Tyk's id of the developer."""
    policies: dict[str, set[str]] = {
        key_id: set(named) for key_id, named in listing.keys.items()
    }
    for policy_id, key_id in listing.subscriptions.items():
        policies.setdefault(key_id, set()).add(policy_id)
    clients: dict[str, set[str]] = {}
    for policy_id, listed in listing.oauth_clients.items():
        for client in listed:
            clients.setdefault(client.client_id, set()).add(policy_id)
    return Holdings(
        tuple(
            Held(
                key_id,
                _fingerprints(tyk_id, key_id),
                _kept(named),
                is_oauth,
                is_oauth or key_id in listing.keys,
            )
            for ids, is_oauth in ((policies, False), (clients, True))
            for key_id, named in ids.items()
            if key_id and fitting.fits(key_id)
        )
    )


def _kept(policies: set[str]) -> frozenset[str]:
    """Those a column holds; no policy has the id of another one."""
    return frozenset(one for one in policies if fitting.fits(one, 64))


def fingerprints(developer: Developer, key_id: str) -> tuple[str, ...]:
    """Name a key id of this developer without giving it away."""
    return _fingerprints(developer.tyk_id, key_id)


def _fingerprints(tyk_id: str, key_id: str) -> tuple[str, ...]:
    return seal.key_fingerprints(key_id, tyk_id=tyk_id)


def sealed(key: Key, key_id: str) -> dict[str, object]:
    """The columns that keep `key_id` for the row `key`."""
    return {
        "sealed_id": seal.seal(key_id, aad=str(key.code)),
        "fp": fingerprints(key.developer, key_id)[0],
    }


def goes_by_hash(key_id: str) -> bool:
    """Whether Tyk must be told that this id is a hash, to find the key.

    Not every release says of itself whether it hashes keys; the id's form tells, too.
    """
    return Organisation.current().hash_keys or HASH.fullmatch(key_id) is not None


def keep_id(key: Key, key_id: str) -> None:
    """Keep the id Tyk gave `key`, sealed, unless one is kept already."""
    Key.objects.filter(pk=key.pk, fp=None).update(
        **sealed(key, key_id), missing_since=None
    )
    key.refresh_from_db()


def id_of(key: Key) -> str:
    """The key id as Tyk knows it. Raises tyk.seal.SealBroken."""
    if key.sealed_id is None:
        raise LookupError("the id of this key was not read yet")
    return seal.unseal(bytes(key.sealed_id), aad=str(key.code))
