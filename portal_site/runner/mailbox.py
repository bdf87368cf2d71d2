"""Mails that Django's file backend wrote, read back for the mail page."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

# django.core.mail.backends.filebased ends every mail of a file with this line.
_END = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `number` counts from the oldest and stays with it."""

    number: int
    written: datetime
    subject: str
    sender: str
    to: str
    text: str
    html: str  # "" when there is none


def read(folder: Path) -> list[Mail]:
    """Every mail in `folder`, newest first; none if there is no such folder."""
    raw = [pair for path in _oldest_first(folder) for pair in _mails_of(path)]
    mails = [_mail(number, *pair) for number, pair in enumerate(raw, start=1)]
    return mails[::-1]


def _oldest_first(folder: Path) -> list[Path]:
    # File names begin with date and time to the second; the clock of the file
    # system decides within one.
    return sorted(folder.glob("*.log"), key=lambda p: (p.name[:15], p.stat().st_mtime))


def _mails_of(path: Path) -> Iterator[tuple[datetime, bytes]]:
    written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    for raw in path.read_bytes().split(_END):
        if raw.strip():
            yield written, raw


def _mail(number: int, written: datetime, raw: bytes) -> Mail:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 -- what that policy makes
    return Mail(
        number=number,
        written=written,
        subject=str(message["Subject"] or "").strip(),
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    content = part.get_content()
    return content if isinstance(content, str) else ""
