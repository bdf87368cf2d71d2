"""Key requests: asking, approving, declining (Tyk docs, manage-key-requests)."""

from __future__ import annotations

from collections.abc import Callable

from tyk.sandbox import answers, catalogue, developers, gateway
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.shapes import KEY_REQUEST, KEY_REQUEST_OPTIONAL, Json, fill, sparse
from tyk.sandbox.store import Item, Reader
from tyk.sandbox.world import Call, World, listed, new_id

PROCESSED = "Key request has already been processed."
NOT_APPROVED = "Could not approve key request."
EMBEDDED = {
    "id",
    "_id",
    "org_id",
    "portal_developer",
    "catalogue_entry",
    "catalogues",
}


def _own_members(world: World, item: Item, id_member: str) -> Json:
    request_id, record = item
    full: Json = {id_member: request_id, **fill(KEY_REQUEST, record)}
    full["org_id"] = record.get("org_id", world.org_id)
    return full


def writer(
    world: World, reader: Reader, *, id_member: str = "id"
) -> Callable[[Item], str]:
    """A function that writes a request with its developer and entries inside.

    The embedded objects are put together as text: a list of 200,000 requests repeats
    the same few entries, and encoding them anew each time would take minutes.
    """
    entries = catalogue.entry_texts(world, reader)

    def write(item: Item) -> str:
        head = encode(_own_members(world, item, id_member))[:-1]
        user = reader.get("developers", item[1].get("by_user", ""))
        person = developers.nobody(world)
        if user is not None:
            person = developers.shown(world, (item[1]["by_user"], user))
        found = [
            entries[reference]
            for reference in item[1].get("apply_policies") or []
            if reference in entries
        ]
        first = f',"catalogue_entry":{found[0]}' if found else ""
        several = f"[{','.join(found)}]" if found else "null"
        return f'{head},"portal_developer":{encode(person)}{first},"catalogues":{several}}}'

    return write


def list_requests(world: World, call: Call) -> Answer:
    """`approved=true|false` filters; nothing filters by developer."""
    items = world.own_items(call.reader, "requests")
    wanted = call.query.get("approved", "")
    if wanted in ("true", "false"):
        items = [i for i in items if i[1].get("approved", False) is (wanted == "true")]
    member = world.switches.request_list_id
    write = writer(world, call.reader, id_member=member)
    return listed(world, items, call.query, write=write)


def _find(world: World, reader: Reader, request_id: str) -> Item:
    record = reader.get("requests", request_id)
    if record is None or not world.ours(record):
        raise Refusal(404, answers.NO_OBJECT)
    return request_id, record


def get_request(world: World, call: Call) -> Answer:
    item = _find(world, call.reader, call.params["requestId"])
    return Answer(text=writer(world, call.reader)(item))


def _record(body: Json) -> Json:
    """Both policy members, whichever was sent; no date unless one was sent."""
    record = {name: value for name, value in body.items() if name not in EMBEDDED}
    single = [record["for_plan"]] if record.get("for_plan") else []
    policies = record.get("apply_policies") or single
    if policies:
        record["apply_policies"] = policies
        record.setdefault("for_plan", policies[0])
    return sparse(record, KEY_REQUEST)


def create_request(world: World, call: Call) -> Answer:
    """`approved: true` at creation counts as processed (liip/wp-tyk-dev-portal#8)."""
    record = _record(call.decoded(KEY_REQUEST, KEY_REQUEST_OPTIONAL))
    user = world.store.get("developers", record.get("by_user", ""))
    unknown = user is None or not world.ours(user)
    if unknown and world.switches.unknown_developer == "refuse":
        raise Refusal(400, "Developer not found.")
    gateway.check_policies(world, record.get("apply_policies") or [])
    request_id = new_id()
    world.store.put("requests", request_id, record)
    if world.switches.create_request_answer == "text":
        return world.done("Data updated")
    return world.done(request_id)


def update_request(world: World, call: Call) -> Answer:
    """Full replacement; the answer's Message is the id."""
    request_id, old = _find(world, world.store, call.params["requestId"])
    record = _record(call.decoded(KEY_REQUEST, KEY_REQUEST_OPTIONAL))
    if "org_id" in old:
        record["org_id"] = old["org_id"]
    world.store.put("requests", request_id, record)
    return world.done(request_id)


def delete_request(world: World, call: Call) -> Answer:
    """Declining. An approved request's key stays alive."""
    request_id = call.params["requestId"]
    record = world.store.get("requests", request_id)
    if record is None or not world.ours(record):
        raise Refusal(404, answers.NO_DELETION)
    world.store.delete("requests", request_id)
    return world.done("Data deleted")


def approve_request(world: World, call: Call) -> Answer:
    """Mints the key and shows it, once.

    A second call is 400, an unknown id 500 (both seen by pytyk's tests).
    """
    return answers.body(approve(world, call.params["requestId"]))


def approve(world: World, request_id: str) -> Json:
    """Approve one request, from wherever it is asked; the answer with the key."""
    record = world.store.get("requests", request_id)
    if record is None or not world.ours(record):
        raise Refusal(world.switches.approve_unknown, NOT_APPROVED)
    if record.get("approved") and world.switches.approve_again == "refuse":
        raise Refusal(400, PROCESSED)
    developer_id = record.get("by_user", "")
    developers.find(world, world.store, developer_id)
    policies = record.get("apply_policies") or []
    _check_still_there(world, policies)
    gateway.check_policies(world, policies)
    with world.store.change():
        world.store.put("requests", request_id, {**record, "approved": True})
        if _left_to_developer(world):
            return {"RawKey": "", "Password": ""}
        return gateway.mint(
            world,
            developer_id,
            policies=policies,
            fields=record.get("fields") or {},
            redirect_uri=(record.get("oauth_info") or {}).get("redirect_uri", ""),
        )


def _check_still_there(world: World, policies: list[str]) -> None:
    """A request may outlive its policy; no gateway makes a key from nothing."""
    if any(gateway.policy(world.store, reference) is None for reference in policies):
        raise Refusal(400, gateway.NO_POLICY)


def _left_to_developer(world: World) -> bool:
    """Secure approval (3.1+): the developer makes the key on Tyk's own pages."""
    secure = gateway.configuration(world, world.store)["secure_key_approval"]
    return bool(secure) and world.switches.secure_approval_answer == "empty"
