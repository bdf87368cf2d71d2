"""Developers: lists, look-ups, records, passwords (Tyk docs, portal-developers)."""

from __future__ import annotations

from typing import Any

from tyk.sandbox import answers, gateway, passwords
from tyk.sandbox.answers import Answer, Refusal
from tyk.sandbox.clock import developer_date, now
from tyk.sandbox.shapes import DEVELOPER, Json, decode, fill, sparse
from tyk.sandbox.store import Item, Reader
from tyk.sandbox.world import Call, World, is_id, listed, new_id

INVALID = "Developer object validation failed."
PASSWORD_INVALID = "Developer password validation failed."  # noqa: S105 - Tyk's text
NO_KEY_DELETION = "Failure deleting key, please contact your administrator"
MAPS = ("keys", "subscriptions", "oauth_clients", "fields")


def shown(world: World, item: Item, *, id_member: str = "id") -> Json:
    """A developer as the API writes it; never with a password."""
    developer_id, record = item
    full: Json = {id_member: developer_id, **fill(DEVELOPER, record)}
    full["org_id"] = record.get("org_id", world.org_id)
    full["PWHistory"] = record.get("PWHistory", [])
    if not full["oauth_clients"]:
        del full["oauth_clients"]
    return full


def nobody(world: World) -> Json:
    """What a request shows when its developer is gone: Go's zero developer."""
    return shown(world, ("", {"org_id": ""}))


def _missing(world: World) -> Refusal:
    return Refusal(world.switches.developer_missing, answers.NO_OBJECT)


def find(world: World, reader: Reader, developer_id: str) -> Item:
    """One developer of ours. Raises the refusal a missing one gets."""
    record = reader.get("developers", developer_id)
    if record is None or not world.ours(record):
        raise _missing(world)
    return developer_id, record


def with_email(world: World, reader: Reader, email: str) -> list[Item]:
    """The developers with this address, oldest first (Tyk may hold several)."""
    if world.switches.email_case == "folded":
        found = reader.find("developers", "folded", email.casefold())
    else:
        found = reader.find("developers", "email", email)
    return [item for item in found if world.ours(item[1])]


def list_developers(world: World, call: Call) -> Answer:
    """Ten rows unless `p` says otherwise; items may carry `_id` or `id`."""
    member = world.switches.developer_list_id
    return listed(
        world,
        world.own_items(call.reader, "developers"),
        call.query,
        write=lambda item: answers.encode(shown(world, item, id_member=member)),
    )


def get_developer(world: World, call: Call) -> Answer:
    return answers.body(
        shown(world, find(world, call.reader, call.params["developerId"]))
    )


def get_by_email(world: World, call: Call) -> Answer:
    """An address with `+` may be missing although it exists (tyk#1697)."""
    email = call.params["email"]
    hidden = "+" in email and world.switches.plus_in_email == "missing"
    found = [] if hidden else with_email(world, call.reader, email)
    if not found:
        raise _missing(world)
    return answers.body(shown(world, found[0]))


def get_by_sso_key(world: World, call: Call) -> Answer:
    found = [
        item
        for item in call.reader.find("developers", "sso_key", call.params["ssokey"])
        if world.ours(item[1])
    ]
    if not found:
        raise _missing(world)
    return answers.body(shown(world, found[0]))


def _without_ids(body: Json) -> Json:
    hidden = ("id", "_id", "password", "org_id")
    return {name: value for name, value in body.items() if name not in hidden}


def _check_password(world: World, body: Json) -> None:
    password = body.get("password")
    if password is not None:
        errors = passwords.rule_errors(password)
    elif world.switches.create_passwordless == "accept" or (
        world.switches.create_passwordless == "sso_only" and body.get("sso_key")
    ):
        errors = []
    else:
        errors = [passwords.TOO_SHORT]
    if errors:
        raise Refusal(400, INVALID, errors=errors)


def _check_email(body: Json) -> None:
    if not body.get("email"):
        raise Refusal(400, INVALID, errors=["(root): email is required"])


def _read_body(call: Call) -> Json:
    body = call.decoded(DEVELOPER, {"password": "str"})
    _check_email(body)
    return body


def create_developer(world: World, call: Call) -> Answer:
    body = _read_body(call)
    _check_password(world, body)
    refuse = world.switches.duplicate_email == "refuse"
    if refuse and with_email(world, world.store, body["email"]):
        raise Refusal(
            400, INVALID, errors=["email: a developer with this email exists"]
        )
    developer_id = add(world, body)
    if gateway.mail_on(world, "welcome_email"):
        # Releases before 2.x put the password into this mail in clear (tyk#125).
        gateway.send_mail(world, "welcome", body["email"], holds_secret=True)
    return world.done(developer_id)


def add(world: World, body: Json, *, org_id: str | None = None) -> str:
    """Store a new developer whatever the rules say; gives the id back."""
    developer_id, moment = new_id(), developer_date(now())
    record = {"date_created": moment, **_without_ids(decode(body, DEVELOPER))}
    if org_id not in (None, world.org_id):
        record["org_id"] = org_id
    if body.get("password"):
        set_password(world, developer_id, body["password"])
        record.setdefault("password_updated", moment)
    world.store.put("developers", developer_id, sparse(record, DEVELOPER))
    return developer_id


def set_password(world: World, developer_id: str, password: str) -> None:
    world.store.put("passwords", developer_id, {"hash": passwords.sealed(password)})


def change(world: World, developer_id: str, **members: Any) -> None:
    """Replace single members of a stored developer."""
    record = {**(world.store.get("developers", developer_id) or {}), **members}
    world.store.put("developers", developer_id, sparse(record, DEVELOPER))


def update_developer(world: World, call: Call) -> Answer:
    """Full replacement: what the body leaves out is gone.

    The password is the exception: a body without one keeps it (Tyk docs, custom
    developer portal).
    """
    developer_id, old = find(world, world.store, call.params["developerId"])
    body = _read_body(call)
    _replace_password(world, developer_id, body)
    record = _without_ids(body)
    if world.switches.put_without_maps == "keep":
        kept = {name: old[name] for name in MAPS if name in old}
        record = {**kept, **record}
    if "org_id" in old:
        record["org_id"] = old["org_id"]
    world.store.put("developers", developer_id, sparse(record, DEVELOPER))
    return world.done("Data updated")


def _replace_password(world: World, developer_id: str, body: Json) -> None:
    password = body.get("password")
    if password is None:
        if world.switches.put_passwordless == "empty":
            world.store.delete("passwords", developer_id)
        return
    if passwords.is_bcrypt(password):
        return  # an already hashed password is kept as it is
    errors = passwords.rule_errors(password)
    if errors:
        raise Refusal(400, INVALID, errors=errors)
    set_password(world, developer_id, password)
    body["password_updated"] = developer_date(now())


def delete_developer(world: World, call: Call) -> Answer:
    """Fails on keys the gateway does not know (tyk#4380); requests stay."""
    developer_id = call.params["developerId"]
    record = world.store.get("developers", developer_id)
    if record is None or not world.ours(record):
        raise Refusal(404, answers.NO_DELETION)
    keys = record.get("keys") or {}
    known = all(world.store.get("keys", key_id) for key_id in keys)
    if keys and (not known or world.switches.delete_developer_with_keys == "refuse"):
        raise Refusal(500, NO_KEY_DELETION)
    remove(world, developer_id)
    return world.done("Data deleted")


def remove(world: World, developer_id: str) -> None:
    """Delete a developer with keys and OAuth clients."""
    record = world.store.get("developers", developer_id) or {}
    for key_id in record.get("keys") or {}:
        world.store.delete("keys", key_id)
    for clients in (record.get("oauth_clients") or {}).values():
        for client in clients:
            world.store.delete("clients", client["client_id"])
    world.store.delete("passwords", developer_id)
    world.store.delete("developers", developer_id)


def knows_password(world: World, item: Item, password: str) -> bool:
    stored = world.store.get("passwords", item[0])
    return stored is not None and passwords.matches(password, stored["hash"])


def verify_credentials(world: World, call: Call) -> Answer:
    """200 right, 401 wrong; nothing else of the answer is documented.

    The 401 of a dead API key has another Message (`Not authorised`).
    """
    body = call.decoded({"username": "str", "password": "str"})
    item = next(iter(with_email(world, world.store, body.get("username", ""))), None)
    right = item is not None and knows_password(world, item, body.get("password", ""))
    if right and item is not None and item[1].get("inactive"):
        right = world.switches.verify_inactive == "accept"
    if world.switches.verify_body == "empty":
        return Answer(status=200 if right else 401, content_type=answers.TEXT_TYPE)
    if world.switches.verify_body == "text":
        text = "OK" if right else "Unauthorised"
        return Answer(200 if right else 401, text, answers.TEXT_TYPE)
    if not right:
        raise Refusal(401, "Unauthorised")
    return world.done("Credentials OK")


def reset_password(world: World, call: Call) -> Answer:
    """Asks for no old password; an unknown id and a bad password look alike."""
    body = call.decoded({"password": "str"})
    developer_id = call.params["developerId"]
    record = world.store.get("developers", developer_id)
    if not is_id(developer_id) or record is None or not world.ours(record):
        raise Refusal(400, PASSWORD_INVALID, meta=False)
    errors = passwords.rule_errors(body.get("password", ""))
    if errors:
        raise Refusal(400, PASSWORD_INVALID, errors=errors, meta=False)
    set_password(world, developer_id, body["password"])
    change(world, developer_id, password_updated=developer_date(now()))
    if world.switches.reset_answer == "bare":
        return answers.body({"Message": "Password changed"})
    return world.done("Password changed")
