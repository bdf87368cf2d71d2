"""What the beat wakes for requests."""

import logging

from celery import shared_task

from keyrequests import outcomes

log = logging.getLogger(__name__)


@shared_task(soft_time_limit=240, time_limit=300)
def lapse_approvals() -> None:
    """End approvals nobody claimed in time."""
    lapsed = outcomes.lapse_old_approvals()
    if lapsed:
        log.info("approvals lapsed", extra={"n": lapsed})
