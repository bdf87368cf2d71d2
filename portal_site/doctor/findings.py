"""What a check says: one sentence, and how to mend it if it is not well."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`skipped`: nothing could be said, and `sentence` says why; counts as ok."""

    name: str
    ok: bool
    sentence: str
    fix: str = ""
    skipped: bool = False


def good(name: str, sentence: str, hint: str = "") -> Finding:
    return Finding(name, ok=True, sentence=sentence, fix=hint)


def bad(name: str, sentence: str, fix: str) -> Finding:
    return Finding(name, ok=False, sentence=sentence, fix=fix)


def skipped(name: str, why: str) -> Finding:
    return Finding(name, ok=True, sentence=f"Not checked: {why}", skipped=True)


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"; of many the first five and how many more."""
    if len(names) > MOST_NAMED:
        rest = len(names) - MOST_NAMED
        return f"{', '.join(names[:MOST_NAMED])} and {rest} more"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def duration(seconds: float) -> str:
    """ "45 seconds", "12 minutes", "3 hours", "5 days": as exact as one needs."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}s"
    whole = int(seconds)
    return "1 second" if whole == 1 else f"{whole} seconds"
