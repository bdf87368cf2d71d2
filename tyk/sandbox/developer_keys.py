"""A developer's keys and OAuth clients (Tyk docs, portal-keys)."""

from __future__ import annotations

from tyk.sandbox import answers, developers, gateway
from tyk.sandbox.answers import Answer, Refusal
from tyk.sandbox.shapes import ADD_KEY, Json
from tyk.sandbox.world import Call, World

NOT_DELETED = "Could not delete key."


def issue_key(world: World, call: Call) -> Answer:
    """Makes and approves in one step; every call makes another key."""
    body = call.decoded(ADD_KEY)
    item = developers.find(world, world.store, call.params["developerId"])
    single = [body["policy_id"]] if body.get("policy_id") else []
    policies = body.get("apply_policies") or single
    gateway.check_policies(world, policies)
    made = gateway.mint(
        world,
        item[0],
        policies=policies,
        fields=body.get("fields") or {},
        redirect_uri=(body.get("oauth_info") or {}).get("redirect_uri", ""),
    )
    return answers.body(made)


def _holding(world: World, call: Call) -> tuple[str, str, Json]:
    """Developer, key id and developer record; the key must be on the record."""
    developer_id, record = developers.find(
        world, world.store, call.params["developerId"]
    )
    key_id = call.params["keyId"]
    if key_id not in (record.get("keys") or {}):
        raise Refusal(404, answers.NO_DELETION)
    return developer_id, key_id, record


def _apply(world: World, call: Call, policies: list[str]) -> Answer:
    developer_id, key_id, record = _holding(world, call)
    gateway.check_policies(world, policies)
    session = world.store.get("keys", key_id)
    if session is not None:
        world.store.put("keys", key_id, {**session, "policies": policies})
    subscriptions = {
        reference: held
        for reference, held in (record.get("subscriptions") or {}).items()
        if held != key_id
    }
    subscriptions.update(dict.fromkeys(policies, key_id))
    keys = {**record["keys"], key_id: policies}
    developers.change(world, developer_id, keys=keys, subscriptions=subscriptions)
    return world.done("Data updated")


def change_key(world: World, call: Call) -> Answer:
    """Replaces the policies; the key itself stays the same."""
    body = call.decoded({"apply_policies": "strings"})
    return _apply(world, call, body.get("apply_policies") or [])


def change_key_by_get(world: World, call: Call) -> Answer:
    """The deprecated GET that writes."""
    return _apply(world, call, [call.params["policyId"]])


def refuse_deletion_by_hash(world: World) -> None:
    """What a gateway without `enable_delete_key_by_hash` leads to."""
    if world.switches.hashing == "off":
        return
    if world.switches.delete_by_hash == "refused":
        raise Refusal(400, NOT_DELETED)
    if world.switches.delete_by_hash == "failing":
        raise Refusal(500, NOT_DELETED)


def revoke_key(world: World, call: Call) -> Answer:
    developer_id, key_id, _ = _holding(world, call)
    refuse_deletion_by_hash(world)
    gateway.forget_key(world, developer_id, key_id)
    return world.done("Data deleted")


def reset_quota(world: World, call: Call) -> Answer:
    _, key_id, _ = _holding(world, call)
    session = world.store.get("keys", key_id)
    if session is not None:
        rest = {k: v for k, v in session.items() if k != "spent"}
        world.store.put("keys", key_id, rest)
    return world.done("Data updated")


def delete_oauth_client(world: World, call: Call) -> Answer:
    client_id = call.params["appId"]
    session = world.store.get("clients", client_id)
    if session is None or not world.ours(session):
        raise Refusal(404, answers.NO_DELETION)
    developer_id = session["developer"]
    record = world.store.get("developers", developer_id) or {}
    clients = {
        reference: [c for c in held if c["client_id"] != client_id]
        for reference, held in (record.get("oauth_clients") or {}).items()
    }
    left = {reference: held for reference, held in clients.items() if held}
    world.store.delete("clients", client_id)
    if record:
        developers.change(world, developer_id, oauth_clients=left)
    return world.done("Data deleted")
