"""What a reviewer reads of one request: its age, its flags, its four parts."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalogue.models import Plan
from catalogue.words import limits
from developers.models import User, email_key
from keyrequests import usage
from keyrequests.models import Event, Key, KeyRequest, Mint
from portal_site import formats

# The target is 24 hours; from half of it on a request is due soon.
DUE_SOON, OVER_TARGET = timedelta(hours=12), timedelta(hours=24)
MOST_KEYS, MOST_EVENTS = 20, 100

Status = KeyRequest.Status

#: Codes of refused decisions, as the time line tells them.
REFUSALS = {
    "own_request": "their own address",
    "already_decided": "already decided",
    "not_allowed": "no right to decide",
    "not_live": "already ended",
}


# --- Age and flags -------------------------------------------------------------
def age(row: KeyRequest) -> SafeString:
    """How long it waits in words, shape and colour; or what became of it."""
    if row.status != Status.PENDING:
        return format_html(
            '{}<span class="sub">{}</span>',
            row.get_status_display().capitalize(),
            _decision(row),
        )
    kind, what = _urgency(timezone.now() - row.created_at)
    waited = formats.waited(row.created_at, now=timezone.now())
    return format_html('<span class="age age-{}">{}{}</span>', kind, waited, what)


def _decision(row: KeyRequest) -> str:
    """Beside the state; "Key made" is no deed of who approved it."""
    if row.decided_in == KeyRequest.DecidedIn.STAFF and row.decided_by:
        made = row.status == Status.GRANTED
        return f"approved by {row.decided_by}" if made else str(row.decided_by)
    return row.get_decided_in_display()


def _urgency(waited: timedelta) -> tuple[str, str]:
    if waited > OVER_TARGET:
        return "late", ", over target"
    if waited > DUE_SOON:
        return "soon", ", due soon"
    return "fresh", ""


def is_own(row: KeyRequest, staff: User) -> bool:
    """Whether it comes from this colleague's own address."""
    return row.developer.email_key == email_key(staff.email or "")


def plans_of(row: KeyRequest) -> list[Plan]:
    """The plans it asks for that are known; cheap if `plans__plan` is prefetched."""
    return [asked.plan for asked in row.plans.all() if asked.plan]


def is_offered(row: KeyRequest) -> bool:
    """Whether an approval could still be claimed: Tyk honours what it asks for."""
    plans = [asked.plan for asked in row.plans.all()]
    return bool(plans) and all(plan is not None and plan.offered for plan in plans)


def reasons(row: KeyRequest) -> list[tuple[str, str]]:
    """Question and answer, without what the portal itself wrote into Tyk."""
    answers = [(name, str(told)) for name, told in row.answers.items()]
    return [(name, told) for name, told in answers if not name.startswith("portal_")]


def seen(row: KeyRequest) -> str:
    """Names what a reviewer read: a developer may amend it meanwhile."""
    read = [row.project, sorted(row.answers.items()), row.redirect_uri]
    return hashlib.sha256(json.dumps(read, default=str).encode()).hexdigest()[:16]


def after(row: KeyRequest, staff: User) -> KeyRequest | None:
    """The next request this colleague may decide: behind `row`, else the longest."""
    waiting = (
        KeyRequest.objects.waiting()
        .exclude(pk=row.pk)
        .exclude(developer__email_key=email_key(staff.email or ""))
        .select_related("developer")
    )
    behind = Q(created_at__gt=row.created_at) | Q(
        created_at=row.created_at, pk__gt=row.pk
    )
    return waiting.filter(behind).first() or waiting.first()


# --- The case --------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One line of the time line, for staff."""

    at: datetime
    who: str
    what: str
    note: str


def time_line(row: KeyRequest | Key) -> list[Line]:
    """What happened, newest first; refused decisions too."""
    return [
        Line(
            event.at,
            event.actor or "the portal",
            event.get_verb_display(),
            REFUSALS.get(event.note, event.note)
            if event.verb == Event.Verb.REFUSED
            else event.note,
        )
        for event in row.events.all()[:MOST_EVENTS]
    ]


def warnings(row: KeyRequest, staff: User) -> list[str]:
    """What stands in the way of a decision, in sentences."""
    found = []
    if row.status == Status.PENDING and is_own(row, staff):
        found.append(
            "This request comes from your own address. A colleague decides it."
        )
    if row.is_open and not is_offered(row):
        found.append(
            "Tyk no longer offers this plan: an approval cannot be claimed "
            "until it does."
        )
    if row.is_open and row.developer.gone_at is not None:
        found.append("The developer is gone from Tyk.")
    return found


def case(row: KeyRequest, staff: User) -> dict[str, Any]:
    """The parts of a request's page; the same queries whatever the rows."""
    plans = plans_of(row)
    keys = (
        Key.objects.filter(
            developer=row.developer, state__in=[Key.State.LIVE, Key.State.REVOKING]
        )
        .defer("sealed_id")
        .prefetch_related("policies__plan")
        .order_by("-pk")
    )
    return {
        "age": age(row),
        "warnings": warnings(row, staff),
        "reasons": reasons(row),
        "plans": [(plan, limits(plan)) for plan in plans],
        "on_it": _developers_on(plans),
        "in_tyk": _in_tyk(row),
        "standing": KeyRequest.objects.of(row.developer).aggregate(
            asked=Count("pk"),
            approved=Count("pk", filter=Q(status__in=["approved", "granted"])),
            declined=Count("pk", filter=Q(status="declined")),
        ),
        "keys": used(keys[:MOST_KEYS]),
        "seen": seen(row),
        "following": after(row, staff) if row.status == Status.PENDING else None,
        "events": time_line(row),
        "verdict": verdict(row),
    }


@dataclass(frozen=True, slots=True)
class Used:
    """A key, and its calls in words."""

    key: Key
    words: str


def used(keys: Iterable[Key]) -> list[Used]:
    """The calls of the last seven days of each key; one query more."""
    found = list(keys)
    known = usage.summary(found, now=timezone.now())
    return [Used(key, usage_words(known[key.pk])) for key in found]


def usage_words(one: usage.KeyUsage) -> str:
    """ "13 090 calls in 7 days, 1.9 % errors", or why nobody knows."""
    if one.state == "empty":
        return "no calls yet"
    if not one.known:
        return {"off": "usage is not read", "collecting": "usage not read yet"}.get(
            one.state, "usage not available right now"
        )
    if not one.week.hits:
        return "no calls in 7 days"
    plural = "" if one.week.hits == 1 else "s"
    calls = f"{formats.figure(one.week.hits)} call{plural} in 7 days"
    return f"{calls}, {formats.percent(one.week.share)} errors"


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done about a request, and when if that is known."""

    what: str
    at: datetime | None


def verdict(row: KeyRequest) -> list[Done]:
    """Who decided, and what came of it: a decision makes no key, a claim does."""
    if row.status == Status.PENDING:
        return []
    if row.status == Status.WITHDRAWN:
        return [Done(f"Withdrawn by {row.developer}", row.decided_at)]
    verb = "Declined" if row.status == Status.DECLINED else "Approved"
    decided = Done(f"{verb} {_decider(row)}".rstrip(), row.decided_at)
    if row.status == Status.LAPSED:
        return [decided, Done("Lapsed", _at(row, Event.Verb.LAPSED))]
    claimed_at = _claimed_at(row) if row.status == Status.GRANTED else None
    if claimed_at is None:
        return [decided]
    return [decided, Done(f"Claimed by {row.developer}", claimed_at)]


def _decider(row: KeyRequest) -> str:
    if row.decided_in == KeyRequest.DecidedIn.STAFF and row.decided_by:
        return f"by {row.decided_by}"
    return row.get_decided_in_display() if row.decided_in else ""


def _claimed_at(row: KeyRequest) -> datetime | None:
    """When its first key was shown; a replacement is another claim."""
    mints = row.mints.filter(state=Mint.State.SHOWN, replaces=None)
    return _at(row, Event.Verb.CLAIMED) or mints.aggregate(at=Min("ended_at"))["at"]


def _at(row: KeyRequest, verb: "Event.Verb") -> datetime | None:
    first: datetime | None = row.events.filter(verb=verb).aggregate(at=Min("at"))["at"]
    return first


def _developers_on(plans: list[Plan]) -> int:
    live = Key.objects.filter(policies__plan__in=plans, state=Key.State.LIVE)
    return live.order_by().values("developer").distinct().count()


def _in_tyk(row: KeyRequest) -> str:
    """What stands in Tyk, as far as the mirror has read."""
    if row.mints.filter(state=Mint.State.UNSURE).exists():
        return "a claim's answer was lost; it is being looked into"
    words = {
        "pending": "request delivered, not approved",
        "approved": "approved",
        "gone": "no longer there",
    }
    return words.get(row.tyk_state, "not delivered yet")
