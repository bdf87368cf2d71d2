"""What the gateway holds: key sessions and OAuth clients, and how they are made."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any

from tyk.sandbox import keymaking, passwords
from tyk.sandbox.answers import Refusal
from tyk.sandbox.clock import now as clock_now, request_date, session_date
from tyk.sandbox.shapes import CONFIGURATION, Json, fill
from tyk.sandbox.store import Reader
from tyk.sandbox.world import Mail, World

KEYLESS = "key requests for key-less APIs are not allowed"
NO_POLICY = "No policy found!"
MARKER = re.compile(
    r"[\w-]+\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)


def policy(reader: Reader, reference: str) -> tuple[str, Json] | None:
    """A policy by `_id`, or by the custom `id` it may carry besides."""
    record = reader.get("policies", reference)
    if record is not None:
        return reference, record
    found = reader.find("policies", "custom", reference) if reference else []
    return next(iter(found), None)


def is_live_policy(record: Json) -> bool:
    """A disabled policy makes its keys inactive (TykTechnologies/tyk#1983)."""
    enabled = record.get("active", False) and not record.get("is_inactive")
    return bool(enabled) and record.get("state", "active") == "active"


def auth_kind(world: World, reference: str) -> str:
    """How a policy's keys authenticate: its own word, else that of its first API."""
    found = policy(world.store, reference)
    if found is None:
        return "authToken"
    record = found[1]
    named = [record.get("auth_type"), *(record.get("auth_types") or [])]
    for api_id in record.get("access_rights") or {}:
        named.append((world.store.get("apis", api_id) or {}).get("auth_type"))
    return next((str(kind) for kind in named if kind), "authToken")


def entries_of(reader: Reader, reference: str) -> list[Json]:
    """The catalogue entries that lead to a policy."""
    catalogues = reader.items("catalogue")
    apis = (catalogues[0][1].get("apis") or []) if catalogues else []
    return [entry for entry in apis if entry.get("policy_id") == reference]


def check_policies(world: World, references: list[str]) -> None:
    """Refuse unknown and key-less policies.

    Texts as seen by pytyk's tests and on a live Dashboard.
    """
    for reference in references:
        known = policy(world.store, reference) is not None
        if not known and world.switches.unknown_policy == "refuse":
            raise Refusal(400, NO_POLICY)
        keyless = any(e.get("is_keyless") for e in entries_of(world.store, reference))
        if keyless or auth_kind(world, reference) == "keyless":
            raise Refusal(400, KEYLESS)
    if not references:
        raise Refusal(400, NO_POLICY)


def configuration(world: World, reader: Reader) -> Json:
    """The portal configuration in full, as the switches tint it."""
    held = world.singleton(reader, "configuration")
    record = fill(CONFIGURATION, held[1] if held else {})
    record["id"], record["org_id"] = (held[0] if held else ""), world.org_id
    record["HashKeys"] = world.switches.hashing != "off"
    copy = record["mail_options"]["email_copy"]
    if world.switches.tyk_mails == "key":
        copy["key_email"]["enabled"] = True
    if world.switches.tyk_mails == "welcome":
        copy["welcome_email"]["enabled"] = True
    return record


def mail_on(world: World, name: str) -> bool:
    """Whether Tyk would send this mail (`key_email`, `welcome_email`…)."""
    copy = configuration(world, world.store)["mail_options"]["email_copy"]
    return bool(copy[name]["enabled"])


def send_mail(world: World, kind: str, to: str, *, holds_secret: bool) -> None:
    """Note that Tyk would have sent a mail now."""
    world.mails.append(Mail(kind=kind, to=to, holds_secret=holds_secret))


def _session(world: World, developer_id: str, record: Json, **more: Any) -> Json:
    session = {
        "developer": developer_id,
        "alias": record.get("email", ""),
        "user_fields": record.get("fields") or {},
        "created": session_date(clock_now()),
        # Its id is then the key itself; otherwise an id must not pass for a key.
        "unhashed": world.switches.hashing == "off",
        **more,
    }
    if "org_id" in record:
        session["org_id"] = record["org_id"]
    return session


def _new_token(world: World, org_id: str) -> tuple[str, str]:
    hashing = world.switches.hashing
    while True:
        raw = keymaking.raw_token(org_id, form=world.switches.key_form, hashing=hashing)
        key_id = keymaking.digest(raw, hashing)
        if world.store.get("keys", key_id) is None:
            return raw, key_id


def _attach(world: World, developer_id: str, key_id: str, policies: list[str]) -> None:
    record = world.store.get("developers", developer_id) or {}
    changed = dict(record)
    changed["keys"] = {**(record.get("keys") or {}), key_id: policies}
    # One slot per policy: an older key of the policy drops out of this view.
    taken = dict.fromkeys(policies, key_id)
    changed["subscriptions"] = {**(record.get("subscriptions") or {}), **taken}
    world.store.put("developers", developer_id, changed)


def _mint_token(world: World, developer_id: str, request: Json) -> Json:
    record = world.store.get("developers", developer_id) or {}
    raw, key_id = _new_token(world, record.get("org_id", world.org_id))
    session = _session(world, developer_id, record, kind="token", **request)
    world.store.put("keys", key_id, session)
    _attach(world, developer_id, key_id, request["policies"])
    return {"RawKey": raw, "Password": ""}


def _mint_basic(world: World, developer_id: str, request: Json) -> Json:
    record = world.store.get("developers", developer_id) or {}
    name, password = keymaking.word(10), keymaking.word(12)
    org_id = record.get("org_id", world.org_id)
    key_id = keymaking.basic_id(org_id, name, world.switches.hashing)
    session = _session(world, developer_id, record, kind="basic", **request)
    session["password"] = passwords.sealed(password)
    world.store.put("keys", key_id, session)
    _attach(world, developer_id, key_id, request["policies"])
    return {"RawKey": name, "Password": password}


def _mint_client(
    world: World, developer_id: str, request: Json, redirect_uri: str
) -> Json:
    record = world.store.get("developers", developer_id) or {}
    reference, fields = request["policies"][0], request["fields"]
    client_id = secrets.token_hex(16)
    secret = base64.b64encode(secrets.token_bytes(24)).decode()
    client = {
        "client_id": client_id,
        "secret": secret,
        "redirect_uri": redirect_uri,
        "app_description": fields.get("oauth_app_description", ""),
        "use_case": fields.get("oauth_use_case", ""),
        "date_created": request_date(clock_now()),
    }
    clients = dict(record.get("oauth_clients") or {})
    clients[reference] = [*clients.get(reference, []), client]
    session = _session(world, developer_id, record, kind="oauth", **request)
    session["secret"] = passwords.sealed(secret)
    world.store.put("clients", client_id, session)
    world.store.put("developers", developer_id, {**record, "oauth_clients": clients})
    return {
        "client_id": client_id,
        "secret": secret,
        "policy_id": reference,
        "redirect_uri": redirect_uri,
    }


def mint(
    world: World,
    developer_id: str,
    *,
    policies: list[str],
    fields: Json,
    redirect_uri: str = "",
) -> Json:
    """Make a key, a basic-auth pair or an OAuth client; the answer of *approve*.

    The secrets are in this answer only (Tyk docs, manage-key-requests); an OAuth
    client's secret stays readable in the developer record, as in Tyk.
    """
    request = {"policies": policies, "fields": fields}
    kind = auth_kind(world, policies[0])
    if kind == "oauth":
        answer = _mint_client(world, developer_id, request, redirect_uri)
    elif kind == "basic":
        answer = _mint_basic(world, developer_id, request)
    else:
        answer = _mint_token(world, developer_id, request)
    if mail_on(world, "key_email"):
        record = world.store.get("developers", developer_id) or {}
        send_mail(world, "key", record.get("email", ""), holds_secret=True)
    if world.switches.approve_answer == "raw_key_only":
        answer.pop("Password", None) if kind != "basic" else None
    return answer


def forget_key(world: World, developer_id: str, key_id: str) -> None:
    """Delete a session and take it out of its developer's record."""
    record = world.store.get("developers", developer_id) or {}
    keys = dict(record.get("keys") or {})
    policies = keys.pop(key_id, None) or []
    clears = world.switches.deleted_key_subscription == "clears"
    subscriptions = {
        reference: held
        for reference, held in (record.get("subscriptions") or {}).items()
        if held != key_id and not (clears and reference in policies)
    }
    world.store.delete("keys", key_id)
    changed = {**record, "keys": keys, "subscriptions": subscriptions}
    world.store.put("developers", developer_id, changed)


def is_live(world: World, session: Json) -> bool:
    """Whether the gateway would serve a call made with this session."""
    if session.get("overrides", {}).get("is_inactive"):
        return False
    found = [policy(world.store, reference) for reference in session["policies"]]
    return all(item is not None and is_live_policy(item[1]) for item in found)


def marker(session: Json) -> str | None:
    """The `<instance>.<uuid>` a portal wrote into the request's fields."""
    values = [str(value) for value in session["fields"].values()]
    return next((v for v in values if MARKER.fullmatch(v)), None)


def key_id_of(world: World, raw: str) -> str | None:
    """The id under which the gateway knows a raw key or user name, if it does."""
    plain = world.store.get("keys", raw)
    if plain is not None and plain.get("unhashed"):
        return raw
    ids = [*keymaking.hashed_ids(raw), *_basic_ids(world, raw)]
    return next((i for i in ids if world.store.get("keys", i) is not None), None)


def _basic_ids(world: World, username: str) -> list[str]:
    hashings = ("murmur32", "off")
    return [keymaking.basic_id(world.org_id, username, h) for h in hashings]


def _held(world: World, ids: list[str], kind: str) -> Json | None:
    found = (world.store.get("keys", key_id) for key_id in ids)
    return next((s for s in found if s is not None and s["kind"] == kind), None)


def session_for(
    world: World,
    *,
    key: str | None = None,
    username: str | None = None,
    password: str = "",
    client_id: str | None = None,
    secret: str = "",
) -> Json | None:
    """The session a caller of the gateway would be given, if any."""
    if key is not None:
        return _held(world, [key_id_of(world, key) or ""], "token")
    if client_id is not None:
        session, given, member = world.store.get("clients", client_id), secret, "secret"
    else:
        session = _held(world, _basic_ids(world, username or ""), "basic")
        given, member = password, "password"
    right = session is not None and passwords.matches(given, session.get(member, ""))
    return session if right else None
