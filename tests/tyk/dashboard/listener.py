"""A real HTTP server of a few lines, for answers no decent server would give.

It shares nothing with the client: requests are parsed here byte by byte, and a
script decides what goes back, down to half a header or a reset.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Got:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[[Got, socket.socket], bytes | None]


def reply(
    status: int = 200,
    body: bytes | str | None = None,
    *,
    document: Any = ...,
    headers: dict[str, str] | None = None,
) -> bytes:
    """A complete HTTP answer with a Content-Length."""
    if document is not ...:
        body = json.dumps(document)
    data = body.encode() if isinstance(body, str) else body or b""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def ok(message: str = "Data updated") -> bytes:
    return reply(document={"Status": "OK", "Message": message, "Meta": None})


def refusal(status: int, message: str = "no") -> bytes:
    return reply(status, document={"Status": "Error", "Message": message, "Meta": None})


def reset(conn: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly end."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


class Listener:
    """Serves `script` on a free port of 127.0.0.1 and remembers every request."""

    def __init__(
        self, script: Script, *, tls: ssl.SSLContext | None = None, blunt: bool = False
    ) -> None:
        """`blunt`: the first bytes, whatever they are, get a plain HTTP 400."""
        self.script = script
        self._blunt = blunt
        self.got: list[Got] = []
        self.connections = 0
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than the test; True if the test is over."""
        return self._closing.wait(seconds)

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for conn in self._open:
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(conn)
            worker = threading.Thread(
                target=self._serve, args=(conn, self.connections), daemon=True
            )
            worker.start()

    def _serve(self, conn: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._tls is not None:
                conn = self._tls.wrap_socket(conn, server_side=True)
            stack.callback(conn.close)
            if self._blunt:
                # All of them are read, and it closes last: no reset on the way.
                conn.recv(65536)
                conn.sendall(reply(400))
                self._closing.wait(5)
                return
            stream = stack.enter_context(conn.makefile("rb"))
            while (got := _read_request(stream, number)) is not None:
                self.got.append(got)
                answer = self.script(got, conn)
                if answer is None:
                    return
                conn.sendall(answer)


def _read_request(stream: Any, number: int) -> Got | None:
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (raw := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = raw.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Got(line[0], line[1], headers, body, number)
