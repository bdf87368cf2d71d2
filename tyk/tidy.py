"""Deleting what is over, a few rows at a time: nobody waits long for a lock."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from tyk.models import Outbox

CHUNK = 500


def delete_in_chunks(rows: models.QuerySet[Any]) -> int:
    """Delete these rows, at most 500 in a transaction; how many went.

    Each statement asks once more whether a row is still one of them: it may have
    come to life since.
    """
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            counted = rows.filter(pk__in=ids).delete()[1]
        deleted = counted.get(rows.model._meta.label, 0)
        if not deleted:
            break
        gone += deleted
    return gone


def forget_done_outbox() -> int:
    """Delete outbox rows that owe nothing since OUTBOX_KEPT_DAYS; how many.

    What is asked for again gets a new row (tyk.outbox.enqueue).
    """
    old = timezone.now() - timedelta(days=settings.OUTBOX_KEPT_DAYS)
    over = Outbox.objects.filter(
        asked=F("served"),
        asked_at__lt=old,
        next_at__lt=old,
        parked_reason="",
        sending_since=None,
    )
    return delete_in_chunks(over)
