"""Policies, catalogue, documentation and configuration, past the API."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from tyk.sandbox import catalogue, gateway, policies
from tyk.sandbox.shapes import DOCUMENTATION, Json, fill
from tyk.sandbox.world import World, new_id

ENTRY_CONFIG: Json = {
    "oauth_usage_limit": -1,
    "signup_fields": [],
    "key_request_fields": [],
}


class Shelf:
    """What developers can ask for, as a person at the Dashboard keeps it."""

    world: World

    def add_api(self, name: str, *, auth_type: str = "authToken") -> str:
        """An API definition; gives its 32-hex id back. A known name is reused."""
        for api_id, record in self.world.store.items("apis"):
            if record["name"] == name:
                return api_id
        api_id = secrets.token_hex(16)
        self.world.store.put("apis", api_id, {"name": name, "auth_type": auth_type})
        return api_id

    def _rights(self, names: Iterable[str], auth_type: str) -> Json:
        rights = {}
        for name in names:
            api_id = self.add_api(name, auth_type=auth_type)
            rights[api_id] = {
                "api_name": name,
                "api_id": api_id,
                "versions": ["Default"],
                "allowed_urls": [],
                "restricted_types": [],
                "allowed_types": [],
                "disable_introspection": False,
                "limit": None,
                "field_access_rights": [],
                "allowance_scope": "",
            }
        return rights

    def add_policy(
        self,
        name: str = "Standard",
        *,
        rate: float = 60,
        per: float = 60,
        quota_max: float = -1,
        quota_renewal_rate: float = -1,
        auth_type: str = "authToken",
        apis: Iterable[str] | None = None,
        active: bool = True,
        state: str = "active",
        **members: Any,
    ) -> str:
        """A policy; gives `_id` back. `apis` are names of APIs, made if missing.

        `members` are members as the API spells them (`id` for a custom id,
        `is_inactive`, `partitions`, `access_rights`, `tags`…).
        """
        with self.world.store.change():
            rights = self._rights([name] if apis is None else apis, auth_type)
            body: Json = {
                "name": name,
                "rate": rate,
                "per": per,
                "quota_max": quota_max,
                "quota_renewal_rate": quota_renewal_rate,
                "throttle_interval": -1,
                "throttle_retry_limit": -1,
                "max_query_depth": -1,
                "access_rights": rights,
                "active": active,
                "state": state,
                "auth_types": [auth_type],
                "tags": [],
                "meta_data": {},
            }
            return policies.add(self.world, {**body, **members})

    def edit_policy(self, policy_id: str, **members: Any) -> None:
        """Replace members of a policy. Raises `KeyError`."""
        record = self._record("policies", policy_id)
        self.world.store.put("policies", policy_id, {**record, **members})

    def delete_policy(self, policy_id: str) -> None:
        """Entries, requests and keys that name it stay. Raises `KeyError`."""
        self._record("policies", policy_id)
        self.world.store.delete("policies", policy_id)

    def policies(self) -> list[Json]:
        """All policies as the API shows them."""
        items = self.world.store.items("policies")
        return [policies.shown(self.world, item) for item in items]

    def _record(self, kind: str, record_id: str) -> Json:
        record = self.world.store.get(kind, record_id)
        if record is None:
            raise KeyError(record_id)
        return record

    def _put_entries(self, entries: list[Json]) -> None:
        held = self.world.singleton(self.world.store, "catalogue")
        catalogue_id, record = held or (new_id(), {"email": ""})
        self.world.store.put("catalogue", catalogue_id, {**record, "apis": entries})

    def entries(self) -> list[Json]:
        """The catalogue's entries in full, in Tyk's order."""
        shown = catalogue.shown(self.world, self.world.store)
        return list(shown["apis"] or [])

    def add_entry(
        self,
        name: str,
        policy_id: str,
        *,
        show: bool = True,
        is_keyless: bool = False,
        config: Mapping[str, Any] | None = None,
        auth_type: str = "authToken",
        **members: Any,
    ) -> None:
        """A catalogue entry at the end; makes the catalogue if there is none.

        `config` goes over the defaults of an entry's configuration; `override` in it
        says whether it counts.
        """
        entry: Json = {
            "name": name,
            "policy_id": policy_id,
            "show": show,
            "is_keyless": is_keyless,
            "version": "v2",
            "config": {**ENTRY_CONFIG, **(config or {})},
            "fields": {},
            "auth_type": auth_type,
            **members,
        }
        with self.world.store.change():
            self._put_entries([*self.entries(), entry])

    def edit_entry(self, name: str, **members: Any) -> None:
        """Replace members of the first entry with this name. Raises `KeyError`."""
        with self.world.store.change():
            entries = self.entries()
            place = next((n for n, e in enumerate(entries) if e["name"] == name), None)
            if place is None:
                raise KeyError(name)
            entries[place] = {**entries[place], **members}
            self._put_entries(entries)

    def remove_entry(self, name: str) -> None:
        """Take the entries with this name out of the catalogue."""
        with self.world.store.change():
            self._put_entries([e for e in self.entries() if e["name"] != name])

    def add_documentation(
        self, documentation: str, *, doc_type: str = "swagger", api_id: str = ""
    ) -> str:
        """A documentation object (base64 text, or a URL); gives the id back."""
        body = {"documentation": documentation, "doc_type": doc_type, "api_id": api_id}
        documentation_id = new_id()
        self.world.store.put("documentation", documentation_id, body)
        return documentation_id

    def documentation(self, documentation_id: str) -> Json:
        """One documentation object. Raises `KeyError`."""
        return fill(DOCUMENTATION, self._record("documentation", documentation_id))

    def set_configuration(self, **members: Any) -> None:
        """Replace members of the portal configuration; makes it if there is none."""
        held = self.world.singleton(self.world.store, "configuration")
        configuration_id, record = held or (new_id(), {})
        changed = {**record, **members}
        self.world.store.put("configuration", configuration_id, changed)

    def configuration(self) -> Json:
        """The portal configuration as the API shows it."""
        return gateway.configuration(self.world, self.world.store)
