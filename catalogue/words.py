"""Limits, approval and authentication in the words a developer chooses by.

Pure functions: no database, no request. Numbers carry narrow no-break spaces.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

NARROW = "\u202f"

#: What a plan that no catalogue entry offers is listed under.
NO_ENTRY = "(No Catalog Entry)"

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: Lengths that have a name of their own; Tyk's "month" is 30 days.
PERIODS = {
    1: "second",
    MINUTE: "minute",
    HOUR: "hour",
    DAY: "day",
    7 * DAY: "week",
    30 * DAY: "month",
    365 * DAY: "year",
}


class Limited(Protocol):
    """A plan, or one API's share of it. Seconds; zero or less means no limit."""

    @property
    def rate(self) -> float: ...
    @property
    def per(self) -> float: ...
    @property
    def quota_max(self) -> int: ...
    @property
    def quota_period(self) -> int: ...


class PlanLike(Limited, Protocol):
    """What the words of a whole plan are made from."""

    @property
    def key_expires_in(self) -> int: ...
    @property
    def per_api(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one API, out of `Plan.per_api`."""

    rate: float
    per: float
    quota_max: int
    quota_period: int


# --- Numbers and lengths of time ---------------------------------------------
def number(value: float) -> str:
    """`10000` → "10 000", `0.5` → "0.5": at most two decimals, narrow spaces."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", NARROW)


def counted(value: float, noun: str) -> str:
    """`1, "call"` → "1 call"; `60, "call"` → "60 calls"."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """`86400` → "24 hours", `7776000` → "90 days": the largest whole unit."""
    if seconds > DAY and seconds % DAY == 0:
        return counted(seconds / DAY, "day")
    for length, name in ((HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= length and seconds % length == 0:
            return counted(seconds / length, name)
    return counted(seconds, "second")


def each(seconds: float) -> str:
    """`60` → "a minute", `3600` → "an hour", `90` → "every 90 seconds"."""
    name = PERIODS.get(int(seconds)) if seconds == int(seconds) else None
    if name is None:
        return f"every {duration(seconds)}"
    return f"{'an' if name == 'hour' else 'a'} {name}"


# --- Limits ------------------------------------------------------------------
def has_rate(limits: Limited) -> bool:
    """Whether calls per time are limited at all."""
    return limits.rate > 0 and limits.per > 0


def has_quota(limits: Limited) -> bool:
    """Whether there is a quota at all."""
    return limits.quota_max > 0


def limits(plan: PlanLike) -> str:
    """One line: "60 calls a minute, 10 000 a day, resets 24 hours after …"."""
    by_api = limits_by_api(plan)
    if by_api:
        return "by API: " + "; ".join(f"{name} {words}" for name, words in by_api)
    return _one_line(_effective(plan))


def limits_by_api(plan: PlanLike) -> list[tuple[str, str]]:
    """API name and its limits in words; empty if one sentence holds for all."""
    shares = [(share["api_name"], _share(share)) for share in plan.per_api]
    if len({limits for _, limits in shares}) < 2:
        return []
    return [(name, _one_line(limits)) for name, limits in shares]


def rate_words(plan: PlanLike) -> str:
    """ "60 a minute", "no limit", or "by API" where they differ."""
    if limits_by_api(plan):
        return "by API"
    own = _effective(plan)
    return f"{number(own.rate)} {each(own.per)}" if has_rate(own) else "no limit"


def quota_figure(plan: PlanLike) -> tuple[str, str]:
    """The big number of a plan and its unit: ("10 000", "calls a day")."""
    if limits_by_api(plan):
        return "By API", "see below"
    own = _effective(plan)
    if not has_quota(own):
        return "No", "quota"
    noun = "call" if own.quota_max == 1 else "calls"
    return number(own.quota_max), f"{noun} {_period(own)}"


def quota_words(plan: PlanLike) -> str:
    """ "10 000 calls a day", or "no quota"."""
    figure, unit = quota_figure(plan)
    return f"{figure} {unit}" if figure != "No" else "no quota"


def resets_words(plan: PlanLike) -> str:
    """ "24 hours after the first call", "never", or "" without a quota.

    Tyk renews no quota at a fixed hour: the first call starts a window of
    `quota_renewal_rate` seconds, and zero means it never ends (Tyk docs,
    "Request Quotas"; gateway `session_manager.go`, `RedisQuotaExceeded`).
    """
    own = _effective(plan)
    if limits_by_api(plan) or not has_quota(own):
        return ""
    if own.quota_period <= 0:
        return "never"
    return f"{duration(own.quota_period)} after the first call"


def key_lasts_words(plan: PlanLike) -> str:
    """ "until revoked", or "90 days"."""
    if plan.key_expires_in <= 0:
        return "until revoked"
    return duration(plan.key_expires_in)


def facts(
    plan: PlanLike, *, needs_approval: bool, usual: str = ""
) -> list[tuple[str, str]]:
    """Term and words of one plan, for a list of facts; the same rows for each.

    `usual`: how long a decision usually takes, as in `approval_words`.
    """
    return [
        ("Rate", rate_words(plan)),
        ("Resets", resets_words(plan) or "—"),
        ("Key lasts", key_lasts_words(plan)),
        ("Approval", approval_short(needed=needs_approval, usual=usual)),
    ]


def _effective(plan: PlanLike) -> Limited:
    """The limits that count: with limits per API, those of the (equal) APIs."""
    return _share(plan.per_api[0]) if plan.per_api else plan


def _share(share: dict[str, Any]) -> Limits:
    return Limits(
        rate=share["rate"],
        per=share["per"],
        quota_max=share["quota_max"],
        quota_period=share["quota_period"],
    )


def _one_line(own: Limited) -> str:
    parts = []
    if has_rate(own):
        parts.append(f"{counted(own.rate, 'call')} {each(own.per)}")
    if has_quota(own):
        noun = "" if parts else " call" if own.quota_max == 1 else " calls"
        parts.append(f"{number(own.quota_max)}{noun} {_period(own)}")
        parts.append(_resets_clause(own))
    return ", ".join(parts) or "no limits set"


def _period(own: Limited) -> str:
    return each(own.quota_period) if own.quota_period > 0 else "in all"


def _resets_clause(own: Limited) -> str:
    if own.quota_period <= 0:
        return "never resets"
    return f"resets {duration(own.quota_period)} after the first call"


# --- Approval ----------------------------------------------------------------
def approval_words(*, needed: bool, usual: str = "") -> str:
    """One line for lists: who decides, and how long it takes.

    `usual` is what decisions really took ("about 2 hours"); without it, what the
    company promises.
    """
    takes = approval_short(needed=needed, usual=usual)
    return f"After a review, {takes}" if needed else "Key at once"


def approval_short(*, needed: bool, usual: str = "") -> str:
    """The same as a value beside the word "Approval"."""
    if not needed:
        return "automatic"
    return f"usually {usual}" if usual else settings.BRAND_REVIEW_TAKES


# --- Authentication ----------------------------------------------------------
#: Tyk's `auth_type` of a catalogue entry and `auth_types` of a policy → ours.
#: Names: tyk-operator, `api/model/portal_catalogue.go`.
AUTH_KINDS = {
    "authtoken": "token",
    "basic": "basic",
    "oauth": "oauth",
    "hmac": "hmac",
    "jwt": "jwt",
    "openid": "openid",
    "mutualtls": "mtls",
    "keyless": "keyless",
}

_AUTH_WORDS = {
    "token": "a key in the Authorization header",
    "basic": "a user name and a password (basic authentication)",
    "oauth": "an OAuth 2.0 access token",
    "hmac": "a signature made with a secret (HMAC)",
    "jwt": "a signed JSON Web Token",
    "openid": "an OpenID Connect token",
    "mtls": "a client certificate",
    "keyless": "nothing",
}

_CURL_LINE = {
    "token": '-H "Authorization: $API_KEY"',
    "basic": '-u "$API_USER:$API_PASSWORD"',
    "oauth": '-H "Authorization: Bearer $ACCESS_TOKEN"',
    "jwt": '-H "Authorization: Bearer $TOKEN"',
    "openid": '-H "Authorization: Bearer $TOKEN"',
    "hmac": '-H "Authorization: Signature $SIGNATURE"',
    "mtls": "--cert client.pem --key client-key.pem",
}


def auth_kind(tyk_name: str) -> str:
    """Tyk's word for an authentication → ours; "" stays "", unknown → "other"."""
    if not tyk_name:
        return ""
    return AUTH_KINDS.get(tyk_name.lower(), "other")


def auth_words(kind: str) -> str:
    """What a call has to carry."""
    return _AUTH_WORDS.get(kind, "the credential described in the documentation")


def auth_sentence(kind: str) -> str:
    """The same as a sentence for developers."""
    if kind == "keyless":
        return "These calls need no key."
    return f"Every call carries {auth_words(kind)}."


def curl(kind: str, url: str) -> str:
    """A first call from a shell, with the header this kind of key is sent in."""
    line = _CURL_LINE.get(kind)
    return f'curl "{url}"' if line is None else f'curl "{url}" \\\n  {line}'
