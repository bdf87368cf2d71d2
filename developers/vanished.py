"""Keys that vanish beside a write of ours.

Tyk has no version on its records, so what somebody else writes between our read and our
write is overwritten. What the record held is kept before the write and compared with
the first look after it, whoever makes that look: a process that died in between
leaves it to the next one.
"""

import logging
from collections.abc import Iterable

from django.db import transaction

from developers.models import Developer, HeldBefore
from tyk import outbox
from tyk.alarms import VANISHED
from tyk.seal import key_fingerprints

log = logging.getLogger(__name__)


@transaction.atomic
def keep(developer: Developer, ids: Iterable[str]) -> None:
    """Before a write: the record holds these keys and OAuth clients.

    Beside what an earlier write left that nobody has looked after yet.
    """
    row, _ = HeldBefore.objects.get_or_create(developer=developer)
    held = {key_fingerprints(one, tyk_id=developer.tyk_id)[0] for one in ids}
    row.fps = sorted({*row.fps, *held})
    row.save()


def is_kept(developer: Developer) -> bool:
    """Whether a write was sent that no look has followed."""
    return HeldBefore.objects.filter(developer=developer).exists()


@transaction.atomic
def check(developer: Developer, ids: Iterable[str] | None) -> int:
    """After a write: the record holds these now. How many are lost, told to staff.

    None: the record is gone, with all it held, and nothing vanished beside a write.
    Nor did what was revoked here meanwhile.
    """
    row = HeldBefore.objects.filter(developer=developer).first()
    if row is None:
        return 0
    row.delete()
    if ids is None:
        return 0
    held = {fp for one in ids for fp in key_fingerprints(one, tyk_id=developer.tyk_id)}
    lost = set(row.fps) - held
    ended = developer.keys.filter(fp__in=lost, state__in=["revoking", "revoked"])
    lost -= set(ended.values_list("fp", flat=True))
    if lost:
        log.error(
            "keys lost beside a write",
            extra={"developer": developer.tyk_id, "n": len(lost)},
        )
        # A row of its own: what the developer edits next must not wait behind it.
        outbox.ask_a_person(
            "developer.keys_lost",
            developer.code,
            reason=f"{len(lost)} of the developer's {VANISHED}",
        )
    return len(lost)
