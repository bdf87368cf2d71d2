"""The log file of one process, and which of its lines are worth a person's look."""

import re
from pathlib import Path
from typing import IO

_KEEP_BYTES = 5_000_000
_TAIL_BYTES = 20_000
# Our own events are JSON; Celery, Granian and Valkey write their levels as words.
_JSON_ERROR = re.compile(r'"level": ?"(?:error|critical)"')
_TEXT_ERROR = re.compile(r"[ /\[](?:ERROR|CRITICAL)[:/\] ]|^# ?Fatal")
_MAX_SHOWN = 300  # characters of a line
_MAX_ERRORS = 50  # of one process; after that only the file has them


class LogFile:
    """Appended to by a process; the runner reads along."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = 0
        self._shown = 0

    def begin(self) -> IO[bytes]:
        """Open for a new run; what is too long moves aside first."""
        if self.path.exists() and self.path.stat().st_size > _KEEP_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        file = self.path.open("ab")
        self._read_to = self.path.stat().st_size
        return file

    def new_errors(self) -> list[str]:
        """Complete lines written since the last look that report an error."""
        if self.path.stat().st_size <= self._read_to:
            return []
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            new, newline, _rest = file.read().rpartition(b"\n")
        self._read_to += len(new) + len(newline)
        lines = new.decode(errors="replace").splitlines()
        found = [line[:_MAX_SHOWN] for line in lines if _is_error(line)]
        return self._within_reason(found)

    def _within_reason(self, lines: list[str]) -> list[str]:
        shown = lines[: max(0, _MAX_ERRORS - self._shown)]
        self._shown += len(lines)
        if lines and len(shown) < len(lines) and shown:
            shown.append(f"... more in {self.path}")
        return shown

    def tail(self, lines: int = 12) -> list[str]:
        """The last lines of the file."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
        return [line[:_MAX_SHOWN] for line in text.splitlines()[-lines:]]


def _is_error(line: str) -> bool:
    pattern = _JSON_ERROR if line.startswith("{") else _TEXT_ERROR
    return pattern.search(line) is not None
