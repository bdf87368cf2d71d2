"""Connections: kept, shared, lost, forked; and who hears of a call."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

import pytest

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import Got, ok, refusal, reply, reset
from tyk.dashboard import errors
from tyk.dashboard.caller import CallEvent

ADA = {"id": "d1", "email": "ada@x.test", "org_id": "o1", "inactive": False}
U, O, X = errors.Unreachable, errors.OutcomeUnknown, errors.Unexpected  # noqa: E741 - short names as in the tables


def test_connections_are_kept_alive(serve: Serve, connect: Connect):
    listener = serve(reply(document=ADA))
    client = connect(listener)

    for _ in range(5):
        client.developer("d1")

    assert listener.connections == 1


@pytest.fixture
def dying() -> Callable[[Got, socket.socket], bytes | None]:
    """Answers one request, and resets the first connection on its second."""
    answered: list[Got] = []

    def script(got: Got, conn: socket.socket) -> bytes | None:
        if got.connection == 1 and answered:
            reset(conn)
            return None
        answered.append(got)
        return ok("x") if got.method != "GET" else reply(document=ADA)

    return script


def test_a_get_on_a_dead_connection_is_sent_once_more(
    dying: Callable[[Got, socket.socket], bytes | None],
    serve: Serve,
    connect: Connect,
):
    listener = serve(dying)
    client = connect(listener)

    client.developer("d1")
    assert client.developer("d1").id == "d1"

    assert (len(listener.got), listener.connections) == (3, 2)


def test_a_write_on_a_dead_connection_is_not(
    dying: Callable[[Got, socket.socket], bytes | None],
    serve: Serve,
    connect: Connect,
):
    listener = serve(dying)
    client = connect(listener)

    client.developer("d1")
    with pytest.raises(O) as caught:
        client.delete_request("r1")

    assert (caught.value.reason, len(listener.got)) == ("reset", 2)


def test_a_get_on_a_fresh_connection_is_not_repeated(serve: Serve, connect: Connect):
    listener = serve(lambda _got, conn: reset(conn))

    with pytest.raises(U):
        connect(listener).developer("d1")

    assert len(listener.got) == 1


def test_a_cut_connection_is_not_used_again(serve: Serve, connect: Connect):
    def script(got: Got, conn: socket.socket) -> bytes | None:
        if got.path.endswith("/slow"):
            conn.settimeout(10)
            conn.recv(1)
            return None
        return reply(document=ADA)

    listener = serve(script)
    client = connect(listener)

    with pytest.raises(U):
        client.developer("slow", deadline=0.2)

    assert client.developer("d1").id == "d1"
    assert listener.connections == 2


def test_many_threads_share_one_client(serve: Serve, connect: Connect):
    def script(got: Got, _conn: socket.socket) -> bytes:
        number = got.path.rpartition("/")[2]
        return reply(document={**ADA, "id": number})

    client = connect(serve(script))
    wrong: list[str] = []

    def work(worker: int) -> None:
        for number in range(20):
            asked = f"{worker}-{number}"
            if client.developer(asked).id != asked:
                wrong.append(asked)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_forked_process_opens_its_own_connection(serve: Serve, connect: Connect):
    listener = serve(reply(document=ADA))
    client = connect(listener)
    client.developer("d1")

    child = os.fork()
    if child == 0:
        ended = 1
        try:
            ended = 0 if client.developer("d1").id == "d1" else 2
        finally:
            os._exit(ended)
    _, status = os.waitpid(child, 0)
    client.developer("d1")

    assert os.waitstatus_to_exitcode(status) == 0
    assert [got.connection for got in listener.got] == [1, 2, 1]


def test_the_observer_hears_of_every_exchange(serve: Serve, connect: Connect):
    def script(got: Got, _conn: socket.socket) -> bytes:
        if got.method == "DELETE":
            return refusal(404)
        return reply(document={"id": 5} if got.path.endswith("/bad") else ADA)

    events: list[CallEvent] = []

    def observe(event: CallEvent) -> None:
        events.append(event)
        raise RuntimeError("a broken hook changes nothing")

    client = connect(serve(script), observer=observe)

    client.developer("d1")
    with pytest.raises(X):
        client.developer("bad")
    with pytest.raises(errors.NotFound):
        client.delete_request("r1")

    get = ("getDeveloper", "GET", "/api/portal/developers/{developer_id}", 200)
    delete = ("deleteKeyRequest", "DELETE", "/api/portal/requests/{request_id}", 404)
    assert all(0 < event.seconds < 5 for event in events)
    assert [
        (e.operation, e.method, e.template, e.status, e.outcome, e.reason)
        for e in events
    ] == [
        (*get, "ok", None),
        (*get, "Unexpected", "wrong_shape"),
        (*delete, "NotFound", "not_found"),
    ]
