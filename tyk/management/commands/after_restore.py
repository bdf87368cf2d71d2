"""`manage.py after_restore`: say what a restored or copied database is."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tyk import fence


class Command(BaseCommand):
    help = (
        "After a restore or a move: go on as the same portal, looking before every "
        "repeat. With --copy: become another portal beside the first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--copy",
            action="store_true",
            help="this is a copy: take a new instance name, give up what is owed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["copy"]:
            left = fence.this_is_a_copy()
            self.stdout.write(
                f"This is a portal of its own now. {left} owed rows were left to "
                "the first portal."
            )
        else:
            looking = fence.this_is_it()
            self.stdout.write(
                f"Going on as the same portal. {looking} owed rows look in Tyk "
                "before they send anything."
            )
