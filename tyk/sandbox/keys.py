"""Key sessions as the Dashboard relays them from the gateway."""

from __future__ import annotations

import time
from typing import Any

from tyk.sandbox import answers, developer_keys, gateway, keymaking
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.clock import ZERO_DATE
from tyk.sandbox.shapes import SESSION, Json, Malformed, decode, fill
from tyk.sandbox.store import Item, Reader
from tyk.sandbox.world import Call, World, empty_rows, page_of, pages_in

NO_DETAIL = "Could not retrieve key detail."
FOREIGN = "Attempted access to non-owned key."
NO_KEYS = "Could not retrieve keys."
INVALID = "User/Key object validation failed, most likely malformed input."


def _policies(reader: Reader, session: Json) -> list[Item]:
    found = (gateway.policy(reader, reference) for reference in session["policies"])
    return [item for item in found if item is not None]


def _limits(session: Json, policies: list[Item]) -> Json:
    """Limits of the first policy that exists, unless written over."""
    record = policies[0][1] if policies else {}
    names = ("rate", "per", "quota_max", "quota_renewal_rate", "max_query_depth")
    limits = {name: record.get(name, 0) for name in names}
    limits["throttle_interval"] = record.get("throttle_interval", 0)
    limits["throttle_retry_limit"] = record.get("throttle_retry_limit", 0)
    limits["allowance"] = limits["rate"]
    most = limits["quota_max"]
    limits["quota_remaining"] = max(most - session.get("spent", 0), 0)
    if most > 0:
        limits["quota_renews"] = int(time.time()) + int(limits["quota_renewal_rate"])
    return limits


def _rights(policies: list[Item]) -> Json:
    rights: Json = {}
    for _, record in policies:
        rights.update(record.get("access_rights") or {})
    return rights


def _meta(session: Json) -> Json:
    """What approving copies into the key (Tyk docs, developer-meta-data)."""
    return {
        "tyk_developer_id": session["developer"],
        "tyk_key_request_fields": session["fields"],
        "tyk_user_fields": session["user_fields"],
    }


def session_shown(world: World, reader: Reader, session: Json) -> Json:
    """The session members; recent gateways drop those at zero."""
    policies = _policies(reader, session)
    held: dict[str, Any] = {
        "date_created": session["created"],
        "org_id": session.get("org_id", world.org_id),
        "access_rights": _rights(policies) or None,
        "apply_policies": [record.get("id", i) for i, record in policies],
        "meta_data": _meta(session),
        "alias": session["alias"],
        "tags": [],
        **_limits(session, policies),
    }
    full = fill(SESSION, {**held, **session.get("overrides", {})})
    if world.switches.session_zero_values == "present":
        return full
    hollow: tuple[Any, ...] = (None, "", 0, False, [], {}, ZERO_DATE)
    nested = ("basic_auth_data", "jwt_data", "monitor")
    return {k: v for k, v in full.items() if v not in hollow and k not in nested}


def _detail(world: World, reader: Reader, item: Item) -> Json:
    hashed = world.switches.hashing != "off"
    return {
        "api_model": {},
        "key_id": item[0],
        "key_hash": item[0] if hashed else "",
        "data": session_shown(world, reader, item[1]),
    }


def _session_id(world: World, call: Call) -> str:
    """The id a key is stored under: `hashed` says that the path holds it already."""
    key_id = call.params["keyId"]
    if call.query.get("hashed") or world.switches.hashing == "off":
        return key_id
    if call.query.get("username"):
        return keymaking.basic_id(world.org_id, key_id, world.switches.hashing)
    return keymaking.digest(key_id, world.switches.hashing)


def _find(world: World, call: Call, *, status: int, missing: str) -> Item:
    key_id = _session_id(world, call)
    session = call.reader.get("keys", key_id)
    if session is None:
        raise Refusal(status, missing)
    if "org_id" in session:
        raise Refusal(400, FOREIGN)
    return key_id, session


def get_key(world: World, call: Call) -> Answer:
    """A hash in the path needs `hashed=` something; the API id may be `-`."""
    item = _find(world, call, status=404, missing=NO_DETAIL)
    detail = _detail(world, call.reader, item)
    return answers.body({**detail, "key_id": call.params["keyId"]})


def update_key(world: World, call: Call) -> Answer:
    """Replaces the session's members; answers the key object."""
    key_id, session = _find(world, call, status=404, missing=NO_DETAIL)
    try:
        body = decode(call.json(), SESSION)
    except Malformed:
        raise Refusal(400, INVALID) from None
    fixed = ("meta_data", "org_id", "date_created", "apply_policies", "access_rights")
    overrides = {k: v for k, v in body.items() if k in SESSION and k not in fixed}
    changed = {**session, "overrides": overrides}
    changed["policies"] = body.get("apply_policies", session["policies"])
    if not call.query.get("suppress_reset"):
        changed.pop("spent", None)
    world.store.put("keys", key_id, changed)
    return answers.body(_detail(world, world.store, (key_id, changed)))


def delete_key(world: World, call: Call) -> Answer:
    """The gateway forgets the key; the developer's record still names it."""
    key_id, _ = _find(world, call, status=500, missing=developer_keys.NOT_DELETED)
    if call.query.get("hashed"):
        developer_keys.refuse_deletion_by_hash(world)
    world.store.delete("keys", key_id)
    return world.done("Key deleted successfully.")


def _listed(world: World, call: Call, *, api_id: str = "") -> list[Item]:
    """The organisation's keys; hidden unless listing of hashes is enabled."""
    hashed = world.switches.hashing != "off"
    if hashed and world.switches.hashed_keys_listing == "off":
        raise Refusal(404, NO_KEYS)
    items = [i for i in call.reader.items("keys") if "org_id" not in i[1]]
    if not api_id:
        return items
    return [i for i in items if api_id in _rights(_policies(call.reader, i[1]))]


def _key_list(world: World, call: Call, items: list[Item]) -> Answer:
    ids = [key_id for key_id, _ in page_of(world, items, call.query)]
    pages = pages_in(world, len(items), call.query)
    rows = encode(ids) if ids else empty_rows(world)
    return Answer(text=f'{{"data":{{"keys":{rows}}},"pages":{pages}}}')


def list_all_keys(world: World, call: Call) -> Answer:
    return _key_list(world, call, _listed(world, call))


def list_api_keys(world: World, call: Call) -> Answer:
    return _key_list(world, call, _listed(world, call, api_id=call.params["apiId"]))


def list_keys_detailed(world: World, call: Call) -> Answer:
    items = _listed(world, call)
    wanted = call.query.get("q", "")
    items = [item for item in items if wanted in item[0]]
    rows = [
        {"key_id": item[0], "data": session_shown(world, call.reader, item[1])}
        for item in page_of(world, items, call.query)
    ]
    text = encode(rows) if rows else empty_rows(world)
    pages = pages_in(world, len(items), call.query)
    return Answer(text=f'{{"keys":{text},"pages":{pages}}}')
