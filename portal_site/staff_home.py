"""The front page of the staff area: what waits for me, is all well, what was decided."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, Q
from django.template import Context
from django.urls import reverse
from django.utils import timezone

from developers.models import User
from keyrequests.admin_case import OVER_TARGET
from keyrequests.models import Event, KeyRequest
from portal_site.templatetags.desks import Desk, operations
from tyk import alarms
from tyk.models import Alarm, PullState

MOST_COUNTED = 1000
LAST_DECISIONS = 5
SEE_REQUESTS = "keyrequests.view_keyrequest", "keyrequests.change_keyrequest"


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a decision; `count` stops at MOST_COUNTED."""

    count: int
    late: int
    oldest: KeyRequest | None

    @property
    def capped(self) -> bool:
        return self.count >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Home:
    """What one colleague reads first; None and empty where they may not look."""

    queue: Queue | None
    decisions: list[Event]
    health: list[Desk]

    @property
    def unwell(self) -> list[Desk]:
        return [desk for desk in self.health if desk.kind in {"wait", "stop"}]


def of(user: User) -> Home:
    """At most eight queries, whatever the rows."""
    sees_requests = any(user.has_perm(right) for right in SEE_REQUESTS)
    desks = operations(Context({"user": user}))["desks"]
    return Home(
        queue=_queue() if sees_requests else None,
        decisions=_decisions() if sees_requests else [],
        health=[*_machinery(user), *desks],
    )


def _queue() -> Queue:
    waiting = KeyRequest.objects.waiting().select_related("developer")
    oldest = waiting.first()
    if oldest is None:
        return Queue(0, 0, None)
    first = waiting.order_by().values("pk")[:MOST_COUNTED]
    late = waiting.filter(created_at__lt=timezone.now() - OVER_TARGET).order_by()
    return Queue(first.count(), late.values("pk")[:MOST_COUNTED].count(), oldest)


def _decisions() -> list[Event]:
    """Read backwards by key: nothing is sorted."""
    decided = Event.objects.filter(
        Q(verb=Event.Verb.APPROVED) | Q(verb=Event.Verb.DECLINED),
        request__isnull=False,
    )
    rows = decided.select_related("request__developer").order_by("-pk")
    return list(rows[:LAST_DECISIONS])


# --- Is all well ---------------------------------------------------------------------
def _machinery(user: User) -> Iterator[Desk]:
    if user.has_perm("tyk.view_pullstate") or user.has_perm("tyk.change_pullstate"):
        yield _sync()
    if user.has_perm("tyk.view_outbox") or user.has_perm("tyk.change_outbox"):
        yield _outbox()
    if user.has_perm("tyk.view_alarm"):
        yield _alarms()


def _sync() -> Desk:
    """What fails or is far behind, else the oldest of what is read every minute."""
    url = reverse("admin:tyk_pullstate_changelist")
    rows = list(PullState.objects.all())
    failed = [row for row in rows if row.last_error or row.held_back_reason]
    if failed:
        words = f"{len(failed)} of {len(rows)} pulls in trouble"
        return Desk("Sync with Tyk", url, "stop", words, None)
    read = [row.completed_at for row in rows if row.completed_at and _is_often(row)]
    if not read:
        return Desk("Sync with Tyk", url, "", "Nothing was read yet", None)
    return Desk("Sync with Tyk", url, "ok", "Up to date", min(read))


def _is_often(row: PullState) -> bool:
    often = alarms.interval(row.kind)
    return often is not None and often <= timedelta(minutes=5)


def _outbox() -> Desk:
    url = reverse("admin:tyk_outbox_changelist")
    parked = alarms.parked()
    since: datetime | None = parked.aggregate(at=Min("asked_at"))["at"]
    if since is None:
        return Desk("Outbox", url, "ok", "Nothing is parked", None)
    count = parked.values("pk")[:MOST_COUNTED].count()
    words = f"{count} parked: a person must look"
    return Desk("Outbox", f"{url}?state=parked", "stop", words, since)


def _alarms() -> Desk:
    url = reverse("admin:tyk_alarm_changelist")
    standing = list(Alarm.objects.filter(over_at=None).order_by("-pk")[:3])
    if not standing:
        return Desk("Alarms", url, "ok", "None", None)
    words = "; ".join(dict.fromkeys(alarm.get_cause_display() for alarm in standing))
    return Desk("Alarms", url, "stop", words.capitalize(), standing[0].raised_at)
