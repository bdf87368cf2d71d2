"""Wake a worker. The database is the queue: a ring that is lost loses nothing."""

import logging

from celery import current_app

log = logging.getLogger(__name__)


def ring(task: str, *args: str) -> bool:
    """Ask for a run of `task`, a dotted name; False if the broker does not answer.

    Never raises: a sick broker must not fail what is committed already.
    """
    try:
        current_app.send_task(task, args=list(args), retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  whatever the broker's client raises
        log.warning(
            "doorbell not rung", extra={"task": task, "why": type(error).__name__}
        )
        return False
    return True
