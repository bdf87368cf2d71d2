"""Limits in the words a developer chooses by."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from catalogue import words

N = words.NARROW
DAY = 86_400


@dataclass
class Plan:
    """A plan's figures alone: the words need no row."""

    rate: float = 0
    per: float = 0
    quota_max: int = -1
    quota_period: int = 0
    key_expires_in: int = 0
    per_api: list[dict[str, Any]] = field(default_factory=list)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (999, "999"),
        (1000, f"1{N}000"),
        (10_000, f"10{N}000"),
        (1_234_567, f"1{N}234{N}567"),
        (0.5, "0.5"),
        (2.0, "2"),
        (1234.25, f"1{N}234.25"),
    ],
)
def test_numbers_group_by_narrow_spaces(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (6 * 3600, "6 hours"),
        (DAY, "24 hours"),
        (36 * 3600, "36 hours"),
        (7 * DAY, "7 days"),
        (30 * DAY, "30 days"),
        (5000 * DAY, f"5{N}000 days"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_whole_unit(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        (
            {"rate": 60, "per": 60, "quota_max": 10_000, "quota_period": DAY},
            f"60 calls a minute, 10{N}000 a day, resets 24 hours after the first call",
        ),
        ({"rate": 5, "per": 1}, "5 calls a second"),
        ({"rate": 1, "per": 1}, "1 call a second"),
        ({"rate": 100, "per": 3600}, "100 calls an hour"),
        ({"rate": 60, "per": 90}, "60 calls every 90 seconds"),
        ({"rate": 60, "per": 120}, "60 calls every 2 minutes"),
        ({"rate": 0.5, "per": 1}, "0.5 calls a second"),
        (
            {"quota_max": 5000, "quota_period": 7 * DAY},
            f"5{N}000 calls a week, resets 7 days after the first call",
        ),
        (
            {"rate": 2, "per": 1, "quota_max": 100_000, "quota_period": 30 * DAY},
            f"2 calls a second, 100{N}000 a month, resets 30 days after the first call",
        ),
        (
            {"quota_max": 50, "quota_period": 3600},
            "50 calls an hour, resets 1 hour after the first call",
        ),
        ({"quota_max": 1, "quota_period": DAY},
         "1 call a day, resets 24 hours after the first call"),
        ({"quota_max": 300, "quota_period": 0}, "300 calls in all, never resets"),
        ({"rate": 0, "per": 60, "quota_max": 0}, "no limits set"),
        ({"rate": -1, "per": -1, "quota_max": -1}, "no limits set"),
        ({"rate": 10, "per": 0}, "no limits set"),
    ],
)  # fmt: skip
def test_limits_in_one_line(figures, line):
    assert words.limits(Plan(**figures)) == line


def test_no_quota_ever_resets_at_midnight():
    plan = Plan(quota_max=10, quota_period=DAY)
    assert words.resets_words(plan) == "24 hours after the first call"


def share(name: str, rate: float, quota: int) -> dict[str, Any]:
    return {
        "api_id": name.lower(),
        "api_name": name,
        "rate": rate,
        "per": 60,
        "quota_max": quota,
        "quota_period": DAY,
    }


def test_limits_that_differ_by_api_are_listed_by_api():
    plan = Plan(
        rate=999, per=1, per_api=[share("Orders", 60, -1), share("Stock", 5, 9)]
    )
    stock = "5 calls a minute, 9 a day, resets 24 hours after the first call"
    assert words.limits_by_api(plan) == [
        ("Orders", "60 calls a minute"),
        ("Stock", stock),
    ]
    assert words.limits(plan) == f"by API: Orders 60 calls a minute; Stock {stock}"
    assert words.rate_words(plan) == "by API"
    assert words.quota_figure(plan) == ("By API", "see below")
    assert words.resets_words(plan) == ""


def test_equal_limits_of_every_api_are_said_once():
    """The policy's own figures mean nothing then, so they must not show."""
    plan = Plan(
        rate=999, per=1, per_api=[share("Orders", 60, 9), share("Stock", 60, 9)]
    )
    assert words.limits_by_api(plan) == []
    assert words.limits(plan) == (
        "60 calls a minute, 9 a day, resets 24 hours after the first call"
    )
    assert words.rate_words(plan) == "60 a minute"
    assert words.quota_words(plan) == "9 calls a day"


def test_facts_have_the_same_rows_for_every_plan(settings):
    settings.BRAND_REVIEW_TAKES = "about 3 working days"
    limited = Plan(rate=60, per=60, quota_max=10, quota_period=DAY,
                   key_expires_in=90 * DAY)  # fmt: skip
    assert words.facts(limited, needs_approval=True) == [
        ("Rate", "60 a minute"),
        ("Resets", "24 hours after the first call"),
        ("Key lasts", "90 days"),
        ("Approval", "about 3 working days"),
    ]
    assert words.facts(Plan(), needs_approval=False) == [
        ("Rate", "no limit"),
        ("Resets", "—"),
        ("Key lasts", "until revoked"),
        ("Approval", "automatic"),
    ]


def test_a_plan_without_a_quota_says_so():
    assert words.quota_figure(Plan()) == ("No", "quota")
    assert words.quota_words(Plan()) == "no quota"


def test_approval_in_a_list(settings):
    settings.BRAND_REVIEW_TAKES = "about 1 working day"
    assert words.approval_words(needed=True) == "After a review, about 1 working day"
    assert words.approval_words(needed=False) == "Key at once"


@pytest.mark.parametrize(
    ("tyk", "ours"),
    [
        ("authToken", "token"),
        ("basic", "basic"),
        ("oauth", "oauth"),
        ("mutualTLS", "mtls"),
        ("openid", "openid"),
        ("keyless", "keyless"),
        ("", ""),
        ("custom", "other"),
        ("multiAuth", "other"),
    ],
)
def test_kinds_of_authentication(tyk, ours):
    assert words.auth_kind(tyk) == ours


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("token", '-H "Authorization: $API_KEY"'),
        ("basic", '-u "$API_USER:$API_PASSWORD"'),
        ("oauth", '-H "Authorization: Bearer $ACCESS_TOKEN"'),
    ],
)
def test_the_sample_call_carries_the_right_header(kind, line):
    url = "https://api.example/"
    assert words.curl(kind, url) == f'curl "{url}" \\\n  {line}'


def test_the_sample_call_of_an_open_api_carries_nothing():
    assert words.curl("keyless", "https://api.example/") == (
        'curl "https://api.example/"'
    )


def test_a_call_without_a_key_carries_nothing_to_speak_of():
    assert words.auth_sentence("keyless") == "These calls need no key."
    assert words.auth_sentence("token") == (
        "Every call carries a key in the Authorization header."
    )
