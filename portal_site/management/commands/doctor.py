"""`manage.py doctor`: what is wrong with this installation, and how to mend it."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from portal_site import doctor, trail
from portal_site.doctor import kept


class Command(BaseCommand):
    help = (
        "Check Dashboard, key, rights, mirror, queue and mail; exit 1 if any is wrong."
    )

    # That a migration is missing is one of the findings.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--scratch",
            action="store_true",
            help="also make a scratch developer in Tyk, read it back and delete it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for finding in doctor.examine(scratch=options["scratch"]):
            found.append(finding)
            if not options["json"]:
                self._tell(finding)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found]))
        _keep(found, scratch=options["scratch"])
        if not all(finding.ok for finding in found):
            sys.exit(1)

    def _tell(self, finding: doctor.Finding) -> None:
        mark = "-" if finding.skipped else "ok" if finding.ok else "WRONG"
        self.stdout.write(f"{mark:6}{finding.name:14}{finding.sentence}")
        if finding.fix:
            self.stdout.write(f"{'':20}{finding.fix}")
        self.stdout.flush()


def _keep(found: list[doctor.Finding], *, scratch: bool) -> None:
    """For the staff page; without its tables nothing can be kept."""
    if any(one.name == "database" and one.ok for one in found):
        kept.keep(
            [asdict(one) for one in found], by=trail.COMMAND_LINE, scratch=scratch
        )
