"""What Celery wakes for the desks. Safe to lose and safe to repeat."""

from celery import shared_task

from portal_site import looks
from portal_site.doctor import kept
from portal_site.drift import findings
from portal_site.models import Look
from tyk import database

WORK: dict[Look.Kind, looks.Work] = {
    Look.Kind.DRIFT: findings.compare,
    Look.Kind.DOCTOR: kept.examine,
}


@shared_task(soft_time_limit=3300, time_limit=3600)
def look(kind: str) -> None:
    """Take the look of this kind, if it is due."""
    of = Look.Kind(kind)
    try:
        looks.run(of, WORK[of])
    except database.FAILURES as error:
        # Its lease runs out, and the beat's sweep has it taken again.
        database.survived(f"look: {kind}", error)
