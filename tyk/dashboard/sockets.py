"""Connections that a clock can cut, whatever they are waiting for.

A timeout of `requests` bounds one read, not the call: a Dashboard that sends a
byte a second would hold a login for hours. So every connection keeps a
duplicate of its socket, and the timer of the call shuts that one: it works
during the TLS handshake, while sending, in the headers and in the body, and
from another thread.

A call knows here whether any byte of it was sent, which decides between
`Unreachable` and `OutcomeUnknown`.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_Address = tuple[Any, ...]  # what getaddrinfo gives; the form depends on the family
_current: ContextVar[Flight | None] = ContextVar("tyk_dashboard_flight", default=None)


class ConnectFailed(OSError):
    """No connection was made; the flight knows why."""


class Line:
    """A duplicate of a connection's socket, and the flight that may shut it."""

    def __init__(self, sock: socket.socket, born: Flight) -> None:
        self._sock = sock.dup()
        self._lock = threading.Lock()
        self._born = born
        self._flight: Flight | None = None
        self._doomed = False

    def take(self, flight: Flight) -> bool:
        """Hand the line to `flight`; True if another flight made it."""
        with self._lock:
            self._flight = flight
        return flight is not self._born

    def shut(self, flight: Flight) -> None:
        """End both directions, unless the line has gone to another flight."""
        with self._lock:
            if self._flight is flight:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)

    def land(self, flight: Flight) -> None:
        """`flight` needs its clock no more; a closed line goes now."""
        with self._lock:
            if self._flight is flight:
                self._flight = None
                if self._doomed:
                    self._sock.close()

    def close(self) -> None:
        """The connection is closed. Its body may still be being read: with
        "Connection: close" http.client lets go of the socket at the headers."""
        with self._lock:
            self._doomed = True
            if self._flight is None:
                self._sock.close()


class Flight:
    """One HTTP exchange: its clock, and how far it got."""

    def __init__(self, *, seconds: float, connect_timeout: float) -> None:
        self.ends = time.monotonic() + seconds
        self.connect_ends = time.monotonic() + min(seconds, connect_timeout)
        self.sent = False
        self.reused = False
        self.cut = False
        self.connect_failure: str | None = None
        self._line: Line | None = None
        self._timer = threading.Timer(max(seconds, 0), self.cut_now)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.land()

    def stop_clock(self) -> None:
        """The timer no longer cuts; `cut_now` still does."""
        self._timer.cancel()

    def land(self) -> None:
        """The exchange is over: from here on nothing cuts the connection."""
        self._timer.cancel()
        if self._line is not None:
            self._line.land(self)

    def take(self, line: Line) -> None:
        """Use this line from now on."""
        self.reused = line.take(self)
        self._line = line
        if self.cut:
            line.shut(self)

    def cut_now(self) -> None:
        """End the connection, from whatever thread."""
        self.cut = True
        if self._line is not None:
            self._line.shut(self)

    def fail(self, reason: str) -> ConnectFailed:
        """Note why there is no connection, and make the exception to raise."""
        self.connect_failure = reason
        return ConnectFailed(reason)


@contextlib.contextmanager
def flying(flight: Flight) -> Iterator[None]:
    """Make `flight` the one that connections of this thread report to."""
    token = _current.set(flight)
    try:
        yield
    finally:
        _current.reset(token)


def _flight() -> Flight:
    flight = _current.get()
    if flight is None:
        raise RuntimeError("these connections work for tyk.dashboard only")
    return flight


class _Watched(HTTPConnection):
    _line: Line | None = None

    def _new_conn(self) -> socket.socket:
        flight = _flight()
        sock = _connect(self._dns_host, self.port, flight)
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        self._line = Line(sock, flight)
        flight.take(self._line)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        flight = _flight()
        if self._line is not None:
            flight.take(self._line)
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        _flight().sent = True
        super().send(data)

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class WatchedPool(HTTPConnectionPool):
    """A pool of plain connections with a line each."""

    ConnectionCls = _Watched


class WatchedTLSPool(HTTPSConnectionPool):
    """A pool of TLS connections with a line each."""

    ConnectionCls = _WatchedTLS


def _connect(host: str, port: int | None, flight: Flight) -> socket.socket:
    """Connect within the flight's connect time, sharing it among addresses."""
    addresses = _resolve(host, port, flight)
    failure = "refused"
    for tried, (family, kind, proto, _name, address) in enumerate(addresses):
        left = flight.connect_ends - time.monotonic()
        if left <= 0:
            raise flight.fail("connect_timeout")
        sock = socket.socket(family, kind, proto)
        sock.settimeout(left / (len(addresses) - tried))
        try:
            sock.connect(address)
        except TimeoutError:
            failure = "connect_timeout"
            sock.close()
        except OSError:
            failure = "refused"
            sock.close()
        else:
            sock.settimeout(max(flight.connect_ends - time.monotonic(), 0.001))
            return sock
    raise flight.fail(failure)


def _resolve(host: str, port: int | None, flight: Flight) -> list[_Address]:
    """Look the name up, within the connect time.

    getaddrinfo cannot be interrupted, so it runs in a thread of its own that is
    left behind if the resolver hangs.
    """
    found: list[_Address] = []

    def look_up() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    worker = threading.Thread(target=look_up, daemon=True)
    worker.start()
    worker.join(max(flight.connect_ends - time.monotonic(), 0))
    if not found:
        raise flight.fail("dns")
    return list(found)


class _NotOurs(logging.Filter):
    """Drops what urllib3 logs about our calls: it logs paths, and paths hold
    addresses and, with hashing off, raw keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        return _current.get() is None


for _name in ("connection", "connectionpool", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_NotOurs())
