"""What staff may do for a developer's access. No network; the outbox tells Tyk.

Deciding requests and revoking keys is in `services`, since rules and developers do
it too.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from catalogue.models import Entry, Plan
from catalogue.services import plans_for
from developers.models import Developer, User, email_key
from keyrequests import nearing, services
from keyrequests.errors import (
    AccessError,
    AlreadyAsked,
    NotLive,
    NotOffered,
    OwnRequest,
)
from keyrequests.models import Event, Key, KeyPolicy, KeyRequest, RequestedPlan
from keyrequests.wishes import PolicyChange
from tyk import lanes, outbox
from tyk.models import Organisation, Outbox

Verb = Event.Verb


class Absent(AccessError):
    code = "absent"
    sentence = "They cannot sign in, so they could not claim it. Activate them first."


class NothingChosen(AccessError):
    code = "nothing_chosen"
    sentence = "Choose at least one plan. To end all access, revoke the key."


class NothingNew(AccessError):
    code = "nothing_new"
    sentence = "The key has exactly these plans already."


class ChangedMeanwhile(AccessError):
    code = "changed_meanwhile"
    sentence = (
        "The plans of this key changed since you opened the page. Look at them again."
    )


class NotReadYet(AccessError):
    code = "not_read_yet"
    sentence = (
        "Tyk's id of this key is not known yet. That takes minutes at most: try then."
    )


class IsClient(AccessError):
    code = "is_client"
    sentence = "This is an OAuth client. Change it in the Tyk Dashboard."


class KeyInClear(AccessError):
    code = "key_in_clear"
    sentence = (
        "Tyk does not hash keys, so this would write the key itself into an address "
        "that proxies log. Do it in the Tyk Dashboard."
    )


# --- A new key ---------------------------------------------------------------------


def may_be_given() -> list[tuple[Plan, Entry | None]]:
    """Every plan that can be claimed, with the entry it goes by; two queries."""
    entries: dict[int | None, Entry] = {}
    for entry in Entry.objects.present().filter(keyless=False).order_by("-shown"):
        entries.setdefault(entry.plan_id, entry)
    return [(plan, entries.get(plan.pk)) for plan in _claimable()]


def _claimable() -> QuerySet[Plan]:
    """Live plans; a key-less one has no keys, and Tyk refuses to make any."""
    keyless = Entry.objects.present().filter(keyless=True, plan=OuterRef("pk"))
    plans = Plan.objects.filter(live=True, gone_at=None).exclude(auth_kind="keyless")
    return plans.exclude(Exists(keyless)).order_by("name", "pk")


@transaction.atomic
def grant(
    developer: Developer,
    *,
    plan: Plan,
    entry: Entry | None,
    by: User,
    nonce: UUID,
    reason: str = "",
) -> KeyRequest:
    """Give access without having been asked: a request that is approved already.

    No key is made: the developer gets the mail, and claims it. The same form posted
    twice (same `nonce`) answers with the first request. Raises Absent, NotOffered,
    OwnRequest, AlreadyAsked; then nothing was recorded.
    """
    posted = KeyRequest.objects.of(developer).filter(nonce=nonce).first()
    if posted is not None:
        return posted
    _refuse_grant(developer, plan, by)
    now = timezone.now()
    try:
        with transaction.atomic():
            request = KeyRequest.objects.create(
                developer=developer,
                entry=entry,
                entry_name=entry.name if entry else plan.name,
                nonce=nonce,
                created_at=now,
            )
            RequestedPlan.objects.create(
                request=request, developer=developer, policy_id=plan.oid, plan=plan
            )
    except IntegrityError:
        # Another tab was quicker, between our look and our insert.
        posted = KeyRequest.objects.of(developer).filter(nonce=nonce).first()
        if posted is None:
            _refuse_grant(developer, plan, by)
            raise NotOffered from None
        return posted
    services.note(
        Verb.SENT, request=request, actor=str(by), at=now, text="for the developer"
    )
    outbox.enqueue("request.create", request.code, lane=_lane(developer))
    services.approve(request, by=by, reason=reason)
    return request


def _refuse_grant(developer: Developer, plan: Plan, by: User) -> None:
    if not developer.may_enter:
        raise Absent
    if not (plan.offered and _claimable().filter(pk=plan.pk).exists()):
        raise NotOffered
    if by.email and developer.email_key == email_key(by.email):
        raise OwnRequest("This is your own address. A colleague gives you access.")
    open_plan = (
        RequestedPlan.objects.filter(
            developer=developer,
            policy_id=plan.oid,
            open=True,
            origin=KeyRequest.Origin.PORTAL,
        )
        .select_related("request")
        .first()
    )
    if open_plan is not None:
        raise AlreadyAsked(open_plan.request)


# --- Changing a key ----------------------------------------------------------------


def policies_of(key: Key) -> list[str]:
    """The ids of the policies the mirror knows this key by, sorted."""
    return sorted(policy.policy_id for policy in key.policies.all())


def refuse_change(key: Key) -> None:
    """Raise why neither plans nor quota of `key` can be changed; return if they can."""
    if key.state != Key.State.LIVE or key.ends_at is not None:
        raise NotLive
    if key.kind == Key.Kind.OAUTH:
        raise IsClient
    if key.fp is None:
        raise NotReadYet
    if not (Organisation.current().hash_keys or settings.USAGE_ACCEPTS_CLEAR_KEYS):
        raise KeyInClear


def fitting(key: Key) -> list[Plan]:
    """Plans whose keys are made the same way: calls go on carrying the same."""
    kinds = {policy.plan.auth_kind for policy in key.policies.all() if policy.plan}
    wanted = kinds or ({"basic"} if key.kind == Key.Kind.BASIC else {"token"})
    return list(_claimable().filter(auth_kind__in=wanted))


@transaction.atomic
def change_plans(
    key: Key, *, plans: Collection[Plan], seen: Iterable[str], by: User
) -> PolicyChange:
    """Wish that `key` carries exactly the policies of `plans`.

    `seen` are the policies that stood on the page: what changed since is not
    overwritten unread. The mirror follows when Tyk has it; a later wish takes the
    waiting one's place. Raises NothingChosen, NothingNew, ChangedMeanwhile,
    NotOffered, and what `refuse_change` raises.
    """
    refuse_change(key)
    # Wishes for one key come one after the other, and after the worker's step.
    Key.objects.select_for_update().only("pk").get(pk=key.pk)
    before, after = policies_of(key), sorted(plan.oid for plan in plans)
    due = PolicyChange.objects.filter(key=key, state=PolicyChange.State.DUE).first()
    if not after:
        raise NothingChosen
    if sorted(seen) != before:
        raise ChangedMeanwhile
    if {plan.pk for plan in plans} - {plan.pk for plan in fitting(key)}:
        raise NotOffered
    if due is None and same(after, before):
        raise NothingNew
    change = due or PolicyChange(key=key, before=before)
    change.after, change.by, change.asked_at = after, str(by), timezone.now()
    change.taken_at = None
    change.save()
    names = ", ".join(plan.name for plan in plans)
    services.note(
        Verb.PLANS_ASKED, request=key.request, key=key, actor=str(by), text=names
    )
    outbox.enqueue("key.policies", key.code, lane=_lane(key.developer))
    return change


@transaction.atomic
def reset_quota(key: Key, *, by: User) -> None:
    """Ask Tyk to give `key` its whole quota again. Raises as `refuse_change` does."""
    refuse_change(key)
    services.note(Verb.QUOTA_ASKED, request=key.request, key=key, actor=str(by))
    outbox.enqueue("key.quota", key.code, lane=_lane(key.developer))


def under_way(key: Key) -> list[Outbox]:
    """What is owed to Tyk about this key; one query."""
    rows = Outbox.objects.filter(
        kind__in=["key.policies", "key.quota", "key.revoke"],
        subject=str(key.code),
        asked__gt=F("served"),
    )
    return list(rows.order_by("kind"))


# --- What came of it ----------------------------------------------------------------


def same(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two sets of ids name the same policies: Tyk lists either of its ids."""
    first, second = set(one), set(other)
    known = plans_for(first | second) if first != second else {}

    def named(ids: set[str]) -> set[str]:
        return {known[i].oid if i in known else i for i in ids}

    return named(first) == named(second)


@transaction.atomic
def keep_policies(key: Key, policy_ids: Iterable[str]) -> None:
    """Let the mirror say what Tyk said: the key carries these policies.

    A replacement carries the same ones. Everything else about the key stays.
    """
    wanted = set(policy_ids)
    plans = plans_for(wanted)
    if wanted != set(policies_of(key)):
        nearing.forget(key)
    KeyPolicy.objects.filter(key=key).exclude(policy_id__in=wanted).delete()
    for policy_id in sorted(wanted):
        KeyPolicy.objects.update_or_create(
            key=key, policy_id=policy_id, defaults={"plan": plans.get(policy_id)}
        )


def _lane(developer: Developer) -> str:
    return lanes.for_developer(developer.tyk_id)
