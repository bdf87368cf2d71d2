"""How often may somebody try: counted before Tyk is asked, and exact.

Fixed windows in the database, the one place that every process shares and that
forgets nothing: a count kept in Redis starts again at zero when Redis does, and
whoever counts on elsewhere meanwhile lets twice the limit through. All limits of
a try are counted in one transaction, or none. Who is over a limit costs one read,
so hammering writes nothing and can't keep a window shut. Keys are HMACs of an
address, a network or a device, never any of them in clear.
"""

import ipaddress
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from developers.errors import Throttled
from developers.models import ThrottleCount, email_key
from tyk.seal import fingerprint

log = logging.getLogger(__name__)

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Rule:
    """`amount` tries per `seconds` for one value of `whose`.

    `whose` is "ip", "address", "everybody" (one count for all), or "device": a browser
    that its owner logged in with before, see developers/device.py. `returned`: tries
    that turn out to be nobody's failure are given back.
    """

    whose: str
    amount: int
    seconds: int
    returned: bool = False

    @property
    def allowed(self) -> int:
        return max(1, math.floor(self.amount * settings.LIMITS_SCALE))


RULES: dict[str, tuple[Rule, ...]] = {
    "login": (
        Rule("ip", 30, MINUTE),
        Rule("address", 5, 5 * MINUTE, returned=True),
        Rule("address", 20, DAY, returned=True),
        # Counted instead of the address: strangers who use up its tries don't lock
        # its owner out of a browser that is known to be theirs.
        Rule("device", 5, 5 * MINUTE, returned=True),
        Rule("device", 20, DAY, returned=True),
    ),
    # The old password in an open session of staff: not with the login's tries, which
    # strangers can use up.
    "staff_password": (
        Rule("address", 5, 5 * MINUTE, returned=True),
        Rule("address", 20, DAY, returned=True),
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
    "picture": (Rule("address", 5, HOUR),),
    "key_request": (
        Rule("ip", 20, HOUR),
        Rule("address", 10, DAY),
    ),
    # Through the list of all developers, for a mail: thirty an hour, and the next one
    # is not far off (developers/push_look.py).
    "look_through": (Rule("everybody", 5, 10 * MINUTE),),
    # Keys made, or perhaps made: a try that certainly made none is given back.
    "claim": (
        Rule("ip", 60, HOUR, returned=True),
        Rule("address", 10, HOUR, returned=True),
        Rule("address", 30, DAY, returned=True),
    ),
}


@dataclass(frozen=True, slots=True)
class _Window:
    key: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Spent:
    """Tries that were counted, each with the end of the window it counts in."""

    counts: tuple[tuple[str, datetime], ...]

    def give_back(self) -> None:
        """Uncount this try where the rule says so, in the window it was counted in."""
        for key, ends in self.counts:
            ThrottleCount.objects.filter(key=key, expires_at=ends, count__gt=0).update(
                count=F("count") - 1
            )


def spend(action: str, *, address: str = "", ip: str = "", device: str = "") -> Spent:
    """Count one try of `action`, or raise Throttled and count nothing.

    Rules of a value that is not given are left out: a login is counted for its
    address or for its device, and always for its network. Must not run inside a
    transaction (RuntimeError): a rollback would take the count back.
    """
    values = {"address": email_key(address), "ip": ip, "device": device}
    values["everybody"] = "everybody"
    windows = [
        _Window(_key(action, rule, values[rule.whose]), rule)
        for rule in RULES[action]
        if values[rule.whose]
    ]
    _refuse(action, windows, _counts(windows), room=0)
    with transaction.atomic(durable=True):
        _count(windows, timezone.now())
        counts = _counts(windows)
        _refuse(action, windows, counts, room=1)
    return Spent(tuple((w.key, counts[w.key][1]) for w in windows if w.rule.returned))


_Counts = dict[str, tuple[int, datetime]]


def _counts(windows: Sequence[_Window]) -> _Counts:
    rows = ThrottleCount.objects.filter(key__in=[window.key for window in windows])
    found = rows.values_list("key", "count", "expires_at")
    return {key: (count, ends) for key, count, ends in found}


def _refuse(
    action: str, windows: Sequence[_Window], counts: _Counts, *, room: int
) -> None:
    """Raise Throttled for the first window that is full.

    `room` is 1 where this try is counted already, 0 where it is not.
    """
    # Read after the wait for others' locks: a window may have begun meanwhile.
    now = timezone.now()
    for window in windows:
        count, ends = counts.get(window.key, (0, now))
        if ends > now and count >= window.rule.allowed + room:
            log.info("throttled", extra={"action": action, "whose": window.rule.whose})
            wait = math.ceil((ends - now).total_seconds())
            raise Throttled(retry_after=max(1, wait))


_UPSERT = """
INSERT INTO developers_throttlecount (key, count, expires_at)
VALUES (%(key)s, 1, %(until)s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN developers_throttlecount.expires_at <= %(now)s
                 THEN 1 ELSE developers_throttlecount.count + 1 END,
    expires_at = CASE WHEN developers_throttlecount.expires_at <= %(now)s
                      THEN excluded.expires_at
                      ELSE developers_throttlecount.expires_at END
"""


def _count(windows: Sequence[_Window], now: datetime) -> None:
    """One more try in each window; a row's lock is held until the commit."""
    # In one order everywhere, or two tries could wait for each other for ever.
    for window in sorted(windows, key=lambda one: one.key):
        until = now + timedelta(seconds=window.rule.seconds)
        values = {"key": window.key, "now": _for_sql(now), "until": _for_sql(until)}
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, values)


def _for_sql(moment: datetime) -> Any:
    field = ThrottleCount._meta.get_field("expires_at")
    return field.get_db_prep_value(moment, connection)


def _key(action: str, rule: Rule, value: str) -> str:
    name = f"{action}:{rule.whose}:{rule.seconds}"
    return f"{name}:{fingerprint(f'{name}:{value}', purpose='throttle')}"


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
