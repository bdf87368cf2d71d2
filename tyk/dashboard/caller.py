"""Calls with everything around the exchange: slots, keys, clock, report.

The rule of the keys: `api_keys` are tried in order, the next one only after
the Dashboard rejected the one in use with its own 401, which proves that
nothing was done; so even a write may be repeated with it. A key that gets any
authenticated answer is kept for the life of the client.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar
from urllib.parse import quote

from tyk.dashboard import errors, outcome
from tyk.dashboard.errors import Call, DashboardError
from tyk.dashboard.exact import dumps
from tyk.dashboard.outcome import Answer, Fault
from tyk.dashboard.secret import Secret
from tyk.dashboard.slots import NoSlot
from tyk.dashboard.transport import ListBody, Request, Transport

log = logging.getLogger(__name__)
T = TypeVar("T")
# Makes a record, or the error that describes it, of a complete answer.
Judge = Callable[[Answer], T | DashboardError]


class Limiter(Protocol):
    """Something that caps calls in flight, such as `slots.Slots`."""

    def hold(self, *, login: bool) -> AbstractContextManager[None]:
        """Hold a place during a call; raise `slots.NoSlot` if there is none."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds, wall-clock, for each kind of call.

    `listing_idle` bounds the wait for the next record of a list, `listing` all of it.
    """

    read: float = 30
    write: float = 10
    login: float = 5
    password: float = 8
    listing_idle: float = 30
    listing: float = 1200


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One exchange, for logs and metrics. `outcome` is "ok" or an error's name."""

    operation: str
    method: str
    template: str
    status: int | None
    outcome: str
    reason: str | None
    seconds: float
    at_dashboard: datetime | None = None  # its clock, from the Date header


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a Call: what to send, until when, and on whose behalf."""

    call: Call
    request: Request
    ends: float  # time.monotonic()
    login: bool = False

    def left(self) -> float:
        """Seconds to the deadline."""
        return self.ends - time.monotonic()


def segment(value: str, what: str) -> str:
    """`value` as exactly one path segment; raises ValueError before any I/O.

    The message says which argument was wrong and never repeats it.
    """
    if type(value) is not str or value in {"", ".", ".."}:
        raise ValueError(f"{what} is empty or not an id")
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value):
        raise ValueError(f"{what} contains a control character")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValueError(f"{what} is not valid text")
    return quote(value, safe="")


def _listed(values: tuple[str, ...], what: str) -> str:
    """Several ids in one segment, with a comma after each as in Tyk's samples."""
    if not values or any("," in value for value in values):
        raise ValueError(f"{what} is empty or holds a comma in an id")
    return "".join(f"{segment(value, what)}," for value in values)


def request_for(
    call: Call,
    *,
    ids: Mapping[str, str | tuple[str, ...]] | None = None,
    query: str = "",
    body: Mapping[str, object] | None = None,
) -> Request:
    """Fill the call's template with quoted ids and encode the body."""
    quoted = {
        name: _listed(value, name) if isinstance(value, tuple) else segment(value, name)
        for name, value in (ids or {}).items()
    }
    return Request(
        method=call.method,
        path=call.template.format(**quoted),
        query=query,
        body=None if body is None else dumps(_revealed(body)).encode("ascii"),
    )


def _revealed(body: Mapping[str, object]) -> Mapping[str, object]:
    if not any(isinstance(value, Secret) for value in body.values()):
        return body
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in body.items()
    }


def checked_keys(api_keys: Sequence[Secret]) -> tuple[Secret, ...]:
    """The keys, if each can stand in a header; ValueError without the value."""
    keys = tuple(api_keys)
    if not keys or not all(isinstance(key, Secret) for key in keys):
        raise ValueError("api_keys must hold at least one Secret")
    for number, key in enumerate(keys, 1):
        if not key or any(not 32 < ord(char) < 127 for char in key.reveal()):
            raise ValueError(f"API key {number} is empty or not plain ASCII")
    return keys


class Caller:
    """Makes calls; shared by all threads of a process."""

    def __init__(
        self,
        transport: Transport,
        *,
        api_keys: Sequence[Secret],
        limiter: Limiter | None,
        observer: Callable[[CallEvent], None] | None,
        on_key_switched: Callable[[int], None] | None,
    ) -> None:
        self._transport = transport
        self._keys = checked_keys(api_keys)
        self._limiter = limiter
        self._observer = observer
        self._on_key_switched = on_key_switched
        self._lock = threading.Lock()
        self.key_in_use = 0

    def result(self, use: Use, judge: Judge[T]) -> T:
        """What `judge` makes of the answer; every error is raised."""
        result = self._with_keys(lambda key: self.once(use, judge, key=key))
        if isinstance(result, DashboardError):
            raise result
        return result

    def open_list(self, use: Use, *, idle: float) -> ListBody:
        """The body of a 200 answer, to be read and closed by the caller."""
        result = self._with_keys(lambda key: self._open_once(use, key, idle))
        if isinstance(result, DashboardError):
            raise result
        return result

    def once(self, use: Use, judge: Judge[T], *, key: int) -> T | DashboardError:
        """One exchange with one key."""
        began = time.monotonic()
        result: T | DashboardError
        try:
            with self._slot(login=use.login):
                got = self._transport.exchange(
                    use.request, key=self._keys[key], seconds=use.left()
                )
        except NoSlot as none:
            got = Fault(none.reason, sent=False)
        if isinstance(got, Fault):
            result, answer = outcome.failed(use.call, got), None
        else:
            result, answer = judge(got), got
        self.report(use.call, result, answer=answer, began=began)
        return result

    def _open_once(self, use: Use, key: int, idle: float) -> ListBody | DashboardError:
        began = time.monotonic()
        got = self._transport.open_list(
            use.request, key=self._keys[key], idle=idle, ends=use.ends
        )
        if isinstance(got, ListBody):
            return got
        if isinstance(got, Fault):
            error, answer = outcome.failed(use.call, got), None
        else:
            error, answer = outcome.not_a_list(use.call, got), got
        self.report(use.call, error, answer=answer, began=began)
        return error

    def _slot(self, *, login: bool) -> AbstractContextManager[None]:
        return (
            nullcontext() if self._limiter is None else self._limiter.hold(login=login)
        )

    @contextmanager
    def list_slot(self, call: Call) -> Iterator[None]:
        """A slot for the whole of a listing; raises `Unreachable` if there is none."""
        with ExitStack() as held:
            why_not = ""
            try:
                held.enter_context(self._slot(login=False))
            except NoSlot as none:
                why_not = none.reason
            if why_not:
                raise errors.Unreachable(call, reason=why_not)
            yield

    def _with_keys(
        self, send: Callable[[int], T | DashboardError]
    ) -> T | DashboardError:
        first = self.key_in_use
        result = send(first)
        for other in range(first + 1, len(self._keys)):
            if not _key_rejected(result):
                break
            second = send(other)
            if not _key_rejected(second):
                result = second
                if _authenticated(second):
                    self._switch(other)
        return result

    def _switch(self, key: int) -> None:
        with self._lock:
            switched = key > self.key_in_use
            self.key_in_use = max(key, self.key_in_use)
        if switched and self._on_key_switched is not None:
            try:
                self._on_key_switched(key)
            except Exception:
                # As below: a hook must not lose a minted key.
                log.exception("dashboard key hook failed")

    def report(
        self, call: Call, result: object, *, answer: Answer | None, began: float
    ) -> None:
        """Tell the observer how an exchange ended."""
        if self._observer is None:
            return
        error = result if isinstance(result, DashboardError) else None
        event = CallEvent(
            operation=call.operation,
            method=call.method,
            template=call.template,
            status=None if answer is None else answer.status,
            outcome="ok" if error is None else type(error).__name__,
            reason=None if error is None else error.reason,
            seconds=time.monotonic() - began,
            at_dashboard=None if answer is None else _date_of(answer),
        )
        try:
            self._observer(event)
        except Exception:
            # Whatever is wrong with a hook, it must not lose a minted key.
            log.exception("dashboard observer failed")


def _date_of(answer: Answer) -> datetime | None:
    """The clock of whoever answered; None if it sent none that can be read."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    # "-0000" for the zone gives a naive one (RFC 5322): of no known zone.
    return date if date.tzinfo else None


def _key_rejected(result: object) -> bool:
    return isinstance(result, errors.Misconfigured) and result.reason == "key_rejected"


def _authenticated(result: object) -> bool:
    """Whether the Dashboard knew the key, whatever else it said."""
    if not isinstance(result, DashboardError):
        return True
    if isinstance(result, errors.Misconfigured):
        return result.reason == "no_permission"
    return isinstance(result, errors.Refused | errors.NotFound)
