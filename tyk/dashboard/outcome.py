"""From what came back, or did not, to the one error that describes it.

`classify` is the only place where a status, a body or a broken connection
becomes an error class. It is pure: no clock, no socket, no logging.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tyk.dashboard import errors
from tyk.dashboard.errors import Call, DashboardError

MAX_RETRY_AFTER = 600.0
REQUEST_ID_HEADERS = ("x-request-id", "x-tyk-request-id", "x-correlation-id")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# A 403 is also how the Dashboard answers a body that is not JSON, so only the
# words tell the two apart. Source: Tyk Dashboard OpenAPI, "Forbidden".
_NO_PERMISSION = ("access denied", "user is not active")


class _NotJson:
    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON = _NotJson()


@dataclass(frozen=True, slots=True)
class Fault:
    """No usable answer. `sent` is False only if no request byte left us."""

    reason: str
    sent: bool
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer. Its repr shows the status and nothing else."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    document: object = field(repr=False)

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Build an answer; header names are compared in lower case."""
        lowered = {name.lower(): value for name, value in headers.items()}
        return cls(status, lowered, body, read_json(body))


@dataclass(frozen=True, slots=True)
class Envelope:
    """`{"Status", "Message", "Meta"}`: how the Dashboard answers most writes."""

    ok: bool
    message: str = field(repr=False)
    errors: tuple[str, ...] = field(default=(), repr=False)


def read_json(body: bytes) -> object:
    """The decoded body, or NOT_JSON. The Content-Type is not consulted.

    Dashboard 1.6 served error envelopes as text/plain
    (TykTechnologies/tyk#1697), so only trying tells.
    """
    try:
        document: object = json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return NOT_JSON
    return document


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def read_envelope(document: object) -> Envelope | None:
    """The result envelope in `document`, or None if it has another shape.

    `Status` varies in case and some releases used lower-case member names
    (TykTechnologies/tyk-demo, scripts/common.sh).
    """
    if not isinstance(document, dict):
        return None
    status = document.get("Status", document.get("status"))
    message = document.get("Message", document.get("message", ""))
    if not isinstance(status, str) or not isinstance(message, str):
        return None
    listed = document.get("Errors", document.get("errors"))
    texts = listed if isinstance(listed, list) else []
    return Envelope(
        ok=status.casefold() == "ok",
        message=message,
        errors=tuple(text for text in texts if isinstance(text, str)),
    )


def classify(call: Call, outcome: Answer | Fault) -> DashboardError | None:
    """The error for this outcome, or None for a 2xx answer that is JSON.

    None says nothing about the shape of the JSON: whoever decodes it reports
    a wrong shape as `Fault("wrong_shape", sent=True)`.
    """
    if isinstance(outcome, Fault):
        return failed(call, outcome)
    if 200 <= outcome.status < 300:
        return _classify_success(call, outcome)
    if 300 <= outcome.status < 400:
        return _redirected(call, outcome)
    if outcome.status == 429:
        return errors.Busy(
            call,
            retry_after=retry_after(outcome.headers),
            status=429,
            request_id=request_id(outcome.headers),
        )
    if 400 <= outcome.status < 500:
        return _classify_refusal(call, outcome)
    return _unclear(call, outcome, "server_error")


def failed(call: Call, fault: Fault) -> DashboardError:
    """The error for an exchange that brought no answer."""
    return _broken(call, fault, status=None, request_id=None)


def not_a_list(call: Call, answer: Answer) -> DashboardError:
    """The error for any answer to a listing but the 200 that it has."""
    return classify(call, answer) or unclear_shape(call, answer)


def unclear_shape(
    call: Call, answer: Answer, *, reason: str = "wrong_shape", where: str | None = None
) -> DashboardError:
    """The error for a 2xx answer whose JSON is not what the call returns."""
    return _unclear(call, answer, reason, where=where)


def _classify_success(call: Call, answer: Answer) -> DashboardError | None:
    if answer.document is NOT_JSON:
        return _unclear(call, answer, "not_json")
    return None


def _redirected(call: Call, answer: Answer) -> DashboardError:
    if call.writes:
        return _unclear(call, answer, "redirect")
    return errors.Misconfigured(
        call,
        reason="redirect",
        status=answer.status,
        request_id=request_id(answer.headers),
    )


def _classify_refusal(call: Call, answer: Answer) -> DashboardError:
    envelope = read_envelope(answer.document)
    if envelope is None or envelope.ok:
        reason = "not_json" if answer.document is NOT_JSON else "wrong_shape"
        return _unclear(call, answer, reason)
    told = request_id(answer.headers)
    wrong_setting = _misconfiguration(answer.status, envelope.message)
    if wrong_setting is not None:
        return errors.Misconfigured(
            call, reason=wrong_setting, status=answer.status, request_id=told
        )
    missing = answer.status == 404
    kind = errors.NotFound if missing else errors.Refused
    return kind(
        call,
        reason="not_found" if missing else "refused",
        message=envelope.message,
        errors=envelope.errors,
        status=answer.status,
        request_id=told,
    )


def _misconfiguration(status: int, message: str) -> str | None:
    if status == 401:
        return "key_rejected"
    if status == 403 and message.casefold().startswith(_NO_PERMISSION):
        return "no_permission"
    return None


def _unclear(
    call: Call, answer: Answer, reason: str, *, where: str | None = None
) -> DashboardError:
    return _broken(
        call,
        Fault(reason, sent=True, where=where),
        status=answer.status,
        request_id=request_id(answer.headers),
    )


def _broken(
    call: Call, fault: Fault, *, status: int | None, request_id: str | None
) -> DashboardError:
    if not fault.sent:
        return errors.Unreachable(call, reason=fault.reason)
    if call.writes:
        return errors.OutcomeUnknown(
            call,
            reason=fault.reason,
            where=fault.where,
            status=status,
            request_id=request_id,
        )
    if fault.reason in {"timeout", "reset"}:
        return errors.Unreachable(
            call,
            reason=fault.reason,
            where=fault.where,
            status=status,
            request_id=request_id,
        )
    return errors.Unexpected(
        call,
        reason=fault.reason,
        where=fault.where,
        status=status,
        request_id=request_id,
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id the Dashboard or a proxy gave this call, if it is fit for a log."""
    for name in REQUEST_ID_HEADERS:
        value = headers.get(name, "")
        if _REQUEST_ID.fullmatch(value):
            return value
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to 600, from Retry-After as seconds or as a date.

    A date is measured from the answer's own Date header, so that our clock
    does not matter; without one, and for anything negative or unreadable, None.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,10}", value):
        return min(float(value), MAX_RETRY_AFTER)
    until, sent = _http_date(value), _http_date(headers.get("date", ""))
    if until is None or sent is None or until < sent:
        return None
    return min((until - sent).total_seconds(), MAX_RETRY_AFTER)


def _http_date(value: str) -> datetime | None:
    try:
        parsed = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
