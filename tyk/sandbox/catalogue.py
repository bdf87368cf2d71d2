"""The catalogue: one document per organisation, replaced as a whole."""

from __future__ import annotations

from tyk.sandbox import answers, gateway
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.shapes import CATALOGUE, ENTRY, Json, fill
from tyk.sandbox.store import Reader
from tyk.sandbox.world import Call, World, new_id


def entry_texts(world: World, reader: Reader) -> dict[str, str]:
    """The first catalogue entry of every policy, as JSON text."""
    held = world.singleton(reader, "catalogue")
    entries = (held[1].get("apis") or []) if held else []
    found: dict[str, str] = {}
    for entry in entries:
        found.setdefault(entry.get("policy_id", ""), encode(fill(ENTRY, entry)))
    found.pop("", None)
    return found


def shown(world: World, reader: Reader) -> Json:
    """The catalogue as the API writes it; empty ids before it exists."""
    held = world.singleton(reader, "catalogue")
    full = fill(CATALOGUE, held[1] if held else {})
    full["id"], full["org_id"] = (held[0] if held else ""), world.org_id
    return full


def get_catalogue(world: World, call: Call) -> Answer:
    absent = world.singleton(call.reader, "catalogue") is None
    if absent and world.switches.catalogue_before_init == "missing":
        raise Refusal(404, answers.NO_OBJECT)
    return answers.body(shown(world, call.reader))


def _check_entries(world: World, entries: list[Json]) -> None:
    for entry in entries:
        if entry.get("is_keyless"):
            continue
        if gateway.policy(world.store, entry.get("policy_id", "")) is None:
            name = entry.get("name", "")
            text = f"Portal Catalogue API {name} should have a valid policy_id"
            raise Refusal(400, text)


def _content(body: Json) -> Json:
    return {name: body[name] for name in ("apis", "email") if name in body}


def create_catalogue(world: World, call: Call) -> Answer:
    """Once per organisation; what a second one does is a switch."""
    body = call.decoded(CATALOGUE)
    there = world.singleton(world.store, "catalogue") is not None
    if there and world.switches.second_catalogue == "refuse":
        raise Refusal(400, answers.NO_CREATION)
    _check_entries(world, body.get("apis") or [])
    catalogue_id = new_id()
    world.store.put("catalogue", catalogue_id, _content(body))
    return world.done(catalogue_id)


def update_catalogue(world: World, call: Call) -> Answer:
    """The id is in the body; `apis` is replaced whole and nothing locks it."""
    body = call.decoded(CATALOGUE)
    catalogue_id = body.get("id", "")
    if world.store.get("catalogue", catalogue_id) is None:
        raise Refusal(404, answers.NO_OBJECT)
    _check_entries(world, body.get("apis") or [])
    world.store.put("catalogue", catalogue_id, _content(body))
    return world.done("Data updated")
