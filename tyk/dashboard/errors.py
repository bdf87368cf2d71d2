"""What can go wrong between us and the Dashboard.

    DashboardError
     ├── Unreachable      nothing was done: refused, DNS, TLS, no slot, no answer to a read
     ├── OutcomeUnknown   a write was sent and may have happened: look before repeating
     ├── Busy             429: try again after `retry_after` seconds
     ├── Refused          the Dashboard said no in its own words: `message`, `errors`
     ├── NotFound         the Dashboard said there is no such object
     ├── Misconfigured    our key, our rights or our address is wrong: tell staff
     └── Unexpected       an answer to a read that we do not understand

Every error knows which call it was (operation, method, path template), the
status and the request id. None holds a body, a key, an id or an address, and
`str()` of an error never contains what the Dashboard wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of the Dashboard, without the ids and bodies of a use of it."""

    operation: str
    method: str
    template: str
    writes: bool = False


class DashboardError(Exception):
    """Base of everything the client raises once its arguments were accepted."""

    def __init__(
        self,
        call: Call,
        *,
        reason: str,
        where: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """`where` is the member that was wrong, with its type: never a value."""
        self.operation = call.operation
        self.method = call.method
        self.template = call.template
        self.reason = reason
        self.where = where
        self.status = status
        self.request_id = request_id
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        known = [f"{self.operation} ({self.method} {self.template}): {self.reason}"]
        if self.status is not None:
            known.append(f"status {self.status}")
        if self.request_id is not None:
            known.append(f"request id {self.request_id}")
        if self.where is not None:
            known.append(self.where)
        return ", ".join(known)


class Unreachable(DashboardError):
    """Certainly nothing was done, so any call may be repeated later.

    Reasons: refused, dns, tls, connect_timeout, shed (no free slot here), breaker
    (it did not answer lately, so it was not asked), timeout (no time was left to
    send it); for calls that change nothing also timeout and reset after it was
    sent.
    """

    @property
    def is_shed(self) -> bool:
        """Whether we were too busy ourselves: trying again in a moment may do."""
        return self.reason == "shed"


class OutcomeUnknown(DashboardError):
    """The request left this machine and no answer proves what became of it.

    Reasons: timeout, reset, truncated, too_large, not_http, not_json,
    wrong_shape, server_error, redirect.
    """


class Busy(DashboardError):
    """The Dashboard, or something in front of it, asks us to slow down."""

    def __init__(
        self,
        call: Call,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """`retry_after` is in seconds, at most 600; None if none was usable."""
        super().__init__(call, reason="busy", status=status, request_id=request_id)
        self.retry_after = retry_after


class _Answered(DashboardError):
    def __init__(
        self,
        call: Call,
        *,
        reason: str,
        message: str,
        errors: Sequence[str] = (),
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(call, reason=reason, status=status, request_id=request_id)
        # Written by the Dashboard, and able to quote what we sent: fine to
        # branch on or to show to staff, never an argument to a log call.
        self.message = message
        self.errors = tuple(errors)


class Refused(_Answered):
    """The Dashboard understood the call and did not do it. Reason: refused."""


class NotFound(_Answered):
    """The Dashboard's own 404; a bare 404 of a proxy is not this.

    Reason: not_found. Not a kind of `Refused`: for a revocation it is success.
    """


class Misconfigured(DashboardError):
    """Certainly not done, and will not be until somebody changes a setting.

    Reasons: key_rejected, no_permission, redirect.
    """


class Unexpected(DashboardError):
    """A read got an answer nobody documented.

    Reasons: server_error, not_json, wrong_shape, truncated, too_large,
    not_http.
    """
