"""How often may somebody try: counted before Tyk is asked, and exact.

Fixed windows in Redis (one Lua script per count, so parallel tries never slip
through), or one SQL upsert while Redis is away. Keys are HMACs of an address or
a network, never either in clear. A refused try gives its count back at once: a
window can't be kept shut by hammering on it.
"""

import ipaddress
import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from limits.storage import RedisStorage

from developers.errors import Throttled
from developers.models import ThrottleCount, email_key
from tyk.seal import fingerprint

log = logging.getLogger(__name__)

MINUTE, HOUR, DAY = 60, 3600, 86400
REDIS_TIMEOUT = 0.5  # seconds a page waits for a sick Redis before it uses SQL


@dataclass(frozen=True, slots=True)
class Rule:
    """`amount` tries per `seconds` for one value of `whose` (address or ip)."""

    whose: str
    amount: int
    seconds: int
    failures_only: bool = False

    @property
    def allowed(self) -> int:
        return max(1, math.floor(self.amount * settings.LIMITS_SCALE))


RULES: dict[str, tuple[Rule, ...]] = {
    "login": (
        Rule("ip", 30, MINUTE),
        Rule("address", 5, 5 * MINUTE, failures_only=True),
        Rule("address", 20, DAY, failures_only=True),
    ),
    "sign_up": (
        Rule("ip", 5, HOUR),
        Rule("ip", 20, DAY),
        Rule("address", 3, DAY),
    ),
    "reset": (
        Rule("ip", 10, HOUR),
        Rule("address", 3, HOUR),
        Rule("address", 6, DAY),
    ),
    "new_address": (
        Rule("ip", 10, HOUR),
        Rule("address", 3, HOUR),
        Rule("address", 6, DAY),
    ),
    "link": (Rule("ip", 20, MINUTE),),
    "key_request": (
        Rule("ip", 20, HOUR),
        Rule("address", 10, DAY),
    ),
}


@dataclass(frozen=True, slots=True)
class Spent:
    """Tries that were counted; what turns out to be no failure is given back."""

    counts: tuple[tuple[str, Rule], ...]

    def give_back(self) -> None:
        """Uncount this try where only failures count."""
        for key, rule in self.counts:
            if rule.failures_only:
                _uncount(key, rule)


def spend(action: str, *, address: str = "", ip: str = "") -> Spent:
    """Count one try of `action`, or raise Throttled and count nothing.

    Must not run inside a transaction: a rollback would take the count back.
    """
    counted: list[tuple[str, Rule]] = []
    for rule in RULES[action]:
        value = email_key(address) if rule.whose == "address" else ip
        if not value:
            continue
        key = _key(action, rule, value)
        number, wait = _count(key, rule)
        counted.append((key, rule))
        if number > rule.allowed:
            for seen in counted:
                _uncount(*seen)
            log.info("throttled", extra={"action": action, "whose": rule.whose})
            raise Throttled(retry_after=max(1, wait))
    return Spent(tuple(counted))


def client_ip(request: HttpRequest | None) -> str:
    """Who asks: an IPv4 address, or the /64 of an IPv6 one; "" if unknown.

    Each trusted proxy appends the address it saw, so the n-th entry from the
    right is what the outermost of our n proxies saw. Anything further left was
    written by the client.
    """
    if request is None:
        return ""
    proxies = settings.TRUSTED_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if 0 < proxies <= len(forwarded):
        network = _network(forwarded[-proxies])
        if network:
            return network
    return _network(request.META.get("REMOTE_ADDR", ""))


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    # One household or server gets a whole /64.
    return str(ipaddress.ip_network((address, 64), strict=False))


def _key(action: str, rule: Rule, value: str) -> str:
    name = f"{action}:{rule.whose}:{rule.seconds}"
    return f"{name}:{fingerprint(f'{name}:{value}', purpose='throttle')}"


def _count(key: str, rule: Rule) -> tuple[int, int]:
    """One more try: how many in this window, and seconds until it ends."""
    try:
        storage = _redis(str(settings.REDIS_URL))
        number = storage.incr(key, rule.seconds)
        return number, math.ceil(storage.get_expiry(key) - time.time())
    except redis.RedisError as error:
        log.warning("throttle without redis", extra={"why": type(error).__name__})
        return _count_in_sql(key, rule)


def _uncount(key: str, rule: Rule) -> None:
    try:
        storage = _redis(str(settings.REDIS_URL))
        if storage.get(key) > 0:
            storage.incr(key, rule.seconds, amount=-1)
    except redis.RedisError:
        _uncount_in_sql(key)


@lru_cache(maxsize=2)
def _redis(url: str) -> RedisStorage:
    pool = redis.ConnectionPool.from_url(
        url.replace("redis+socket://", "unix://", 1),
        socket_connect_timeout=REDIS_TIMEOUT,
        socket_timeout=REDIS_TIMEOUT,
    )
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix", "")
    return RedisStorage(
        "redis://", connection_pool=pool, key_prefix=f"{prefix}throttle"
    )


_UPSERT = """
INSERT INTO developers_throttlecount (key, count, expires_at)
VALUES (%(key)s, 1, %(until)s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN developers_throttlecount.expires_at <= %(now)s
                 THEN 1 ELSE developers_throttlecount.count + 1 END,
    expires_at = CASE WHEN developers_throttlecount.expires_at <= %(now)s
                      THEN excluded.expires_at
                      ELSE developers_throttlecount.expires_at END
RETURNING count
"""


def _count_in_sql(key: str, rule: Rule) -> tuple[int, int]:
    """The same in one statement, on SQLite and PostgreSQL alike."""
    now = timezone.now()
    until = now + timedelta(seconds=rule.seconds)
    values = {"key": key, "now": _for_sql(now), "until": _for_sql(until)}
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, values)
        (number,) = cursor.fetchone()
    if number == 1:
        ThrottleCount.objects.filter(expires_at__lt=now - timedelta(hours=1)).delete()
        return 1, rule.seconds
    ends = ThrottleCount.objects.values_list("expires_at", flat=True).get(key=key)
    return number, math.ceil((ends - now).total_seconds())


def _for_sql(moment: datetime) -> Any:
    field = ThrottleCount._meta.get_field("expires_at")
    return field.get_db_prep_value(moment, connection)


def _uncount_in_sql(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE developers_throttlecount SET count = count - 1"
            " WHERE key = %s AND count > 0",
            [key],
        )
