"""One call on one connection, down to the bytes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from tyk.sandbox.answers import Answer
from tyk.sandbox.journal import Entry, Journal

GLANCE = 0.25
STANDARD = {
    "Cache-Control": "no-store, no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Pause:
    """Waits that end early when the server stops or a fault is lifted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.stopped = False

    def wake(self) -> None:
        """Let every waiting call look around."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        self.stopped = True
        self.wake()

    def wait(self, seconds: float, *, over: Callable[[], bool]) -> None:
        """Wait so long, or until `over()`; it is asked about four times a second."""
        end = time.monotonic() + seconds
        with self._changed:
            while not self.stopped and not over():
                left = end - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, GLANCE))


def head(status: int, headers: dict[str, str]) -> bytes:
    """A status line and headers."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}"]
    # Go's net/http, which the Dashboard is written with, dates every answer.
    dated = {"Date": formatdate(usegmt=True), **STANDARD, **headers}
    lines += [f"{name}: {value}" for name, value in dated.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@dataclass(slots=True)
class Exchange:
    """The connection as a fault sees it. `close_after` ends the connection."""

    connection: socket.socket
    pause: Pause
    journal: Journal | None = None
    entry: Entry | None = None
    only_head: bool = False
    close_after: bool = False
    late: list[threading.Thread] = field(default_factory=list)

    def _note(self, status: int, *, over: bool) -> None:
        """Done before the last byte leaves, so that a caller finds it noted."""
        if self.entry is not None and self.journal is not None:
            self.entry.status = status
            if over:
                self.journal.end(self.entry)

    def send(self, answer: Answer) -> None:
        """The whole answer; long lists in chunks."""
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if answer.pieces is not None:
            self._send_chunks(answer.status, headers, answer.pieces)
            return
        payload = answer.text.encode()
        headers["Content-Length"] = str(len(payload))
        self._note(answer.status, over=True)
        body = b"" if self.only_head else payload
        self.connection.sendall(head(answer.status, headers) + body)

    def _send_chunks(
        self, status: int, headers: dict[str, str], pieces: Iterable[str]
    ) -> None:
        self._note(status, over=False)
        headers["Transfer-Encoding"] = "chunked"
        self.connection.sendall(head(status, headers))
        for piece in pieces:
            block = piece.encode()
            self.connection.sendall(b"%x\r\n%s\r\n" % (len(block), block))
        self._note(status, over=True)
        self.connection.sendall(b"0\r\n\r\n")

    def send_parts(
        self, status: int, headers: dict[str, str], parts: Iterable[bytes]
    ) -> None:
        """Headers as given and then these bytes; the connection ends after them."""
        self.close_after = True
        self._note(status, over=False)
        self.connection.sendall(head(status, {**headers, "Connection": "close"}))
        for part in parts:
            self.connection.sendall(part)

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        now = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self.close_after = True

    def caller_left(self) -> bool:
        """Whether the other side has closed the connection."""
        try:
            flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
            return self.connection.recv(1, flags) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def wait(self, seconds: float, *, over: Callable[[], bool]) -> None:
        """Wait with the call open, unless the caller leaves first."""
        self.pause.wait(seconds, over=lambda: over() or self.caller_left())
