"""A second account of one sign-up: a late write landed after another was sent.

Tyk takes an address twice, and then nobody can tell which account it means. Pulls read
every developer anyway, so noticing one costs no call: it bears the marker of a
sign-up, and another account of its address is the one in use.
"""

from collections.abc import Mapping
from uuid import UUID

from developers.models import Developer, SignUp
from tyk import lanes
from tyk.models import Organisation
from tyk.outbox import enqueue

KIND = "developer.twin"


def ask_about(marked: Mapping[str, str]) -> None:
    """Enqueue a look at each that is a twin: `marked` maps Tyk ids to markers.

    In the caller's transaction, with the rows mirrored already; two queries in all.
    """
    if not marked:
        return
    prefix = Organisation.current().marker("")
    ours = [tyk_id for tyk_id, marker in marked.items() if _code(marker, prefix)]
    if not ours:
        return
    rows = list(Developer.objects.filter(tyk_id__in=ours, gone_at=None))
    used = in_use({row.email_key for row in rows})
    for row in rows:
        if used.get(row.email_key, set()) - {row.tyk_id} == used.get(row.email_key):
            enqueue(KIND, row.code, lane=lanes.for_developer(row.tyk_id))


def may_be_made(signup: SignUp) -> bool:
    """Whether Tyk may hold an account of this address that nobody knows of."""
    rows = SignUp.objects.filter(email_key=signup.email_key)
    return rows.filter(state=SignUp.State.SENDING).exists()


def in_use(email_keys: set[str]) -> dict[str, set[str]]:
    """By address: the Tyk ids of the accounts that its sign-ups ended in."""
    done = SignUp.objects.filter(email_key__in=email_keys, state=SignUp.State.DONE)
    held: dict[str, set[str]] = {}
    for key, tyk_id in done.exclude(tyk_id="").values_list("email_key", "tyk_id"):
        held.setdefault(key, set()).add(tyk_id)
    return held


def code_of(marker: str) -> UUID | None:
    """The sign-up of this portal that a marker names, or None."""
    return _code(marker, Organisation.current().marker(""))


def _code(marker: str, prefix: str) -> UUID | None:
    try:
        return UUID(marker.removeprefix(prefix)) if marker.startswith(prefix) else None
    except ValueError:
        return None
