"""Rows that were mirrored before the policy they name: linked once it is known.

Each kind of pull goes on when another fails, and a policy may be made in Tyk in the
same minute as its first key.
"""

from collections.abc import Iterable

from django.db import transaction

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from catalogue.words import NO_ENTRY
from keyrequests.models import Key, KeyPolicy, KeyRequest, RequestedPlan
from keyrequests.pull.people import in_chunks, kind_of, name_of


def link() -> int:
    """Give these rows their plans; how many got one. Two queries if none lacks any."""
    return sum(_link_keys(plan, ids) for plan, ids in _known(KeyPolicy)) + sum(
        _link_requests(plan, ids) for plan, ids in _known(RequestedPlan)
    )


def _known(model: type[KeyPolicy] | type[RequestedPlan]) -> list[tuple[Plan, str]]:
    """Policy ids that rows name without a plan, and that are plans by now."""
    named = model._default_manager.filter(plan=None).order_by()
    plans = plans_for(named.values_list("policy_id", flat=True).distinct())
    return [(plan, policy_id) for policy_id, plan in sorted(plans.items())]


def _link_keys(plan: Plan, policy_id: str) -> int:
    rows = KeyPolicy.objects.filter(plan=None, policy_id=policy_id)
    pks = list(rows.values_list("key", flat=True))
    for chunk in in_chunks(pks):
        with transaction.atomic():
            rows.filter(key__in=chunk).update(plan=plan)
            _describe(chunk)
    return len(pks)


def _describe(pks: Iterable[int]) -> None:
    """What a key of Tyk's is, and its name if it has none, as at a first look."""
    found = Key.objects.filter(pk__in=pks, origin=Key.Origin.FOUND)
    for key in found.exclude(kind=Key.Kind.OAUTH).prefetch_related("policies__plan"):
        plans = {
            policy.policy_id: policy.plan
            for policy in key.policies.all()
            if policy.plan is not None
        }
        Key.objects.filter(pk=key.pk).update(kind=kind_of(plans))
        Key.objects.filter(pk=key.pk, name="").update(name=name_of(plans))


def _link_requests(plan: Plan, policy_id: str) -> int:
    rows = RequestedPlan.objects.filter(plan=None, policy_id=policy_id)
    pks = list(rows.values_list("request", flat=True))
    entry = Entry.objects.present().filter(plan=plan).order_by("-shown").first()
    for chunk in in_chunks(pks):
        with transaction.atomic():
            rows.filter(request__in=chunk).update(plan=plan)
            # One of several plans names it: the first that was known.
            KeyRequest.objects.filter(
                pk__in=chunk, origin=KeyRequest.Origin.TYK, entry_name=NO_ENTRY
            ).update(entry=entry, entry_name=entry.name if entry else plan.name)
    return len(pks)
