"""Lists: read while they arrive, whole or with an error, in little memory."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings, strategies as st

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import Got, refusal, reply
from tests.waiting import assert_ended_in_time
from tyk.dashboard import errors, stream, transport
from tyk.dashboard.caller import Deadlines
from tyk.dashboard.outcome import Fault
from tyk.dashboard.records import BadRecord, Developer
from tyk.dashboard.slots import Slots
from tyk.dashboard.transport import Broken

HEAD = b"HTTP/1.1 200 OK\r\n"


def developer(number: int) -> dict[str, object]:
    return {"_id": f"d{number}", "email": f"d{number}@x.test", "org_id": "o1"}


def reader(body: bytes, size: int) -> Callable[[], bytes]:
    pieces = iter([body[at : at + size] for at in range(0, len(body), size)])
    return lambda: next(pieces, b"")


def keep(records: Iterator[object], seen: list[object]) -> None:
    for record in records:
        seen.append(record)


def fault_of(body: bytes, size: int) -> tuple[list[object], Fault | None]:
    """What was given out, and what it ended in."""
    given_out: list[object] = []
    try:
        for value, _text in stream.items(reader(body, size)):
            given_out.append(value)
    except Broken as broken:
        return given_out, broken.fault
    return given_out, None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(VALUES, max_size=6),
    st.dictionaries(st.text().filter(lambda name: name != "Data"), VALUES, max_size=3),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_any_split_of_any_list_reads_as_json_does(
    listed: list[object],
    others: dict[str, object],
    size: int,
    ascii_only: bool,
    indent: int | None,
):
    document = {**others, "Data": listed, "Pages": 12}
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    read = stream.items(reader(body.encode("utf-8", "surrogatepass"), size))

    written = [
        json.dumps(one, ensure_ascii=ascii_only, indent=indent) for one in listed
    ]
    texts = []
    for value, text in read:
        assert json.loads(text) == value
        texts.append(text)
    # As it was written, but for how far a list of its own would be indented.
    assert [one.split() for one in texts] == [one.split() for one in written]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"Data":null,"Pages":0}', []),
        (b'{"Data":[],"Pages":0}', []),
        (b' { "Pages" : 1 , "Data" : [ 1 , 22 ] } \n', [1, 22]),
        (b'{"Pages":12,"Data":[123]}', [123]),
        (b'\xef\xbb\xbf{"Data":["\xc3\xa9"]}', ["é"]),
        (b'{"Data":[18446744073709551616]}', [2**64]),
    ],
)
def test_list_forms(body: bytes, items: list[object], size: int):
    assert [value for value, _text in stream.items(reader(body, size))] == items


BAD = [
    (b"", [], "not_json"),
    (b"<html>", [], "not_json"),
    (b"[1]", [], "not_json"),
    (b"null", [], "not_json"),
    (b'{"Pages":1}', [], "wrong_shape"),
    (b"{}", [], "wrong_shape"),
    (b'{"Status":"Error","Message":"no","Meta":null}', [], "wrong_shape"),
    (b'{"Data":{}}', [], "wrong_shape"),
    (b'{"Data":"x"}', [], "wrong_shape"),
    (b'{"Data":[1,2', [1], "truncated"),
    (b'{"Data":[1,2]', [1, 2], "truncated"),
    (b'{"Data":[1,{"a":"b', [1], "truncated"),
    (b'{"Data":[1,2],', [1, 2], "truncated"),
    (b'{"Data":[1,2],"Pages"', [1, 2], "truncated"),
    (b'{"Data":[1]}{"Data":[2]}', [1], "not_json"),
    (b'{"Data":[1 2]}', [1], "not_json"),
    (b'{"Data":[1,2]]', [1, 2], "not_json"),
    (b"{1:2}", [], "not_json"),
    (b'{"Data":[1,nope,' + b" " * 200 + b"2]}", [1], "not_json"),
    (b'{"Data":[1,NaN]}', [1], "not_json"),
    (b'{"Data":["\xff"]}', [], "not_json"),
    (b'{"Data":[1,' + b"[" * 100_000, [1], "not_json"),
    (b'{"Data":[1,' + b"9" * 10_000 + b"]}", [1], "not_json"),
]


@pytest.mark.parametrize("size", [1000, 100_000])
@pytest.mark.parametrize(("body", "before", "reason"), BAD)
def test_what_is_no_complete_list_ends_in_its_fault(
    body: bytes, before: list[object], reason: str, size: int
):
    given_out, fault = fault_of(body, size)

    assert given_out == before
    assert fault is not None
    assert (fault.reason, fault.sent) == (reason, True)


def test_one_endless_record_is_stopped():
    body = b'{"Data":["' + b"x" * (20 << 20)

    assert fault_of(body, 1 << 20) == ([], Fault("too_large", sent=True))


def test_an_endless_list_is_stopped(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transport, "LIST_CAP", 1 << 20)

    def script(_got: Got, conn: socket.socket) -> None:
        conn.sendall(HEAD + b'\r\n{"Data":[')
        for _ in range(100_000):
            conn.sendall(json.dumps(developer(1)).encode() + b",")

    client = connect(serve(script))

    with pytest.raises(errors.Unexpected) as caught:
        for _ in client.developers():
            pass

    assert caught.value.reason == "too_large"


# --- over the wire --------------------------------------------------------


def chunked(
    records: Iterator[bytes], *, end: bool = True
) -> Callable[[Got, socket.socket], bytes | None]:
    def script(_got: Got, conn: socket.socket) -> bytes | None:
        conn.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for record in records:
            conn.sendall(b"%x\r\n%s\r\n" % (len(record), record))
        return b"0\r\n\r\n" if end else None

    return script


def list_of(count: int) -> Iterator[bytes]:
    yield b'{"Data":['
    for number in range(count):
        comma = b"," if number else b""
        padded = {**developer(number), "fields": {"about": "x" * 500}}
        yield comma + json.dumps(padded).encode()
    yield b'],"Pages":1}'


def test_a_bad_record_does_not_stop_the_rest(serve: Serve, connect: Connect):
    listed: list[object] = [
        developer(0),
        {"id": "d1"},
        "text",
        {**developer(3), "keys": ["wrong"]},
        {**developer(4), "inactive": "false"},
        {**developer(5), "date_created": "yesterday"},
        developer(6),
    ]
    client = connect(serve(reply(document={"Data": listed, "Pages": 1})))

    read = list(client.developers())

    assert [r.id for r in read if isinstance(r, Developer)] == ["d0", "d6"]
    assert [r for r in read if isinstance(r, BadRecord)] == [
        BadRecord(1, "d1", "developer.email: null, expected text"),
        BadRecord(2, None, "developer: text, expected object"),
        BadRecord(3, "d3", "developer.keys: list, expected object"),
        BadRecord(4, "d4", "developer.inactive: text, expected boolean"),
        BadRecord(5, "d5", "developer.date_created: unreadable text, expected date"),
    ]


def test_20000_records_take_the_memory_of_a_few(serve: Serve, connect: Connect):
    client = connect(serve(chunked(list_of(20_000))))

    tracemalloc.start()
    seen = sum(1 for _ in client.developers())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seen == 20_000
    assert peak < 4 << 20  # the list itself is 12 MB


def test_records_are_given_out_while_the_list_arrives(serve: Serve, connect: Connect):
    def halves() -> Iterator[bytes]:
        yield b'{"Data":[' + json.dumps(developer(0)).encode() + b","
        listener.wait(30)

    listener = serve(chunked(halves()))
    developers = connect(listener).developers()

    first = next(developers)

    assert isinstance(first, Developer)
    assert first.id == "d0"


@pytest.mark.parametrize("end", [True, False])
def test_an_incomplete_list_raises_after_what_was_complete(
    end: bool, serve: Serve, connect: Connect
):
    whole = list(list_of(3))
    client = connect(serve(chunked(iter(whole[:-1]), end=end)))
    seen: list[object] = []

    with pytest.raises(errors.Unexpected) as caught:
        keep(client.developers(), seen)

    assert caught.value.reason == "truncated"
    assert len(seen) == 3


def test_silence_in_a_list_ends_it(serve: Serve, connect: Connect):
    def halting() -> Iterator[bytes]:
        yield from list(list_of(2))[:-1]
        listener.wait(30)

    listener = serve(chunked(halting()))
    began = time.monotonic()
    seen: list[object] = []

    with pytest.raises(errors.Unreachable) as caught:
        keep(connect(listener).developers(deadline=0.4), seen)

    assert caught.value.reason == "timeout"
    assert_ended_in_time(began, 0.4)
    assert len(seen) == 2


def test_a_record_that_drips_ends_it_too(serve: Serve, connect: Connect):
    def dripping() -> Iterator[bytes]:
        yield b'{"Data":[{"id":"'
        for _ in range(100):
            yield b"d"
            time.sleep(0.05)

    client = connect(serve(chunked(dripping())))
    began = time.monotonic()

    with pytest.raises(errors.Unreachable) as caught:
        list(client.developers(deadline=0.4))

    assert caught.value.reason == "timeout"
    assert_ended_in_time(began, 0.4)


def test_a_list_whose_records_come_just_in_time_ends_too(
    serve: Serve, connect: Connect
):
    """Each wait is short; all of them together would hold a slot for hours."""

    def trickling() -> Iterator[bytes]:
        for piece in list_of(200):
            yield piece
            time.sleep(0.1)

    deadlines = Deadlines(listing_idle=5, listing=0.7)
    client = connect(serve(chunked(trickling())), deadlines=deadlines)
    began = time.monotonic()
    seen: list[object] = []

    with pytest.raises(errors.Unreachable) as caught:
        keep(client.developers(), seen)

    assert caught.value.reason == "timeout"
    assert caught.value.where == "the whole list took over 1 s"
    assert 0.6 < time.monotonic() - began < 5  # the whole list would take 20
    assert 0 < len(seen) < 50


def test_a_slow_reader_is_not_cut(serve: Serve, connect: Connect):
    """The idle limit counts waiting for the Dashboard, not our own work."""
    developers = connect(serve(chunked(list_of(300)))).developers(deadline=0.3)
    next(developers)
    time.sleep(0.5)

    assert sum(1 for _ in developers) == 299


def test_a_header_that_hangs_ends_it(serve: Serve, connect: Connect):
    def script(_got: Got, _conn: socket.socket) -> None:
        listener.wait(30)

    listener = serve(script)
    began = time.monotonic()

    with pytest.raises(errors.Unreachable):
        list(connect(listener).developers(deadline=0.4))

    assert_ended_in_time(began, 0.4)


def test_an_abandoned_list_gives_its_slot_back(serve: Serve, connect: Connect):
    slots = Slots(2, kept_for_login=1)
    client = connect(serve(chunked(list_of(1000))), limiter=slots)
    developers = client.developers()
    next(developers)
    assert slots.in_flight == 1

    developers.close()  # type: ignore[attr-defined]  # it is a generator

    assert slots.in_flight == 0


def test_a_list_takes_no_slot_before_it_is_read(serve: Serve, connect: Connect):
    slots = Slots(2, kept_for_login=1)
    listener = serve(reply(document={"Data": None}))

    connect(listener, limiter=slots).developers()

    assert (slots.in_flight, listener.connections) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refusal(404), errors.NotFound, "not_found"),
        (refusal(403, "access denied"), errors.Misconfigured, "no_permission"),
        (refusal(500), errors.Unexpected, "server_error"),
        (reply(204), errors.Unexpected, "not_json"),
        (reply(201, document={"Data": []}), errors.Unexpected, "wrong_shape"),
        (reply(302), errors.Misconfigured, "redirect"),
        (reply(200, "<html>"), errors.Unexpected, "not_json"),
    ],
)
def test_an_answer_that_is_no_list(
    answer: bytes,
    kind: type[errors.DashboardError],
    reason: str,
    serve: Serve,
    connect: Connect,
):
    client = connect(serve(answer))

    with pytest.raises(errors.DashboardError) as caught:
        list(client.requests())

    assert (type(caught.value), caught.value.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("approved", "query"),
    [(None, "p=-1"), (True, "p=-1&approved=true"), (False, "p=-1&approved=false")],
)
def test_every_list_asks_for_everything(
    approved: bool | None, query: str, serve: Serve, connect: Connect
):
    """Without p the Dashboard sends the first ten and says so nowhere."""
    listener = serve(reply(document={"Data": None, "Pages": 0}))
    client = connect(listener)

    list(client.requests(approved))
    list(client.developers())
    client.policies()

    assert [got.query for got in listener.got] == [query, "p=-1", "p=-1"]
