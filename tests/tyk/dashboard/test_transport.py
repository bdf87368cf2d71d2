"""What a network, a proxy or a hostile server can do to a call."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.tyk.dashboard.conftest import KEY, Connect, Serve
from tests.tyk.dashboard.listener import Got, reply, reset
from tests.waiting import assert_ended_in_time
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret

ADA = {"id": "d1", "email": "ada@x.test", "org_id": "o1", "inactive": False}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
U, O, X = errors.Unreachable, errors.OutcomeUnknown, errors.Unexpected  # noqa: E741 - columns of a table


def drip(head: bytes) -> Callable[[Got, socket.socket], None]:
    """Send `head`, then a byte every 50 ms, for as long as anybody listens."""

    def script(_got: Got, conn: socket.socket) -> None:
        conn.sendall(head)
        for _ in range(200):
            conn.sendall(b" ")
            time.sleep(0.05)

    return script


def hang(_got: Got, conn: socket.socket) -> None:
    conn.settimeout(10)
    conn.recv(1)


SLOW = {
    "no_header": hang,
    "header_drips": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "status_drips": drip(b"HTTP/1.1 "),
    "body_drips": drip(HEAD + b"Content-Length: 9999\r\n\r\n"),
    "chunks_drip": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n270f\r\n"),
    "chunk_size_drips": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
    "unframed_drips": drip(HEAD + b"\r\n{}"),
    "closing_drips": drip(HEAD + b"Connection: close\r\n\r\n{}"),
    "gzip_drips": drip(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n\x1f\x8b\x08\x00"
    ),
}


@pytest.mark.parametrize("slow", SLOW)
@pytest.mark.parametrize("writes", [False, True])
def test_the_deadline_is_a_wall_clock(
    slow: str, writes: bool, serve: Serve, connect: Connect
):
    client = connect(serve(SLOW[slow]))
    began = time.monotonic()

    with pytest.raises(errors.DashboardError) as caught:
        (client.approve if writes else client.developer)("x1", deadline=0.4)

    assert_ended_in_time(began, 0.4)
    assert (type(caught.value), caught.value.reason) == (O if writes else U, "timeout")


def test_a_server_that_does_not_read_is_cut_too(serve: Serve, connect: Connect):
    sink = socket.create_server(("127.0.0.1", 0))
    client = connect(f"http://127.0.0.1:{sink.getsockname()[1]}")
    began = time.monotonic()

    with sink, pytest.raises(O) as caught:
        client.update_developer("d1", {"email": "x" * 20_000_000}, deadline=0.5)

    assert_ended_in_time(began, 0.5)
    assert caught.value.reason == "timeout"


BROKEN = [
    ("reset", lambda _got, conn: reset(conn), (U, "reset"), (O, "reset")),
    ("closed", lambda _got, _conn: None, (U, "reset"), (O, "reset")),
    ("not_http", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", (X, "not_http"), (O, "not_http")),
    ("bad_status", b"HTTP/1.1 abc\r\n\r\n", (X, "not_http"), (O, "not_http")),
    (
        "many_headers",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        (X, "not_http"),
        (O, "not_http"),
    ),
    (
        "two_lengths",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        (X, "not_http"),
        (O, "not_http"),
    ),
    ("204", reply(204), (X, "not_json"), (O, "not_json")),
    ("html", reply(200, "<html>"), (X, "not_json"), (O, "not_json")),
    (
        "bad_gzip",
        reply(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
        (X, "not_json"),
        (O, "not_json"),
    ),
    (
        "utf_16",
        reply(200, '{"Status":"OK","Message":"x"}'.encode("utf-16")),
        (X, "not_json"),
        (O, "not_json"),
    ),
]


@pytest.mark.parametrize(
    ("script", "on_read", "on_write"),
    [row[1:] for row in BROKEN],
    ids=[row[0] for row in BROKEN],
)
def test_broken_answers(
    script: Callable[[Got, socket.socket], bytes | None] | bytes,
    on_read: tuple[type[errors.DashboardError], str],
    on_write: tuple[type[errors.DashboardError], str],
    serve: Serve,
    connect: Connect,
):
    for writes, expected in ((False, on_read), (True, on_write)):
        listener = serve(script)
        client = connect(listener)
        with pytest.raises(errors.DashboardError) as caught:
            client.approve("r1") if writes else client.developer("d1")
        assert (type(caught.value), caught.value.reason) == expected
        assert len(listener.got) == 1


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Length: 99\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
def test_a_cut_body_is_truncated(head: bytes, serve: Serve, connect: Connect):
    def script(_got: Got, conn: socket.socket) -> None:
        conn.sendall(head)

    client = connect(serve(script))

    with pytest.raises(X) as read:
        client.developer("d1")
    with pytest.raises(O) as write:
        client.approve("r1")

    assert (read.value.reason, write.value.reason) == ("truncated", "truncated")


# --- certainly not sent ---------------------------------------------------


def test_refused():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Dashboard(f"http://127.0.0.1:{port}", api_keys=[Secret(KEY)])

    with pytest.raises(U) as caught:
        client.approve("r1")

    assert caught.value.reason == "refused"


def test_dns():
    client = Dashboard("http://dashboard.invalid", api_keys=[Secret(KEY)])

    with pytest.raises(U) as caught:
        client.approve("r1", deadline=2)

    assert caught.value.reason == "dns"


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()

    def hanging(*_asked: object, **_options: object) -> list[object]:
        released.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    client = Dashboard(
        "http://dashboard.test", api_keys=[Secret(KEY)], connect_timeout=0.3
    )
    began = time.monotonic()

    with pytest.raises(U) as caught:
        client.approve("r1")

    released.set()
    assert caught.value.reason == "dns"
    assert_ended_in_time(began, 0.3)


def test_no_time_left_is_nothing_sent(serve: Serve, connect: Connect):
    listener = serve(reply())

    with pytest.raises(U) as caught:
        connect(listener).approve("r1", deadline=0)

    assert (caught.value.reason, listener.connections) == ("no_time", 0)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port that completes no further handshake, so that connecting hangs."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port
        for sock in waiting:
            sock.close()


def test_connect_timeout():
    with full_backlog() as port:
        client = Dashboard(
            f"http://127.0.0.1:{port}", api_keys=[Secret(KEY)], connect_timeout=0.3
        )
        began = time.monotonic()

        with pytest.raises(U) as caught:
            client.approve("r1")

    assert caught.value.reason == "connect_timeout"
    assert_ended_in_time(began, 0.3)


# --- too much -------------------------------------------------------------


def test_a_record_over_8_mib_is_not_read(serve: Serve, connect: Connect):
    body = b'{"x":"' + b"y" * (9 << 20) + b'"}'
    client = connect(serve(reply(200, body)))

    with pytest.raises(X) as read:
        client.developer("d1")
    with pytest.raises(O) as write:
        client.approve("r1")

    assert (read.value.reason, write.value.reason) == ("too_large", "too_large")


def test_a_gzip_bomb_is_stopped_by_its_inflated_size(serve: Serve, connect: Connect):
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(200))
    bomb += packer.flush()
    assert len(bomb) < 1 << 20
    client = connect(serve(reply(200, bomb, headers={"Content-Encoding": "gzip"})))

    tracemalloc.start()
    with pytest.raises(X) as caught:
        client.developer("d1")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.reason == "too_large"
    assert peak < 32 << 20


def test_gzip_is_asked_for_and_read(serve: Serve, connect: Connect):
    body = gzip.compress(b'{"id":"d1","email":"ada@x.test"}')
    listener = serve(reply(200, body, headers={"Content-Encoding": "gzip"}))

    assert connect(listener).developer("d1").email == "ada@x.test"
    assert listener.got[0].headers["accept-encoding"] == "gzip"


# --- one host, nothing from the environment -------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("writes", [False, True])
def test_a_redirect_is_never_followed(
    status: int, writes: bool, serve: Serve, connect: Connect
):
    elsewhere = serve(reply(document=ADA))
    target = {"Location": f"{elsewhere.url}/api/portal/developers/d1"}
    listener = serve(reply(status, headers=target))
    client = connect(listener)

    with pytest.raises(errors.DashboardError) as caught:
        client.approve("r1") if writes else client.developer("d1")

    expected = O if writes else errors.Misconfigured
    assert (type(caught.value), caught.value.reason) == (expected, "redirect")
    assert (elsewhere.connections, len(listener.got)) == (0, 1)


def test_a_redirect_with_a_broken_location_is_still_one(serve: Serve, connect: Connect):
    client = connect(serve(reply(302, headers={"Location": "http://[::1"})))

    with pytest.raises(errors.Misconfigured):
        client.developer("d1")


def test_proxies_and_netrc_of_the_environment_are_ignored(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: object
):
    proxy = serve(reply(document=ADA))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    netrc = f"{tmp_path}/netrc"
    with open(os.open(netrc, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", netrc)
    listener = serve(reply(document=ADA))

    connect(listener).developer("d1")

    assert proxy.connections == 0
    assert listener.got[0].headers["authorization"] == KEY


def test_cookies_are_not_kept(serve: Serve, connect: Connect):
    listener = serve(reply(document=ADA, headers={"Set-Cookie": "session=1; Path=/"}))
    client = connect(listener)

    client.developer("d1")
    client.developer("d1")

    assert "cookie" not in listener.got[1].headers
