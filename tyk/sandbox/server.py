"""Sockets: a loopback HTTP/1.1 server with one thread per connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl

from tyk.sandbox import answers, delivery
from tyk.sandbox.answers import Answer
from tyk.sandbox.dashboard import UNKNOWN, Dashboard
from tyk.sandbox.exchange import Exchange, Pause
from tyk.sandbox.faults import FaultPlan
from tyk.sandbox.journal import Journal
from tyk.sandbox.routes import match

LOOPBACK = "127.0.0.1"
OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LARGEST_BODY = 64 * 1024 * 1024


@dataclass(slots=True)
class Incoming:
    """A call as read from the wire; `path` is still quoted."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    payload: bytes


@dataclass(slots=True)
class Services:
    """What a connection needs to answer a call."""

    dashboard: Dashboard
    faults: FaultPlan
    journal: Journal
    pause: Pause
    control: Callable[[Incoming], Answer]


def serve(services: Services, incoming: Incoming, exchange: Exchange) -> None:
    """Answer one call: Tyk's API, our control room, or the Dashboard's own page."""
    if not is_loopback(incoming.headers.get("Host", "")):
        text = "This sandbox answers on loopback only.\n"
        exchange.send(Answer(403, text, answers.TEXT_TYPE))
    elif incoming.path == "/_sandbox" or incoming.path.startswith("/_sandbox/"):
        exchange.send(services.control(incoming))
    elif incoming.path == "/api" or incoming.path.startswith("/api/"):
        serve_api(services, incoming, exchange)
    else:
        # Any other path is the Dashboard's single page: HTML, 200.
        exchange.send(Answer(200, delivery.HTML, answers.HTML_TYPE))


def serve_api(services: Services, incoming: Incoming, exchange: Exchange) -> None:
    """A call to Tyk's API: journal, fault plan, answer."""
    found = match(incoming.method, incoming.path)
    operation = UNKNOWN if found is None else found.route.operation
    entry = services.journal.begin(
        operation,
        method=incoming.method,
        path="" if found is None else found.route.path,
        query=incoming.query,
    )
    exchange.entry, exchange.journal = entry, services.journal
    strike = services.faults.take(operation)
    entry.fault = "" if strike is None else strike.fault.mode

    def run() -> Answer:
        return services.dashboard.answer(
            found,
            authorization=incoming.headers.get("Authorization", ""),
            path=incoming.path,
            query=incoming.query,
            payload=incoming.payload,
        )

    try:
        delivery.deliver(exchange, strike, run)
    finally:
        services.journal.end(entry)


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine, with any port."""
    name, colon, port = host.lower().rpartition(":")
    bare = name if colon and (port.isdigit() or not port) else host.lower()
    return bare in OWN_HOSTS


class Connection(BaseHTTPRequestHandler):
    """Reads calls off one keep-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    services: Services
    late: list[threading.Thread]

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            # The caller went away, or the socket was shut as the server stopped.
            self.close_connection = True

    def _call(self) -> None:
        payload = self._payload()
        path, _, query = self.path.partition("?")
        incoming = Incoming(
            method=self.command,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=self.headers,
            payload=payload,
        )
        exchange = Exchange(self.connection, self.services.pause, late=self.late)
        exchange.only_head = self.command == "HEAD"
        serve(self.services, incoming, exchange)
        self.close_connection = self.close_connection or exchange.close_after

    def _payload(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= LARGEST_BODY:
            message = "body too large"
            raise ValueError(message)
        return self.rfile.read(length)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _call
    do_PATCH = do_OPTIONS = do_UPDATE = _call

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the journal is the log, and paths may hold keys."""


class Listener:
    """Accepts connections on a loopback port, from `open` to `close`."""

    def __init__(self, services: Services, *, port: int = 0) -> None:
        self.services = services
        self.port = port
        self.late: list[threading.Thread] = []
        self._was_open = False
        self._door: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._type = type("BoundConnection", (Connection,), self._bound())

    def _bound(self) -> dict[str, object]:
        return {"services": self.services, "late": self.late}

    def open(self) -> None:
        """Bind and accept. Raises `OSError` if the port is taken."""
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((LOOPBACK, self.port))
            door.listen(512)
        except OSError:
            door.close()
            raise
        self.port, self._door, self._was_open = door.getsockname()[1], door, True
        self._thread = threading.Thread(
            target=self._accept, args=(door,), daemon=True, name="sandbox-door"
        )
        self._thread.start()

    def reopen(self) -> None:
        """Listen again on the same port, if it ever did and does not now."""
        if self._was_open and self._door is None:
            self.open()

    def _accept(self, door: socket.socket) -> None:
        while self._door is door:
            try:
                connection, address = door.accept()
            except OSError:
                return
            if self._door is not door:
                connection.close()
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(
                target=self._serve,
                args=(connection, address),
                daemon=True,
                name="sandbox-call",
            ).start()

    def _serve(self, connection: socket.socket, address: object) -> None:
        try:
            self._type(connection, address, self)
        except OSError:
            pass  # the caller left before its first byte
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def close(self) -> None:
        """Stop accepting and end every connection."""
        door, self._door = self._door, None
        if door is None:
            return
        self._knock()
        door.close()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.drop_connections()

    def _knock(self) -> None:
        """Wake the accepting thread: closing a socket does not, everywhere."""
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
        except OSError:
            return

    def drop_connections(self) -> None:
        """End all connections, so that a client meets a dead keep-alive socket."""
        with self._lock:
            held = list(self._connections)
        for connection in held:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
