"""How a call is answered under a fault.

Each mode is one function. Those that say nothing of an effect leave the call without
one unless `commit` is set; `timeout_after`, `reset_after`, `truncated`, `wrong_types`,
`null_lists`, `drip` and `latency` do the work first.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tyk.sandbox import answers
from tyk.sandbox.answers import Answer, encode
from tyk.sandbox.exchange import Exchange
from tyk.sandbox.faults import Fault, Strike

FOR_EVER = 86_400.0
BLOCK = 64 * 1024
Run = Callable[[], Answer]
HTML = (
    "<!doctype html><html><head><title>Tyk Dashboard</title></head>"
    '<body><div id="app"></div></body></html>'
)


def deliver(exchange: Exchange, strike: Strike | None, run: Run) -> None:
    """Serve the call, well or badly."""
    if strike is None:
        exchange.send(run())
        return
    DELIVERIES[strike.fault.mode](exchange, strike, run)


def _maybe(fault: Fault, run: Run, *, usually: bool) -> None:
    """Do the work, if this fault lets it happen, and throw the answer away."""
    if fault.commits(usually=usually):
        run()


def _hold(exchange: Exchange, strike: Strike, seconds: float) -> None:
    exchange.wait(seconds, over=lambda: strike.lifted)
    exchange.close_after = True


def refuse_connection(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Reset as soon as the call is read."""
    _maybe(strike.fault, run, usually=False)
    exchange.reset()


def reset_after(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Do it, then reset instead of answering."""
    _maybe(strike.fault, run, usually=True)
    exchange.reset()


def timeout_before(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Hang without doing it, then close."""
    _maybe(strike.fault, run, usually=False)
    _hold(exchange, strike, strike.fault.seconds)


def timeout_after(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Do it, hang, close."""
    _maybe(strike.fault, run, usually=True)
    _hold(exchange, strike, strike.fault.seconds)


def hang(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Hang until the fault is lifted or the caller leaves, then close."""
    _maybe(strike.fault, run, usually=False)
    _hold(exchange, strike, FOR_EVER)


def commit_late(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Hold the caller for `hold` seconds and close; do it `seconds` after arrival."""
    pause = exchange.pause

    def later() -> None:
        pause.wait(strike.fault.seconds, over=lambda: False)
        if not pause.stopped:
            run()

    thread = threading.Thread(target=later, daemon=True, name="sandbox-late")
    exchange.late.append(thread)
    thread.start()
    _hold(exchange, strike, strike.fault.hold)


def latency(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Do it, wait, answer well."""
    answer = run()
    exchange.wait(strike.fault.seconds, over=lambda: strike.lifted)
    exchange.send(answer)


def status(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Any status with Tyk's error envelope."""
    fault = strike.fault
    _maybe(fault, run, usually=False)
    kind = "OK" if fault.status < 400 else "Error"
    envelope = {"Status": kind, "Message": fault.message, "Meta": None}
    text = fault.body or encode(envelope)
    exchange.send(Answer(fault.status, text, headers=dict(fault.headers)))


def status_plain(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Any status with plain text, as a proxy in between would write it."""
    fault = strike.fault
    _maybe(fault, run, usually=False)
    text = fault.body or "upstream connect error or disconnect/reset before headers"
    exchange.send(Answer(fault.status, text, answers.TEXT_TYPE, dict(fault.headers)))


def html_200(exchange: Exchange, strike: Strike, run: Run) -> None:
    """The Dashboard's own single page, as on any path outside `/api`."""
    _maybe(strike.fault, run, usually=False)
    exchange.send(Answer(200, strike.fault.body or HTML, answers.HTML_TYPE))


def empty_204(exchange: Exchange, strike: Strike, run: Run) -> None:
    """A success without a body; no Tyk release is known to send one."""
    _maybe(strike.fault, run, usually=False)
    exchange.send(Answer(204))


def redirect(exchange: Exchange, strike: Strike, run: Run) -> None:
    """To `url`, with `status` if it is a redirect and 302 otherwise."""
    fault = strike.fault
    _maybe(fault, run, usually=False)
    code = fault.status if 300 <= fault.status < 400 else 302
    exchange.send(Answer(code, "", headers={"Location": fault.url or "/login"}))


def truncated(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Announce the whole body, send half of it, close."""
    answer = run()
    payload = answer.whole_text().encode()
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(payload)),
    }
    exchange.send_parts(answer.status, headers, [payload[: len(payload) // 2]])


def drip(exchange: Exchange, strike: Strike, run: Run) -> None:
    """One byte every `seconds`."""
    answer = run()
    payload = answer.whole_text().encode()
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(payload)),
    }

    def slowly() -> Iterator[bytes]:
        for byte in payload:
            if exchange.pause.stopped:
                return
            yield bytes([byte])
            exchange.wait(strike.fault.seconds, over=lambda: strike.lifted)

    exchange.send_parts(answer.status, headers, slowly())


def huge(exchange: Exchange, strike: Strike, run: Run) -> None:
    """A well-formed answer with a member of `size` bytes."""
    _maybe(strike.fault, run, usually=False)
    start, end = b'{"Status":"OK","Message":"', b'","Meta":null}'
    size = strike.fault.size
    headers = {"Content-Type": answers.JSON_TYPE}
    headers["Content-Length"] = str(len(start) + size + len(end))

    def parts() -> Iterator[bytes]:
        yield start
        for sent in range(0, size, BLOCK):
            yield b"x" * min(BLOCK, size - sent)
        yield end

    exchange.send_parts(200, headers, parts())


def gzip_bomb(exchange: Exchange, strike: Strike, run: Run) -> None:
    """A small gzip body that grows to `size` bytes."""
    _maybe(strike.fault, run, usually=False)
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = packer.compress(b'{"Status":"OK","Message":"')
    for sent in range(0, strike.fault.size, BLOCK):
        packed += packer.compress(b"x" * min(BLOCK, strike.fault.size - sent))
    packed += packer.compress(b'","Meta":null}') + packer.flush()
    headers = {
        "Content-Type": answers.JSON_TYPE,
        "Content-Encoding": "gzip",
        "Content-Length": str(len(packed)),
    }
    exchange.send_parts(200, headers, [packed])


def _twisted(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return {"0": "unexpected"}
    if isinstance(value, int | float):
        return f"{value} or so"
    return 20_260_101 if name in ("Message", "RawKey", "email", "id") else value


def _twist_record(record: Any, members: tuple[str, ...]) -> Any:
    if not isinstance(record, dict):
        return record
    return {
        name: _twisted(name, value) if not members or name in members else value
        for name, value in record.items()
    }


def _rewrite(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    try:
        value = json.loads(answer.whole_text())
    except ValueError:
        return answer
    text = encode(change(value))
    return Answer(answer.status, text, answer.content_type, answer.headers)


def _twist(value: Any, members: tuple[str, ...]) -> Any:
    """Only the first row of a list is spoiled, so that the others can be used."""
    for rows in ("Data", "apis", "data"):
        held = value.get(rows) if isinstance(value, dict) else None
        if isinstance(held, list) and held:
            return {**value, rows: [_twist_record(held[0], members), *held[1:]]}
    return _twist_record(value, members)


def wrong_types(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Members of another type: of the object, or of the first row of a list."""
    members = strike.fault.members
    exchange.send(_rewrite(run(), lambda value: _twist(value, members)))


def _nulled(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    hollow = (list, dict)
    return {k: None if isinstance(v, hollow) else v for k, v in value.items()}


def null_lists(exchange: Exchange, strike: Strike, run: Run) -> None:
    """Go's nil: every list and map of the answer is null."""
    exchange.send(_rewrite(run(), _nulled))


DELIVERIES: dict[str, Callable[[Exchange, Strike, Run], None]] = {
    function.__name__: function
    for function in (
        refuse_connection,
        reset_after,
        timeout_before,
        timeout_after,
        hang,
        commit_late,
        latency,
        status,
        status_plain,
        html_200,
        empty_204,
        redirect,
        truncated,
        drip,
        huge,
        gzip_bomb,
        wrong_types,
        null_lists,
    )
}
