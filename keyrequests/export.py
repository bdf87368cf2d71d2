"""Everything the portal holds about a developer, for the developer. No network.

No key, no password and no other person is in it: staff are "the API team".
"""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from developers import mail_choices
from developers.browsers import Browser
from developers.models import Choices, Developer, ProfileEdit
from developers.services import FIELD
from keyrequests import reads
from keyrequests.models import Event, Key, KeyRequest, UsageDay

Entry = dict[str, Any]


def everything(developer: Developer, *, browsers: Iterable[Browser]) -> Entry:
    """As plain values for JSON; times in UTC. As many queries for any number of rows."""
    return {
        "made_at": timezone.now(),
        "account": _account(developer),
        "profile_changes": [_change(edit) for edit in _edits(developer)],
        "mails": _mails(developer),
        "picture": _picture(developer),
        "sessions": [_session(browser) for browser in browsers],
        "requests": _requests(developer),
        "keys": _keys(developer),
    }


def _account(developer: Developer) -> Entry:
    return {
        "email": developer.email,
        "name": developer.name,
        "fields": developer.fields,
        "since": developer.registered_at,
        "password_changed_at": developer.password_updated,
        "last_here_at": developer.seen_here_at,
        "as_of": developer.read_at,
    }


def _edits(developer: Developer) -> Iterable[ProfileEdit]:
    return ProfileEdit.objects.filter(developer=developer).order_by("pk")


def _change(edit: ProfileEdit) -> Entry:
    """Only fields: whether an account is on is decided by staff."""
    return {
        "at": edit.created_at,
        "state": edit.get_state_display(),
        "from": _typed(edit.before),
        "to": _typed(edit.after),
    }


def _typed(members: Entry) -> Entry:
    return {
        member.removeprefix(FIELD): value
        for member, value in members.items()
        if member.startswith(FIELD)
    }


def _mails(developer: Developer) -> dict[str, bool]:
    wanted = mail_choices.wanted(developer)
    return {event: event in wanted for event in mail_choices.OPTIONAL}


def _picture(developer: Developer) -> Entry:
    row = Choices.objects.filter(developer=developer).first()
    return {
        "gravatar_allowed_since": row.gravatar_since if row else None,
        "kept_here": bool(row and row.picture),
    }


def _session(browser: Browser) -> Entry:
    return {
        "browser": browser.words,
        "since": browser.began_at,
        "last_seen_at": browser.seen_at,
        "this_one": browser.is_this,
    }


# --- Requests and keys -------------------------------------------------------------
def _requests(developer: Developer) -> list[Entry]:
    rows = list(reads.requests_of(developer))
    events = _events(Event.objects.filter(request__in=rows), "request_id")
    return [_request(row, events.get(row.pk, [])) for row in rows]


def _request(row: KeyRequest, events: list[Entry]) -> Entry:
    return {
        "number": row.number,
        "api": row.entry_name,
        "plans": [asked.plan.name for asked in row.plans.all() if asked.plan],
        "project": row.project,
        "answers": row.answers,
        "redirect_addresses": row.redirect_uri,
        "state": row.get_status_display(),
        "sent_at": row.created_at,
        "decided_at": row.decided_at,
        "reason": row.reason,
        "events": events,
    }


def _keys(developer: Developer) -> list[Entry]:
    rows = list(reads.keys_of(developer).select_related("request"))
    events = _events(Event.objects.filter(key__in=rows), "key_id")
    usage: dict[int, list[Entry]] = {}
    for day in UsageDay.objects.filter(key__in=rows).order_by("day"):
        counted = {"calls": day.hits, "succeeded": day.ok, "failed": day.errors}
        usage.setdefault(day.key_id, []).append({"day": day.day, **counted})
    return [_key(row, events.get(row.pk, []), usage.get(row.pk, [])) for row in rows]


def _key(row: Key, events: list[Entry], usage: list[Entry]) -> Entry:
    return {
        "name": row.name,
        "shown_as": row.masked,
        "kind": row.get_kind_display(),
        "plans": [each.plan.name for each in row.policies.all() if each.plan],
        "request": row.request.number if row.request else None,
        "state": row.get_state_display(),
        "made_at": row.created_at,
        "ended_at": row.ended_at,
        "calls_by_day": usage,
        "events": events,
    }


def _events(rows: Iterable[Event], member: str) -> dict[int, list[Entry]]:
    """By row; notes are left out, since staff write them for themselves."""
    found: dict[int, list[Entry]] = {}
    for event in sorted(rows, key=lambda one: (one.at, one.pk)):
        found.setdefault(getattr(event, member), []).append(
            {
                "at": event.at,
                "what": event.get_verb_display(),
                "by": _who(event),
            }
        )
    return found


def _who(event: Event) -> str:
    if event.by_owner:
        return "you"
    return "the API team" if event.actor else "the portal"
