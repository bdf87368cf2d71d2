"""A Dashboard that only has lists, ready as bytes: what it costs is next to nothing.

The records are what the sandbox answers, multiplied. Serving them from memory keeps
the other side's work out of both figures of a ratio.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from tests.bench.ids import tyk_id
from tyk.sandbox import Sandbox

Json = dict[str, Any]
DEVELOPERS, REQUESTS = "/api/portal/developers", "/api/portal/requests"
PENDING_EACH = 10  # of so many requests, one is pending


@dataclass
class Shapes:
    """One developer with a key and one request, as the sandbox answers them."""

    developer: Json
    request: Json
    policy: str


def shapes() -> Shapes:
    """Ask an embedded Dashboard for one of each."""
    with Sandbox() as box:
        policy = box.add_policy("gold")
        who = box.add_developer(
            "template@shop.example",
            password="plum-orbit-granite-7",
            fields={"Name": "Template", "Company": "Tinfold"},
        )
        box.issue_key(who, policy)
        box.add_request(who, policy)
        return Shapes(_first(box, DEVELOPERS), _first(box, REQUESTS), policy)


def _first(box: Sandbox, path: str) -> Json:
    asked = Request(f"{box.url}{path}?p=-1", headers={"Authorization": box.api_key})  # noqa: S310 -- loopback
    with urlopen(asked) as answer:  # noqa: S310 -- loopback
        first: Json = json.load(answer)["Data"][0]
    return first


@dataclass
class Canned:
    """Lists of `n` developers and 2n requests; `changed` renames each hundredth."""

    shapes: Shapes
    bodies: dict[str, bytes] = field(default_factory=dict)

    def hold(self, n: int, *, changed: bool = False) -> None:
        """Be a Dashboard of this size from now on."""
        people = (self._developer(i, changed=changed) for i in range(n))
        asked = (self._request(i, n, changed=changed) for i in range(2 * n))
        pending = (
            one
            for one in (self._request(i, n, changed=changed) for i in range(2 * n))
            if not one["approved"]
        )
        self.bodies = {
            DEVELOPERS: _listed(people),
            REQUESTS: _listed(asked),
            f"{REQUESTS}?approved=false": _listed(pending),
        }

    def _developer(self, number: int, *, changed: bool) -> Json:
        record = dict(self.shapes.developer)
        for name in ("id", "_id"):
            if name in record:
                record[name] = tyk_id(number, kind=1)
        record["email"] = f"developer{number}@shop.example"
        moved = " (renamed)" if changed and number % 100 == 0 else ""
        record["fields"] = {**record["fields"], "Name": f"Developer {number}{moved}"}
        # A hashed key id has 8 or 64 characters; the longer one, of Tyk 5.
        key = f"{number:064x}"
        record["keys"] = {key: [self.shapes.policy]}
        record["subscriptions"] = {self.shapes.policy: key}
        return record

    def _request(self, number: int, n: int, *, changed: bool) -> Json:
        record = dict(self.shapes.request)
        for name in ("id", "_id"):
            if name in record:
                record[name] = tyk_id(number, kind=2)
        record["by_user"] = tyk_id(number % n, kind=1)
        record["approved"] = number % PENDING_EACH != 0
        # One in a hundred of all, and a tenth of the pending ones.
        if changed and number % (10 * PENDING_EACH) == 0:
            record["approved"] = True
        record["fields"] = {"Use case": f"A checkout, number {number}"}
        return record


def _listed(records: Iterable[Json]) -> bytes:
    # One at a time: as objects, all of them would take a gigabyte.
    listed = b",".join(json.dumps(record).encode() for record in records)
    return b'{"Data":[%b],"Pages":1}' % listed


@contextmanager
def serving(canned: Canned) -> Iterator[str]:
    """The address of a server, on loopback, of what `canned` holds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A body right behind its head waits for nobody, as in the real Dashboard.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body, status = _answer(canned, self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _answer(canned: Canned, address: str) -> tuple[bytes, int]:
    asked = urlsplit(address)
    pending = parse_qs(asked.query).get("approved") == ["false"]
    name = f"{asked.path}?approved=false" if pending else asked.path
    if name in canned.bodies:
        return canned.bodies[name], 200
    one = canned.bodies.get(asked.path.rpartition("/")[0])
    found = one and _by_id(one, asked.path.rpartition("/")[2])
    if found:
        return found, 200
    return b'{"Status":"Error","Message":"Not found","Meta":null}', 404


def _by_id(body: bytes, record_id: str) -> bytes | None:
    """One record cut out of a list: every record begins and ends in the same way."""
    at = body.find(f'"{record_id}"'.encode())
    if at < 0:
        return None
    begin = body.rfind(b"{", 0, at)
    found, _ = json.JSONDecoder().raw_decode(body[begin : begin + 20_000].decode())
    return json.dumps(found).encode()
