"""Tyk → mirror: policies become plans, the catalogue entries and their documents.

Nothing new means nothing written. A row Tyk no longer lists is marked gone,
never deleted, and only when that is believable (`_doubt`).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from catalogue import documents as texts, identity, services, words
from catalogue.models import Document, Entry, Plan, Shelf
from tyk.connect import dashboard
from tyk.dashboard.errors import NotFound, Refused, Unexpected
from tyk.dashboard.records import (
    BadRecord,
    Catalogue,
    CatalogueEntry,
    Documentation,
    Policy,
)
from tyk.fitting import clean
from tyk.pull import Pulled

CHUNK = 500  # rows in one write transaction; SQLite has one writer
BIGGEST = 2**63 - 1
#: A document Tyk did not hand out is asked for again after this.
ASK_AGAIN = timedelta(days=1)

PLAN_FIELDS = [
    "ref", "name", "rate", "per", "quota_max", "quota_period", "key_expires_in",
    "per_api", "apis", "auth_kind", "live",
]  # fmt: skip
ENTRY_FIELDS = [
    "name", "short_text", "long_text", "version", "policy_id", "api_id", "plan_id",
    "shown", "keyless", "auth_kind", "approval_override", "ask_fields",
    "documentation_id", "position",
]  # fmt: skip
BOOKKEEPING = ["digest", "read_at", "gone_at"]

M = TypeVar("M", bound=Model)


def policies(*, accept_removals: bool = False) -> Pulled:
    """Mirror every policy as a plan, also those no entry leads to (keys have them).

    `accept_removals`: an operator says that what is missing is really gone.
    Raises DashboardError; nothing is written then.
    """
    answer = dashboard().policies()
    now = timezone.now()
    unreadable = [item for item in answer if isinstance(item, BadRecord)]
    listed = {p.id: plan_of(p, now=now) for p in answer if isinstance(p, Policy)}
    known = dict(Plan.objects.values_list("oid", "digest"))
    present = set(Plan.objects.filter(gone_at=None).values_list("oid", flat=True))
    changed = [
        plan
        for oid, plan in listed.items()
        if oid not in present or known[oid] != plan.digest
    ]
    _in_chunks(changed, _upsert_plans)
    # One that is there and can't be read is not gone.
    there = listed.keys() | {item.id for item in unreadable if item.id}
    return _finish(
        Pulled(seen=len(listed), changed=len(changed), bad=len(unreadable)),
        missing=Plan.objects.filter(oid__in=present - there),
        present=len(present),
        nameless=sum(item.id is None for item in unreadable),
        accept_removals=accept_removals,
        now=now,
    )


def catalogue(*, accept_removals: bool = False) -> Pulled:
    """Mirror the catalogue; entries keep their slug through renames and absences.

    `accept_removals` and errors as in `policies`, which runs before: plans are
    looked up here by the entry's policy id.
    """
    answer = read_catalogue()
    now = timezone.now()
    # Long texts are only written, never compared: the digest speaks for them.
    rows = list(Entry.objects.defer("short_text", "long_text"))
    plans = services.plans_for(entry.policy_id for entry in answer.entries)
    wanted = [
        entry_values(entry, position=position, plan=plans.get(entry.policy_id))
        for position, entry in enumerate(answer.entries)
    ]
    found = identity.match([Identity(v) for v in wanted], rows)
    new, changed = _apply(wanted, found, rows=rows, now=now)
    _in_chunks(new, Entry.objects.bulk_create)
    _in_chunks(changed, _update_entries)
    kept = {row.pk for row in found if row is not None}
    present = [row.pk for row in rows if row.gone_at is None or row.pk in kept]
    return _finish(
        Pulled(seen=len(wanted), changed=len(new) + len(changed), bad=len(answer.bad)),
        missing=Entry.objects.filter(pk__in=set(present) - kept),
        present=len(present),
        nameless=len(answer.bad),
        accept_removals=accept_removals,
        now=now,
    )


def documents() -> Pulled:
    """Fetch the documents whose id at an entry moved: one call for each new id.

    No public source shows this read with an API key (Tyk docs, portal-documentation
    has only its making), so a Dashboard without it is nothing wrong: the entry has
    no document then, and is asked about again a day later. Raises DashboardError;
    what was read before is kept.
    """
    present = Entry.objects.present().exclude(documentation_id="")
    named = {e.pk: e.documentation_id for e in present.only("documentation_id")}
    rows = Document.objects.filter(source=Document.Source.TYK).defer("viewer", "body")
    held = {row.entry_id: row for row in rows}
    left = [row.pk for row in held.values() if row.entry_id not in named]
    due = defaultdict(list)
    for pk, tyk_id in named.items():
        if _is_due(held.get(pk), tyk_id, now=timezone.now()):
            due[tyk_id].append(pk)
    if left:
        with transaction.atomic():
            Document.objects.filter(pk__in=left).delete()
            Shelf.changed()
    odd: Unexpected | None = None
    for tyk_id, entries in due.items():
        try:
            values = _document_values(tyk_id)
        except Unexpected as error:  # about this one only: the others go on
            odd = odd or error
            continue
        _keep_document(tyk_id, entries, values)
    if odd is not None:
        raise odd
    changed = sum(len(entries) for entries in due.values())
    return Pulled(seen=len(named), changed=changed, retired=len(left))


# --- Policies ----------------------------------------------------------------
def plan_of(policy: Policy, *, now: datetime) -> Plan:
    plan = Plan(
        oid=policy.id,
        ref=clean(policy.ref, 200),
        name=clean(policy.name, 200) or policy.id,
        rate=policy.rate,
        per=policy.per,
        quota_max=_whole(policy.quota_max),
        quota_period=_whole(policy.quota_renewal_rate),
        key_expires_in=_whole(policy.key_expires_in),
        per_api=_per_api(policy),
        apis=[[clean(api, 200), clean(name, 200)] for api, name in policy.apis],
        auth_kind=_plan_kind(policy),
        live=policy.live,
        read_at=now,
    )
    plan.digest = _digest({name: getattr(plan, name) for name in PLAN_FIELDS})
    return plan


def _per_api(policy: Policy) -> list[dict[str, object]]:
    return [
        {
            "api_id": api_id,
            "api_name": clean(limit.api_name, 200) or api_id,
            "rate": limit.rate,
            "per": limit.per,
            "quota_max": _whole(limit.quota_max),
            "quota_period": _whole(limit.quota_renewal_rate),
        }
        for api_id, limit in sorted(policy.per_api_limits.items())
    ]


def _plan_kind(policy: Policy) -> str:
    """Several kinds on one policy: a key is made for one Tyk chooses, so "other".

    Policies of older releases name none; their keys are tokens.
    """
    kinds = {words.auth_kind(name) for name in policy.auth_types} - {"", "keyless"}
    if not kinds:
        return "token"
    return kinds.pop() if len(kinds) == 1 else "other"


def _upsert_plans(plans: Sequence[Plan]) -> None:
    Plan.objects.bulk_create(
        plans,
        update_conflicts=True,
        unique_fields=["oid"],
        update_fields=[*PLAN_FIELDS, *BOOKKEEPING],
    )


# --- Entries -----------------------------------------------------------------
def read_catalogue() -> Catalogue:
    """The catalogue; one that was never saved is an empty one.

    A Dashboard answers an empty object or 404 then (no source says which).
    """
    try:
        return dashboard().catalogue()
    except NotFound:
        return Catalogue(id="", org_id="", entries=())


class Identity:
    """What an entry is recognised by, cut to what a row can hold."""

    def __init__(self, values: dict[str, object]) -> None:
        self.name = str(values["name"])
        self.policy_id = str(values["policy_id"])


def entry_values(
    entry: CatalogueEntry, *, position: int, plan: Plan | None
) -> dict[str, object]:
    override = entry.override
    return {
        "name": clean(entry.name, 200) or "API",
        "short_text": clean(entry.short_description),
        "long_text": clean(entry.long_description),
        "version": clean(entry.version, 40),
        "policy_id": clean(entry.policy_id, 64),
        "api_id": clean(entry.api_id, 64),
        "plan_id": plan.pk if plan else None,
        "shown": entry.show,
        "keyless": entry.is_keyless or entry.auth_type == "keyless",
        "auth_kind": words.auth_kind(entry.auth_type),
        "approval_override": override.require_key_approval if override else None,
        "ask_fields": list(override.key_request_fields) if override else None,
        "documentation_id": clean(entry.documentation, 64),
        "position": position,
    }


def _apply(
    wanted: Sequence[dict[str, object]],
    found: Sequence[Entry | None],
    *,
    rows: Iterable[Entry],
    now: datetime,
) -> tuple[list[Entry], list[Entry]]:
    """New rows and changed ones, filled but not saved."""
    taken = {row.slug for row in rows}
    new, changed = [], []
    for values, row in zip(wanted, found, strict=True):
        digest = _digest(values)
        if row is None:
            row = Entry(slug=identity.new_slug(str(values["name"]), taken))
            new.append(row)
        elif row.digest != digest or row.gone_at is not None:
            changed.append(row)
        else:
            continue
        for name, value in {**values, "digest": digest}.items():
            setattr(row, name, value)
        row.read_at, row.gone_at = now, None
    return new, changed


def _update_entries(entries: Sequence[Entry]) -> None:
    fields = ["plan" if name == "plan_id" else name for name in ENTRY_FIELDS]
    Entry.objects.bulk_update(entries, [*fields, *BOOKKEEPING])


# --- Documents ---------------------------------------------------------------
def _is_due(row: Document | None, tyk_id: str, *, now: datetime) -> bool:
    if row is None or row.tyk_id != tyk_id:
        return True
    absent = row.state == Document.State.ABSENT
    return absent and row.updated_at < now - ASK_AGAIN


def _document_values(tyk_id: str) -> dict[str, object]:
    """What to keep of Tyk's answer, which may be that there is none to have."""
    try:
        answer = dashboard().documentation(tyk_id)
    except Refused:
        answer = None
    except Unexpected as error:
        if error.reason in {"too_large", "wrong_shape"}:
            why = f"Tyk's answer can't be used ({error.where or error.reason})."
            return texts.empty(Document.State.BROKEN, problem=why)
        if error.reason != "not_json":
            raise
        answer = None  # a page of the Dashboard's own, where there is no such call
    if answer is None:
        return texts.empty(Document.State.ABSENT)
    return _of_kind(answer)


def _of_kind(answer: Documentation) -> dict[str, object]:
    if answer.content:
        return texts.from_tyk(answer.content, kind=answer.kind)
    if answer.url and len(answer.url) <= 2_000:
        return texts.empty(Document.State.LINK, body=answer.url)
    # "graphql" comes with a word instead of a text.
    return texts.empty(Document.State.ABSENT, problem=f"Of the kind {answer.kind}.")


@transaction.atomic
def _keep_document(
    tyk_id: str, entries: Sequence[int], values: dict[str, object]
) -> None:
    for entry_id in entries:
        Document.objects.update_or_create(
            entry_id=entry_id,
            source=Document.Source.TYK,
            defaults={**values, "tyk_id": tyk_id},
        )
    Shelf.changed()


# --- What they share -----------------------------------------------------------
def _finish(
    pulled: Pulled,
    *,
    missing: QuerySet[M],
    present: int,
    nameless: int,
    accept_removals: bool,
    now: datetime,
) -> Pulled:
    """Retire what is missing, or say why not.

    `nameless`: unreadable records, each of which may be one of the missing.
    """
    gone = missing.count()
    if not accept_removals:
        pulled.held_back = _doubt(
            gone=gone, of=present, listed=pulled.seen, nameless=nameless
        )
    if gone and not pulled.held_back:
        with transaction.atomic():
            pulled.retired = missing.update(gone_at=now)
            Shelf.changed()
    return pulled


def _doubt(*, gone: int, of: int, listed: int, nameless: int) -> str:
    """Why `gone` of the `of` present rows may not really be gone; "" if they are.

    A Dashboard restored from an old backup, or a key that sees less (teams), must
    not empty the shelf in one minute.
    """
    if not gone:
        return ""
    if nameless:
        return f"{nameless} of the listed could not be read; {gone} kept"
    if not listed:
        return f"Tyk lists none; {gone} kept"
    if gone > max(3, of * 0.05):
        return f"{gone} of {of} would vanish at once; kept"
    return ""


def _in_chunks(rows: Sequence[M], write: Callable[[Sequence[M]], object]) -> None:
    for start in range(0, len(rows), CHUNK):
        with transaction.atomic():
            write(rows[start : start + CHUNK])
            Shelf.changed()


def _digest(values: dict[str, object]) -> str:
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _whole(value: int) -> int:
    """Within a bigint, so that one absurd figure cannot stop a pull."""
    return max(-1, min(value, BIGGEST))
