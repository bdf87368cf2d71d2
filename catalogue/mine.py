"""Where a developer stands with each entry: asked, approved, holding a key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, F
from django.db.models.functions import Cast
from django.urls import reverse

from catalogue.models import Entry
from developers.models import Developer
from keyrequests.models import Key, KeyPolicy, KeyRequest, RequestedPlan


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of standing in words; `badge` is the class of its badge."""

    kind: str
    word: str
    badge: str
    action: str
    url_name: str


@dataclass(frozen=True, slots=True)
class State:
    """What a developer sees at an entry. `since`: when it was asked or made."""

    kind: str  # "approved", "key" or "pending"
    word: str
    badge: str
    action: str
    url: str
    since: datetime


#: The first that holds is shown: what waits for the developer comes first.
STANDINGS = {
    KeyRequest.Status.APPROVED.value: Standing(
        "approved", "Approved", "act", "Claim your key", "claim"
    ),
    Key.State.LIVE.value: Standing(
        "key", "You have a key", "ok", "Open your key", "key"
    ),
    Key.State.REVOKING.value: Standing(
        "key", "Key being revoked", "wait", "Open your key", "key"
    ),
    KeyRequest.Status.PENDING.value: Standing(
        "pending", "In review", "wait", "Open your request", "request"
    ),
}
_RANK = {value: rank for rank, value in enumerate(STANDINGS)}

Row = tuple[str, int | None, str, UUID, datetime]


def my_states(
    developer: Developer | None, entries: Iterable[Entry]
) -> dict[int, State]:
    """By primary key of the entry; entries never asked for are absent. One query.

    Two entries of one policy share a state, as they do in Tyk.
    """
    if developer is None:
        return {}
    best: dict[str | int, Row] = {}
    for row in sorted(_rows(developer), key=_worst_first):
        policy_id, plan_id, *_ = row
        best[policy_id] = row
        if plan_id is not None:
            best[plan_id] = row
    found = {entry.pk: _best(entry, best) for entry in entries}
    return {pk: _state(row) for pk, row in found.items() if row is not None}


def _rows(developer: Developer) -> Iterable[Row]:
    """Open requests and working keys, as policy, plan, standing, code and time."""
    requests = RequestedPlan.objects.filter(
        developer=developer,
        open=True,
        request__status__in=[KeyRequest.Status.PENDING, KeyRequest.Status.APPROVED],
    ).values_list(
        "policy_id",
        "plan_id",
        Cast("request__status", CharField()),
        "request__code",
        "request__created_at",
    )
    keys = KeyPolicy.objects.filter(
        key__developer=developer, key__state__in=[Key.State.LIVE, Key.State.REVOKING]
    ).values_list(
        "policy_id",
        "plan_id",
        Cast("key__state", CharField()),
        "key__code",
        F("key__created_at"),
    )
    # Sorted by the caller; SQLite takes no order inside of a union.
    return requests.order_by().union(keys.order_by(), all=True)


def _worst_first(row: Row) -> tuple[int, datetime]:
    _, _, standing, _, since = row
    return -_RANK[standing], since


def _best(entry: Entry, best: dict[str | int, Row]) -> Row | None:
    """By plan, and by either id of its policy where a row knows no plan yet."""
    plan = entry.plan
    names = [entry.policy_id] + ([plan.pk, plan.oid, plan.ref] if plan else [])
    rows = [best[name] for name in names if name in best]
    return max(rows, key=_worst_first, default=None)


def _state(row: Row) -> State:
    _, _, standing, code, since = row
    words = STANDINGS[standing]
    return State(
        kind=words.kind,
        word=words.word,
        badge=words.badge,
        action=words.action,
        url=reverse(f"keyrequests:{words.url_name}", args=[code]),
        since=since,
    )
