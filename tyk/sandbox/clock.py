"""Dates as the Dashboard writes them.

The Dashboard is a Go program: fractions lose their trailing zeros, an unset date
is year 1, and each kind of object has its own precision and offset. The samples in
Tyk docs (portal-developers, manage-key-requests, portal-policies) show a local
offset with milliseconds on developers, `Z` with milliseconds on key requests,
microseconds on policies and nanoseconds on key sessions; all are kept here so that
a reader who knows only one shape is found out.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta, timezone

ZERO_DATE = "0001-01-01T00:00:00Z"
LOCAL = timezone(timedelta(hours=2))
POLICY_ZONE = timezone(timedelta(hours=3))

RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})"
)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def _offset(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"


def _write(moment: datetime, fraction: str) -> str:
    trimmed = fraction.rstrip("0")
    dotted = f".{trimmed}" if trimmed else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{dotted}{_offset(moment)}"


def request_date(moment: datetime) -> str:
    """Milliseconds and `Z`: `2021-06-04T07:21:35.97Z`."""
    utc = moment.astimezone(UTC)
    return _write(utc, f"{utc.microsecond // 1000:03d}")


def developer_date(moment: datetime) -> str:
    """Milliseconds with the server's offset: `2021-05-08T04:26:34.287+02:00`."""
    local = moment.astimezone(LOCAL)
    return _write(local, f"{local.microsecond // 1000:03d}")


def policy_date(moment: datetime) -> str:
    """Microseconds with an offset, as Tyk's SQL store writes them."""
    local = moment.astimezone(POLICY_ZONE)
    return _write(local, f"{local.microsecond:06d}")


def session_date(moment: datetime) -> str:
    """Nanoseconds and `Z`, as a key session carries them."""
    utc = moment.astimezone(UTC)
    return _write(utc, f"{utc.microsecond:06d}{secrets.randbelow(1000):03d}")


def plain_date(moment: datetime) -> str:
    """No fraction: `2021-02-04T16:23:00Z`."""
    return _write(moment.astimezone(UTC), "")


def is_date(text: str) -> bool:
    """Whether Go's RFC 3339 parser would take the text."""
    found = RFC3339.fullmatch(text)
    if found is None:
        return False
    day, time, _, offset = found.groups()
    try:
        datetime.fromisoformat(f"{day}T{time}{offset.upper().replace('Z', '+00:00')}")
    except ValueError:
        return False
    return True
