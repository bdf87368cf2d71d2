"""`manage.py prepare`: everything between an empty folder and an open door.

One command, since each start of Django costs a second.
"""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal_site import staff


class Command(BaseCommand):
    help = "Check the Dashboard, migrate, collect static files, pull once, make staff."

    # The tables may not exist yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--report", type=Path, help="write what became of staff")
        parser.add_argument(
            "--lock-out",
            metavar="EMAIL",
            help="take this login its password if it is $LOCK_OUT_PASSWORD",
        )
        parser.add_argument(
            "--only-first",
            action="store_true",
            help="make a staff login only if there is none",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("check_dashboard", stdout=self.stdout)
        self._say("Preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
        staff.ensure_roles()
        if email := options["lock_out"]:
            staff.lock_out(email, os.environ["LOCK_OUT_PASSWORD"])
        outcome = self._ensure_staff(only_first=options["only_first"])
        if options["report"]:
            options["report"].write_text(json.dumps({"staff": outcome}))
        self._say("Collecting static files")
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        self._say("Reading the organisation from Tyk")
        self._pull()

    def _ensure_staff(self, *, only_first: bool) -> str:
        email = os.environ.get("DJANGO_SUPERUSER_EMAIL", "")
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
        if not email or not password:
            return staff.Outcome.NOT_NEEDED
        return staff.ensure(email, password, only_first=only_first)

    def _pull(self) -> None:
        """What can't be read now is read by the beat; the portal opens anyway."""
        try:
            call_command("sync_once", stdout=self.stdout)
        except CommandError as error:
            self.stderr.write(f"Not everything was read, it is tried again: {error}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
