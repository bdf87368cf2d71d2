"""Drift of developers and their keys, chunk by chunk as Tyk lists them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from developers import pull as people_pull
from developers.models import Developer, ProfileEdit, SignUp
from developers.services import FIELD, INACTIVE, MARKER_FIELD, sign_up_fields
from keyrequests import holdings, pull as keys_pull
from keyrequests.models import Key
from portal_site.drift.differences import (
    ABSENT,
    OURS,
    PRESENT,
    Difference,
    compared,
    shown,
)
from tyk import connect
from tyk.dashboard.records import BadRecord, Developer as Person
from tyk.models import Organisation

DEVELOPER, KEY = "developer", "key"
COMPARED = ("email", "name", "inactive", "registered_at", "password_updated")
Place = tuple[int, str]  # a developer's row and a fingerprint: where a key is found


def differences() -> Iterator[Difference]:
    """Memory holds one chunk and, of every developer read, the id."""
    began = timezone.now()
    organisation = Organisation.current()
    read: set[str] = set()
    unreadable = False
    for chunk in keys_pull.in_chunks(connect.dashboard().developers()):
        # One that is there and can't be read is not gone.
        read.update(record.id for record in chunk if record.id)
        unreadable |= any(record.id is None for record in chunk)
        yield from _of_chunk(
            [
                record
                for record in chunk
                if not isinstance(record, BadRecord)
                and people_pull.is_ours(record, organisation)
            ],
            organisation,
        )
    if unreadable:
        return
    here = Developer.objects.present().filter(read_at__lt=began)
    for tyk_id in here.values_list("tyk_id", flat=True).iterator(chunk_size=2000):
        if tyk_id not in read:
            yield Difference(DEVELOPER, tyk_id, "record", PRESENT, ABSENT)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database holds about the developers of one chunk."""

    rows: dict[str, Developer]
    edits: dict[int, ProfileEdit]
    markers: dict[str, str]
    keys: dict[Place, Key]
    settling: set[int]


def _of_chunk(
    records: list[Person], organisation: Organisation
) -> Iterator[Difference]:
    known = _known(records, organisation)
    asked = sign_up_fields(organisation)
    for record in records:
        row = known.rows.get(record.id)
        if row is None or row.gone_at is not None:
            yield Difference(DEVELOPER, record.id, "record", ABSENT, PRESENT)
            continue
        yield from _of_person(row, record, asked)
        yield from _of_ours(row, record, known)
        yield from _of_keys(row, record, known)


def _known(records: list[Person], organisation: Organisation) -> _Known:
    ids = [record.id for record in records]
    rows = Developer.objects.in_bulk(ids, field_name="tyk_id")
    people = list(rows.values())
    # Read before the keys: a claim that ends in between must not look like drift.
    settling = keys_pull.being_settled(people)
    edits = ProfileEdit.objects.filter(
        developer__in=people, state=ProfileEdit.State.DUE
    )
    signups = SignUp.objects.filter(tyk_id__in=ids, state=SignUp.State.DONE)
    keys = Key.objects.filter(developer__in=people).exclude(fp=None)
    return _Known(
        rows=rows,
        edits={edit.developer_id: edit for edit in edits},
        markers={one.tyk_id: organisation.marker(one.code) for one in signups},
        keys={
            (key.developer_id, key.fp or ""): key
            for key in keys.prefetch_related("policies")
        },
        settling=settling,
    )


def _of_person(
    row: Developer, record: Person, asked: list[str]
) -> Iterator[Difference]:
    wanted = people_pull.row_of(record, asked)
    yield from compared(DEVELOPER, record.id, here=_flat(row), there=_flat(wanted))


def _flat(row: Developer) -> dict[str, object]:
    """The compared columns, each custom field as a field of its own."""
    fields = {f"{FIELD}{name}": value for name, value in row.fields.items()}
    return {**{name: getattr(row, name) for name in COMPARED}, **fields}


def _of_ours(row: Developer, record: Person, known: _Known) -> Iterator[Difference]:
    """What the portal owns: its marker, and wishes Tyk has not got yet."""
    marker = known.markers.get(record.id)
    if marker and record.fields.get(MARKER_FIELD) != marker:
        yield Difference(DEVELOPER, record.id, MARKER_FIELD, PRESENT, ABSENT, OURS)
    edit = known.edits.get(row.pk)
    for member, wish in edit.after.items() if edit else ():
        theirs = _held(record, member)
        if theirs != wish:
            yield Difference(
                DEVELOPER, record.id, member, shown(wish), shown(theirs), OURS
            )


def _held(record: Person, member: str) -> object:
    if member == INACTIVE:
        return record.inactive
    return record.fields.get(member.removeprefix(FIELD), "")


def _of_keys(row: Developer, record: Person, known: _Known) -> Iterator[Difference]:
    listed: set[int] = set()
    for held in holdings.of_developer(row, record).held:
        key = next(
            (known.keys[row.pk, fp] for fp in held.fps if (row.pk, fp) in known.keys),
            None,
        )
        if key is not None:
            listed.add(key.pk)
            yield from _of_key(key, held, record)
        elif row.pk not in known.settling:
            yield _key(record.id, masked(held.fp), "state", ABSENT, "live")
    for key in _of(row, known.keys.values()):
        if key.works and key.pk not in listed and row.pk not in known.settling:
            yield _key(record.id, key.masked, "state", key.state, ABSENT)


def _of(row: Developer, keys: Iterable[Key]) -> list[Key]:
    return [key for key in keys if key.developer_id == row.pk]


def _of_key(key: Key, held: holdings.Held, record: Person) -> Iterator[Difference]:
    if not key.works:
        # What was revoked here and is still live is ours to revoke again.
        owner = OURS if key.state == Key.State.REVOKED else "Tyk"
        yield _key(record.id, key.masked, "state", key.state, "live", owner)
    # Older Dashboards list a key by one of its policies only (`subscriptions`).
    if held.id in record.keys:
        here = sorted(one.policy_id for one in key.policies.all())
        there = sorted(held.policies)
        if here != there:
            yield _key(record.id, key.masked, "policies", shown(here), shown(there))


def _key(
    developer: str, name: str, field: str, here: str, there: str, owner: str = "Tyk"
) -> Difference:
    return Difference(KEY, name, field, here, there, owner, within=developer)


def masked(fp: str) -> str:
    """As `Key.masked`, for a key that has no row."""
    return f"•••• {fp[-4:]}"
