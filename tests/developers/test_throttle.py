"""Exact under parallel tries, in Redis and in SQL, and nobody is named in it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from developers import throttle
from developers.errors import Throttled
from developers.models import Developer, ThrottleCount
from tests.cast import in_tyk
from tests.developers.steps import log_in
from tests.factories import DeveloperFactory

ADDRESS = "dora@shop.example"


@pytest.fixture(params=["redis", "sql"])
def store(request, settings, db) -> str:
    """Where counts are kept; "sql" = Redis is away."""
    if request.param == "sql":
        settings.REDIS_URL = "redis://127.0.0.1:9/0"
    return str(request.param)


def tries(action: str, number: int, **who: str) -> int:
    """How many of `number` tries pass, one after the other."""
    passed = 0
    for _ in range(number):
        try:
            throttle.spend(action, **who)
        except Throttled:
            continue
        passed += 1
    return passed


LIMITS = [
    ("login", {"address": ADDRESS}, 5),
    ("login", {"ip": "192.0.2.1"}, 30),
    ("sign_up", {"ip": "192.0.2.1"}, 5),
    ("sign_up", {"address": ADDRESS}, 3),
    ("reset", {"ip": "192.0.2.1"}, 10),
    ("reset", {"address": ADDRESS}, 3),
    ("link", {"ip": "192.0.2.1"}, 20),
]


@pytest.mark.parametrize(("action", "who", "allowed"), LIMITS)
def test_limits(action, who, allowed, store):
    assert tries(action, allowed + 5, **who) == allowed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("redis_url", ["", "redis://127.0.0.1:9/0"])
def test_twenty_parallel_tries_let_exactly_five_through(redis_url, settings):
    settings.REDIS_URL = redis_url or settings.REDIS_URL

    def once(_: int) -> bool:
        try:
            throttle.spend("login", address=ADDRESS)
        except Throttled:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(20) as threads:
        passed = sum(threads.map(once, range(20)))

    assert passed == 5


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_logins_ask_tyk_five_times(box, organisation):
    dora = in_tyk(box, DeveloperFactory(email=ADDRESS))

    def once(_: int) -> int:
        try:
            return int(log_in(Client(), dora.email, "not-it-12345678").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        answers = sorted(threads.map(once, range(20)))

    assert answers.count(429) >= 15
    assert set(answers) <= {200, 429, 503}
    assert box.journal.operations().count("verifyCredentials") <= 5


def test_given_back_tries_can_be_spent_again(store):
    for _ in range(20):
        throttle.spend("login", address=ADDRESS).give_back()
    assert tries("login", 10, address=ADDRESS) == 5


def test_refused_tries_take_no_place(store):
    first = throttle.spend("login", address=ADDRESS)
    assert tries("login", 10, address=ADDRESS) == 4
    first.give_back()
    assert tries("login", 10, address=ADDRESS) == 1


def test_attempts_of_a_network_are_never_given_back(store):
    for _ in range(30):
        throttle.spend("login", ip="192.0.2.1").give_back()
    assert tries("login", 1, ip="192.0.2.1") == 0


def test_hammering_does_not_lengthen_the_wait(store):
    tries("login", 5, address=ADDRESS)
    waits = []
    for _ in range(3):
        with pytest.raises(Throttled) as refused:
            throttle.spend("login", address=ADDRESS)
        waits.append(refused.value.retry_after)
    assert all(295 <= wait <= 300 for wait in waits)
    assert waits == sorted(waits, reverse=True)


def test_spellings_of_an_address_count_together(store):
    tries("login", 3, address="Dora@Shop.example")
    assert tries("login", 5, address=" dora@shop.EXAMPLE ") == 2


def test_scale(store, settings):
    settings.LIMITS_SCALE = 0.1
    assert tries("login", 3, address=ADDRESS) == 1
    settings.LIMITS_SCALE = 3
    assert tries("login", 20, address="other@shop.example") == 15


def test_windows_end_in_sql(settings, db):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert tries("link", 30, ip="192.0.2.1") == 20
    ThrottleCount.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tries("link", 30, ip="192.0.2.1") == 20


def test_old_counts_are_swept(settings, db):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    ThrottleCount.objects.create(
        key="old", count=3, expires_at=timezone.now() - timedelta(hours=2)
    )
    throttle.spend("link", ip="192.0.2.1")
    assert not ThrottleCount.objects.filter(key="old").exists()


def test_no_address_stands_in_the_store(store, valkey_client):
    throttle.spend("login", address=ADDRESS, ip="192.0.2.1")
    names = [key.decode() for key in valkey_client.scan_iter("*")]
    names += ThrottleCount.objects.values_list("key", flat=True)
    assert len(names) == 3
    assert not any("dora" in name or "192" in name for name in names)


PROXIES = {
    "no proxy: the header is the client's word": (0, "203.0.113.9", "192.0.2.7"),
    "one proxy": (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    "two proxies": (2, "6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
    "fewer entries than proxies": (2, "203.0.113.9", "192.0.2.7"),
    "no header behind a proxy": (1, "", "192.0.2.7"),
    "rubbish": (1, "unknown", "192.0.2.7"),
    "ipv6 counts by its /64": (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    "ipv4 in ipv6": (1, "::ffff:203.0.113.9", "203.0.113.9"),
}


@pytest.mark.parametrize("_case", PROXIES)
def test_client_ip(_case, settings):
    proxies, header, expected = PROXIES[_case]
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": header} if header else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers=headers)
    assert throttle.client_ip(request) == expected


def test_forged_header_does_not_pass_the_limit(organisation, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    answers = [
        Client(headers={"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"})
        .post("/password/reset/", {"email": f"n{number}@shop.example"})
        .status_code
        for number in range(11)
    ]
    assert answers == [302] * 10 + [429]
    assert Developer.objects.count() == 0
