"""What was called with a developer's keys, for pages. From the mirror: no network.

`summary` says in one query what rows of a list need: calls of the last days, the
last call, the quota. `read_series` is for charts and tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from django.db.models import DateField, DateTimeField, Max, Q, Sum, Value
from django.db.models.functions import Coalesce

from catalogue.models import Plan
from catalogue.words import Limits, each
from keyrequests.models import Key, UsageDay, UsageHour

WEEK = 7
DAY_SECONDS, HOUR_SECONDS = 86400, 3600
# Hours are kept for a little longer than this; a longer quota is counted in days.
HOURLY_UP_TO = 2 * DAY_SECONDS
WANTED_EVERY = timedelta(minutes=5)
NEAR, OVER = 90, 100  # percent of a quota
WARN = 80
# A pace made of fewer whole days than this would be a guess.
DAYS_OF_A_PACE = 3
# Beyond this a forecast tells nobody anything, and dates come to an end.
FARTHEST_DAYS = 3650
# No key is older, and a length that somebody typed may be any number.
LONGEST = 100 * 365 * DAY_SECONDS


# --- Quota --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a quota is used, counted by us over its whole length until now, or
    since staff reset it.

    The gateway begins to count with the first call after the last renewal, which the
    mirror does not know, or after a reset; its count is never more than ours, so what
    we call left is left at least (Tyk docs, "Request Quotas").
    """

    most: int
    seconds: int  # 0: it never renews
    used: int
    a_day: float | None = None  # the mean of the last whole days
    reset_at: datetime | None = None  # counted from then on, not over the whole length

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)

    @property
    def per(self) -> str:
        """ "a day", or "in all" where it never renews."""
        return each(self.seconds) if self.seconds else "in all"

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 is said only of what is used up; may pass 100."""
        return self.used * 100 // self.most

    @property
    def width(self) -> int:
        # A little is not nothing: a sliver, as soon as one call was counted.
        return min(100, max(self.percent, 1 if self.used else 0))

    @property
    def level(self) -> str:
        """ "" or, for the bar, near or over."""
        return "over" if self.used >= self.most else "near" if self.is_near else ""

    @property
    def is_near(self) -> bool:
        return self.percent >= NEAR

    @property
    def warns(self) -> bool:
        """Whether home says it by itself."""
        return self.percent >= WARN

    @property
    def pace_percent(self) -> int | None:
        """What share of the quota one length of it takes at this pace."""
        if self.a_day is None or not self.seconds:
            return None
        return int(self.a_day * self.seconds / DAY_SECONDS * 100 / self.most)

    def full_on(self, now: datetime) -> datetime | None:
        """When it is used up at this pace; None if it is not, or nobody can know."""
        if not self.a_day or not self.left:
            return None
        days = self.left / self.a_day
        if days > FARTHEST_DAYS:
            return None
        if self.seconds and (
            self.seconds <= DAY_SECONDS or days * DAY_SECONDS >= self.seconds
        ):
            return None
        within = self.pace_percent
        if within is not None and within < OVER:
            return None
        return now + timedelta(days=days)


def limit_of(key: Key) -> Limits | None:
    """The one quota that holds for all of a key, or None.

    A key of several policies, or with quotas per API, has no single one. Quotas of
    less than an hour are over before the mirror hears of them.
    """
    policies = list(key.policies.all())
    plan = policies[0].plan if len(policies) == 1 else None
    if plan is None:
        return None
    own = _limits(plan)
    if own is None or own.quota_max <= 0 or 0 < own.quota_period < HOUR_SECONDS:
        return None
    return replace(own, quota_period=min(own.quota_period, LONGEST))


def _limits(plan: Plan) -> Limits | None:
    shares = plan.per_api or [
        {
            name: getattr(plan, name)
            for name in ("rate", "per", "quota_max", "quota_period")
        }
    ]
    every = {
        Limits(s["rate"], s["per"], s["quota_max"], s["quota_period"]) for s in shares
    }
    return every.pop() if len(every) == 1 else None


# --- Counts --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Counts:
    """Calls answered and calls that failed."""

    ok: int = 0
    errors: int = 0

    @property
    def hits(self) -> int:
        return self.ok + self.errors

    @property
    def share(self) -> float:
        """Errors, in percent of all calls."""
        return 100 * self.errors / self.hits if self.hits else 0.0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.ok + other.ok, self.errors + other.errors)


NONE = Counts()


def total(counts: Iterable[Counts]) -> Counts:
    every = list(counts)
    return Counts(sum(c.ok for c in every), sum(c.errors for c in every))


# --- Where a key's usage stands --------------------------------------------------------
def state_of(key: Key, *, used: bool) -> str:
    """One word for what a page can say of this key's usage.

    "off" with key hashing off · "collecting" until the first read · "unavailable"
    when that failed · "empty" without a call ever · "stale" when the figures are
    old · "fresh".
    """
    if key.usage_trouble == Key.UsageTrouble.OFF:
        return "off"
    if key.usage_as_of is None:
        return "unavailable" if key.usage_trouble else "collecting"
    if key.usage_trouble:
        return "stale"
    return "fresh" if used else "empty"


def state_of_all(states: Iterable[str]) -> str:
    """One word for several keys together; "none" without keys.

    Figures that lack a key are "stale": they are shown, with the reason.
    """
    seen = set(states)
    if seen & {"fresh", "stale"}:
        return "stale" if seen & {"stale", "unavailable"} else "fresh"
    order = ("unavailable", "collecting", "empty", "off")
    return next((state for state in order if state in seen), "none")


@dataclass(slots=True)
class KeyUsage:
    """What a row or a card says of one key."""

    key: Key
    by_day: dict[date, Counts] = field(default_factory=dict)
    last_hit: datetime | None = None
    used: bool = False
    in_quota: int = 0
    today: Counts = NONE
    week: Counts = NONE
    quota: Quota | None = None

    @property
    def state(self) -> str:
        return state_of(self.key, used=self.used)

    @property
    def as_of(self) -> datetime | None:
        return self.key.usage_as_of

    @property
    def known(self) -> bool:
        """Whether there are figures at all."""
        return self.state in {"fresh", "stale", "empty"}


def summary(keys: Iterable[Key], *, now: datetime) -> dict[int, KeyUsage]:
    """By primary key, what is known of each key's usage; one query.

    `keys` come with their policies and plans prefetched (`reads.keys_of`).
    """
    found = {key.pk: KeyUsage(key) for key in keys}
    if not found:
        return {}
    limits = {pk: limit_of(one.key) for pk, one in found.items()}
    # PostgreSQL adds whole numbers up to decimals.
    for pk, day, ok, errors, in_quota, last_hit in _figures(found, limits, now=now):
        one = found[pk]
        if day is not None:
            one.by_day[day] = Counts(int(ok), int(errors))
            continue
        one.in_quota += int(in_quota)
        one.last_hit = last_hit or one.last_hit
        one.used = one.used or bool(ok)
    for pk, one in found.items():
        _finish(one, limits[pk], now=now)
    return found


def _finish(one: KeyUsage, limit: Limits | None, *, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    one.today = one.by_day.get(today, NONE)
    first = today - timedelta(days=WEEK - 1)
    one.week = total(c for day, c in one.by_day.items() if day >= first)
    if limit is not None and one.known:
        seconds = max(0, limit.quota_period)
        reset_at = _reset_within(one.key, seconds, now=now)
        hourly = 0 < seconds <= HOURLY_UP_TO
        before = one.key.reset_hour_hits if hourly else one.key.reset_day_hits
        one.quota = Quota(
            limit.quota_max,
            seconds,
            max(0, one.in_quota - before) if reset_at else one.in_quota,
            _pace(one, today),
            reset_at,
        )


def _reset_within(key: Key, seconds: int, *, now: datetime) -> datetime | None:
    """When its quota was reset, if what it counts begins there; None otherwise."""
    if key.reset_at is None:
        return None
    if seconds and now - key.reset_at >= timedelta(seconds=seconds):
        return None
    return key.reset_at


def _pace(one: KeyUsage, today: date) -> float | None:
    """Calls a day over the last whole days, from the first day with a call on."""
    days = [today - timedelta(days=n) for n in range(WEEK, 0, -1)]
    hits = [one.by_day.get(day, NONE).hits for day in days]
    while hits and not hits[0]:
        hits.pop(0)
    return sum(hits) / len(hits) if len(hits) >= DAYS_OF_A_PACE else None


def _figures(
    found: Mapping[int, KeyUsage],
    limits: Mapping[int, Limits | None],
    *,
    now: datetime,
) -> list[tuple[int, date | None, int, int, int, datetime | None]]:
    """Days of the last week, and a line for each key with all the rest."""
    keys, today = list(found), now.astimezone(UTC).date()
    no_day = Value(None, output_field=DateField())
    no_time = Value(None, output_field=DateTimeField())
    zero, nought = Value(0), Value(0)  # a column each: one may not stand twice
    by_hour, by_day = _within_quota(found, limits, now=now)
    days = UsageDay.objects.filter(key__in=keys, day__gte=today - timedelta(days=WEEK))
    rest = UsageDay.objects.filter(key__in=keys).values("key")
    hours = UsageHour.objects.filter(by_hour).values("key")
    return list(
        days.values_list("key", "day", "ok", "errors", zero, "last_hit").union(
            rest.values_list(
                "key",
                no_day,
                Coalesce(Sum("hits"), zero),
                nought,
                Coalesce(Sum("hits", filter=by_day), zero),
                Max("last_hit"),
            ),
            hours.values_list("key", no_day, zero, nought, Sum("hits"), no_time),
            all=True,
        )
    )


def _within_quota(
    found: Mapping[int, KeyUsage],
    limits: Mapping[int, Limits | None],
    *,
    now: datetime,
) -> tuple[Q, Q]:
    """Which hours and which days count: those that touch the quota's length, or what
    is left of it since a reset."""
    lengths: dict[tuple[int, datetime | None], list[int]] = {}
    for pk, limit in limits.items():
        if limit is not None:
            seconds = max(0, limit.quota_period)
            reset_at = _reset_within(found[pk].key, seconds, now=now)
            lengths.setdefault((seconds, reset_at), []).append(pk)
    hours, days = Q(pk__in=[]), Q(pk__in=[])
    for (seconds, reset_at), keys in lengths.items():
        since = (reset_at or now - timedelta(seconds=seconds)).astimezone(UTC)
        if not (seconds or reset_at):
            days |= Q(key__in=keys)
        elif 0 < seconds <= HOURLY_UP_TO:
            hours |= Q(key__in=keys, hour__gte=_hour(since))
        else:
            days |= Q(key__in=keys, day__gte=since.date())
    return hours, days


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


# --- A reset --------------------------------------------------------------------------
def so_far(key: Key, at: datetime) -> dict[str, object]:
    """Columns of a key whose quota is reset at `at` or a moment later; two queries.

    Calls of that hour or day which the mirror does not know yet count as new: then
    ours is still never less than the gateway's count.
    """
    hours = UsageHour.objects.filter(key=key, hour=_hour(at))
    days = UsageDay.objects.filter(key=key, day=at.astimezone(UTC).date())
    return {
        "reset_at": at,
        "reset_hour_hits": sum(hours.values_list("hits", flat=True)),
        "reset_day_hits": sum(days.values_list("hits", flat=True)),
    }


# --- Asking for fresher figures -----------------------------------------------------------
def want(keys: Iterable[Key], *, now: datetime) -> int:
    """Note that the owner looks: the worker then reads these keys more often.

    Writes at most once in five minutes, and nothing otherwise.
    """
    before = now - WANTED_EVERY
    pks = [
        key.pk
        for key in keys
        if key.usage_wanted_at is None or key.usage_wanted_at < before
    ]
    return Key.objects.filter(pk__in=pks).update(usage_wanted_at=now) if pks else 0
