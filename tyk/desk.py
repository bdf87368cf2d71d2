"""What operators read of the outbox, and what they may do with a row of it.

Each app says in a table of its own (`OUTBOX_DESKS` in the settings) what its kinds
of work are called, what a row is about, and what giving one up leaves behind.

    try again    due now, done as it stands          tyk.outbox.try_again
    look         due now, finds out first what Tyk holds, then goes on
    abandon      over without being done; never sent again unless asked again
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.timesince import timesince

from tyk import outbox
from tyk.models import Outbox

LONGEST_REASON = 500
# How long a row may wait before it is told apart, and before it is called late.
SLOW, LATE = timedelta(minutes=5), timedelta(hours=1)


class CannotAbandon(Exception):
    """It stays as it is. The text says why, to a person."""


@dataclass(frozen=True, slots=True)
class About:
    """What a row is about, for whoever holds the right to see it."""

    words: str
    right: str = ""  # "app.view_model"; without it `otherwise` is shown
    otherwise: str = ""
    url: str = ""

    def told_to(self, may: Callable[[str], bool]) -> tuple[str, str]:
        """Words and address for somebody whose rights `may` answers for."""
        if self.right and not may(self.right):
            return self.otherwise, ""
        return self.words, self.url


@dataclass(frozen=True, slots=True)
class Abandonment:
    """Somebody gives a row up: which, why and who."""

    subject: str
    reason: str
    by: AbstractBaseUser


Find = Callable[[Collection[str]], Mapping[str, About]]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of outbox row, in words.

    `about` finds what many subjects are about in one query. `leaves` says in a
    sentence or two what abandoning a subject's row leaves behind, and `undo` makes
    it so, in the transaction that settles the row; it may raise CannotAbandon.
    `looks` is for handlers that find out before they send. `settles` marks work
    whose `next_at` is a quarantine that nobody cuts short.
    """

    words: str
    does: str
    about: Find
    leaves: Callable[[str], str]
    undo: Callable[[Abandonment], None] | None = None
    looks: bool = False
    settles: bool = False


def always(sentence: str) -> Callable[[str], str]:
    """`leaves` where it is the same for every subject."""
    return lambda subject: sentence


def work_of(kind: str) -> Work | None:
    """What is known of `kind`; None if no table names it."""
    for table in settings.OUTBOX_DESKS:
        known: Mapping[str, Work] = import_string(table)
        if kind in known:
            return known[kind]
    return None


def words_of(kind: str) -> str:
    """`kind` in words, or as it is."""
    work = work_of(kind)
    return work.words if work else kind


def about(rows: Iterable[Outbox]) -> dict[int, About]:
    """What each row is about, by its pk: one query per finder, not per row."""
    by_finder: defaultdict[Find, list[Outbox]] = defaultdict(list)
    for row in rows:
        work = work_of(row.kind)
        if work is not None:
            by_finder[work.about].append(row)
    found: dict[int, About] = {}
    for find, wanted in by_finder.items():
        known = find({row.subject for row in wanted})
        found |= {row.pk: known[row.subject] for row in wanted if row.subject in known}
    return found


# --- Where a row stands ----------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Standing:
    """State and what happens next: `name` parked, sending, unsure, due, abandoned
    or done, and a sentence."""

    name: str
    words: str
    next: str


def standing(row: Outbox) -> Standing:
    """Where `row` stands now."""
    now = timezone.now()
    if row.asked == row.served:
        return _over(row)
    if row.parked_reason:
        return Standing(
            "parked",
            "Parked",
            "Nothing happens by itself: a person mends the cause, then tries again, "
            "or abandons it.",
        )
    if row.lease_until is not None and row.lease_until > now:
        return Standing(
            "sending",
            "Sending",
            f"A worker has it now, until {_clock(row.lease_until)} at most. If the "
            "worker dies, the next one looks first.",
        )
    if row.sending_since is not None:
        return Standing(
            "unsure",
            "Unsure",
            "A write may have arrived. What Tyk holds is looked for "
            f"{_when(row.next_at, now)}, before anything is sent again.",
        )
    return Standing("due", "Due", f"It is tried {_when(row.next_at, now)}.")


def _over(row: Outbox) -> Standing:
    if is_abandoned(row):
        return Standing(
            "abandoned", "Abandoned", "Nothing, unless it is asked for again."
        )
    return Standing("done", "Done", "Nothing: both sides agreed.")


def is_abandoned(row: Outbox) -> bool:
    """Whether it is over because a person gave it up."""
    return row.asked == row.served == row.abandoned


def urgency(waited: timedelta) -> tuple[str, str]:
    """Class and words for an age, beside its figure."""
    if waited > LATE:
        return "late", "over an hour"
    return ("soon", "slow") if waited > SLOW else ("fresh", "")


def _when(moment: datetime, now: datetime) -> str:
    return "at once" if moment <= now else f"at {_clock(moment)}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"


def ago(moment: datetime) -> str:
    """ "just now" or "2 minutes ago"."""
    if timezone.now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago".replace("\xa0", " ")


# --- What a person may do -----------------------------------------------------------
def may_look(row: Outbox) -> bool:
    """Whether looking is something else than trying again, for an owed row."""
    work = work_of(row.kind)
    return work is not None and work.looks and row.asked > row.served


def look(pk: int) -> bool:
    """Have the row find out what Tyk holds before it sends; now if that may be.

    False if it is done, being sent, of a kind that can't look, or a claim that
    waits out its quarantine. A quarantine goes on: its look comes when it is over.
    """
    with transaction.atomic():
        row = Outbox.objects.filter(pk=pk).first()
        if row is None or not may_look(row):
            return False
        # As if a write had gone out long ago: whoever leases it must look first.
        long_ago = Now() - timedelta(seconds=2 * settings.OUTBOX_QUARANTINE)
        _free(pk).filter(sending_since=None).update(sending_since=long_ago)
        hurried = outbox.try_again(pk)
        if not hurried:
            transaction.set_rollback(True)
    return hurried


def why_not(row: Outbox, *, seen: int | None = None) -> str:
    """Why `row` can't be abandoned now, in a sentence; "" if it can.

    `seen` is the `asked` its page was made from: what was asked for since is not
    what somebody meant to give up.
    """
    work = work_of(row.kind)
    if row.asked == row.served:
        return _already(row)
    if work is None:
        return "The portal does not know what giving this up would leave behind."
    if row.lease_until is not None and row.lease_until > timezone.now():
        return (
            "This is being sent right now. Wait until that has ended, then read "
            "what came of it."
        )
    if seen is not None and row.asked != seen:
        return "This was asked for again since you opened the page. Read it once more."
    until = _quarantined_until(row, work)
    if until is not None:
        return (
            f"A write may still arrive until {_clock(until)}. Before that nobody can "
            "say what would be left."
        )
    return ""


def _already(row: Outbox) -> str:
    if is_abandoned(row) and row.abandoned_at is not None:
        when = ago(row.abandoned_at)
        return f"{row.abandoned_by} abandoned this {when}: {row.abandoned_reason}"
    return "This is done: there is nothing left to abandon."


def _quarantined_until(row: Outbox, work: Work) -> datetime | None:
    """Until when a write may still land; None if that is over."""
    now = timezone.now()
    until = None
    since = row.unsure_since or row.sending_since
    if since is not None:
        until = since + timedelta(seconds=settings.OUTBOX_QUARANTINE)
    elif work.settles and not row.parked_reason:
        # The claim's own write is noted in its mint, its end in `next_at`.
        until = row.next_at
    return until if until is not None and until > now else None


@transaction.atomic
def abandon(pk: int, *, seen: int, reason: str, by: AbstractBaseUser) -> None:
    """Settle the row without doing it, and make what it is about say so.

    It is never sent again unless asked again. What may have arrived in Tyk is still
    looked for then. Raises CannotAbandon, and nothing has changed.
    """
    row = Outbox.objects.filter(pk=pk).first()
    if row is None:
        raise CannotAbandon("This row is not there any more.")
    refusal = why_not(row, seen=seen)
    work = work_of(row.kind)
    if refusal or work is None:
        raise CannotAbandon(refusal)
    over = _free(pk).filter(
        epoch=row.epoch, asked=seen, parked_reason=row.parked_reason
    )
    ended = over.update(
        served=F("asked"),
        # A worker that outlived its lease finds that it lost the row.
        epoch=F("epoch") + 1,
        parked_reason="",
        attempts=0,
        waits=0,
        abandoned=F("asked"),
        abandoned_at=Now(),
        abandoned_by=str(by)[:200],
        abandoned_reason=reason[:LONGEST_REASON],
    )
    if not ended:
        row.refresh_from_db()
        raise CannotAbandon(why_not(row, seen=seen) or "Somebody else was quicker.")
    if work.undo is not None:
        work.undo(Abandonment(subject=row.subject, reason=reason, by=by))


def _free(pk: int) -> Any:
    """The row, while it is owed and no worker has it, by the database's clock."""
    return Outbox.objects.filter(outbox.free(), pk=pk, asked__gt=F("served"))


def codes(subjects: Iterable[str]) -> list[UUID]:
    """Those subjects that are codes of rows; a subject is any text."""
    found = []
    for subject in subjects:
        try:
            found.append(UUID(subject))
        except ValueError:
            continue
    return found
