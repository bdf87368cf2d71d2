"""Developers of a list who need no reading, since nothing moved on either side.

An hourly list of 100,000 is nearly always the list of an hour ago. So each developer
row keeps one keyed digest, `agreed`, of all that a pull compares:

* Tyk's side: the text of the record as the list gave it, every member of it,
* our side: the digest of what was mirrored of it, and the fingerprints of the keys
  that work, as far as we know, and whether a look missed them,
* the terms it was read by: our organisation, the sign-up fields, the columns.

Nobody has to remember to void it. A record with the same digest as then would be
decoded to the same record and compared with the same rows, so it has nothing to say;
whatever is moved since, there or here, gives another digest and is read as ever:

* a key claimed, revoked, missed, found or sealed anew here: its fingerprint joins or
  leaves the list of ours (a revoked key that Tyk still lists is read each time, which
  is how it is noticed; so is a key that only one side knows, and one being made),
* columns written from a newer answer, or put back by staff: their digest differs,
* a row that is gone or erased is never skipped,
* a crash between the rows and this digest: the digest is of rows that are not there.

Wishes of ours that Tyk has not got yet are no part of it, since no pull acts on them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from developers import pull as people
from developers.models import Developer
from developers.services import sign_up_fields
from keyrequests import holdings
from keyrequests.models import Key
from tyk import bulk, fitting, seal
from tyk.dashboard.records import BadRecord, Developer as Person
from tyk.dashboard.unread import Unread
from tyk.models import Organisation

# Raise it when a record is read in another way, so that each is read once more.
READING = 2


def terms() -> str:
    """What decides how a record is read, besides the record."""
    organisation = Organisation.current()
    asked = sign_up_fields(organisation)
    return json.dumps([READING, people.MIRRORED, organisation.org_id, asked])


def moved(listed: Sequence[Unread[Person]], agreed_on: str) -> list[Unread[Person]]:
    """Those of a chunk that may say something new, by the `terms()` of today."""
    # PostgreSQL refuses to be asked for an id that it could not hold.
    ids = [one.id for one in listed if one.id and fitting.fits(one.id)]
    ours = _agreed_here(ids)
    changed = set()
    for one in listed:
        here = ours.get(one.id or "")
        if not here or here.agreed != _digest(agreed_on, one, here.digest, here.fps):
            changed.add(one.id)
    # Listed twice, once as before: both are read, for the later one counts.
    return [one for one in listed if one.id in changed]


@dataclass(slots=True)
class _Here:
    """A developer's row, with the fingerprints of the keys that Tyk should list."""

    digest: str
    agreed: str
    fps: list[str]


# Plain SQL: an unchanged pull does little else, and the ORM needs four times as long
# for it, most of it for the list of ids.
_AGREED_HERE = """
    SELECT person.tyk_id, person.digest, person.agreed,
           held.fp, held.missing_since IS NOT NULL
    FROM {people} person
    LEFT JOIN {keys} held ON held.developer_id = person.id
        AND held.fp IS NOT NULL AND held.state IN (%s, %s)
    WHERE person.tyk_id {which}
        AND person.gone_at IS NULL AND person.erased_at IS NULL AND person.agreed <> ''
"""
_LISTED = (Key.State.LIVE.value, Key.State.REVOKING.value)


def _agreed_here(tyk_ids: list[str]) -> dict[str, _Here]:
    if not tyk_ids:
        return {}
    which, these = bulk.one_of(tyk_ids)
    query = _AGREED_HERE.format(
        people=Developer._meta.db_table, keys=Key._meta.db_table, which=which
    )
    here: dict[str, _Here] = {}
    with connection.cursor() as cursor:
        cursor.execute(query, [*_LISTED, *these])
        for tyk_id, digest, agreed, fp, is_missed in cursor.fetchall():
            one = here.get(tyk_id)
            if one is None:
                one = here[tyk_id] = _Here(digest, agreed, [])
            if fp:
                # One that a look missed is to be compared, listed or not.
                one.fps.append(f"{fp} missed" if is_missed else fp)
    return here


def keep(
    read: Iterable[tuple[Unread[Person], Person | BadRecord]],
    mirrored: Mapping[str, str],
    agreed_on: str,
) -> None:
    """Note what was read and applied; `mirrored` has the digest of each, by Tyk id.

    It is true once our keys are those that the record lists, and false until then.
    """
    noted = {}
    for listed, record in read:
        if isinstance(record, BadRecord) or record.id not in mirrored:
            continue
        fps = [one.fp for one in holdings.of_record(record.id, record).held]
        agreed = _digest(agreed_on, listed, mirrored[record.id], fps)
        noted[record.id] = (agreed, record.id, agreed)
    if not noted:
        return
    table = Developer._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET agreed = %s"  # noqa: S608 -- our own table's name
            " WHERE tyk_id = %s AND agreed <> %s AND erased_at IS NULL",
            list(noted.values()),
        )


def _digest(
    agreed_on: str, listed: Unread[Person], mirrored: str, fps: Iterable[str]
) -> str:
    # The record last: what stands before it holds no line break.
    text = "\n".join([agreed_on, mirrored, *sorted(fps), listed.text])
    return seal.keyed_digest(text, purpose="developer as agreed")
