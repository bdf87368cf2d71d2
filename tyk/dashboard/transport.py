"""One HTTP exchange with the Dashboard: out, and back as an Answer or a Fault.

Nothing here knows what a developer is. What it guarantees: one host, no
redirects, no proxies and no netrc from the environment, no cookies, a
wall-clock deadline from connect to last byte, a cap on decompressed bytes, and
no repeat but one: a GET whose kept-alive connection turned out to be dead.
"""

from __future__ import annotations

import http.client
import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError, IncompleteRead, ReadTimeoutError

from tyk.dashboard.address import checked_base_url
from tyk.dashboard.outcome import Answer, Fault
from tyk.dashboard.secret import Secret
from tyk.dashboard.sockets import Flight, WatchedPool, WatchedTLSPool, flying

MiB = 1 << 20
RECORD_CAP = 8 * MiB
LIST_CAP = 1024 * MiB
CHUNK = 64 * 1024
POOL_SIZE = 16
USER_AGENT = "tyk-developer-portal"
_BREAKS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. Path and body stay out of the repr: both can hold secrets."""

    method: str
    path: str = field(repr=False)
    query: str = field(default="", repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def repeatable(self) -> bool:
        """Whether a dead kept-alive connection justifies a second try."""
        return self.method == "GET"


class Broken(Exception):
    """A streamed body ended in a fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.reason)


class _HiddenText(str):
    """Text that the frames of requests cannot show. A time limit that strikes
    while a call is out raises through them, and some log formats print locals."""

    def __repr__(self) -> str:
        return "<hidden>"


class _HiddenBytes(bytes):
    """The same for a body."""

    def __repr__(self) -> str:
        return "<hidden>"


class _BareKey(AuthBase):
    """The Dashboard takes the bare key, without a scheme word (Tyk docs)."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = _HiddenText(self._key.reveal())
        return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """No answer is a redirect: not even its Location is parsed."""


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": WatchedPool,
            "https": WatchedTLSPool,
        }


class Transport:
    """Talks to one Dashboard address. Safe to share between threads.

    The session is read-only after it was made (no cookies are kept, headers and
    credentials are set per request) and urllib3's pools are thread-safe. A
    forked process makes its own, because two processes on one connection would
    read each other's answers.
    """

    def __init__(
        self, base_url: str, *, connect_timeout: float, verify: bool | str
    ) -> None:
        self.base_url = checked_base_url(base_url)
        self._connect_timeout = connect_timeout
        self._verify = verify
        self._lock = threading.Lock()
        self._made: tuple[int, requests.Session] | None = None

    def close(self) -> None:
        """Close idle connections; the next call opens new ones."""
        with self._lock:
            if self._made is not None and self._made[0] == os.getpid():
                self._made[1].close()
            self._made = None

    def exchange(
        self, request: Request, *, key: Secret, seconds: float
    ) -> Answer | Fault:
        """Send, and read the whole answer, within `seconds` and 8 MiB."""
        ends = time.monotonic() + seconds
        for last in (not request.repeatable, True):
            left = max(ends - time.monotonic(), 0)
            flight = Flight(seconds=left, connect_timeout=self._connect_timeout)
            with flight:
                result = self._whole(request, key, flight)
            if last or not _died_idle(result, flight):
                break
        return result

    def open_list(
        self, request: Request, *, key: Secret, idle: float, ends: float
    ) -> Answer | Fault | ListBody:
        """Send, and on a 200 leave the body to be read piece by piece.

        `idle` bounds, in seconds, the time to the end of the headers and then
        each wait for the next record; `ends`, by time.monotonic(), the whole.
        """
        for last in (False, True):
            flight = Flight(seconds=idle, connect_timeout=self._connect_timeout)
            with ExitStack() as landing:
                landing.enter_context(flight)
                result = self._listed(request, key, flight, idle, ends)
                if isinstance(result, ListBody):
                    landing.pop_all()  # the body lands the flight when it is closed
                    break
            if last or not _died_idle(result, flight):
                break
        return result

    def _whole(self, request: Request, key: Secret, flight: Flight) -> Answer | Fault:
        response = self._head(request, key, flight)
        if isinstance(response, Fault):
            return response
        return _read_whole(response, flight)

    def _listed(
        self, request: Request, key: Secret, flight: Flight, idle: float, ends: float
    ) -> Answer | Fault | ListBody:
        response = self._head(request, key, flight)
        if isinstance(response, Fault):
            return response
        if response.status_code != 200:
            return _read_whole(response, flight)
        return ListBody(response, flight, idle=idle, ends=ends)

    def _head(
        self, request: Request, key: Secret, flight: Flight
    ) -> requests.Response | Fault:
        """Send, and return as soon as the headers are there."""
        if flight.ends <= time.monotonic():
            return Fault("no_time", sent=False)
        session = self._session()
        prepared = session.prepare_request(self._prepared(request, key))
        left = max(flight.ends - time.monotonic(), 0.001)
        try:
            with flying(flight):
                return session.send(
                    prepared,
                    stream=True,
                    allow_redirects=False,
                    verify=self._verify,
                    proxies={},
                    timeout=(min(left, self._connect_timeout), left + 1),
                )
        except _BREAKS as error:
            return _fault(flight, error)

    def _prepared(self, request: Request, key: Secret) -> requests.Request:
        url = f"{self.base_url}{request.path}"
        headers = {} if request.body is None else {"Content-Type": "application/json"}
        return requests.Request(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            headers=headers,
            data=None if request.body is None else _HiddenBytes(request.body),
            auth=_BareKey(key),
        )

    def _session(self) -> requests.Session:
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = (os.getpid(), self._new_session())
            return self._made[1]

    def _new_session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.headers.clear()
        session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": USER_AGENT,
            }
        )
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Any other host has no adapter, so it cannot be reached at all.
        session.adapters.clear()
        session.mount(
            f"{self.base_url}/", _Adapter(max_retries=0, pool_maxsize=POOL_SIZE)
        )
        return session


class ListBody:
    """The body of a list, read piece by piece.

    One clock counts waiting only: from one record to the next we may wait for
    the Dashboard `idle` seconds in all, while our own work between two records
    takes as long as it takes. The other counts everything, until `ends`: a list
    of which each record comes just in time would hold a slot for days. A thread
    watches both, because a drip resets every timeout of a socket.
    """

    def __init__(
        self, response: requests.Response, flight: Flight, *, idle: float, ends: float
    ) -> None:
        flight.stop_clock()
        self._response = response
        self._flight = flight
        self._idle = idle
        self._began = time.monotonic()
        self._ends = ends
        self._taken = 0
        self._waited = 0.0
        self._waiting_since: float | None = None
        self._closed = threading.Event()
        self.answer = Answer(
            response.status_code, _lowered(response), b"", document=None
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def read(self) -> bytes:
        """More bytes, or b"" at the proven end; raises `Broken`."""
        fault = None
        self._waiting_since = time.monotonic()
        try:
            with flying(self._flight):
                piece = self._response.raw.read1(CHUNK, decode_content=True) or b""
        except _BREAKS as error:
            fault, piece = _fault(self._flight, error), b""
        self._waited += time.monotonic() - self._waiting_since
        self._waiting_since = None
        self._taken += len(piece)
        if time.monotonic() >= self._ends:
            whole = f"the whole list took over {self._ends - self._began:.0f} s"
            fault = Fault("timeout", sent=True, where=whole)
        elif self._flight.cut:
            fault = Fault("timeout", sent=True)
        elif self._taken > LIST_CAP:
            fault = Fault("too_large", sent=True)
        if fault is None:
            return bytes(piece)
        self.close()
        raise Broken(fault)

    def record_done(self) -> None:
        """A record is complete: waiting for the next one starts at zero."""
        self._waited = 0.0

    def close(self) -> None:
        """Give the connection back, or drop it if the body was not read."""
        self._closed.set()
        self._response.close()
        self._flight.land()

    def _watch(self) -> None:
        left = min(self._idle, self._ends - time.monotonic())
        while not self._closed.wait(max(left, 0.01)):
            since = self._waiting_since
            waiting = 0.0 if since is None else time.monotonic() - since
            left = self._idle - self._waited - waiting
            left = min(left, self._ends - time.monotonic())
            if left <= 0 and since is not None:
                self._flight.cut_now()
                return


def _read_whole(response: requests.Response, flight: Flight) -> Answer | Fault:
    body = bytearray()
    try:
        with flying(flight):
            for piece in _pieces(response):
                body += piece
                if len(body) > RECORD_CAP:
                    return Fault("too_large", sent=True)
    except _BREAKS as error:
        return _fault(flight, error)
    finally:
        response.close()
    # A body without a length ends where the connection ends, so a cut by our
    # own clock would pass for a complete answer.
    if flight.cut:
        return Fault("timeout", sent=True)
    return Answer.of(response.status_code, response.headers, bytes(body))


def _pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read1(CHUNK, decode_content=True):
        yield piece


def _lowered(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _died_idle(result: Answer | Fault | ListBody, flight: Flight) -> bool:
    return isinstance(result, Fault) and result.reason == "reset" and flight.reused


def _fault(flight: Flight, error: BaseException) -> Fault:
    causes = list(_causes(error))
    if not flight.sent:
        return Fault(_unsent(flight, causes), sent=False)
    if flight.cut or _any(causes, ReadTimeoutError, TimeoutError):
        return Fault("timeout", sent=True)
    if _any(causes, IncompleteRead, http.client.IncompleteRead):
        return Fault("truncated", sent=True)
    if _any(causes, DecodeError):
        return Fault("not_json", sent=True)
    if _any(causes, ConnectionError, ssl.SSLError):
        return Fault("reset", sent=True)
    return Fault("not_http", sent=True)


def _unsent(flight: Flight, causes: list[BaseException]) -> str:
    if flight.connect_failure is not None:
        return flight.connect_failure
    if flight.cut or _any(causes, TimeoutError):
        return "connect_timeout"
    if _any(causes, ssl.SSLError, urllib3.exceptions.SSLError):
        return "tls"
    return "refused"


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it wraps: requests and urllib3 nest by argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, one.__cause__, one.__context__]
        waiting.append(getattr(one, "reason", None))
