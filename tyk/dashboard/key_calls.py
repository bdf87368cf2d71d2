"""Keys and OAuth clients: issue, change, look at, revoke.

With key hashing on, a key id is a hash and fit for a path. With hashing off it
is the raw key: then every call here that takes one writes it into the URL,
where proxies log it, and whoever calls has decided that. No call puts a key
into a path by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tyk.dashboard import calls, records, wire
from tyk.dashboard.operations import Operations
from tyk.dashboard.records import Minted


class KeyCalls(Operations):
    """The operations on keys; `key_id` is as listed in a developer's `keys`."""

    def add_key(
        self,
        developer_id: str,
        *,
        policies: Sequence[str],
        fields: Mapping[str, str],
        redirect_uri: str | None = None,
        deadline: float | None = None,
    ) -> Minted:
        """Issue a key without a request; it is shown once, never again.

        It leaves no key request behind. `redirect_uri` is for OAuth policies,
        several separated by commas. `Refused` for an unknown or a key-less
        policy. Never repeat it: every call makes another key.
        """
        body: dict[str, object] = {
            "apply_policies": policy_ids(policies),
            "fields": dict(fields),
        }
        if redirect_uri is not None:
            body["oauth_info"] = {"redirect_uri": redirect_uri}
        use = self._use(
            calls.ADD_KEY, deadline, ids={"developer_id": developer_id}, body=body
        )
        return self._result(use, wire.minted)

    def change_key_policies(
        self,
        developer_id: str,
        key_id: str,
        *,
        policies: Sequence[str],
        deadline: float | None = None,
    ) -> None:
        """Replace all policies of a key, which itself stays the same.

        Repeating it is harmless, but overwrites what others changed meanwhile.
        With hashing off `key_id` is the raw key and stands in the URL.
        """
        use = self._use(
            calls.CHANGE_KEY,
            deadline,
            ids={"developer_id": developer_id, "key_id": key_id},
            body={"apply_policies": policy_ids(policies)},
        )
        self._result(use, wire.done)

    def reset_quota(
        self, developer_id: str, key_id: str, *, deadline: float | None = None
    ) -> None:
        """Give a key its whole quota again; repeating it is harmless.

        With hashing off `key_id` is the raw key and stands in the URL.
        """
        use = self._use(
            calls.RESET_QUOTA,
            deadline,
            ids={"developer_id": developer_id, "key_id": key_id},
        )
        self._result(use, wire.done)

    def revoke_key(
        self, developer_id: str, key_id: str, *, deadline: float | None = None
    ) -> None:
        """Revoke a key and take it off the developer's record.

        A gateway may honour the key for some seconds more (TykTechnologies/tyk#2293).
        With hashing off `key_id` is the raw key and stands in the URL.
        """
        use = self._use(
            calls.REVOKE_KEY,
            deadline,
            ids={"developer_id": developer_id, "key_id": key_id},
        )
        self._result(use, wire.done)

    def delete_key(
        self, key_id: str, *, hashed: bool, deadline: float | None = None
    ) -> None:
        """Delete a key at the gateway, for when `revoke_key` does not get through.

        `hashed` says that `key_id` is a hash; pass False only with hashing off,
        since the raw key then stands in the URL. The developer's `keys` go on
        naming it, so that the record has to be mended separately. A gateway
        without `enable_delete_key_by_hash` refuses hashes (Tyk docs, key hashing),
        and a 500 says nothing: see by `key_detail` whether the key is gone.
        """
        use = self._use(
            calls.DELETE_KEY, deadline, ids={"key_id": key_id}, query=_hashed(hashed)
        )
        self._result(use, wire.done)

    def key_detail(
        self,
        key_id: str,
        *,
        hashed: bool,
        api_id: str | None = None,
        deadline: float | None = None,
    ) -> records.KeyDetail:
        """A key's session; `NotFound` if the gateway does not know the key.

        `hashed` says that `key_id` is a hash, not the key; pass False only with
        hashing off, since the raw key then stands in the URL. `api_id` asks by
        way of an API, as older releases want it; "-" stands for any. A key of
        another organisation is `Refused`. An answer without a session is
        `Unexpected`, one with hardly any member in it is fine: recent gateways
        leave out zero values.
        """
        call, ids = calls.GET_KEY, {"key_id": key_id}
        if api_id is not None:
            call, ids = calls.GET_API_KEY, {**ids, "api_id": api_id}
        use = self._use(call, deadline, ids=ids, query=_hashed(hashed))
        return self._result(use, wire.key_detail)

    def delete_oauth_client(
        self, client_id: str, *, deadline: float | None = None
    ) -> None:
        """Delete an OAuth client of a developer."""
        use = self._use(
            calls.DELETE_OAUTH_CLIENT, deadline, ids={"client_id": client_id}
        )
        self._result(use, wire.done)


def policy_ids(policies: Sequence[str]) -> list[str]:
    """At least one policy id; ValueError for none and for a bare text."""
    if isinstance(policies, str) or not policies or not all(policies):
        raise ValueError("policies must hold at least one policy id")
    return list(policies)


def _hashed(hashed: bool) -> str:
    return "hashed=true" if hashed else ""
