"""Policies (Tyk docs, portal-policies)."""

from __future__ import annotations

import re
import time

from tyk.sandbox import answers, gateway
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.clock import now, policy_date
from tyk.sandbox.shapes import POLICY, Json, fill, sparse
from tyk.sandbox.store import Item
from tyk.sandbox.world import Call, World, is_id, listed, new_id

BAD_ID = "Invalid policy ID."
NAME_TAKEN = "This policy name has already been used. Enter a unique policy name."
HEX = re.compile(r"[0-9a-f]+")
SORTS = ("date_created", "name", "state")


def _legacy_rights(rights: Json) -> Json:
    """Before 3.2 the list printed `apiname`/`apiid` (TykTechnologies/tyk#192)."""
    return {
        api_id: {
            "apiname": right.get("api_name", ""),
            "apiid": right.get("api_id", api_id),
            "versions": right.get("versions"),
        }
        for api_id, right in rights.items()
    }


def _rights_array(rights: Json) -> list[Json]:
    members = ("api_name", "api_id", "versions", "limit")
    return [{m: right.get(m) for m in members} for right in rights.values()]


def shown(world: World, item: Item, *, legacy: bool = False) -> Json:
    """A policy as the API writes it; `id` is `_id` unless a custom one was given."""
    policy_id, record = item
    full = fill(POLICY, record)
    full["_id"], full["id"] = policy_id, record.get("id", policy_id)
    full["org_id"] = record.get("org_id", world.org_id)
    rights = full["access_rights"] or {}
    full["access_rights_array"] = _rights_array(rights) or None
    if legacy:
        full["access_rights"] = _legacy_rights(rights)
    return full


def _answer(world: World, call: Call, items: list[Item]) -> Answer:
    wanted = call.query.get("active", "")
    if wanted in ("true", "false"):
        items = [i for i in items if i[1].get("active", False) is (wanted == "true")]
    legacy = world.switches.policy_access_rights == "legacy"
    answer = listed(
        world,
        items,
        call.query,
        write=lambda item: encode(shown(world, item, legacy=legacy)),
    )
    return answer


def list_policies(world: World, call: Call) -> Answer:
    return _answer(world, call, world.own_items(call.reader, "policies"))


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _found_by_search(item: Item, query: dict[str, str]) -> bool:
    policy_id, record = item
    ids, apis = _split(query.get("policy_ids", "")), _split(query.get("api_id", ""))
    kinds = [record.get("auth_type"), *(record.get("auth_types") or [])]
    return (
        query.get("q", "").casefold() in record.get("name", "").casefold()
        and (not ids or policy_id in ids)
        and (not apis or any(a in (record.get("access_rights") or {}) for a in apis))
        and query.get("state", "") in ("", record.get("state", ""))
        and (not query.get("auth_type") or query["auth_type"] in kinds)
    )


def search_policies(world: World, call: Call) -> Answer:
    """Filters and sorts; ids that are no hex are a 400."""
    ids = _split(call.query.get("policy_ids", ""))
    if any(HEX.fullmatch(policy_id) is None for policy_id in ids):
        raise Refusal(400, "Policy ID is not in hex format.")
    items = [
        item
        for item in world.own_items(call.reader, "policies")
        if _found_by_search(item, call.query)
    ]
    order = call.query.get("sort", "")
    if order.lstrip("-") in SORTS:
        items.sort(
            key=lambda item: str(item[1].get(order.lstrip("-"), "")),
            reverse=order.startswith("-"),
        )
    return _answer(world, call, items)


def _find(world: World, call: Call, *, missing: str) -> Item:
    reference = call.params["policyId"]
    found = gateway.policy(call.reader, reference)
    if found is not None and world.ours(found[1]):
        return found
    if not is_id(reference):
        raise Refusal(400, BAD_ID)
    raise Refusal(404, missing)


def get_policy(world: World, call: Call) -> Answer:
    found = _find(world, call, missing=answers.NO_OBJECT)
    return answers.body(shown(world, found))


def _content(body: Json) -> Json:
    derived = ("_id", "org_id", "access_rights_array", "last_updated")
    kept = {name: value for name, value in body.items() if name not in derived}
    if not kept.get("id"):
        kept.pop("id", None)
    return {**kept, "last_updated": str(int(time.time()))}


def _check_name(world: World, name: str, *, besides: str = "") -> None:
    taken = any(
        item[0] != besides and item[1].get("name") == name
        for item in world.own_items(world.store, "policies")
    )
    if taken and world.switches.policy_name_reuse == "refuse":
        raise Refusal(400, NAME_TAKEN)


def create_policy(world: World, call: Call) -> Answer:
    body = call.decoded(POLICY)
    _check_name(world, body.get("name", ""))
    return world.done(add(world, body))


def add(world: World, body: Json) -> str:
    """Store a policy whatever the rules say; gives `_id` back."""
    policy_id = new_id()
    record = {"date_created": policy_date(now()), **_content(body)}
    world.store.put("policies", policy_id, sparse(record, POLICY))
    return policy_id


def update_policy(world: World, call: Call) -> Answer:
    """Full replacement."""
    policy_id, _ = _find(world, call, missing=answers.NO_OBJECT)
    body = call.decoded(POLICY)
    _check_name(world, body.get("name", ""), besides=policy_id)
    content = _content(body)
    if content.get("id") == policy_id:
        del content["id"]
    world.store.put("policies", policy_id, sparse(content, POLICY))
    return world.done("Data updated")


def delete_policy(world: World, call: Call) -> Answer:
    """Entries, requests and keys that name it are left as they are."""
    policy_id, _ = _find(world, call, missing=answers.NO_DELETION)
    world.store.delete("policies", policy_id)
    return world.done("Data deleted")
