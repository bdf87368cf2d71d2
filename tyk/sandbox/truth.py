"""What Tyk really holds, and what a person at a real Dashboard could change there.

For tests and for the control room; nothing here goes through the API, so neither a
switch nor a fault stands between the caller and the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tyk.sandbox import developers, gateway, key_requests, keymaking, usage
from tyk.sandbox.answers import Refusal
from tyk.sandbox.clock import developer_date, now, request_date
from tyk.sandbox.shapes import KEY_REQUEST, Json, decode, fill, sparse
from tyk.sandbox.shelf import Shelf
from tyk.sandbox.store import Item
from tyk.sandbox.world import new_id


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key session or OAuth client. `id` is what Tyk lists it under.

    With hashing off `id` is the raw key; `shown_id` never is.
    """

    id: str = field(repr=False)
    shown_id: str
    kind: str
    developer: str
    policies: tuple[str, ...]
    fields: Mapping[str, str]
    marker: str | None
    alias: str
    created: str
    live: bool

    def as_dict(self) -> Json:
        """Ready for JSON and for eyes: without `id`."""
        record = asdict(self)
        del record["id"]
        return {**record, "policies": list(self.policies)}


class Truth(Shelf):
    """Look and change without going through the API."""

    # -- developers

    def add_developer(
        self,
        email: str,
        *,
        password: str | None = None,
        fields: Mapping[str, str] | None = None,
        inactive: bool = False,
        org_id: str | None = None,
        **members: Any,
    ) -> str:
        """A developer, whatever the rules say; gives the id back.

        `members` are members of the record as the API spells them (`sso_key`, `nonce`,
        `keys`, `date_created`…). A foreign `org_id` makes the developer invisible
        unless the switch `foreign_records` is `shown`.
        """
        given: Json = {"email": email, "password": password, "inactive": inactive}
        given["fields"] = None if fields is None else dict(fields)
        body = {k: v for k, v in {**given, **members}.items() if v is not None}
        with self.world.store.change():
            return developers.add(self.world, body, org_id=org_id)

    def edit_developer(self, developer_id: str, **members: Any) -> None:
        """Replace members of a developer, `password` among them.

        Raises `KeyError` for an unknown id.
        """
        self.developer(developer_id)
        password = members.pop("password", None)
        with self.world.store.change():
            if password is not None:
                developers.set_password(self.world, developer_id, password)
                members["password_updated"] = developer_date(now())
            developers.change(self.world, developer_id, **members)

    def delete_developer(self, developer_id: str) -> None:
        """With keys and OAuth clients; requests stay. Raises `KeyError`."""
        self.developer(developer_id)
        with self.world.store.change():
            developers.remove(self.world, developer_id)

    def developer(self, developer_id: str) -> Json:
        """The record as `GET developers/{id}` shows it. Raises `KeyError`."""
        record = self.world.store.get("developers", developer_id)
        if record is None:
            raise KeyError(developer_id)
        return developers.shown(self.world, (developer_id, record))

    def developers(self) -> list[Json]:
        """All developers, oldest first, of whatever organisation."""
        items = self.world.store.items("developers")
        return [developers.shown(self.world, item) for item in items]

    def developer_by_email(self, email: str) -> Json:
        """The oldest developer with exactly this address. Raises `KeyError`."""
        found = self.world.store.find("developers", "email", email)
        if not found:
            raise KeyError(email)
        return developers.shown(self.world, found[0])

    def password_is(self, email: str, password: str) -> bool:
        """Whether any developer with exactly this address has this password."""
        found = self.world.store.find("developers", "email", email)
        return any(developers.knows_password(self.world, i, password) for i in found)

    # -- requests and keys

    def add_request(
        self,
        developer_id: str,
        policy_id: str,
        *,
        fields: Mapping[str, str] | None = None,
        approved: bool = False,
        date_created: str | datetime | None = None,
        redirect_uri: str = "",
        **members: Any,
    ) -> str:
        """A key request as made elsewhere; gives the id back.

        `approved` only marks it; no key is made (use `approve` for that).
        """
        moment = date_created or now()
        text = moment if isinstance(moment, str) else request_date(moment)
        body: Json = {
            "by_user": developer_id,
            "apply_policies": [policy_id],
            "for_plan": policy_id,
            "fields": dict(fields or {}),
            "approved": approved,
            "date_created": text,
            "version": "v2",
            **members,
        }
        if redirect_uri:
            body["oauth_info"] = {"redirect_uri": redirect_uri}
        request_id = new_id()
        record = sparse(decode(body, KEY_REQUEST), KEY_REQUEST)
        self.world.store.put("requests", request_id, record)
        return request_id

    def requests(self) -> list[Json]:
        """All key requests, oldest first, without the embedded objects."""
        items = self.world.store.items("requests")
        return [self._request_shown(item) for item in items]

    def request(self, request_id: str) -> Json:
        """One key request. Raises `KeyError`."""
        return self._request_shown((request_id, self._record("requests", request_id)))

    def _request_shown(self, item: Item) -> Json:
        return {"id": item[0], **fill(KEY_REQUEST, item[1])}

    def approve(self, request_id: str) -> Json:
        """Approve as a person at the Dashboard would; the answer with the key.

        Raises `ValueError` with Tyk's text if it refuses.
        """
        try:
            with self.world.store.change():
                return key_requests.approve(self.world, request_id)
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal

    def decline(self, request_id: str) -> None:
        """Delete a request, which is all that declining is. Raises `KeyError`."""
        self._record("requests", request_id)
        self.world.store.delete("requests", request_id)

    def edit_request(self, request_id: str, **members: Any) -> None:
        """Replace members of a request. Raises `KeyError`."""
        record = self._record("requests", request_id)
        self.world.store.put("requests", request_id, {**record, **members})

    def issue_key(
        self,
        developer_id: str,
        policy_id: str,
        *,
        fields: Mapping[str, str] | None = None,
    ) -> str:
        """A key made by hand at the Dashboard; gives the raw key back.

        For a basic-auth policy that is the user name, for OAuth the client id.
        """
        self.developer(developer_id)
        with self.world.store.change():
            made = gateway.mint(
                self.world,
                developer_id,
                policies=[policy_id],
                fields=dict(fields or {}),
            )
        return str(made.get("RawKey") or made["client_id"])

    def _key_record(self, key_id: str, session: Json) -> KeyRecord:
        return KeyRecord(
            id=key_id,
            shown_id=keymaking.shown_id(key_id),
            kind=session["kind"],
            developer=session["developer"],
            policies=tuple(session["policies"]),
            fields=dict(session["fields"]),
            marker=gateway.marker(session),
            alias=session["alias"],
            created=session["created"],
            live=gateway.is_live(self.world, session),
        )

    def keys(self) -> list[KeyRecord]:
        """Every key session and OAuth client that exists, oldest first."""
        held = [*self.world.store.items("keys"), *self.world.store.items("clients")]
        return [self._key_record(key_id, session) for key_id, session in held]

    def keys_of(self, developer_id: str) -> list[KeyRecord]:
        """The key sessions and OAuth clients of one developer."""
        return [key for key in self.keys() if key.developer == developer_id]

    def key_id(self, raw: str) -> str:
        """The id Tyk lists a raw key under. Raises `KeyError` if it is not there."""
        key_id = gateway.key_id_of(self.world, raw)
        if key_id is None:
            message = "no such key"
            raise KeyError(message)
        return key_id

    def delete_key(self, key_id: str, *, forget: bool = True) -> None:
        """Delete a key; without `forget` the developer's record still names it."""
        session = self._record("keys", key_id)
        with self.world.store.change():
            if forget:
                gateway.forget_key(self.world, session["developer"], key_id)
            self.world.store.delete("keys", key_id)

    def gateway_accepts(self, raw: str | None = None, **pair: str) -> bool:
        """Whether the gateway would serve a call.

        `raw`, or `username` and `password`, or `client_id` and `secret`.
        """
        session = gateway.session_for(self.world, key=raw, **pair)
        return session is not None and gateway.is_live(self.world, session)

    def record_usage(
        self,
        key_id: str,
        *,
        hits: int = 1,
        code: int = 200,
        at: datetime | None = None,
        path: str = "/",
    ) -> None:
        """Count calls made with a key; `at` is aware, now if left out."""
        with self.world.store.change():
            usage.record(
                self.world, key_id, hour=at or now(), code=code, hits=hits, path=path
            )

    # -- many at once

    def add_many(self, kind: str, records: Iterable[Item]) -> None:
        """Bulk insert of `(id, record)`: 100,000 developers take seconds.

        `kind` is `developers`, `requests`, `policies`…; records are as the API spells
        them, without ids, and are taken as they are.
        """
        self.world.store.bulk(kind, records)
