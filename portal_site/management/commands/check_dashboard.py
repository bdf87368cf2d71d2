"""`manage.py check_dashboard`: can the portal work with its Dashboard?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal_site import dashboard_check


class Command(BaseCommand):
    help = "Ask the Dashboard for its portal settings; say what is wrong, if anything."

    def handle(self, *args: Any, **options: Any) -> None:
        if trouble := dashboard_check.trouble():
            raise CommandError(trouble)
        self.stdout.write("The Dashboard answers and takes our key.")
