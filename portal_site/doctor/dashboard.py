"""The doctor asks the Dashboard. Reads only, but for the scratch developer."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from portal_site import dashboard_check
from portal_site.doctor import scratch as scratch_developer
from portal_site.doctor.findings import Finding, bad, good, listed, skipped
from tyk import connect
from tyk.dashboard.caller import CallEvent
from tyk.dashboard.client import Dashboard
from tyk.dashboard.errors import (
    Busy,
    DashboardError,
    Misconfigured,
    NotFound,
    Refused,
    Unexpected,
    Unreachable,
)
from tyk.dashboard.records import Catalogue, Configuration, Policy
from tyk.models import Organisation

T = TypeVar("T")

MOST_SKEW = 120  # seconds; dates of requests and passwords are compared with ours
NO_SUCH_KEY = "portal-doctor-no-such-key"
_RIGHTS_FIX = (
    "In the Dashboard, under Users, give the user of the key read and write access "
    "to Portal, Policies and Keys, and read access to Analytics for usage."
)


@dataclass
class Visit:
    """What one look at the Dashboard found; each thing is asked for once."""

    client: Dashboard
    clocks: list[tuple[datetime, datetime]] = field(default_factory=list)

    @cached_property
    def configuration(self) -> Configuration | DashboardError:
        return answer(self.client.configuration)

    @cached_property
    def catalogue(self) -> Catalogue | DashboardError:
        return answer(self.client.catalogue)

    @cached_property
    def policies(self) -> list[Policy] | DashboardError:
        return answer(
            lambda: [p for p in self.client.policies() if isinstance(p, Policy)]
        )


def answer(read: Callable[[], T]) -> T | DashboardError:
    try:
        return read()
    except DashboardError as error:
        return error


def findings(*, scratch: bool) -> Iterator[Finding]:
    clocks: list[tuple[datetime, datetime]] = []

    def note(event: CallEvent) -> None:
        if event.at_dashboard is not None:
            clocks.append((event.at_dashboard, timezone.now()))

    keys = [settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT]
    with connect.client(keys, observer=note) as client:
        yield from _examined(Visit(client, clocks), scratch=scratch)


def _examined(visit: Visit, *, scratch: bool) -> Iterator[Finding]:
    reached = reachable(visit)
    yield reached
    if not reached.ok:
        return
    taken = key(visit)
    yield taken
    if not taken.ok and visit.client.key_in_use == 0:
        return
    yield next_key(visit)
    yield rights(visit)
    yield organisation(visit)
    yield key_mails(visit)
    yield hash_mode(visit)
    yield entries(visit)
    yield unlisted_policies(visit)
    yield clock(visit)
    if scratch:
        yield from scratch_developer.findings(visit.client)


# --- Address and key ---------------------------------------------------------------
def reachable(visit: Visit) -> Finding:
    found = visit.configuration
    rejected = Misconfigured, NotFound, Refused
    redirected = isinstance(found, Misconfigured) and found.reason == "redirect"
    if isinstance(found, DashboardError) and (
        redirected or not isinstance(found, rejected)
    ):
        sentence, fix = _split(dashboard_check.sentence(found))
        return bad("dashboard", sentence, fix)
    return good("dashboard", f"The Dashboard at {visit.client.base_url} answers.")


def _split(told: str) -> tuple[str, str]:
    sentence, stop, fix = told.partition(". ")
    return sentence + ("." if stop else ""), fix


def key(visit: Visit) -> Finding:
    """Which key the Dashboard takes. On the next one there is no spare left."""
    if _rejects(visit.configuration):
        both = " and TYK_API_KEY_NEXT" if settings.TYK_API_KEY_NEXT else ""
        return bad(
            "key",
            f"The Dashboard refuses TYK_API_KEY{both}.",
            "Copy the key in the Dashboard from Users, Edit, Tyk Dashboard API Access "
            "Credentials.",
        )
    if visit.client.key_in_use:
        return bad(
            "key",
            "The Dashboard refuses TYK_API_KEY and takes TYK_API_KEY_NEXT.",
            "Move TYK_API_KEY_NEXT to TYK_API_KEY and restart.",
        )
    return good("key", "The Dashboard takes TYK_API_KEY.")


def next_key(visit: Visit) -> Finding:
    """Whether the key of a coming rotation works, before the old one is removed."""
    if not settings.TYK_API_KEY_NEXT:
        return skipped("next key", "TYK_API_KEY_NEXT is not set.")
    with connect.client([settings.TYK_API_KEY_NEXT], observer=lambda _: None) as client:
        found = answer(client.configuration)
    if _rejects(found):
        return bad(
            "next key",
            "The Dashboard refuses TYK_API_KEY_NEXT.",
            "Copy the new key again; the old one stays in use.",
        )
    if isinstance(found, Unreachable | Unexpected | Busy):
        return skipped("next key", "the Dashboard did not answer this time.")
    ours = visit.configuration
    if _org(found) and _org(ours) and _org(found) != _org(ours):
        return bad(
            "next key",
            "TYK_API_KEY_NEXT belongs to another organisation.",
            "Use a key of a user of the same organisation.",
        )
    return good("next key", "The Dashboard takes TYK_API_KEY_NEXT too.")


def _rejects(found: object) -> bool:
    return isinstance(found, Misconfigured) and found.reason == "key_rejected"


def _org(found: Configuration | DashboardError) -> str:
    return found.org_id if isinstance(found, Configuration) else ""


# --- Rights and organisation ---------------------------------------------------------
def rights(visit: Visit) -> Finding:
    """Whether everything the portal reads may be read; a 403 is named."""
    client = visit.client
    reads: dict[str, object] = {
        "portal settings": visit.configuration,
        "the catalogue": visit.catalogue,
        "policies": visit.policies,
        "developers": answer(lambda: _first(client.developers())),
        "key requests": answer(lambda: _first(client.requests())),
        "keys": answer(lambda: client.key_detail(NO_SUCH_KEY, hashed=True)),
    }
    denied = [name for name, found in reads.items() if _denies(found)]
    if denied:
        return bad("rights", f"The key may not read {listed(denied)}.", _RIGHTS_FIX)
    failed = [
        f"{name} ({found})"
        for name, found in reads.items()
        if isinstance(found, DashboardError) and not _says_none(found)
    ]
    if failed:
        return bad(
            "rights",
            f"Could not be read: {listed(failed)}.",
            "Look at the Dashboard's log at this time.",
        )
    return good("rights", "The key may read all that the portal reads.")


def _first(stream: Iterator[T]) -> T | None:
    """The first record; the rest is not read."""
    with closing(stream):  # type: ignore[type-var]  # a generator: it has close()
        return next(stream, None)


def _denies(found: object) -> bool:
    return isinstance(found, Misconfigured) and found.reason == "no_permission"


def _says_none(error: DashboardError) -> bool:
    """The Dashboard's own "there is none" proves that we may ask."""
    return isinstance(error, NotFound | Refused)


def organisation(visit: Visit) -> Finding:
    """An organisation other than the mirrored one must never be read."""
    expected = settings.TYK_ORG_ID or Organisation.current().org_id
    found = _org(visit.configuration)
    if not found:
        return skipped("organisation", "Tyk's portal settings name none.")
    if expected and found != expected:
        return bad(
            "organisation",
            f"The key belongs to organisation {found}, this portal to {expected}.",
            "Use a key of a user of that organisation, or give this one a portal "
            "with a database of its own.",
        )
    return good("organisation", f"The organisation is {found}.")


# --- Settings in Tyk -------------------------------------------------------------------
def key_mails(visit: Visit) -> Finding:
    """Whether Tyk itself would mail raw keys (Tyk docs, portal configuration)."""
    found = visit.configuration
    if isinstance(found, NotFound):
        return bad(
            "key mails",
            "Tyk has no portal settings yet, so nobody knows whether it mails keys. "
            "No key can be claimed here.",
            "In the Dashboard, open Portal Settings and save them once.",
        )
    if isinstance(found, DashboardError):
        return skipped("key mails", "the portal settings were not read.")
    leaks = []
    if found.key_mail_on:
        leaks.append("mails keys to developers")
    if found.secure_key_approval:
        leaks.append("sends a link to a page with the key (secure key approval)")
    if not leaks:
        return good("key mails", "Tyk mails no keys.")
    sentence = f"Tyk {listed(leaks)}."
    if settings.CLAIM_ACCEPTS_KEY_MAIL:
        return good("key mails", f"{sentence} CLAIM_ACCEPTS_KEY_MAIL accepts it.")
    return bad(
        "key mails",
        f"{sentence} No key can be claimed here.",
        "In the Dashboard, Portal Settings, switch the key mail and secure key "
        "approval off.",
    )


def hash_mode(visit: Visit) -> Finding:
    found = visit.configuration
    if isinstance(found, DashboardError):
        return skipped("key hashing", "the portal settings were not read.")
    if Organisation.current().hash_keys != found.hash_keys:
        ours, theirs = ("off", "on") if found.hash_keys else ("on", "off")
        return bad(
            "key hashing",
            f"Key hashing is {theirs} in Tyk and {ours} in the mirror.",
            "Run manage.py sync_once; keys made before the change are listed anew.",
        )
    if not found.hash_keys:
        return good(
            "key hashing",
            "Key hashing is off: Tyk itself keeps raw keys.",
            "Consider hash_keys in the gateway's and the Dashboard's settings.",
        )
    return good("key hashing", "Keys are hashed in Tyk, and the mirror knows.")


# --- The shelf ---------------------------------------------------------------------------
def entries(visit: Visit) -> Finding:
    """Entries on the shelf that nobody can ask for."""
    shelf, policies = visit.catalogue, visit.policies
    if isinstance(policies, DashboardError) or isinstance(shelf, DashboardError):
        return skipped("catalogue", "catalogue and policies were not both read.")
    live = {ref: p.live for p in policies for ref in (p.ref, p.id)}
    shown = [e for e in shelf.entries if e.show and not e.is_keyless]
    without = [e.name for e in shown if e.policy_id not in live]
    dead = [e.name for e in shown if live.get(e.policy_id) is False]
    told = []
    if without:
        told.append(f"{listed(without)}: no policy")
    if dead:
        told.append(f"{listed(dead)}: policy is switched off")
    if told:
        return bad(
            "catalogue",
            f"Entries nobody can ask for. {'; '.join(told)}.",
            "Give each a live policy in the Dashboard, Portal, Catalogue, or hide it.",
        )
    return good("catalogue", f"{len(shown)} entries lead to a live policy.")


def unlisted_policies(visit: Visit) -> Finding:
    """Often on purpose, so it is told and is no fault."""
    shelf, policies = visit.catalogue, visit.policies
    if isinstance(policies, DashboardError) or isinstance(shelf, DashboardError):
        return skipped("policies", "catalogue and policies were not both read.")
    used = {entry.policy_id for entry in shelf.entries}
    spare = [p.name for p in policies if p.live and not used & {p.id, p.ref}]
    if spare:
        return good(
            "policies",
            f"Live policies in no entry: {listed(spare)}.",
            "Nobody can ask for them here; add entries if they should.",
        )
    return good("policies", "Every live policy stands in an entry.")


def clock(visit: Visit) -> Finding:
    """The Dashboard's Date header, whole seconds, against ours."""
    if not visit.clocks:
        return skipped("clock", "the Dashboard sends no date.")
    skews = [(there - ours).total_seconds() for there, ours in visit.clocks]
    skew = min(skews, key=abs)
    if abs(skew) > MOST_SKEW:
        side = "behind" if skew > 0 else "ahead of"
        return bad(
            "clock",
            f"Our clock is {abs(round(skew))} seconds {side} the Dashboard's.",
            "Let NTP set the clocks of both machines.",
        )
    return good("clock", "Our clock and the Dashboard's agree.")
