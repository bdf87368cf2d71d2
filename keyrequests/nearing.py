"""A key nears the end of its quota: its owner is told at 80 percent and at 100.

Once for each in one length of the quota, and once more after a reset. Our count is
never less than the gateway's, so a mail may come early, not late; how
fresh it is depends on how often the usage of the key is read (`pull.usage`). The mail
itself is in `quota_mails`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Prefetch

from keyrequests import usage
from keyrequests.models import Key, KeyPolicy
from keyrequests.usage import OVER, WARN, Quota
from tyk import outbox

KIND = "mail.quota"
# Two mails each hour would be no help to anybody.
SHORTEST = usage.DAY_SECONDS
#: Percent → the column that says when it was told.
TOLD = {WARN: "quota_near_told_at", OVER: "quota_full_told_at"}


def ask_for_due(pks: Iterable[int], *, now: datetime) -> int:
    """Ask for the mails that these keys' figures call for; how many. Three queries
    and one for each mail."""
    asked = 0
    for one in known(pks, now=now):
        level = level_of(one.quota)
        if level and not _is_told(one, level, now=now):
            asked += _ask(one, level, now=now)
    return asked


def known(pks: Iterable[int], *, now: datetime) -> list[usage.KeyUsage]:
    """What is known of those that are live; three queries."""
    policies = Prefetch("policies", KeyPolicy.objects.select_related("plan"))
    live = Key.objects.filter(pk__in=pks, state=Key.State.LIVE)
    return list(usage.summary(live.prefetch_related(policies), now=now).values())


def level_of(quota: Quota | None) -> int:
    """Which of the two is reached, in percent; 0 for neither, or a quota too short."""
    if quota is None or 0 < quota.seconds < SHORTEST:
        return 0
    return max((level for level in TOLD if quota.percent >= level), default=0)


def _is_told(one: usage.KeyUsage, level: int, *, now: datetime) -> bool:
    """Whether its owner was told of this level within one length, and since a reset."""
    told_at, reset_at = vars(one.key)[TOLD[level]], one.key.reset_at
    if told_at is None or (reset_at is not None and told_at < reset_at):
        return False
    seconds = one.quota.seconds if one.quota else 0
    return not seconds or now - told_at < timedelta(seconds=seconds)


@transaction.atomic
def _ask(one: usage.KeyUsage, level: int, *, now: datetime) -> bool:
    """Compare-and-set, so that two workers that read one key ask once."""
    key, column = one.key, TOLD[level]
    told = {column: now}
    if level == OVER and not _is_told(one, WARN, now=now):
        told[TOLD[WARN]] = now  # the one mail says both
    if not Key.objects.filter(pk=key.pk, **{column: vars(key)[column]}).update(**told):
        return False
    outbox.enqueue(KIND, f"{key.code} {level}")
    return True


def forget(key: Key) -> None:
    """Its plans changed: what was told of the old quota says nothing of the new."""
    Key.objects.filter(pk=key.pk).update(**dict.fromkeys(TOLD.values()))
