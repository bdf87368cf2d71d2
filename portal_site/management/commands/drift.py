"""`manage.py drift`: where the mirror and Tyk differ, and deciding about it."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal_site import dashboard_check, drift, looks, trail
from portal_site.drift import decisions, findings, mend
from portal_site.drift.findings import Found
from portal_site.models import Act, DriftFinding, Look
from tyk.dashboard.errors import DashboardError

# So many differences are held and mended at a time; a second run takes the next.
MOST_AT_ONCE = 10_000
NAMED = 12  # letters of a fingerprint that name a difference to a person
DECISIONS = {
    "take": (Act.Verb.TAKE, "Tyk's value would be taken: "),
    "push": (Act.Verb.PUSH, "Ours would be pushed to Tyk: "),
    "ignore": (Act.Verb.IGNORE, "Would be ignored until a value moves: "),
    "notice": (Act.Verb.NOTICE, "Would be ignored no longer: "),
}


class Command(BaseCommand):
    help = (
        "List what differs between the mirror and Tyk; exit 1 if anything does. "
        "Without --apply nothing is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--json", action="store_true", help="print JSON lines")
        add("--all", action="store_true", help="also list what is ignored")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--mend",
            action="store_true",
            help="take Tyk's values, but for what is ours",
        )
        for verb, told in (
            ("take", "take Tyk's value"),
            ("push", "push ours to Tyk"),
            ("ignore", "ignore it until a value moves"),
            ("notice", "ignore it no longer"),
        ):
            what.add_argument(
                f"--{verb}", nargs="+", metavar="NAME", help=f"{told}; NAME as listed"
            )
        add(
            "--apply", action="store_true", help="do it; else only say what it would do"
        )
        add(
            "--accept-removals",
            action="store_true",
            help="with --mend: end plans and entries Tyk no longer lists, even many",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        verb = next((verb for verb in DECISIONS if options[verb]), "")
        try:
            if verb:
                self._decide(verb, options[verb], apply=options["apply"])
                return
            left = self._mend(**options) if options["mend"] else self._list(**options)
        except DashboardError as error:
            raise CommandError(dashboard_check.sentence(error)) from None
        if left:
            sys.exit(1)

    # --- Looking -----------------------------------------------------------------
    def _list(self, **options: Any) -> int:
        """Print them as they are found; how many stand that nobody ignores."""
        count = left = hidden = 0
        for one in _looked():
            count += 1
            left += not one.ignored
            if one.ignored and not options["all"]:
                hidden += 1
                continue
            self.stdout.write(_told(one, as_json=options["json"]))
        if hidden:
            self._say(f"Ignored: {hidden}. --all lists them too.")
        elif not count:
            self._say("The mirror and Tyk agree.")
        return left

    def _mend(self, **options: Any) -> int:
        """Take Tyk's values, or say which; how many differences are left."""
        mendable: list[Found] = []
        left = 0
        for one in _looked():
            left += not one.ignored
            mends = not one.ignored and one.difference.owner != drift.OURS
            if mends and len(mendable) < MOST_AT_ONCE:
                mendable.append(one)
        if options["apply"] and mendable:
            self._take_all(mendable, accept_removals=options["accept_removals"])
            return self._list(**options)
        for one in mendable:
            self.stdout.write(_told(one, as_json=options["json"]))
        self._say(f"Tyk's values would be taken in {len(mendable)} fields.")
        self._say("Nothing was changed; with --apply they are taken." * bool(mendable))
        return left

    def _take_all(self, found: list[Found], *, accept_removals: bool) -> None:
        taken = mend.take_tyks(
            [one.difference for one in found], accept_removals=accept_removals
        )
        told = f"{len(found)} fields of {taken.records} records"
        trail.note(Act.Verb.MEND, actor=trail.COMMAND_LINE, text=told)
        self._say(f"Took Tyk's values: {len(found)} fields differed.")
        for why in taken.held_back:
            self._say(f"Held back: {why}.")

    # --- Deciding ----------------------------------------------------------------
    def _decide(self, name: str, named: list[str], *, apply: bool) -> None:
        verb, would = DECISIONS[name]
        for finding in [_named(one) for one in named]:
            if not apply:
                self._say(f"{would}{finding}. With --apply.")
                continue
            try:
                _decided(finding, verb)
            except decisions.DecisionRefused as refusal:
                raise CommandError(f"{finding}: {refusal}") from None
            self._say(f"{finding}: taken down, a worker does it." * (verb in _WORKERS))
            self._say(f"{finding}: done." * (verb not in _WORKERS))

    def _say(self, sentence: str) -> None:
        """For people: standard output is for what was found."""
        if sentence:
            self.stderr.write(sentence)


_WORKERS = {Act.Verb.TAKE, Act.Verb.PUSH}


def _decided(finding: DriftFinding, verb: Act.Verb) -> None:
    if verb == Act.Verb.NOTICE:
        decisions.notice(finding, actor=trail.COMMAND_LINE)
    else:
        decisions.decide(finding, verb, actor=trail.COMMAND_LINE)


def _named(name: str) -> DriftFinding:
    """The difference listed as `name`. Raises CommandError."""
    rows = findings.shown().filter(fingerprint__startswith=name)
    found = list(rows[:2]) if len(name) >= NAMED else []
    if len(found) != 1:
        raise CommandError(
            f"No difference is called {name}. manage.py drift lists them by name."
        )
    return found[0]


def _looked() -> Iterator[Found]:
    """A look that the staff page shows too, unless another one is under way."""
    hold = looks.begin(Look.Kind.DRIFT, by=trail.COMMAND_LINE)
    if hold is None:
        yield from findings.unkept()
        return
    try:
        yield from findings.compared(hold)
    except DashboardError as error:
        hold.fail(dashboard_check.sentence(error))
        raise
    except looks.LeaseLost:
        raise CommandError("Another look took over: the staff page shows it.") from None
    except BaseException:  # stopped by a signal or a pipe: nobody need wait
        hold.fail("The command was stopped before it was through.")
        raise


def _told(one: Found, *, as_json: bool) -> str:
    found = one.difference
    if as_json:
        return json.dumps({**asdict(found), "ignored": one.ignored})
    within = f" of developer {found.within}" if found.within else ""
    owner = {drift.TYKS: "Tyk's", drift.OURS: "ours", drift.BOTH: "both may write it"}
    ignored = ", ignored" if one.ignored else ""
    return (
        f"{found.fingerprint[:NAMED]} {found.kind} {found.record}{within}: "
        f"{found.field} is {found.here} here and {found.there} in Tyk "
        f"({owner[found.owner]}{ignored})"
    )
