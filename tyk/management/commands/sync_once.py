"""`manage.py sync_once`: one full round with Tyk, without a broker."""

import json
import math
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tyk import alarms, database, outbox, pull
from tyk.dashboard.errors import DashboardError

# Parts of a full pull that the beat makes more often; a round makes the whole.
PARTIAL = {"pending", "recent"}
# A command is not ended in mid-call, as a worker's task is: all that is due, but for
# rows that come back again and again.
ROWS = 10_000


class Command(BaseCommand):
    help = "Pull everything from Tyk and work off the outbox, once or every N seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, metavar="N", help="repeat for ever")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        every = options["every"]
        while True:
            failed = self._round(as_json=options["json"])
            if every is None:
                break
            time.sleep(every)
        if failed:
            raise CommandError("failed: " + ", ".join(failed))

    def _round(self, *, as_json: bool) -> list[str]:
        """One round; the kinds that failed, each told on its own line or member."""
        report: dict[str, dict[str, Any]] = {}
        for kind in settings.PULLS:
            if kind not in PARTIAL:
                report[kind] = _pull(kind)
        outcomes = outbox.drain(limit=ROWS, seconds=math.inf)
        if _told():
            outcomes += outbox.drain(limit=ROWS, seconds=math.inf)
        report["outbox"] = dict(outcomes)
        if as_json:
            self.stdout.write(json.dumps(report, sort_keys=True))
        else:
            for kind, counts in report.items():
                words = ", ".join(f"{name} {n}" for name, n in counts.items() if n)
                self.stdout.write(f"{kind:15} {words or 'nothing to do'}")
        return [
            kind
            for kind, counts in report.items()
            if counts.get("error")
            or counts.get("parked")
            or counts.get("paused")
            or counts.get("database")
            or counts.get("held_back")
        ]


def _pull(kind: str) -> dict[str, Any]:
    try:
        return asdict(pull.run(kind))
    except DashboardError as error:
        return {"error": str(error)}
    except database.FAILURES as error:
        return {"error": f"database: {type(error).__name__}"}


def _told() -> int:
    """How many mails about alarms that makes; none while our database fails."""
    try:
        return alarms.watch()
    except database.FAILURES as error:
        database.survived("alarms", error)
        return 0
