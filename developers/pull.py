"""Tyk's developers → the mirror: an allow-list, written only where it differs."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from developers import outcomes, twins
from developers.models import LONGEST_ADDRESS, Developer, email_key
from developers.services import MARKER_FIELD, end_sessions, sign_up_fields
from tyk import bulk, connect, fitting
from tyk.dashboard import records
from tyk.dashboard.calls import GET_DEVELOPER
from tyk.dashboard.errors import DashboardError, NotFound, Refused, Unexpected
from tyk.dashboard.exact import RawDeveloper
from tyk.models import Organisation

log = logging.getLogger(__name__)

CHUNK = 500
# Tyk's clock and ours may differ; so long after our own write a new
# `password_updated` is taken for ours.
OUR_OWN_WRITE = timedelta(minutes=10)
# Two complete lists so far apart must miss a developer before anybody asks.
TWO_LOOKS_APART = timedelta(seconds=60)
# More missing at once than this share, or this many, is a fault and not a fact.
MOST_MISSING_SHARE = 0.05
MOST_MISSING = 3
# Another member of a record read into these: raise READING in pull/agreed.py, too.
MIRRORED = (
    "email",
    "email_key",
    "name",
    "fields",
    "inactive",
    "registered_at",
    "password_updated",
    "digest",
    "read_at",
    "missing_since",
    "gone_at",
)


@dataclass
class Applied:
    """What came of some records: Tyk ids that are new or changed, and refusals."""

    changed: list[str] = field(default_factory=list)
    # By Tyk id, the digest of what is mirrored of each, changed or not.
    mirrored: dict[str, str] = field(default_factory=dict)
    refused: int = 0  # of another organisation: never stored
    bad: int = 0  # see `fits`: never stored, and its row stays as it was


@dataclass(frozen=True, slots=True)
class _Known:
    digest: str
    gone: bool
    email: str
    read_at: datetime | None
    password_updated: datetime | None
    written_here_at: datetime | None
    erased: bool


def apply(found: Sequence[records.Developer]) -> Applied:
    """Mirror these records; unchanged ones cost their share of one query.

    Duplicate addresses are allowed, as in Tyk. Sessions end where the password
    was changed elsewhere; where the address was, its old mailbox is told.
    """
    organisation = Organisation.current()
    applied = Applied()
    ours = [r for r in found if is_ours(r, organisation)]
    applied.refused = len(found) - len(ours)
    good = [r for r in ours if fits(r)]
    applied.bad = len(ours) - len(good)
    if applied.refused:
        log.error("developers of another organisation", extra={"n": applied.refused})
    asked = sign_up_fields(organisation)
    for chunk in _chunks(good):
        rows = [row_of(record, asked) for record in chunk]
        applied.mirrored.update((row.tyk_id, row.digest) for row in rows)
        applied.changed += _apply_chunk(chunk, rows)
    return applied


def is_ours(record: records.Developer, organisation: Organisation) -> bool:
    expected = organisation.org_id
    return not expected or not record.org_id or record.org_id == expected


def fits(record: records.Developer) -> bool:
    """Whether our columns hold its id and address: cut they would be another's."""
    address = fitting.fits(record.email, LONGEST_ADDRESS)
    compared = len(email_key(record.email)) <= LONGEST_ADDRESS
    return address and compared and fitting.fits(record.id, 64)


def _chunks(found: Sequence[records.Developer]) -> Iterator[list[records.Developer]]:
    # A list read while it changes can hold a record twice: the later one counts.
    unique = list({record.id: record for record in found}.values())
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]


@transaction.atomic
def _apply_chunk(chunk: list[records.Developer], rows: list[Developer]) -> list[str]:
    known = _known([record.id for record in chunk])
    news = [row for row in rows if _is_news(row, known.get(row.tyk_id))]
    if news:
        columns = ("code", "tyk_id", *MIRRORED)
        values = ([getattr(row, name) for name in columns] for row in news)
        bulk.insert(Developer, columns, values, unique="tyk_id", update=MIRRORED)
    moved = [r.tyk_id for r in news if _password_moved(r, known.get(r.tyk_id))]
    for developer in Developer.objects.filter(tyk_id__in=moved) if moved else ():
        log.info("password changed in Tyk", extra={"developer": str(developer.code)})
        end_sessions(developer)
    _follow_addresses(news, known)
    changed = [row.tyk_id for row in news]
    markers = {one.id: one.fields.get(MARKER_FIELD, "") for one in chunk}
    twins.ask_about({tyk_id: markers[tyk_id] for tyk_id in changed})
    return changed


def _follow_addresses(news: list[Developer], known: dict[str, _Known]) -> None:
    old = {
        row.tyk_id: known[row.tyk_id]
        for row in news
        if row.tyk_id in known and email_key(known[row.tyk_id].email) != row.email_key
    }
    for developer in Developer.objects.filter(tyk_id__in=old) if old else ():
        was = old[developer.tyk_id]
        outcomes.address_moved(developer, old=was.email, since=was.read_at)


def _known(ids: list[str]) -> dict[str, _Known]:
    rows = Developer.objects.filter(tyk_id__in=ids).values_list(
        "tyk_id",
        "digest",
        "gone_at",
        "email",
        "read_at",
        "password_updated",
        "written_here_at",
        "erased_at",
    )
    return {
        tyk_id: _Known(
            digest,
            gone_at is not None,
            email,
            read_at,
            password,
            written,
            erased_at is not None,
        )
        for tyk_id, digest, gone_at, email, read_at, password, written, erased_at in rows
    }


def _is_news(row: Developer, known: _Known | None) -> bool:
    """Whether to write it. A closed account stays forgotten, whatever a list says."""
    if known is None:
        return True
    return not known.erased and (known.gone or known.digest != row.digest)


def _password_moved(row: Developer, known: _Known | None) -> bool:
    """Whether somebody else changed the password since we last read it."""
    if known is None or row.password_updated is None:
        return False
    # Tyk may tell no date before the first change, and a list may leave it out.
    before = known.password_updated or known.read_at
    if before is None or row.password_updated <= before:
        return False
    written = known.written_here_at
    return written is None or abs(row.password_updated - written) > OUR_OWN_WRITE


def row_of(record: records.Developer, asked: list[str]) -> Developer:
    fields = {n: fitting.clean(record.fields[n]) for n in asked if n in record.fields}
    # By Tyk's convention the display name is the custom field "Name".
    name = fitting.clean(record.fields.get("Name", ""), 200)
    row = Developer(
        tyk_id=record.id,
        email=record.email,
        email_key=email_key(record.email),
        name=name,
        fields=fields,
        inactive=record.inactive,
        registered_at=record.date_created,
        password_updated=record.password_updated,
        read_at=timezone.now(),
    )
    row.digest = _digest(row)
    return row


def _digest(row: Developer) -> str:
    seen = [
        row.email,
        row.name,
        row.fields,
        row.inactive,
        _stamp(row.registered_at),
        _stamp(row.password_updated),
    ]
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def mirror(record: records.Developer) -> Developer:
    """Mirror one record; its row.

    Raises Unexpected if it does not fit, Developer.DoesNotExist if it isn't ours.
    """
    if not fits(record):
        where = "developer: id or email that no column holds"
        raise Unexpected(GET_DEVELOPER, reason="wrong_shape", where=where)
    apply([record])
    return Developer.objects.get(tyk_id=record.id)


def pull_one(tyk_id: str, *, deadline: float | None = None) -> Developer | None:
    """Read one developer from Tyk into the mirror; None if Tyk has it no longer.

    `deadline` in seconds. Raises DashboardError.
    """
    record = read(tyk_id, deadline=deadline)
    return mirror(record) if record else None


def read(tyk_id: str, *, deadline: float | None = None) -> records.Developer | None:
    """One record of Tyk by id; if there is none, the mirror learns it."""
    try:
        return connect.dashboard().developer(tyk_id, for_login=True, deadline=deadline)
    except (NotFound, Refused) as error:
        if not says_absent(error):
            raise
    mark_gone(tyk_id)
    return None


def read_whole(
    tyk_id: str, *, for_login: bool = False, deadline: float | None = None
) -> RawDeveloper | None:
    """One record with all its members, to merge into; if there is none, as `read`.

    Raises Emptied, with the rest of DashboardError.
    """
    try:
        raw = connect.dashboard().raw_developer(
            tyk_id, for_login=for_login, deadline=deadline
        )
    except (NotFound, Refused) as error:
        if not says_absent(error):
            raise
        mark_gone(tyk_id)
        return None
    _demand_filled(raw)
    return raw


class Emptied(Unexpected):
    """A whole record that lacks what the mirror knows to be there.

    Put back, it would take every key from its owner. Go writes an empty map as
    null, so a spoiled answer and a developer without keys look alike; one whose
    keys are really gone comes through once a pull has seen that at two looks.
    """


def _demand_filled(raw: RawDeveloper) -> None:
    known = Developer.objects.filter(tyk_id=raw.record.id).first()
    if known is None:
        return
    lacks = []
    live = known.keys.filter(state__in=["live", "revoking"]).exclude(fp=None)
    if not holdings(raw.record) and live.exists():
        lacks.append("keys")
    if raw.get("fields") is None and (known.fields or known.name):
        lacks.append("fields")
    if lacks:
        log.error("developer record emptied", extra={"developer": known.tyk_id})
        where = f"{' and '.join(lacks)} empty, and known to the mirror"
        raise Emptied(GET_DEVELOPER, reason="wrong_shape", where=where)


def holdings(record: records.Developer) -> set[str]:
    """The ids of all that a record holds: keys and OAuth clients.

    A Dashboard before 1.9 has no `keys` and tells a key of each policy instead.
    """
    clients = {c.client_id for refs in record.oauth_clients.values() for c in refs}
    return {*(record.keys or record.subscriptions.values()), *clients}


def find(
    address: str, markers: set[str], *, deadline: float | None = None
) -> records.Developer | None:
    """The record of this address from the whole list, best one with such a marker.

    Where a second account must not be made: a look-up by address may find nothing,
    or another one, though ours is there. Raises DashboardError.
    """
    found = [
        item
        for item in connect.dashboard().developers(deadline=deadline)
        if isinstance(item, records.Developer)
        and email_key(item.email) == email_key(address)
    ]

    def likely(one: records.Developer) -> tuple[bool, bool]:
        return one.fields.get(MARKER_FIELD, "") in markers, one.email == address

    return max(found, key=likely, default=None)


def look_up(address: str, *, deadline: float | None = None) -> records.Developer | None:
    """One record of Tyk by address, or None: see developers/push_look.py for "+".

    Raises DashboardError.
    """
    try:
        return connect.dashboard().developer_by_email(
            address, for_login=True, deadline=deadline
        )
    except (NotFound, Refused) as error:
        if not says_absent(error):
            raise
    return None


def says_absent(error: NotFound | Refused) -> bool:
    """A missing object is a 404, or a 400 with the same words in some releases."""
    return isinstance(error, NotFound) or "could not retrieve" in error.message.lower()


def mark_gone(tyk_id: str) -> None:
    """Tyk said that it holds this developer no longer: their session ends."""
    gone = Developer.objects.filter(tyk_id=tyk_id, gone_at=None).update(
        gone_at=timezone.now()
    )
    if gone:
        log.info("developer gone from Tyk")


# --- Retirement ------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Retired:
    """How many left the mirror, and why any were kept back."""

    retired: int = 0
    held_back: str = ""


@dataclass
class Look:
    """What one list of all developers held; `whole` says that it can be trusted."""

    ids: set[str] = field(default_factory=set)
    whole: bool = True


def retire(look: Look | Iterable[str], *, began: datetime) -> Retired:
    """Part with developers Tyk no longer has, after a list of all has ended.

    `look` is what the list held (ids of a complete one will do), `began` is when
    it was asked for. Gone is who two complete lists a minute apart did not name
    and whom Tyk does not know by id. A list with unreadable records retires
    nobody; nor does one that misses more than max(3, 5 %), which is what a wrong
    organisation, an empty answer or a broken page looks like.
    """
    if isinstance(look, Look) and not look.whole:
        return Retired(held_back="unreadable records in the list: none retired")
    seen = look.ids if isinstance(look, Look) else set(look)
    # Whoever was written down since the list began may have come after it.
    known = Developer.objects.present().filter(Q(read_at=None) | Q(read_at__lt=began))
    _forget_missing(known.exclude(missing_since=None), seen)
    total, missing = 0, []
    for tyk_id in known.values_list("tyk_id", flat=True).iterator(CHUNK):
        total += 1
        if tyk_id not in seen:
            missing.append(tyk_id)
    if len(missing) > max(MOST_MISSING, total * MOST_MISSING_SHARE):
        reason = f"{len(missing)} of {total} developers missing at once: none retired"
        log.error("retirement held back", extra={"missing": len(missing), "of": total})
        return Retired(held_back=reason)
    return _part_with(missing, began)


def _forget_missing(rows: QuerySet[Developer], seen: set[str]) -> None:
    """Clear the mark of those who are back."""
    back = [t for t in rows.values_list("tyk_id", flat=True).iterator() if t in seen]
    for start in range(0, len(back), CHUNK):
        Developer.objects.filter(tyk_id__in=back[start : start + CHUNK]).update(
            missing_since=None
        )


def _part_with(missing: list[str], began: datetime) -> Retired:
    retired = 0
    for start in range(0, len(missing), CHUNK):
        rows = Developer.objects.filter(tyk_id__in=missing[start : start + CHUNK])
        rows.filter(missing_since=None, gone_at=None).update(missing_since=began)
        twice = rows.filter(missing_since__lte=began - TWO_LOOKS_APART)
        for tyk_id in list(twice.values_list("tyk_id", flat=True)):
            try:
                retired += _is_gone(tyk_id)
            except DashboardError as error:
                return Retired(retired, f"could not look at who is missing: {error}")
    return Retired(retired)


def _is_gone(tyk_id: str) -> bool:
    """Ask for this one by id: a list may leave out who is there."""
    record = read(tyk_id)
    if record is None:
        return True
    log.warning("listed no more, but there", extra={"developer": tyk_id})
    apply([record])
    Developer.objects.filter(tyk_id=tyk_id).update(missing_since=None)
    return False
