"""A small load balancer: each request goes to the next process.

    python -m tests.scale_out.balancer PORT BACKEND BACKEND …

As a proxy in front of a portal with TRUSTED_PROXY_COUNT=1 it appends the address it
saw to X-Forwarded-For. Each answer names the process it came from in X-Served-By. One
request to a connection: a browser's next one meets another process, always.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import cycle

from portal_site.runner.ports import LOOPBACK, any_free

PIECE = 64 * 1024
OWN = (b"connection:", b"x-forwarded-for:", b"x-forwarded-proto:")
AWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Balancer:
    """Deals requests to `backends`, ports on loopback, in turn."""

    def __init__(self, backends: Sequence[int], *, port: int = 0) -> None:
        self.backends = list(backends)
        self.port = port or any_free()
        self._turns = cycle(self.backends)
        # The loop itself holds none of them once its browser has gone.
        self._under_way: set[asyncio.Task[None] | None] = set()

    async def serve(self) -> None:
        """Listen until cancelled."""
        async with await asyncio.start_server(
            self._handle, LOOPBACK, self.port
        ) as server:
            await server.serve_forever()

    async def _handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        self._under_way.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._deal(reader, writer)
        writer.close()
        self._under_way.discard(task)

    async def _deal(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        found = await self._next()
        if found is None:
            writer.write(AWAY)
            return
        port, answer, request = found
        try:
            request.write(_forwarded(head, writer.get_extra_info("peername")[0]) + body)
            head = await answer.readuntil(b"\r\n\r\n")
            writer.write(head[:-2] + b"X-Served-By: %d\r\n\r\n" % port)
            while piece := await answer.read(PIECE):
                writer.write(piece)
                await writer.drain()
        finally:
            request.close()

    async def _next(
        self,
    ) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to whose turn it is; who does not listen is passed over."""
        for _ in self.backends:
            port = next(self._turns)
            with contextlib.suppress(OSError):
                return port, *await asyncio.open_connection(LOOPBACK, port)
        return None


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _forwarded(head: bytes, seen: str) -> bytes:
    """The head for a backend: the address that was seen stands last."""
    lines = head[:-4].split(b"\r\n")
    told = [
        line.partition(b":")[2].strip()
        for line in lines
        if line.lower().startswith(b"x-forwarded-for:")
    ]
    kept = [line for line in lines if not line.lower().startswith(OWN)]
    kept += [b"X-Forwarded-For: " + b", ".join([*told, seen.encode()])]
    return b"\r\n".join([*kept, b"X-Forwarded-Proto: http", b"Connection: close"]) + (
        b"\r\n\r\n"
    )


@contextlib.contextmanager
def balanced(backends: Sequence[int]) -> Iterator[Balancer]:
    """One in a thread of this process, until the block ends."""
    made, loop = Balancer(backends), asyncio.new_event_loop()
    serving = loop.create_task(made.serve())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()
        loop.close()


if __name__ == "__main__":
    own, *others = map(int, sys.argv[1:])
    asyncio.run(Balancer(others, port=own).serve())
