"""Tyk → mirror: developers, and the keys each of them holds.

Developers are pulled here and not in `developers`, since one record carries both
the person and the keys, and a list of 100,000 is read once.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalogue.models import Plan
from catalogue.services import plans_for
from developers import pull as people
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import holdings, services
from keyrequests.models import (
    Event,
    Key,
    KeyPolicy,
    Mint,
)
from keyrequests.pull import agreed
from tyk import bulk, lanes, outbox, seal
from tyk.connect import dashboard
from tyk.dashboard.errors import NotFound, Unexpected
from tyk.dashboard.records import BadRecord, Developer as Person
from tyk.models import Organisation
from tyk.pull import Pulled

log = logging.getLogger(__name__)

CHUNK = 500
TWO_LOOKS_APART = timedelta(seconds=60)
# Tyk lists a new key at once or, behind a replica, within minutes.
LISTED_WITHIN = timedelta(minutes=15)
T = TypeVar("T")


def developers() -> Pulled:
    """Every developer of the organisation, streamed; those gone retire."""
    began, look, pulled = timezone.now(), people.Look(), Pulled()
    terms = agreed.terms()
    for chunk in in_chunks(dashboard().unread_developers()):
        moved = agreed.moved(chunk, terms)
        found = [one.read() for one in moved]
        pulled.seen += len(chunk)
        look.ids.update(one.id for one in chunk if one.id)
        # One that was left unread was readable when it was the same.
        look.whole &= not any(isinstance(one, BadRecord) for one in found)
        mirrored = _apply_chunk(found, pulled, began=began)
        agreed.keep(zip(moved, found, strict=True), mirrored, terms)
    parted = people.retire(look, began=began)
    pulled.retired, pulled.held_back = parted.retired, parted.held_back
    pulled.changed += _end_with_their_developers(began)
    return pulled


def _end_with_their_developers(began: datetime) -> int:
    """Tyk deletes the keys of a developer it deletes; how many ended here.

    No list holds them any more. One look may be wrong about a developer: their keys
    end at the next one.
    """
    left = Key.objects.filter(
        developer__gone_at__lt=began - TWO_LOOKS_APART,
        state__in=[Key.State.LIVE, Key.State.REVOKING],
    )
    ended = 0
    for pks in in_chunks(list(left.values_list("pk", flat=True))):
        keys = Key.objects.filter(pk__in=pks).select_related("request")
        with transaction.atomic():
            _keep_gone(list(keys.defer("sealed_id")))
        ended += len(pks)
    return ended


def recent_developers() -> Pulled:
    """Those who were here in the last minutes, one by one."""
    since = timezone.now() - timedelta(seconds=settings.RECENT_DEVELOPER_WINDOW)
    rows = Developer.objects.present().filter(seen_here_at__gte=since)
    # In one order on every database: an answer can be found again in the log.
    ids = list(rows.order_by("pk").values_list("tyk_id", flat=True))
    return _apply_people(_readable(ids), began=timezone.now())


def one_developer(developer: Developer, *, seconds: float | None = None) -> Pulled:
    """Read one developer and their keys now; raises DashboardError."""
    one = _each([developer.tyk_id], seconds=seconds)
    return _apply_people(one, began=timezone.now())


def _each(tyk_ids: Iterable[str], *, seconds: float | None = None) -> Iterator[Person]:
    for tyk_id in tyk_ids:
        record = people.read(tyk_id, deadline=seconds)
        if record is not None:
            yield record


def _readable(tyk_ids: Iterable[str]) -> Iterator[Person | BadRecord]:
    """Each of them; one that can't be read must not hide the others."""
    for index, tyk_id in enumerate(tyk_ids):
        try:
            yield from _each([tyk_id])
        except Unexpected as error:
            log.warning("developer not readable", extra={"why": str(error)})
            yield BadRecord(index=index, id=tyk_id, reason=error.reason)


def _apply_people(stream: Iterable[Person | BadRecord], *, began: datetime) -> Pulled:
    pulled = Pulled()
    for chunk in in_chunks(stream):
        pulled.seen += len(chunk)
        _apply_chunk(chunk, pulled, began=began)
    return pulled


def _apply_chunk(
    chunk: Sequence[Person | BadRecord], pulled: Pulled, *, began: datetime
) -> dict[str, str]:
    """Follow these records, counted in `pulled`; the digest of what is mirrored."""
    good = [record for record in chunk if not isinstance(record, BadRecord)]
    if not good:
        pulled.bad += len(chunk)
        return {}
    applied = people.apply(good)
    pulled.bad += len(chunk) - len(good) + applied.refused + applied.bad
    kept = [record for record in good if record.id in applied.mirrored]
    pulled.changed += len(applied.changed) + _apply_keys(kept, began=began)
    return applied.mirrored


def in_chunks(stream: Iterable[T]) -> Iterator[list[T]]:
    source = iter(stream)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


@dataclass
class _Step:
    """What one chunk of developers says about their keys."""

    found: list[tuple[Developer, holdings.Held]] = field(default_factory=list)
    back: list[Key] = field(default_factory=list)
    renamed: list[tuple[Key, holdings.Held]] = field(default_factory=list)
    missed: list[Key] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)
    undead: list[Key] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(part) for part in vars(self).values())


def _apply_keys(records: list[Person], *, began: datetime) -> int:
    """Bring the key rows of these developers in step; how many changed."""
    # Of a developer, no more than names their keys here and there.
    rows = Developer.objects.only("tyk_id").in_bulk(
        [record.id for record in records], field_name="tyk_id"
    )
    # Read before the keys: a claim that ends in between must still count here.
    settling = being_settled(rows.values())
    step = _compared(rows, records, settling, began)
    if step:
        with transaction.atomic():
            _keep_found(step.found)
            _keep_known(step, began)
            _keep_gone(step.gone)
    return len(step)


def _compared(
    rows: dict[str, Developer],
    records: list[Person],
    settling: set[int],
    began: datetime,
) -> _Step:
    known = _keys_of(rows.values())
    step, listed = _Step(), set()
    for record in records:
        developer = rows.get(record.id)
        if developer is None:
            continue
        for held in holdings.of_developer(developer, record).held:
            places = [(developer.pk, fp) for fp in held.fps]
            key = next((known[place] for place in places if place in known), None)
            if key is None and developer.pk not in settling:
                step.found.append((developer, held))
            elif key is not None:
                listed.add(key.pk)
                if key.fp != held.fp:
                    step.renamed.append((key, held))
                if key.state == Key.State.GONE or key.missing_since:
                    step.back.append(key)
                if key.state == Key.State.REVOKED and _is_long_over(key, began):
                    step.undead.append(key)
    for key in known.values():
        if key.pk in listed or not key.works or key.created_at >= began:
            continue
        if key.missing_since is None:
            step.missed.append(key)
        elif began - key.missing_since >= TWO_LOOKS_APART:
            step.gone.append(key)
    return step


def _is_long_over(key: Key, began: datetime) -> bool:
    """Whether a list asked for at `began` should know that the key has ended."""
    return key.ended_at is not None and began - key.ended_at >= TWO_LOOKS_APART


def _keys_of(developers: Iterable[Developer]) -> dict[tuple[int, str], Key]:
    by_pk = {developer.pk: developer for developer in developers}
    known = {}
    # Not joined: a list of 100,000 would make each developer twice, and read every
    # request for the few keys that have ended.
    for key in Key.objects.filter(developer__in=by_pk).exclude(fp=None):
        key.developer = by_pk[key.developer_id]
        known[key.developer_id, key.fp or ""] = key
    return known


def _keep_known(step: _Step, began: datetime) -> None:
    """Keys missed once, listed again, or fingerprinted by an older seal key."""
    if step.missed:
        missed = [key.pk for key in step.missed]
        Key.objects.filter(pk__in=missed).update(missing_since=began)
    for key in step.back:
        # One stale answer must not end a key for good.
        Key.objects.filter(pk=key.pk).update(missing_since=None)
        Key.objects.filter(pk=key.pk, state=Key.State.GONE).update(
            state=Key.State.LIVE, ended_at=None
        )
    for key in step.undead:
        # Only a list says so: whether the key works, the worker asks the gateway.
        outbox.enqueue(
            "key.revoke", key.code, lane=lanes.for_developer(key.developer.tyk_id)
        )
    for key, held in step.renamed:
        Key.objects.filter(pk=key.pk).update(**holdings.sealed(key, held.id))


def being_settled(developers: Iterable[Developer]) -> set[int]:
    """Developers with a key whose id isn't known yet: what is new may be that one."""
    rows = list(developers)
    # In this order: a claim that ends between the two is in the second, in the other
    # order it was in neither, and its key was listed as found beside the claimed one.
    minting = set(
        Mint.objects.filter(
            request__developer__in=rows,
            state__in=[Mint.State.SENDING, Mint.State.UNSURE],
        ).values_list("request__developer", flat=True)
    )
    return minting | _unnamed(rows)


def _unnamed(rows: list[Developer]) -> set[int]:
    """Those of a young key, and of an old one that the worker still looks for."""
    keys = Key.objects.filter(
        developer__in=rows, fp=None, state__in=[Key.State.LIVE, Key.State.REVOKING]
    ).values_list("developer", "created_at", "mint__code")
    since = timezone.now() - LISTED_WITHIN
    old = [str(code) for _, made_at, code in keys if made_at <= since]
    looked_for = outbox.owed("mint.settle").filter(subject__in=old, parked_reason="")
    sought = set(looked_for.values_list("subject", flat=True))  # no query for none
    return {
        developer
        for developer, made_at, code in keys
        if made_at > since or str(code) in sought
    }


def _keep_found(found: list[tuple[Developer, holdings.Held]]) -> None:
    """List keys that Tyk has and we did not make, or lost sight of."""
    if not found:
        return
    now = timezone.now()
    plans = plans_for({policy for _, held in found for policy in held.policies})
    # In bulk and without objects: a first import lists a hundred thousand.
    bulk.insert(
        Key,
        ("developer_id", "code", "sealed_id", "fp", "kind", "name"),
        (_found_key(developer, held, plans) for developer, held in found),
        alike={"origin": Key.Origin.FOUND, "created_at": now},
    )
    rows = Key.objects.filter(developer__in={developer.pk for developer, _ in found})
    places = rows.exclude(fp=None).values_list("developer", "fp", "pk")
    pks = {(developer, fp): pk for developer, fp, pk in places}
    keys = [(pks[developer.pk, held.fp], held) for developer, held in found]
    bulk.insert(
        KeyPolicy,
        ("key_id", "policy_id", "plan_id"),
        (
            (key, policy, plans[policy].pk if policy in plans else None)
            for key, held in keys
            for policy in sorted(held.policies)
        ),
    )
    events = ((key,) for key, _ in keys)
    bulk.insert(Event, ["key_id"], events, alike={"verb": Event.Verb.FOUND, "at": now})


def _found_key(
    developer: Developer, held: holdings.Held, plans: dict[str, Plan]
) -> tuple[object, ...]:
    code = uuid.uuid4()
    its = {policy: plans[policy] for policy in held.policies if policy in plans}
    return (
        developer.pk,
        code,
        seal.seal(held.id, aad=str(code)),
        held.fp,
        Key.Kind.OAUTH if held.is_oauth else kind_of(its),
        name_of(its),
    )


def kind_of(plans: Mapping[str, Plan]) -> Key.Kind:
    """How a key of these plans, by policy id, is carried; an OAuth client has none."""
    kinds = {plan.auth_kind for plan in plans.values()}
    return Key.Kind.BASIC if kinds == {"basic"} else Key.Kind.TOKEN


def name_of(plans: Mapping[str, Plan]) -> str:
    """What a key that nobody named is called."""
    return ", ".join(plans[policy].name for policy in sorted(plans))[:100]


def _keep_gone(missing: list[Key]) -> None:
    """What Tyk no longer lists has ended; what we asked to end is revoked."""
    now = timezone.now()
    for key in missing:
        ended = Key.State.REVOKED if key.state == Key.State.REVOKING else Key.State.GONE
        moved = Key.objects.filter(pk=key.pk, state=key.state).update(
            state=ended, ended_at=now
        )
        if not moved:
            continue
        services.note(
            Event.Verb.REVOKED, request=key.request, key=key, text="seen in Tyk"
        )
        if ended == Key.State.REVOKED:
            outbox.enqueue("mail.key_revoked", key.code)


def key_made_by(mint: Mint, *, seconds: float | None = None) -> holdings.Held | None:
    """The key this mint made, by the marker in the key's own detail; or None.

    Ours is what is new since, was shown by no mint, and carries the marker. An
    OAuth client has no metadata: it is never provably ours. Nor is one of two keys
    with one marker: somebody approved the same request in Tyk, and a release that
    mints again made both. Raises DashboardError.
    """
    ours = keys_marked_by(mint, seconds=seconds)
    return ours[0] if len(ours) == 1 else None


def keys_marked_by(mint: Mint, *, seconds: float | None = None) -> list[holdings.Held]:
    """Every new key with the marker of this mint; see `key_made_by`."""
    if not mint.tyk_request_id:
        return []  # we never had what to approve: whoever did, it was not us
    developer = mint.request.developer
    record = dashboard().developer(developer.tyk_id, deadline=seconds)
    shown = set(
        Key.objects.filter(developer=developer, mint__isnull=False)
        .exclude(fp=None)
        .values_list("fp", flat=True)
    )
    marker = Organisation.current().marker(mint.marked_by)
    ours = []
    for one in holdings.of_developer(developer, record).beyond(mint.before):
        if one.is_oauth or not shown.isdisjoint(one.fps):
            continue
        try:
            detail = dashboard().key_detail(
                one.id, hashed=holdings.goes_by_hash(one.id), deadline=seconds
            )
        except NotFound:
            continue
        if detail.request_fields.get(MARKER_FIELD) == marker:
            ours.append(one)
    return ours
