"""What the beat wakes for requests."""

import logging

from celery import shared_task
from django.utils import timezone

from keyrequests import outcomes, reminders
from keyrequests.pull import usage

log = logging.getLogger(__name__)


@shared_task(soft_time_limit=240, time_limit=300)
def lapse_approvals() -> None:
    """End approvals nobody claimed in time."""
    lapsed = outcomes.lapse_old_approvals()
    if lapsed:
        log.info("approvals lapsed", extra={"n": lapsed})


@shared_task(soft_time_limit=240, time_limit=300)
def forget_usage() -> None:
    """Delete usage that is older than we keep it."""
    deleted = usage.forget(now=timezone.now())
    if deleted:
        log.info("usage forgotten", extra={"n": deleted})


@shared_task(soft_time_limit=240, time_limit=300)
def remind_of_approvals() -> None:
    """Remind owners of approvals they have not claimed."""
    asked = reminders.ask_for_due()
    if asked:
        log.info("reminders asked for", extra={"n": asked})
