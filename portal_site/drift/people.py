"""Drift of developers and their keys, chunk by chunk as Tyk lists them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from developers import pull as people_pull
from developers.models import Developer, ProfileEdit, SignUp
from developers.services import FIELD, INACTIVE, MARKER_FIELD, sign_up_fields
from keyrequests import holdings, pull as keys_pull
from keyrequests.models import Key
from portal_site.drift.differences import (
    ABSENT,
    PRESENT,
    Difference,
    compared,
    difference,
)
from portal_site.drift.owners import DEVELOPER, KEY, OURS
from tyk import connect
from tyk.dashboard.errors import NotFound, Refused
from tyk.dashboard.records import BadRecord, Developer as Person
from tyk.models import Organisation

COMPARED = ("email", "name", "inactive", "registered_at", "password_updated")
Place = tuple[int, str]  # a developer's row and a fingerprint: where a key is found


def differences(
    tell: Callable[[int], None] = lambda _read: None,
) -> Iterator[Difference]:
    """Memory holds one chunk and, of every developer read, the id."""
    began = timezone.now()
    organisation = Organisation.current()
    read: set[str] = set()
    unreadable, count = False, 0
    tell(count)
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
                # What no column holds, no query may ask for: pulls count it as bad.
                and people_pull.fits(record)
            ],
            organisation,
        )
        count += len(chunk)
        tell(count)
    if unreadable:
        return
    here = Developer.objects.present().filter(read_at__lt=began)
    for tyk_id in here.values_list("tyk_id", flat=True).iterator(chunk_size=2000):
        if tyk_id not in read:
            yield _gone(tyk_id)


def of_one(tyk_id: str) -> Iterator[Difference]:
    """The differences of one developer and their keys, read now.

    Changes nothing, not even if Tyk has no such developer. Raises DashboardError.
    """
    organisation = Organisation.current()
    try:
        record = connect.dashboard().developer(tyk_id)
    except (NotFound, Refused) as error:
        if not people_pull.says_absent(error):
            raise
        if Developer.objects.present().filter(tyk_id=tyk_id).exists():
            yield _gone(tyk_id)
        return
    if people_pull.is_ours(record, organisation) and people_pull.fits(record):
        yield from _of_chunk([record], organisation)


def _gone(tyk_id: str) -> Difference:
    return difference(DEVELOPER, tyk_id, "record", here=PRESENT, there=ABSENT)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database holds about the developers of one chunk."""

    rows: dict[str, Developer]
    edits: dict[int, ProfileEdit]
    markers: dict[str, str]
    keys: dict[Place, Key]
    keys_of: dict[int, list[Key]]
    settling: set[int]


def _of_chunk(
    records: list[Person], organisation: Organisation
) -> Iterator[Difference]:
    known = _known(records, organisation)
    asked = sign_up_fields(organisation)
    for record in records:
        row = known.rows.get(record.id)
        if row is None or row.gone_at is not None:
            yield difference(DEVELOPER, record.id, "record", here=ABSENT, there=PRESENT)
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
    keys, keys_of = _keys(people)
    return _Known(
        rows=rows,
        edits={edit.developer_id: edit for edit in edits},
        markers={one.tyk_id: organisation.marker(one.code) for one in signups},
        keys=keys,
        keys_of=keys_of,
        settling=settling,
    )


def _keys(people: list[Developer]) -> tuple[dict[Place, Key], dict[int, list[Key]]]:
    """Their keys, by fingerprint and by developer."""
    rows = Key.objects.filter(developer__in=people).exclude(fp=None)
    places: dict[Place, Key] = {}
    by_developer: dict[int, list[Key]] = defaultdict(list)
    for key in rows.defer("sealed_id").prefetch_related("policies"):
        places[key.developer_id, key.fp or ""] = key
        by_developer[key.developer_id].append(key)
    return places, by_developer


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
        yield difference(
            DEVELOPER, record.id, MARKER_FIELD, here=PRESENT, there=ABSENT, owner=OURS
        )
    edit = known.edits.get(row.pk)
    for member, wish in edit.after.items() if edit else ():
        theirs = _held(record, member)
        if theirs != wish:
            yield difference(
                DEVELOPER, record.id, member, here=wish, there=theirs, owner=OURS
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
            yield _key(record, held.fp, "state", here=ABSENT, there="live")
    for key in known.keys_of.get(row.pk, ()):
        if key.works and key.pk not in listed and row.pk not in known.settling:
            fp = key.fp or ""
            yield _key(record, fp, "state", here=key.state, there=ABSENT)


def _of_key(key: Key, held: holdings.Held, record: Person) -> Iterator[Difference]:
    fp = key.fp or ""
    if not key.works:
        # What was revoked here and is still live is ours to revoke again.
        owner = OURS if key.state == Key.State.REVOKED else ""
        yield _key(record, fp, "state", here=key.state, there="live", owner=owner)
    # Older Dashboards list a key by one of its policies only (`subscriptions`).
    if held.is_whole:
        here = sorted(one.policy_id for one in key.policies.all())
        there = sorted(held.policies)
        if here != there:
            yield _key(record, fp, "policies", here=here, there=there)


def _key(
    record: Person, fp: str, field: str, *, here: object, there: object, owner: str = ""
) -> Difference:
    return difference(
        KEY,
        masked(fp),
        field,
        here=here,
        there=there,
        owner=owner,
        within=record.id,
        whole=fp,
    )


def masked(fp: str) -> str:
    """As `Key.masked`, for a key that has no row."""
    return f"•••• {fp[-4:]}"
