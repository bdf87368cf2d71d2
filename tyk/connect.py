"""The one bridge from settings to a Dashboard client."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from tyk import measured
from tyk.dashboard import calls
from tyk.dashboard.breaker import Breaker
from tyk.dashboard.caller import CallEvent, Deadlines
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret
from tyk.dashboard.slots import NoSlot, Slots
from tyk.models import CredentialState, Organisation
from tyk.seal import fingerprint

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def dashboard() -> Dashboard:
    """The process's client. Made on first use, so that a fork gets its own."""
    keys = [settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT]
    return client(keys, observer=_log_call, on_key_switched=note_moved)


def client(
    keys: Sequence[str],
    *,
    observer: Callable[[CallEvent], None],
    on_key_switched: Callable[[int], None] | None = None,
) -> Dashboard:
    """A client with these keys, empty ones left out, and the settings' limits.

    For whoever must ask about a key by itself; everybody else uses `dashboard`.
    """
    return Dashboard(
        settings.TYK_DASHBOARD_URL,
        api_keys=[Secret(str(key)) for key in keys if key],
        connect_timeout=settings.TYK_CONNECT_TIMEOUT,
        deadlines=Deadlines(
            read=settings.TYK_READ_DEADLINE,
            write=settings.TYK_WRITE_DEADLINE,
            login=settings.TYK_LOGIN_DEADLINE,
            password=settings.TYK_PASSWORD_DEADLINE,
            listing_idle=settings.TYK_LISTING_IDLE,
            listing=settings.TYK_LISTING_DEADLINE,
        ),
        limiter=_Gate(),
        verify=settings.TYK_VERIFY_TLS,
        observer=partial(_note_call, tell=observer),
        on_key_switched=on_key_switched,
    )


class _Gate:
    """What every call passes on its way out: the breaker, then a slot."""

    @contextmanager
    def hold(self, *, login: bool) -> Iterator[None]:
        """Raises NoSlot, with nothing sent."""
        if not breaker().admits():
            raise NoSlot("breaker")
        with ExitStack() as held:
            try:
                held.enter_context(slots().hold(login=login))
            except NoSlot:
                breaker().not_sent()
                raise
            yield


@lru_cache(maxsize=1)
def slots() -> Slots:
    """This process's part of the portal's calls in flight, for all its clients.

    Every process gets the same part, so that the sum can't pass the cap. A worker
    process makes one call at a time: what it leaves free is there for commands.
    """
    processes = settings.PORTAL_PROCESSES
    total = max(1, settings.TYK_CALLS_IN_FLIGHT // processes)
    kept = settings.TYK_CALLS_KEPT_FOR_LOGIN // processes
    return Slots(total, kept_for_login=min(kept, total - 1))


@lru_cache(maxsize=1)
def breaker() -> Breaker:
    """The process's breaker, for all its clients."""
    return Breaker(settings.TYK_BREAKER_AFTER)


def close() -> None:
    """Forget the client, so that the next use reads the settings again."""
    dashboard.cache_clear()
    slots.cache_clear()
    breaker.cache_clear()


def _note_call(event: CallEvent, *, tell: Callable[[CallEvent], None]) -> None:
    _tell_breaker(event)
    tell(event)


def _log_call(event: CallEvent) -> None:
    measured.count(event)
    log.info(
        "dashboard call",
        extra={
            "operation": event.operation,
            "status": event.status,
            "outcome": event.outcome,
            "seconds": round(event.seconds, 3),
        },
    )


# What an error says of the Dashboard. Its refusals are answers; 429 is neither.
_AWAY = frozenset({"Unreachable", "OutcomeUnknown", "Unexpected"})
_NO_NEWS = frozenset({"Busy"})
_ABOUT_ONE_KEY = frozenset(
    {calls.KEYS_USAGE.operation, calls.OAUTH_CLIENT_USAGE.operation}
)


def _tell_breaker(event: CallEvent) -> None:
    if event.reason == "no_time":
        breaker().not_sent()
    if event.reason in measured.NOT_TRIED or event.outcome in _NO_NEWS:
        return
    if event.outcome in _AWAY and not _is_an_answer(event):
        breaker().failed()
    else:
        breaker().answered()


def _is_an_answer(event: CallEvent) -> bool:
    """Read, but not understood: one odd record must not stop all others.

    Nor must a call that this Dashboard lacks, which answers with a page of its own,
    nor a key whose usage it can't tell: who reads usage counts those.
    """
    if event.operation in _ABOUT_ONE_KEY:
        return event.outcome == "Unexpected"
    lacking = event.reason == "not_json" and 400 <= (event.status or 0) < 500
    return lacking or event.reason in {"wrong_shape", "too_large"}


def note_credential(state: CredentialState) -> None:
    """Keep whether the Dashboard takes our key; one row, written on a change."""
    try:
        changed = (
            Organisation.objects.filter(pk=1)
            .exclude(credential_state=state)
            .update(credential_state=state, credential_seen_at=timezone.now())
        )
    except DatabaseError:
        log.exception("credential state not kept")
        return
    if state == CredentialState.ACCEPTED:
        _note_first_works()
    if changed and state == CredentialState.REJECTED:
        log.error("dashboard credential rejected")


def first_key() -> str:
    """Names TYK_API_KEY without giving it away."""
    return fingerprint(str(settings.TYK_API_KEY), purpose="dashboard key")


def note_moved(number: int) -> None:
    """Keep that TYK_API_KEY was rejected, for certain, and a later key accepted.

    Called within a call to the Dashboard, which must not fail with it. Every process
    finds out for itself; the first one raises the alarm.
    """
    moved_from = first_key()
    rows = Organisation.objects.filter(pk=1).exclude(moved_from=moved_from)
    try:
        if rows.update(moved_from=moved_from):
            log.error("dashboard key moved", extra={"number": number + 1})
    except DatabaseError:
        log.exception("move to the next key not kept")


def _note_first_works() -> None:
    """A process that began anew stayed with TYK_API_KEY: it is accepted again."""
    if dashboard().key_in_use == 0:
        rows = Organisation.objects.filter(pk=1).exclude(moved_from="")
        rows.update(moved_from="")
