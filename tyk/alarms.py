"""Tells staff by mail of what only a person can mend: once per cause, not per row.

`watch` compares what stands in the tables with what staff were told (`Alarm`), so
no alarm is lost with a killed worker, and none is repeated.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from tyk import connect, outbox
from tyk.models import Alarm, CredentialState, Organisation, Outbox, PullState

log = logging.getLogger(__name__)

#: In the reason of a row that is parked because keys were gone after a write.
VANISHED = "keys vanished beside this write"
#: Causes whose end is worth a mail too.
TOLD_WHEN_OVER = {Alarm.Cause.KEY_REJECTED, Alarm.Cause.STALE}
# A mail about mails that can't be sent would be one of them.
OWN = ["mail.alarm", "mail.alarm_over"]
MOST_REASONS = 500

Cause = Alarm.Cause
Key = tuple[str, str]  # cause, subject


def watch() -> int:
    """Raise what is new, end what is over; how many mails that makes."""
    standing = dict(_standing())
    told = {(row.cause, row.subject): row for row in Alarm.objects.filter(over_at=None)}
    made = [raise_once(*key, note=standing[key]) for key in standing if key not in told]
    ended = [_end(row) for key, row in told.items() if key not in standing]
    again = [row.pk for key, row in told.items() if key in standing and row.well_since]
    if again:
        Alarm.objects.filter(pk__in=again).update(well_since=None)
    return sum(made) + sum(ended)


@transaction.atomic
def raise_once(cause: str, subject: str, *, note: str = "") -> bool:
    """Have staff told, unless they were and it isn't over. True if this does it."""
    alarm, made = Alarm.objects.get_or_create(
        cause=cause,
        subject=subject,
        over_at=None,
        defaults={"note": note[:300], "raised_at": timezone.now()},
    )
    if made:
        log.error("alarm raised", extra={"cause": cause})
        outbox.enqueue("mail.alarm", alarm.pk)
    return made


def parked() -> QuerySet[Outbox]:
    """Rows that wait for a person."""
    return Outbox.objects.filter(asked__gt=F("served")).exclude(parked_reason="")


def subject_of_parked(kind: str, reason: str) -> str:
    """One for rows of a kind parked for one reason, whatever numbers stand in it."""
    same = re.sub(r"\S*\d\S*", "#", reason)
    return f"{kind}:{hashlib.sha256(same.encode()).hexdigest()[:8]}"


# --- What stands now --------------------------------------------------------------
def _standing() -> Iterator[tuple[Key, str]]:
    organisation = Organisation.current()
    if organisation.credential_state == CredentialState.REJECTED:
        yield (Cause.KEY_REJECTED, ""), ""
    if organisation.moved_from == connect.first_key():
        # Over when TYK_API_KEY is another one.
        yield (Cause.KEY_MOVED, organisation.moved_from), ""
    held_back = PullState.objects.exclude(held_back_reason="")
    for kind, reason in held_back.values_list("kind", "held_back_reason"):
        yield (Cause.HELD_BACK, kind), reason
    stale = sorted(_stale())
    if stale and organisation.credential_state != CredentialState.REJECTED:
        yield (Cause.STALE, ""), ", ".join(stale)
    yield from _parked()


def _stale() -> Iterator[str]:
    """Kinds of pulls that fail, and were not complete for too long.

    Not those that only were not tried: a portal that was stopped for a night is no
    alarm in its first minute.
    """
    patience = timedelta(seconds=settings.ALARM_STALE)
    for row in PullState.objects.exclude(last_error=""):
        often = interval(row.kind)
        if often is None or row.completed_at is None:
            continue
        if timezone.now() - row.completed_at > often + patience:
            yield row.kind


def interval(kind: str) -> timedelta | None:
    """How often the beat asks for this pull; None if it doesn't."""
    beat: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    turn = beat.get(f"pull {kind}")
    return turn["schedule"] if turn else None


def _parked() -> Iterator[tuple[Key, str]]:
    rows = parked().exclude(kind__in=OWN)
    lost = rows.filter(parked_reason__contains=VANISHED)
    # In one order: what is cut off must be the same at each look.
    listed = lost.order_by("pk").values_list("pk", "parked_reason")
    for pk, reason in listed[:MOST_REASONS]:
        yield (Cause.KEYS_LOST, str(pk)), reason
    others = rows.exclude(parked_reason__contains=VANISHED)
    reasons = others.order_by("kind", "parked_reason").distinct()
    pairs = reasons.values_list("kind", "parked_reason")
    for kind, reason in pairs[:MOST_REASONS]:
        yield (Cause.PARKED, subject_of_parked(kind, reason)), reason


def _end(alarm: Alarm) -> bool:
    """End it once it was well for a while; True if that makes a mail.

    Dashboards behind one address may disagree for minutes: each change of mind must
    not be a mail.
    """
    now = timezone.now()
    if alarm.well_since is None:
        Alarm.objects.filter(pk=alarm.pk).update(well_since=now)
        return False
    if now - alarm.well_since < timedelta(seconds=settings.ALARM_SETTLES):
        return False
    with transaction.atomic():
        ended = Alarm.objects.filter(pk=alarm.pk, over_at=None).update(over_at=now)
        told = bool(ended) and alarm.cause in TOLD_WHEN_OVER
        if told:
            outbox.enqueue("mail.alarm_over", alarm.pk)
    return told
