"""The portal configuration (Tyk docs, portal-configuration)."""

from __future__ import annotations

from tyk.sandbox import answers, gateway
from tyk.sandbox.answers import Answer, Refusal
from tyk.sandbox.shapes import CONFIGURATION, Json
from tyk.sandbox.world import Call, World, new_id


def get_configuration(world: World, call: Call) -> Answer:
    absent = world.singleton(call.reader, "configuration") is None
    if absent and world.switches.configuration_before_init == "missing":
        raise Refusal(404, answers.NO_OBJECT)
    return answers.body(gateway.configuration(world, call.reader))


def _content(body: Json) -> Json:
    return {k: v for k, v in body.items() if k not in ("id", "org_id", "HashKeys")}


def create_configuration(world: World, call: Call) -> Answer:
    """`{}` suffices; everything not given takes Go's zero value."""
    body = call.decoded(CONFIGURATION)
    if world.singleton(world.store, "configuration") is not None:
        raise Refusal(400, answers.NO_CREATION)
    configuration_id = new_id()
    world.store.put("configuration", configuration_id, _content(body))
    return world.done(configuration_id)


def update_configuration(world: World, call: Call) -> Answer:
    """The id is in the body, and the whole object is replaced."""
    body = call.decoded(CONFIGURATION)
    configuration_id = body.get("id", "")
    if world.store.get("configuration", configuration_id) is None:
        raise Refusal(404, answers.NO_OBJECT)
    world.store.put("configuration", configuration_id, _content(body))
    return world.done("Data updated")
