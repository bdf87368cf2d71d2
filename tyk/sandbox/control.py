"""The control room under `/_sandbox/`."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tyk.sandbox import answers, gateway, pages
from tyk.sandbox.answers import Answer
from tyk.sandbox.server import Incoming
from tyk.sandbox.shapes import Json, Malformed
from tyk.sandbox.switches import PROFILES

if TYPE_CHECKING:
    from tyk.sandbox.box import Sandbox

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 - the name of a header
PREFIX = "/_sandbox"
OK: Json = {"ok": True}


def failed(status: int, message: str) -> Answer:
    return answers.body({"error": message}, status=status)


class ControlRoom:
    """Answers control calls (token needed) and shows pages (read only, open)."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self._actions: dict[tuple[str, str], Callable[[Incoming, Json], Any]] = {
            ("GET", "/journal"): self._journal,
            ("DELETE", "/journal"): self._clear_journal,
            ("GET", "/faults"): lambda i, b: box.faults.as_list(),
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._heal,
            ("GET", "/switches"): self._switches,
            ("PUT", "/switches"): self._set_switches,
            ("GET", "/truth"): lambda i, b: truth(box),
            ("POST", "/gateway"): self._gateway,
            ("POST", "/dashboard-key"): self._rotate,
            ("POST", "/reset"): self._reset,
            ("POST", "/usage"): self._usage,
            ("POST", "/hang"): self._hang,
            ("POST", "/heal"): self._heal,
            ("POST", "/approve"): self._approve,
            ("POST", "/decline"): self._decline,
            ("POST", "/deactivate"): self._deactivate,
            ("POST", "/edit"): self._edit,
        }

    def answer(self, incoming: Incoming) -> Answer:
        """One call; pages are for reading and need no token."""
        path = incoming.path.removeprefix(PREFIX).rstrip("/")
        page = pages.PAGES.get(path)
        if page is not None and incoming.method in ("GET", "HEAD"):
            return pages.rendered(self.box, page)
        action = self._actions.get((incoming.method, path))
        if not self._allowed(incoming):
            return failed(401, f"the header {TOKEN_HEADER} is missing or wrong")
        if action is None:
            return failed(404, "no such control")
        return self._perform(action, incoming)

    def _allowed(self, incoming: Incoming) -> bool:
        given = incoming.headers.get(TOKEN_HEADER, "")
        return hmac.compare_digest(given.encode(), self.box.token.encode())

    def _perform(
        self, action: Callable[[Incoming, Json], Any], incoming: Incoming
    ) -> Answer:
        try:
            body = json.loads(incoming.payload or b"{}")
            if not isinstance(body, dict):
                return failed(400, "the body must be an object")
            return answers.body(action(incoming, body))
        except KeyError as error:
            return failed(404, f"not there, or not given: {error.args[0]}")
        except (ValueError, TypeError, Malformed) as error:
            return failed(400, str(error))

    def _journal(self, incoming: Incoming, body: Json) -> Json:
        journal = self.box.journal
        calls = journal.calls(incoming.query.get("operation"))
        return {
            "calls": [entry.as_dict() for entry in calls],
            "in_flight": journal.in_flight,
            "max_in_flight": journal.max_in_flight,
        }

    def _clear_journal(self, incoming: Incoming, body: Json) -> Json:
        self.box.journal.clear()
        return OK

    def _add_fault(self, incoming: Incoming, body: Json) -> Json:
        self.box.faults.add_from(body)
        return OK

    def _switches(self, incoming: Incoming, body: Json) -> Json:
        return {"switches": self.box.switches.as_dict(), "profiles": list(PROFILES)}

    def _set_switches(self, incoming: Incoming, body: Json) -> Json:
        profile = body.pop("profile", None)
        start = self.box.switches if profile is None else PROFILES[profile]
        self.box.switches = start.changed(**body)
        return self._switches(incoming, body)

    def _gateway(self, incoming: Incoming, body: Json) -> Json:
        """Whether a key (or a pair) would be served, and as whose."""
        known = {"key", "username", "password", "client_id", "secret"}
        given = {name: str(body[name]) for name in known & set(body)}
        session = gateway.session_for(self.box.world, **given)
        if session is None:
            return {"live": False, "policies": [], "developer": None}
        return {
            "live": gateway.is_live(self.box.world, session),
            "policies": session["policies"],
            "developer": session["developer"],
        }

    def _rotate(self, incoming: Incoming, body: Json) -> Json:
        return {"api_key": self.box.rotate_api_key(body.get("key"))}

    def _reset(self, incoming: Incoming, body: Json) -> Json:
        self.box.reset(body.get("seed", "empty"))
        return OK

    def _usage(self, incoming: Incoming, body: Json) -> Json:
        """`key` (raw) or `key_id`; `hits`, `code`, `at`, `path` as wanted."""
        key_id = body["key_id"] if "key_id" in body else self.box.key_id(body["key"])
        moment = datetime.fromisoformat(body["at"]) if "at" in body else None
        options = {n: body[n] for n in ("hits", "code", "path") if n in body}
        self.box.record_usage(key_id, at=moment, **options)
        return OK

    def _hang(self, incoming: Incoming, body: Json) -> Json:
        self.box.hang()
        return OK

    def _heal(self, incoming: Incoming, body: Json) -> Json:
        self.box.heal()
        return OK

    def _approve(self, incoming: Incoming, body: Json) -> Json:
        """As a person at the Dashboard: the key is made and not shown here."""
        self.box.approve(body["id"])
        return OK

    def _decline(self, incoming: Incoming, body: Json) -> Json:
        self.box.decline(body["id"])
        return OK

    def _deactivate(self, incoming: Incoming, body: Json) -> Json:
        self.box.edit_developer(body["id"], inactive=body.get("inactive", True))
        return OK

    def _edit(self, incoming: Incoming, body: Json) -> Json:
        """`{"kind": "developer"|"policy"|"request"|"entry", "id": …, "members": {…}}`.

        An entry has no id; its name stands for it.
        """
        edits: dict[str, Callable[..., None]] = {
            "developer": self.box.edit_developer,
            "policy": self.box.edit_policy,
            "request": self.box.edit_request,
            "entry": self.box.edit_entry,
        }
        edits[body["kind"]](body["id"], **body["members"])
        return OK


def _developer_truth(box: Sandbox, record: Json) -> Json:
    members = ("id", "email", "inactive", "fields", "date_created", "org_id")
    keys = [key.shown_id for key in box.keys_of(record["id"])]
    return {**{m: record[m] for m in members}, "keys": keys}


def truth(box: Sandbox) -> Json:
    """What Tyk holds, without raw keys and passwords."""
    keys = box.keys()
    return {
        "org_id": box.org_id,
        "developers": [_developer_truth(box, r) for r in box.developers()],
        "requests": box.requests(),
        "keys": [key.as_dict() for key in keys],
        "policies": box.policies(),
        "entries": box.entries(),
        "configuration": box.configuration(),
        "mails": [
            {"kind": m.kind, "to": m.to, "holds_secret": m.holds_secret}
            for m in box.mails
        ],
    }
