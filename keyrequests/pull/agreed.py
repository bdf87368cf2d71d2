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
from dataclasses import dataclass, field

from django.db import connection, transaction

from developers import pull as people
from developers.models import Developer
from developers.services import sign_up_fields
from keyrequests import holdings
from keyrequests.models import Key
from tyk import seal
from tyk.dashboard.records import BadRecord, Developer as Person
from tyk.dashboard.unread import Unread
from tyk.models import Organisation

# Raise it when a record is read in another way, so that each is read once more.
READING = 1


def terms() -> str:
    """What decides how a record is read, besides the record."""
    organisation = Organisation.current()
    asked = sign_up_fields(organisation)
    return json.dumps([READING, people.MIRRORED, organisation.org_id, asked])


def moved(listed: Sequence[Unread[Person]], agreed_on: str) -> list[Unread[Person]]:
    """Those of a chunk that may say something new, by the `terms()` of today."""
    ours = _agreed_here([one.id for one in listed if one.id])
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
    fps: list[str] = field(default_factory=list)


def _agreed_here(tyk_ids: list[str]) -> dict[str, _Here]:
    rows = (
        Developer.objects.present()
        .filter(tyk_id__in=tyk_ids, erased_at=None)
        .exclude(agreed="")
        .values_list(
            "tyk_id",
            "digest",
            "agreed",
            "keys__fp",
            "keys__state",
            "keys__missing_since",
        )
    )
    here: dict[str, _Here] = {}
    for tyk_id, digest, agreed, fp, state, missing_since in rows:
        one = here.setdefault(tyk_id, _Here(digest, agreed))
        if fp and state in {Key.State.LIVE, Key.State.REVOKING}:
            # One that a look missed is to be compared, listed or not.
            one.fps.append(f"{fp} missed" if missing_since else fp)
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
    text = " ".join([agreed_on, listed.digest, mirrored, *sorted(fps)])
    return seal.fingerprint(text, purpose="developer as agreed")
