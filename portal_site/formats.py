"""How figures and times are written, everywhere: pages and mails."""

from datetime import UTC, datetime, timedelta

NARROW = "\u202f"  # narrow no-break space: between thousands, before %
JUST_NOW = "just now"


def figure(number: int | float) -> str:
    """`10000` → "10 000": groups of three with narrow no-break spaces."""
    return f"{number:,}".replace(",", NARROW)


def percent(number: int | float) -> str:
    """`94` → "94 %"; at most one decimal, none when it is whole."""
    shown = f"{number:.1f}".removesuffix(".0")
    return f"{shown}{NARROW}%"


def day(when: datetime, *, now: datetime) -> str:
    """`19 Feb`, with the year only when it is not this one."""
    if when.astimezone(UTC).year != now.astimezone(UTC).year:
        return day_year(when)
    return f"{when.astimezone(UTC):%-d %b}"


def day_year(when: datetime) -> str:
    """`19 Feb 2026`, for contracts and deadlines."""
    return f"{when.astimezone(UTC):%-d %b %Y}"


def moment(when: datetime, *, now: datetime) -> str:
    """`21 Nov, 10:42`."""
    return f"{day(when, now=now)}, {when.astimezone(UTC):%H:%M}"


def clock(when: datetime, *, now: datetime) -> str:
    """`10:42` today, with the day before it otherwise."""
    if when.astimezone(UTC).date() == now.astimezone(UTC).date():
        return f"{when.astimezone(UTC):%H:%M}"
    return moment(when, now=now)


def ago(when: datetime, *, now: datetime) -> str:
    """`2 minutes ago`; a clock a little ahead of ours is "just now"."""
    passed = waited(when, now=now)
    return passed if passed == JUST_NOW else f"{passed} ago"


def waited(since: datetime, *, now: datetime) -> str:
    """`2 minutes`: how long something lasts already, or "just now"."""
    passed = now - since
    if passed < timedelta(minutes=1):
        return JUST_NOW
    for unit, length in (
        ("day", timedelta(days=1)),
        ("hour", timedelta(hours=1)),
        ("minute", timedelta(minutes=1)),
    ):
        if passed >= length:
            count = passed // length
            return f"{figure(count)} {unit}{'' if count == 1 else 's'}"
    raise AssertionError("at least a minute has passed")


def wait(seconds: int) -> str:
    """`40` → "40 seconds", `150` → "3 minutes": rounded up, for a promise."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = -(-seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def in_full(when: datetime) -> str:
    """`21 Nov 2025, 10:42 UTC`: the title of every `<time>`."""
    return f"{day_year(when)}, {when.astimezone(UTC):%H:%M} UTC"
