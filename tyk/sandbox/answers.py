"""Answers in the Dashboard's envelopes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tyk.sandbox.switches import Switches

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


def encode(value: Any) -> str:
    """Compact JSON, as the Dashboard writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Answer:
    """One reply: `text`, or `pieces` of one for long lists."""

    status: int = 200
    text: str = ""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterator[str] | None = None

    def whole_text(self) -> str:
        """The body in one string; uses the pieces up."""
        if self.pieces is not None:
            self.text, self.pieces = "".join(self.pieces), None
        return self.text


class Refusal(Exception):
    """The call cannot be done; becomes an error envelope.

    `meta` false leaves `Meta` out, as the password reset does (Tyk docs,
    portal-developers).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[str] | None = None,
        meta: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.meta = meta


MALFORMED = "Request body malformed."
NO_OBJECT = "Could not retrieve portal object."
NO_LIST = "Could not retrieve object list."
NO_DELETION = "Could not retrieve object for deletion"
NO_CREATION = "Failure creating data, please contact your administrator."


def body(value: Any, *, status: int = 200) -> Answer:
    """A bare JSON value."""
    return Answer(status=status, text=encode(value))


def done(switches: Switches, message: str) -> Answer:
    """The envelope of a write that worked."""
    meta = "" if switches.meta_on_success == "text" else None
    return body({"Status": "OK", "Message": message, "Meta": meta})


def error_type(switches: Switches, status: int) -> str:
    """Dashboard 1.6 sent JSON errors as text/plain (TykTechnologies/tyk#1697)."""
    if switches.error_content_type == "text":
        return TEXT_TYPE
    if switches.error_content_type == "text_on_404" and status == 404:
        return TEXT_TYPE
    return JSON_TYPE


def refused(switches: Switches, refusal: Refusal) -> Answer:
    """The error envelope of a refusal."""
    envelope: dict[str, Any] = {"Status": "Error", "Message": refusal.message}
    if refusal.meta:
        envelope["Meta"] = None
    if refusal.errors is not None:
        envelope["Errors"] = refusal.errors
    return Answer(
        status=refusal.status,
        text=encode(envelope),
        content_type=error_type(switches, refusal.status),
    )
