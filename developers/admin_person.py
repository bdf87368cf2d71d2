"""What staff read of one developer: fields, keys, requests, mails, what happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Q
from django.utils import timezone

from developers import services
from developers.models import Developer, MailedLink, ProfileEdit
from developers.pictures import initials
from keyrequests import admin_case, nearing, reads, reminders, usage
from keyrequests.models import Event, Key, KeyRequest
from tyk import desk
from tyk.models import Outbox

MOST_KEYS, MOST_REQUESTS, MOST_LINES = 50, 20, 40
Reader = AbstractBaseUser | AnonymousUser


def state_of(developer: Developer, *, changing: bool) -> tuple[str, str]:
    """Kind of badge, and words."""
    if developer.gone_at is not None:
        return "stop", "Gone from Tyk"
    if developer.closed_at is not None:
        return "stop", "Closed by its owner"
    word = "Switched off" if developer.inactive else "Active"
    if changing:
        return "wait", f"{word}, change on its way to Tyk"
    return ("stop" if developer.inactive else "ok"), word


def page(developer: Developer, reader: Reader) -> dict[str, Any]:
    """Everything on the page, as far as `reader` may see it; at most 12 queries."""
    may = getattr(reader, "has_perm", lambda _right: False)
    sees_keys = may("keyrequests.view_key") or may("keyrequests.change_key")
    sees_requests = may("keyrequests.view_keyrequest") or may(
        "keyrequests.change_keyrequest"
    )
    keys = list(reads.keys_of(developer).defer("sealed_id")[:MOST_KEYS])
    requests = list(reads.requests_of(developer)[:MOST_REQUESTS])
    edits = services.waiting_edits(developer)
    # Mails and lines name keys and requests: only those that may be seen.
    told_keys = keys if sees_keys else []
    told_requests = requests if sees_requests else []
    return {
        "initials": initials(str(developer)),
        "state": state_of(developer, changing=any(map(_is_due, edits))),
        "fields": fields_of(developer),
        "edits": edits,
        "keys": held(keys) if sees_keys else None,
        "requests": requests if sees_requests else None,
        "asked": KeyRequest.objects.of(developer).count() if sees_requests else 0,
        "mails": mails_of(developer, keys=told_keys, requests=told_requests),
        "lines": lines_of(developer, keys=told_keys, requests=told_requests),
    }


def _is_due(edit: ProfileEdit) -> bool:
    return edit.state == ProfileEdit.State.DUE


# --- Fields ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Field:
    """A value, and who gives it."""

    name: str
    value: object
    owner: str


def fields_of(developer: Developer) -> list[Field]:
    """What is known of a person, with whose word it is. No secret is among it."""
    own = services.profile_of(developer)
    told = {**{k: v for k, v in developer.fields.items() if k not in own}}
    rest = {k: v for k, v in told.items() if not k.startswith(services.RESERVED_PREFIX)}
    return [
        Field("E-mail", developer.email, "developer, after a mail"),
        *(Field(name, text, "developer or staff") for name, text in own.items()),
        *(Field(name, text, "from Tyk") for name, text in rest.items()),
        Field("Registered", developer.registered_at, "from Tyk"),
        Field("Password changed", developer.password_updated, "from Tyk"),
        Field("Last here", developer.seen_here_at, "from the portal"),
        Field("Id in Tyk", developer.tyk_id, "from Tyk"),
    ]


# --- Keys -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Holding:
    """One key: what it opens, how much it is used."""

    key: Key
    words: str
    quota: usage.Quota | None


def held(keys: Iterable[Key]) -> list[Holding]:
    """Working keys first; one query."""
    found = sorted(keys, key=lambda key: not key.works)
    known = usage.summary(found, now=timezone.now())
    return [
        Holding(
            key,
            admin_case.usage_words(known[key.pk]) if key.works else "",
            known[key.pk].quota if key.works else None,
        )
        for key in found
    ]


@dataclass(frozen=True, slots=True)
class Touched:
    """Whom an act would reach: the blast radius in figures."""

    keys: int
    calls: int
    open_requests: int


def touched(developer: Developer) -> Touched:
    """Working keys and their calls of seven days, open requests; four queries."""
    keys = list(reads.keys_of(developer).filter(state__in=reads.WORKING))
    known = usage.summary(keys, now=timezone.now())
    waiting = KeyRequest.objects.of(developer).aggregate(
        n=Count("pk", filter=Q(status__in=["pending", "approved"]))
    )
    calls = sum(one.week.hits for one in known.values())
    return Touched(len(keys), calls, waiting["n"])


# --- Mails ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was asked for; the portal keeps no text of it."""

    what: str
    at: datetime
    kind: str  # of the badge
    state: str


def mails_of(
    developer: Developer, *, keys: Iterable[Key], requests: Iterable[KeyRequest]
) -> list[Mail]:
    """The mails of the last weeks, newest first; two queries."""
    links = MailedLink.objects.filter(developer=developer).order_by("-pk")
    codes: list[UUID] = [
        developer.code,
        *links.values_list("code", flat=True)[:MOST_LINES],
        *(row.code for row in requests),
        *(row.code for row in keys),
    ]
    subjects = [
        *map(str, codes),
        *(f"{row.code} {days}" for row in requests for days in reminders.AFTER_DAYS),
        *(f"{row.code} {share}" for row in keys for share in nearing.TOLD),
    ]
    rows = Outbox.objects.filter(
        subject__in=subjects, kind__startswith="mail."
    ).exclude(kind__in=["mail.to_review", "mail.key_leaked"])  # to staff
    return [_mail(row) for row in rows.order_by("-asked_at", "-pk")[:MOST_LINES]]


def _mail(row: Outbox) -> Mail:
    standing = desk.standing(row)
    told = {
        "done": ("ok", "Handed to the mail server"),
        "abandoned": ("", "Never sent"),
        "parked": ("stop", "Parked"),
    }
    kind, state = told.get(standing.name, ("wait", "On its way"))
    what = desk.words_of(row.kind).removeprefix("Mail: ")
    return Mail(what[:1].upper() + what[1:], row.asked_at, kind, state)


# --- What happened ------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One line of the time line."""

    at: datetime
    who: str
    what: str
    about: str
    note: str


def lines_of(
    developer: Developer, *, keys: Iterable[Key], requests: Iterable[KeyRequest]
) -> list[Line]:
    """Requests, keys and acts of staff together, newest first; two queries."""
    mine = Q(request__in=list(requests)) | Q(key__in=list(keys))
    events = Event.objects.filter(mine).select_related("request", "key")
    kind = ContentType.objects.get_for_model(Developer)
    acts = LogEntry.objects.filter(content_type=kind, object_id=str(developer.pk))
    lines = [_of_event(event) for event in events.defer("key__sealed_id")[:MOST_LINES]]
    lines += [
        Line(act.action_time, str(act.user), act.get_change_message(), "account", "")
        for act in acts.select_related("user").order_by("-action_time")[:MOST_LINES]
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:MOST_LINES]


def _of_event(event: Event) -> Line:
    about = " ".join(
        part
        for part in (
            event.request.number if event.request else "",
            str(event.key) if event.key else "",
        )
        if part
    )
    refused = event.verb == Event.Verb.REFUSED
    note = admin_case.REFUSALS.get(event.note, event.note) if refused else event.note
    return Line(
        event.at, event.actor or "the portal", event.get_verb_display(), about, note
    )
