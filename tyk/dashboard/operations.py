"""What every group of operations builds on: one use of a call, and its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from tyk.dashboard.caller import Caller, Deadlines, Use, request_for
from tyk.dashboard.errors import Call
from tyk.dashboard.reading import Make, judge, of_document, streamed
from tyk.dashboard.records import BadRecord
from tyk.dashboard.unread import Unread, read

T = TypeVar("T")


class Operations:
    """A part of `client.Dashboard`, which sets the two attributes."""

    _caller: Caller
    _deadlines: Deadlines

    def _use(
        self,
        call: Call,
        deadline: float | None,
        *,
        ids: Mapping[str, str | tuple[str, ...]] | None = None,
        query: str = "",
        body: Mapping[str, object] | None = None,
        limit: float | None = None,
        login: bool = False,
    ) -> Use:
        usual = self._deadlines.write if call.writes else self._deadlines.read
        seconds = limit if limit is not None else usual
        return Use(
            call=call,
            request=request_for(call, ids=ids, query=query, body=body),
            ends=time.monotonic() + (seconds if deadline is None else deadline),
            login=login,
        )

    def _result(self, use: Use, decode: Callable[[object], T]) -> T:
        return self._caller.result(use, judge(use.call, of_document(decode)))

    def _list(
        self,
        call: Call,
        query: str,
        decode: Callable[[object], T],
        deadline: float | None,
    ) -> Iterator[T | BadRecord]:
        def made(index: int, item: object, text: str) -> T | BadRecord:
            return read(index, item, decode)

        return self._streamed(call, query, made, deadline)

    def _unread(
        self, call: Call, query: str, decode: Callable[[object], T]
    ) -> Iterator[Unread[T]]:
        def made(index: int, item: object, text: str) -> Unread[T]:
            return Unread(index, item, text, decode)

        return self._streamed(call, query, made, None)

    def _streamed(
        self, call: Call, query: str, make: Make[T], deadline: float | None
    ) -> Iterator[T]:
        idle, whole = self._deadlines.listing_idle, self._deadlines.listing
        if deadline is not None:
            # Somebody waits for this one: no longer than for any other read.
            idle, whole = deadline, max(deadline, self._deadlines.read)
        use = self._use(call, whole, query=query)
        return streamed(self._caller, use, make, idle)
