"""Where a process can die: before and after every call to Tyk and every commit.

Placed from outside, around the transport of the client and the database's commit;
the portal knows nothing of it. A death is a BaseException, and from then on every
statement and call fails too, so that no `finally` tidies up what a killed process
could not have.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.reliability.commits import Commits
from tyk import connect
from tyk.dashboard import calls
from tyk.dashboard.outcome import Fault
from tyk.dashboard.transport import Request, Transport
from tyk.sandbox import Sandbox, routes

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_PATTERNS = [
    (call.operation, call.method, re.compile(re.sub(r"{\w+}", "[^/]+", call.template)))
    for call in calls.ALL
]
Deed = Callable[[], object]
DEAD_FOR_GOOD = 77  # the exit code of a process that was killed as planned


class Died(BaseException):
    """The process was killed here."""


def operation_of(request: Request) -> str:
    """The operation's name of a call that is about to be sent.

    The most literal template wins: `developers/email/{email}` also fits others.
    """
    fitting = [
        (len(pattern.pattern.replace("[^/]+", "")), operation)
        for operation, method, pattern in _PATTERNS
        if method == request.method and pattern.fullmatch(request.path)
    ]
    return max(fitting)[1]


@dataclass
class Boundaries:
    """Counts the boundaries that are reached, and strikes at those planned."""

    reached: list[str] = field(default_factory=list)
    die_at: set[int] = field(default_factory=set)
    for_good: bool = False  # a death ends the operating system's process, too
    dead: bool = False
    watching: int = 0  # how many deeds of the portal are under way
    # A deed of somebody else while a call of this process is under way.
    meanwhile: tuple[str, Deed] | None = None
    # Writes Tyk got and will carry out later, when nobody listens any more.
    late: list[Request] = field(default_factory=list)
    hold_back: str = ""  # the operation whose next write becomes late
    at_each: Deed = bool  # a look at every boundary
    last_words: Deed = bool  # what a process that dies for good still does
    commits: Commits = field(default_factory=Commits)

    def clear(self) -> None:
        """Count from zero; nothing is planned."""
        self.reached.clear()
        self.die_at.clear()
        self.late.clear()
        self.dead, self.meanwhile, self.hold_back = False, None, ""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What the portal does in here reaches boundaries; our own looks don't."""
        self.watching += 1
        try:
            yield
        finally:
            self.watching -= 1

    def reach(self, place: str) -> None:
        """Go past `place`, if the process lives and is meant to."""
        if self.dead:
            raise Died
        if not self.watching:
            return
        number = len(self.reached)
        self.reached.append(place)
        self.at_each()
        if number in self.die_at:
            if self.for_good:
                self.last_words()
                os._exit(DEAD_FOR_GOOD)
            self.dead = True
            raise Died(place)
        if self.meanwhile is not None and self.meanwhile[0] == place:
            deed, self.meanwhile = self.meanwhile[1], None
            deed()

    def die(self) -> None:
        """The process is killed now; the deed for `meanwhile` at a place by name."""
        self.dead = True
        raise Died

    def call(self, request: Request, send: Callable[[], Any]) -> Any:
        """A call to Tyk. None is made inside a transaction."""
        operation = operation_of(request)
        assert not connection.in_atomic_block, f"{operation} inside a transaction"
        self.reach(f"before {operation}")
        answer = send()
        if self.hold_back == operation and isinstance(answer, Fault):
            self.hold_back = ""
            if answer.sent:
                self.late.append(request)
        self.reach(f"after {operation}")
        return answer

    def commit(self, wrapper: BaseDatabaseWrapper, commit: Deed) -> None:
        """The commit of an outermost transaction."""
        try:
            self.reach("before commit")
        except Died:
            # Django would switch autocommit on again, which commits on SQLite.
            wrapper.connection.rollback()
            raise
        commit()
        self.commits.kept()
        self.reach("after commit")

    def statement(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """A statement. Outside a transaction a write is its own commit."""
        if self.dead:
            raise Died
        if not sql.lstrip().upper().startswith(_WRITES):
            return execute(sql, params, many, context)
        if context["connection"].in_atomic_block:
            result = execute(sql, params, many, context)
            self.commits.wrote(sys._getframe())
            return result
        self.reach("before write")
        result = execute(sql, params, many, context)
        self.commits.wrote(sys._getframe())
        self.commits.kept()
        self.reach("after write")
        return result

    def restart(self) -> None:
        """A new process: nothing of the old one's connections is left."""
        self.dead = False
        self.die_at.clear()
        connection.close()
        connect.dashboard().close()
        connect.close()

    def land(self, box: Sandbox) -> None:
        """Let Tyk carry out what it got and nobody waits for any more."""
        while self.late:
            request = self.late.pop(0)
            box._dashboard.answer(
                routes.match(request.method, request.path),
                authorization=box.api_key,
                path=request.path,
                query=dict(parse_qsl(request.query)),
                payload=request.body or b"",
            )


@contextmanager
def placed(patch: pytest.MonkeyPatch) -> Iterator[Boundaries]:
    """Boundaries around the transport and the commits of this process."""
    boundaries = Boundaries()
    exchange, open_list = Transport.exchange, Transport.open_list
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]  # not in the stubs
    rollback = BaseDatabaseWrapper._rollback  # type: ignore[attr-defined]  # likewise

    def exchange_watched(self: Transport, request: Request, **how: Any) -> Any:
        return boundaries.call(request, lambda: exchange(self, request, **how))

    def open_list_watched(self: Transport, request: Request, **how: Any) -> Any:
        return boundaries.call(request, lambda: open_list(self, request, **how))

    def commit_watched(self: BaseDatabaseWrapper) -> None:
        boundaries.commit(self, lambda: commit(self))

    patch.setattr(Transport, "exchange", exchange_watched)
    patch.setattr(Transport, "open_list", open_list_watched)

    def rollback_watched(self: BaseDatabaseWrapper) -> None:
        boundaries.commits.undone()
        rollback(self)

    patch.setattr(BaseDatabaseWrapper, "_commit", commit_watched)
    patch.setattr(BaseDatabaseWrapper, "_rollback", rollback_watched)
    with connection.execute_wrapper(boundaries.statement):
        yield boundaries
