"""The doctor reads our own tables: pulls, outbox, sealed ids, whose database it is."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from keyrequests import holdings
from keyrequests.models import Key
from portal_site.doctor.findings import Finding, bad, duration, good, listed, skipped
from tyk import fence, outbox
from tyk.models import Organisation, Outbox, PullState
from tyk.seal import SealBroken

# A beat that missed so many turns is taken for dead.
INTERVALS = 3


def findings() -> Iterator[Finding]:
    yield whose_database()
    yield beat()
    yield pulls()
    yield parked()
    yield late()
    yield sealed_ids()


def whose_database() -> Finding:
    """A database copied from another portal must not act for it."""
    # Asked only where an address was kept: the question itself keeps the first.
    why = fence.closed() if Organisation.current().base_url_seen else ""
    if why:
        sentence, _, _ = why.partition(". ")
        return bad(
            "fence",
            f"{sentence}. Nothing is sent.",
            "Run manage.py after_restore, which asks which of the two this is.",
        )
    return good("fence", "This database belongs to this portal.")


def beat() -> Finding:
    """The beat starts a pull every PULL_EVERY seconds."""
    began = PullState.objects.aggregate(last=Max("started_at"))["last"]
    fix = (
        "Start celery -A portal_site beat (and a worker), or run "
        "manage.py sync_once --every 60."
    )
    if began is None:
        return bad("beat", "Nothing was ever read from Tyk.", fix)
    age = (timezone.now() - began).total_seconds()
    if age > INTERVALS * settings.PULL_EVERY:
        return bad("beat", f"The last pull began {duration(age)} ago.", fix)
    return good("beat", f"The last pull began {duration(age)} ago.")


def pulls() -> Finding:
    """Kinds whose last pull failed, or read something it did not believe."""
    states = PullState.objects.order_by("kind")
    troubled = [
        f"{row.kind} ({row.last_error or row.held_back_reason})"
        for row in states
        if row.last_error or row.held_back_reason
    ]
    if troubled:
        return bad(
            "pulls",
            f"Not in step with Tyk: {listed(troubled)}.",
            "If the Dashboard is well, run manage.py sync_once; if Tyk really lost "
            "what is held back, manage.py drift shows what it is.",
        )
    return good("pulls", "Every pull that ran was complete.")


def parked() -> Finding:
    """Work that waits for a person."""
    kinds = _kinds(
        Outbox.objects.filter(asked__gt=F("served")).exclude(parked_reason="")
    )
    if kinds:
        return bad(
            "parked",
            f"Work waits for a person: {listed(kinds)}.",
            "The Outbox page, narrowed to Parked, says why, and so does manage.py "
            "outbox. Mend it, then try again there.",
        )
    return good("parked", "Nothing is parked.")


def late() -> Finding:
    """Work that was due long enough ago for any living worker to have tried it."""
    patience = settings.OUTBOX_LEASE + INTERVALS * settings.OUTBOX_SWEEP_EVERY
    due = outbox.due().order_by("next_at")
    oldest = due.first()
    if oldest is None:
        return good("outbox", "Nothing is owed to Tyk or to mailboxes.")
    waited = (timezone.now() - oldest.next_at).total_seconds()
    if waited > patience:
        return bad(
            "outbox",
            f"Rows due: {due.count()}, the oldest for {duration(waited)}.",
            "Start a worker; if one runs, look at its log.",
        )
    return good("outbox", f"Rows due: {due.count()}, none of them late.")


def _kinds(rows: QuerySet[Outbox]) -> list[str]:
    counts: dict[str, int] = {}
    for kind in rows.order_by("kind").values_list("kind", flat=True)[:1000]:
        counts[kind] = counts.get(kind, 0) + 1
    return [f"{count} of {kind}" for kind, count in counts.items()]


def sealed_ids() -> Finding:
    """Whether SEAL_KEYS open the oldest and the newest sealed key id."""
    keys = Key.objects.exclude(sealed_id=None)
    sample = [key for key in (keys.order_by("pk").first(), keys.last()) if key]
    if not sample:
        return skipped("seal keys", "no key id was sealed yet.")
    for key in sample:
        try:
            holdings.id_of(key)
        except SealBroken:
            since = f"{key.created_at:%Y-%m-%d}"
            return bad(
                "seal keys",
                f"SEAL_KEYS do not open the id of a key of {since}: it can be "
                "neither revoked nor replaced here.",
                "Put the key it was sealed with back into SEAL_KEYS, behind the first.",
            )
    return good("seal keys", "SEAL_KEYS open the oldest and the newest key id.")
