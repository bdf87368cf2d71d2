"""`make bench`: what it costs at size, as ratios taken in one run.

    python -m tests.bench [mirror] [pages] [out] [load] [-n 100000] [--rounds 3]
                          [--queue 10000] [--database sqlite] [--json .run/bench.json]

`-n` is the number of developers; there are 2n requests in the mirror's part, a
tenth of n in the outbox, and 10n requests behind the pages. `out` and `load` have a
size of their own.
"""

import argparse
import sys
from pathlib import Path

from tests.bench import hanging, mirror, out, pages
from tests.bench.place import DATABASES, kept, machine
from tests.bench.table import say

PARTS = ("mirror", "pages", "out", "load")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("-n", type=int, default=100_000, help="developers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queue", type=int, help="rows in the outbox, n / 10 if not")
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--pace", type=float, default=1.0, help="part of the load")
    parser.add_argument("--json", type=Path, default=Path(".run/bench.json"))
    return parser.parse_args(given)


def main() -> int:
    """Measure and write down; what is slow fails nothing: that is for a person."""
    wanted = arguments()
    parts = wanted.parts or PARTS
    databases = tuple(wanted.database or DATABASES)
    say(f"{machine()}")
    if "mirror" in parts:
        queued = wanted.queue or wanted.n // 10
        found = mirror.measure(
            wanted.n, databases=databases, rounds=wanted.rounds, queued=queued
        )
        kept({"mirror": {"n": wanted.n, "machine": machine(), **found}}, wanted.json)
    if "pages" in parts:
        found = pages.measure(wanted.n, databases=databases, rounds=wanted.rounds)
        kept({"pages": {"n": wanted.n, "machine": machine(), **found}}, wanted.json)
    if "out" in parts:
        found = out.measure(rounds=wanted.rounds, queued=wanted.queue or 300)
        kept({"out": {"machine": machine(), **found}}, wanted.json)
    if "load" in parts:
        found = hanging.measure(databases=databases, pace=wanted.pace)
        kept(
            {"load": {"pace": wanted.pace, "machine": machine(), **found}}, wanted.json
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
