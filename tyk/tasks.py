"""What Celery wakes. Each is safe to lose and safe to repeat."""

import logging

from celery import shared_task

from tyk import alarms, database, outbox, pull as pulls, tidy as tidying
from tyk.dashboard.errors import DashboardError

log = logging.getLogger(__name__)


@shared_task(soft_time_limit=240, time_limit=300)
def drain_outbox() -> None:
    """Work on every due outbox row."""
    outcomes = outbox.drain(limit=500)
    if outcomes:
        log.info("outbox drained", extra={"outcomes": dict(outcomes)})


@shared_task(soft_time_limit=50, time_limit=60)
def watch_for_alarms() -> None:
    """Ask for mails about what only a person can mend."""
    alarms.watch()


@shared_task(soft_time_limit=3300, time_limit=3600)
def pull(kind: str) -> None:
    """Pull one kind from Tyk into the mirror."""
    try:
        pulls.run(kind)
    except DashboardError as error:
        log.warning("pull failed", extra={"kind": kind, "why": str(error)})
    except database.FAILURES:
        return  # logged; the next one makes it good


@shared_task(soft_time_limit=240, time_limit=300)
def tidy() -> None:
    """Forget outbox rows that were done long ago."""
    log.info("outbox tidied", extra={"n": tidying.forget_done_outbox()})
