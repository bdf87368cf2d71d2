"""`manage.py outbox`: what is owed to Tyk and to mailboxes, and what waits for whom."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import F
from django.utils import timezone

from tyk.models import Outbox


class Command(BaseCommand):
    help = "List outbox rows that are due or parked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            _described(row)
            for row in Outbox.objects.filter(asked__gt=F("served")).order_by("pk")
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(
                f"{row['state']:8} {row['kind']:22} {row['subject']:36} "
                f"{row['age_seconds']:>7} s  {row['reason']}"
            )
        if not rows:
            self.stdout.write("Nothing is due and nothing is parked.")


def _described(row: Outbox) -> dict[str, Any]:
    now = timezone.now()
    sending = row.lease_until is not None and row.lease_until > now
    state = "parked" if row.parked_reason else "sending" if sending else "due"
    return {
        "kind": row.kind,
        "subject": row.subject,
        "state": state,
        "attempts": row.attempts,
        "age_seconds": int((now - row.asked_at).total_seconds()),
        "next_at": row.next_at.isoformat(),
        "reason": row.parked_reason or row.last_outcome,
    }
