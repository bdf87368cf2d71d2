"""What the beat wakes for accounts."""

import logging

from celery import shared_task

from developers import tidy as tidying

log = logging.getLogger(__name__)


@shared_task(soft_time_limit=240, time_limit=300)
def tidy() -> None:
    """Forget what has run out: sign-ups, links, counts and sessions."""
    log.info("tidied", extra=tidying.forget_what_ran_out())
