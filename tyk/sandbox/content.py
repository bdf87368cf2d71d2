"""Documentation, and what only Tyk's own portal shows: pages, menus, CSS, JS."""

from __future__ import annotations

from collections.abc import Callable

from tyk.sandbox import answers
from tyk.sandbox.answers import Answer, Refusal, encode
from tyk.sandbox.shapes import CSS, DOCUMENTATION, JS, MENUS, PAGE, Json, Shape, fill
from tyk.sandbox.store import Item
from tyk.sandbox.world import Call, World, is_id, listed, new_id

FOREIGN = "Object not owned by this organisation, write is forbidden"
Handler = Callable[[World, Call], Answer]


def create_documentation(world: World, call: Call) -> Answer:
    """Needs a catalogue; the text is base64, or a URL for `swagger_custom_url`."""
    body = call.decoded(DOCUMENTATION)
    if world.singleton(world.store, "catalogue") is None:
        raise Refusal(403, answers.MALFORMED)
    documentation_id = new_id()
    record = {name: value for name, value in body.items() if name != "org_id"}
    world.store.put("documentation", documentation_id, record)
    return world.done(documentation_id)


def get_documentation(world: World, call: Call) -> Answer:
    """No public source shows this call, so by default it is not there."""
    documentation_id = call.params["documentationId"]
    record = call.reader.get("documentation", documentation_id)
    hidden = world.switches.get_documentation == "missing"
    if hidden or record is None or not world.ours(record):
        raise Refusal(404, answers.NO_OBJECT)
    full = {"id": documentation_id, **fill(DOCUMENTATION, record)}
    return answers.body({**full, "org_id": world.org_id})


def delete_documentation(world: World, call: Call) -> Answer:
    documentation_id = call.params["documentationId"]
    if not is_id(documentation_id):
        raise Refusal(400, "invalid doc id")
    record = world.store.get("documentation", documentation_id)
    if record is None:
        raise Refusal(404, answers.NO_DELETION)
    if "org_id" in record:
        raise Refusal(403, FOREIGN)
    world.store.delete("documentation", documentation_id)
    return world.done("Data deleted")


def _object(world: World, shape: Shape, item: Item | None) -> Json:
    object_id, record = item or ("", {})
    return {**fill(shape, record), "id": object_id, "org_id": world.org_id}


def _content(body: Json) -> Json:
    return {k: v for k, v in body.items() if k not in ("id", "org_id")}


def getter(kind: str, shape: Shape) -> Handler:
    """Read the one object of a kind; an object without id before creation."""

    def get(world: World, call: Call) -> Answer:
        return answers.body(_object(world, shape, world.singleton(call.reader, kind)))

    return get


def creator(kind: str, shape: Shape) -> Handler:
    def create(world: World, call: Call) -> Answer:
        object_id = new_id()
        world.store.put(kind, object_id, _content(call.decoded(shape)))
        return world.done(object_id)

    return create


def updater(kind: str, shape: Shape) -> Handler:
    """Replace an object; the id is in the path, else in the body."""

    def update(world: World, call: Call) -> Answer:
        body = call.decoded(shape)
        object_id = call.params.get("pageId") or body.get("id", "")
        if world.store.get(kind, object_id) is None:
            raise Refusal(404, answers.NO_OBJECT)
        world.store.put(kind, object_id, _content(body))
        return world.done("Data updated")

    return update


get_menus, create_menus = getter("menus", MENUS), creator("menus", MENUS)
get_css, create_css = getter("css", CSS), creator("css", CSS)
get_js, create_js = getter("js", JS), creator("js", JS)
update_menus, update_css, update_js = (
    updater("menus", MENUS),
    updater("css", CSS),
    updater("js", JS),
)
create_page, update_page = creator("pages", PAGE), updater("pages", PAGE)


def list_pages(world: World, call: Call) -> Answer:
    items = world.own_items(call.reader, "pages")
    return listed(
        world, items, call.query, write=lambda i: encode(_object(world, PAGE, i))
    )


def get_page(world: World, call: Call) -> Answer:
    page_id = call.params["pageId"]
    record = call.reader.get("pages", page_id)
    if record is None:
        raise Refusal(404, answers.NO_OBJECT)
    return answers.body(_object(world, PAGE, (page_id, record)))


def delete_page(world: World, call: Call) -> Answer:
    if world.store.get("pages", call.params["pageId"]) is None:
        raise Refusal(404, answers.NO_DELETION)
    world.store.delete("pages", call.params["pageId"])
    return world.done("Data deleted")


def update_cname(world: World, call: Call) -> Answer:
    """Kept, and without effect: a real Dashboard reads it when it starts."""
    world.store.put("cname", "cname", call.decoded({"CNAME": "str"}))
    return world.done("Data updated")
