"""Drift of what is small: the organisation's settings, plans and entries."""

from collections.abc import Iterator

from django.utils import timezone

from catalogue import identity, pull as shelf_pull, services
from catalogue.models import Entry, Plan
from portal_site.drift.differences import (
    ABSENT,
    PRESENT,
    Difference,
    compared,
    difference,
)
from portal_site.drift.owners import ENTRY, ORGANISATION, PLAN
from tyk import connect, pull as tyk_pull
from tyk.dashboard.errors import NotFound
from tyk.dashboard.records import Policy
from tyk.models import Organisation


def organisation() -> Iterator[Difference]:
    row = Organisation.current()
    try:
        record = connect.dashboard().configuration()
    except NotFound:
        return  # no settings yet: what was read last stands, as for the pull
    there = tyk_pull.organisation_values(record)
    here = {name: getattr(row, name) for name in there}
    yield from compared(ORGANISATION, row.org_id, here=here, there=there)


def plans() -> Iterator[Difference]:
    now = timezone.now()
    rows = {plan.oid: plan for plan in Plan.objects.filter(gone_at=None)}
    # One that is there and can't be read is not gone.
    listed = connect.dashboard().policies()
    for policy in listed:
        row = rows.pop(policy.id or "", None)
        if not isinstance(policy, Policy):
            continue
        wanted = shelf_pull.plan_of(policy, now=now)
        if row is None:
            yield difference(PLAN, policy.id, "record", here=ABSENT, there=PRESENT)
        else:
            yield from compared(PLAN, policy.id, here=_plan(row), there=_plan(wanted))
    for oid in rows:
        yield difference(PLAN, oid, "record", here=PRESENT, there=ABSENT)


def _plan(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in shelf_pull.PLAN_FIELDS}


def entries() -> Iterator[Difference]:
    """Entries have no id in Tyk: they are matched as the pull does it."""
    answer = shelf_pull.read_catalogue()
    plans = services.plans_for(entry.policy_id for entry in answer.entries)
    wanted = [
        shelf_pull.entry_values(entry, position=place, plan=plans.get(entry.policy_id))
        for place, entry in enumerate(answer.entries)
    ]
    rows = list(Entry.objects.all())
    found = identity.match([shelf_pull.Identity(values) for values in wanted], rows)
    for values, row in zip(wanted, found, strict=True):
        if row is None or row.gone_at is not None:
            name = str(values["name"])
            yield difference(ENTRY, name, "record", here=ABSENT, there=PRESENT)
            continue
        here = {name: getattr(row, name) for name in shelf_pull.ENTRY_FIELDS}
        yield from compared(ENTRY, row.slug, here=here, there=values)
    matched = {row.pk for row in found if row is not None}
    for row in rows:
        # While some can't be read, a missing one may be among them.
        if row.gone_at is None and row.pk not in matched and not answer.bad:
            yield difference(ENTRY, row.slug, "record", here=PRESENT, there=ABSENT)
