"""Every way a call can fail, and what the client has to report of it."""

from __future__ import annotations

from typing import Any

from tyk.dashboard import errors

U, O, X = errors.Unreachable, errors.OutcomeUnknown, errors.Unexpected  # noqa: E741 - columns of a table
DENIED = "access denied: You do not have permission to access  /api/portal/requests"
SLOW = 0.4

# case, mode, its options, on a write, on a read. The second of a pair is the reason.
FAULTS: list[tuple[str, str, dict[str, Any], Any, Any]] = [
    ("closed", "refuse_connection", {}, (O, "reset"), (U, "reset")),
    ("done_then_reset", "reset_after", {}, (O, "reset"), (U, "reset")),
    ("slow_undone", "timeout_before", {"seconds": 2}, (O, "timeout"), (U, "timeout")),
    ("slow_done", "timeout_after", {"seconds": 2}, (O, "timeout"), (U, "timeout")),
    ("hang", "hang", {}, (O, "timeout"), (U, "timeout")),
    ("drip", "drip", {"seconds": 0.1}, (O, "timeout"), (U, "timeout")),
    ("500", "status", {"status": 500}, (O, "server_error"), (X, "server_error")),
    ("503", "status_plain", {"status": 503}, (O, "server_error"), (X, "server_error")),
    (
        "401",
        "status",
        {"status": 401, "message": "Not authorised", "commit": False},
        (errors.Misconfigured, "key_rejected"),
        (errors.Misconfigured, "key_rejected"),
    ),
    (
        "403",
        "status",
        {"status": 403, "message": DENIED, "commit": False},
        (errors.Misconfigured, "no_permission"),
        (errors.Misconfigured, "no_permission"),
    ),
    (
        "400",
        "status",
        {"status": 400, "commit": False},
        (errors.Refused, "refused"),
        (errors.Refused, "refused"),
    ),
    (
        "404",
        "status",
        {"status": 404, "commit": False},
        (errors.NotFound, "not_found"),
        (errors.NotFound, "not_found"),
    ),
    (
        "429",
        "status",
        {"status": 429, "commit": False, "headers": {"Retry-After": "7"}},
        (errors.Busy, "busy"),
        (errors.Busy, "busy"),
    ),
    ("html", "html_200", {}, (O, "not_json"), (X, "not_json")),
    ("204", "empty_204", {}, (O, "not_json"), (X, "not_json")),
    (
        "redirect",
        "redirect",
        {"url": "http://127.0.0.1:9/"},
        (O, "redirect"),
        (errors.Misconfigured, "redirect"),
    ),
    ("truncated", "truncated", {}, (O, "truncated"), (X, "truncated")),
    ("wrong_types", "wrong_types", {}, (O, "wrong_shape"), (X, "wrong_shape")),
    ("huge", "huge", {}, (O, "too_large"), (X, "too_large")),
    ("gzip_bomb", "gzip_bomb", {}, (O, "too_large"), (X, "too_large")),
]
IDS = [row[0] for row in FAULTS]


def limit(mode: str) -> float:
    """Short where time is the fault, long where bytes are."""
    slow = {"timeout_before", "timeout_after", "hang", "drip"}
    return SLOW if mode in slow else 10
