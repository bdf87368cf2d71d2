"""The one bridge from settings to a Dashboard client."""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from tyk import measured
from tyk.dashboard.caller import CallEvent, Deadlines
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret
from tyk.dashboard.slots import Slots
from tyk.models import CredentialState, Organisation

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def dashboard() -> Dashboard:
    """The process's client. Made on first use, so that a fork gets its own."""
    keys = [settings.TYK_API_KEY, settings.TYK_API_KEY_NEXT]
    return client(keys, observer=_note_call)


def client(keys: Sequence[str], *, observer: Callable[[CallEvent], None]) -> Dashboard:
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
        ),
        limiter=slots(),
        verify=settings.TYK_VERIFY_TLS,
        observer=observer,
    )


@lru_cache(maxsize=1)
def slots() -> Slots:
    """The process's cap on calls in flight, shared by all its clients."""
    return Slots(
        settings.TYK_CALLS_IN_FLIGHT,
        kept_for_login=settings.TYK_CALLS_KEPT_FOR_LOGIN,
    )


def close() -> None:
    """Forget the client, so that the next use reads the settings again."""
    dashboard.cache_clear()
    slots.cache_clear()


def _note_call(event: CallEvent) -> None:
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
    if changed and state == CredentialState.REJECTED:
        log.error("dashboard credential rejected")
