"""Quotas and usage in the words a developer reads. No database, no network."""

from datetime import datetime, timedelta

from catalogue.words import NO_ENTRY, duration, number
from keyrequests.models import Key, KeyPolicy
from keyrequests.usage import OVER, Quota
from portal_site import formats


def basis(quota: Quota, *, now: datetime) -> str:
    """What the count is made of, and what it promises."""
    since = "the first call"
    if quota.reset_at is not None:
        since = f"the reset on {formats.moment(quota.reset_at, now=now)} UTC"
    if not quota.seconds:
        return f"Counted since {since}. This quota never renews."
    length = duration(quota.seconds)
    if not quota.used:
        return f"Not used yet. Its {length} begin with the first call."
    counted = f"over the last {length}"
    if quota.reset_at is not None:
        counted = f"since {since}"
    return (
        f"At least {number(quota.left)} left. Counted {counted}; the quota starts again "
        f"{length} after its first call."
    )


def forecast(quota: Quota, *, now: datetime) -> str:
    """Where the pace of the last whole days leads; "" if it would be a guess."""
    if not quota.left:
        return (
            "By our count it is used up. The gateway refuses calls beyond the quota "
            "until it renews."
        )
    full = quota.full_on(now)
    if full is not None:
        share = formats.percent(OVER)
        return f"At this pace {share} {_on(full, now=now)}, at the earliest."
    share_of_one = quota.pace_percent
    if share_of_one is None or quota.a_day is None:
        return ""
    pace = f"At this pace, {number(round(quota.a_day))} a day,"
    if share_of_one >= OVER:
        return f"{pace} it is used up before it renews."
    return f"{pace} you use {formats.percent(share_of_one)} of it."


def _on(when: datetime, *, now: datetime) -> str:
    """ "today", "on Thursday" within a week, else "on 24 Dec"."""
    if when.date() == now.date():
        return "today"
    if when.date() < now.date() + timedelta(days=7):
        return f"on {when:%A}"
    return f"on {formats.day(when, now=now)}"


def warning(key: Key, quota: Quota) -> str:
    """ "Storm watch has used 94 % of its quota": the title of a notice."""
    name = key.name or "A key without a name"
    return f"{name} has used {share(quota)} of its quota"


def share(quota: Quota) -> str:
    """ "94 %"."""
    return formats.percent(quota.percent)


def opens(key: Key) -> str:
    """What a key opens: "Orders, Standard", or "(No Catalog Entry)".

    `key` comes from `reads.keys_of`, which names the entries.
    """
    named = [_policy(policy) for policy in key.policies.all()]
    return "; ".join(named) or NO_ENTRY


def _policy(policy: KeyPolicy) -> str:
    entry = getattr(policy, "entry_name", None)
    plan = policy.plan.name if policy.plan else ""
    if not entry:
        return f"{NO_ENTRY} {plan}".strip()
    return f"{entry}, {plan}" if plan and plan not in entry else entry
