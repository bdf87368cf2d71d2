"""`manage.py drift`: where the mirror and Tyk differ, and taking Tyk's values."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal_site import dashboard_check, drift
from portal_site.drift import mend
from tyk.dashboard.errors import DashboardError

# So many differences are held and mended at a time; a second run takes the next.
MOST_AT_ONCE = 10_000


class Command(BaseCommand):
    help = "List what differs between the mirror and Tyk; exit 1 if anything does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON lines")
        parser.add_argument(
            "--mend", action="store_true", help="take Tyk's values where Tyk owns them"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="with --mend: only say what it takes"
        )
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="with --mend: end plans and entries Tyk no longer lists, even many",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            left = self._looked(**options)
        except DashboardError as error:
            raise CommandError(dashboard_check.sentence(error)) from None
        if left:
            sys.exit(1)

    def _looked(self, **options: Any) -> int:
        """How many differences there are at the end."""
        if not options["mend"]:
            return self._told(drift.differences(), as_json=options["json"])
        found = list(islice(drift.differences(), MOST_AT_ONCE))
        mendable = [one for one in found if one.owner == drift.TYKS]
        if options["dry_run"]:
            self._told(mendable, as_json=options["json"])
            self._say(f"Tyk's values would be taken in {len(mendable)} fields.")
            return len(found)
        if not mendable:
            return self._told(found, as_json=options["json"])
        mend.take_tyks(mendable, accept_removals=options["accept_removals"])
        self._say(f"Took Tyk's values: {len(mendable)} fields differed.")
        return self._told(drift.differences(), as_json=options["json"])

    def _told(self, found: Any, *, as_json: bool) -> int:
        """Print them as they are found; how many."""
        count = 0
        for one in found:
            count += 1
            line = json.dumps(asdict(one)) if as_json else _line(one)
            self.stdout.write(line)
        if not count:
            self._say("The mirror and Tyk agree.")
        return count

    def _say(self, sentence: str) -> None:
        """For people: standard output is for what was found."""
        self.stderr.write(sentence)


def _line(one: drift.Difference) -> str:
    within = f" of developer {one.within}" if one.within else ""
    owner = "Tyk's" if one.owner == drift.TYKS else "ours"
    return (
        f"{one.kind} {one.record}{within}: {one.field} is {one.here} here and "
        f"{one.there} in Tyk ({owner})"
    )
