"""From an answer to records, one or many, or to the error that names what was wrong.

Errors are raised outside the `except` and outside the frames that hold a
payload, so that no traceback of ours keeps a raw key or a secret in reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from tyk.dashboard import calls, outcome, stream, wire
from tyk.dashboard.caller import Caller, Judge, Use
from tyk.dashboard.errors import Call, DashboardError
from tyk.dashboard.outcome import Answer, Fault
from tyk.dashboard.shape import Malformed
from tyk.dashboard.transport import Broken, ListBody

T = TypeVar("T")


def judge(call: Call, decode: Callable[[Answer], T]) -> Judge[T]:
    """How to read an answer of this call: classify, then decode."""

    def judged(answer: Answer) -> T | DashboardError:
        error = outcome.classify(call, answer)
        if error is not None:
            return error
        reason = "wrong_shape"
        try:
            return decode(answer)
        except Malformed as bad:
            reason, where = bad.reason, bad.where
        except (ValueError, RecursionError):
            where = "unreadable number or nesting"
        return outcome.unclear_shape(call, answer, reason=reason, where=where)

    return judged


def of_document(decode: Callable[[object], T]) -> Callable[[Answer], T]:
    """Decode the JSON of an answer."""
    return lambda answer: decode(answer.document)


# Of an item of a list, by its place, as decoded JSON, and as the text it came in.
Make = Callable[[int, object, str], T]


def streamed(caller: Caller, use: Use, make: Make[T], idle: float) -> Iterator[T]:
    """What `make` makes of each item of a list, then the error if it ended badly."""
    began = time.monotonic()
    with caller.list_slot(use.call):
        body = caller.open_list(use, idle=idle)
        error: DashboardError | None = None
        try:
            yield from _made(body, make)
        except Broken as broken:
            error = _broken_list(use.call, body, broken.fault)
        finally:
            body.close()
    caller.report(use.call, error, answer=body.answer, began=began)
    if error is not None:
        raise error


def _broken_list(call: Call, body: ListBody, fault: Fault) -> DashboardError:
    return outcome.unclear_shape(
        call, body.answer, reason=fault.reason, where=fault.where
    )


def _made(body: ListBody, make: Make[T]) -> Iterator[T]:
    for index, (item, text) in enumerate(stream.items(body.read)):
        body.record_done()
        yield make(index, item, text)


def judge_login(answer: Answer) -> bool | DashboardError:
    """True for a proof; False for a 401, which only the canary can explain."""
    if wire.proves_login(answer):
        return True
    if answer.status == 401 and not wire.is_html(answer):
        return False
    call = calls.VERIFY_CREDENTIALS
    return outcome.classify(call, answer) or outcome.unclear_shape(call, answer)
