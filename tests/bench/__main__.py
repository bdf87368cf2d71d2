"""`make bench`: what it costs at size, as ratios taken in one run.

    python -m tests.bench [mirror] [pages] [-n 100000] [--rounds 3]
                          [--queue 10000] [--database sqlite] [--json .run/bench.json]

`-n` is the number of developers; there are 2n requests in the mirror's part, a
tenth of n in the outbox, and 10n requests behind the pages.
"""

import argparse
import sys
from pathlib import Path

from tests.bench import mirror, pages
from tests.bench.place import DATABASES, kept, machine
from tests.bench.table import say


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["mirror", "pages", []])
    parser.add_argument("-n", type=int, default=100_000, help="developers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queue", type=int, help="rows in the outbox, n / 10 if not")
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--json", type=Path, default=Path(".run/bench.json"))
    return parser.parse_args(given)


def main() -> int:
    """Measure and write down; what is slow fails nothing: that is for a person."""
    wanted = arguments()
    parts = wanted.parts or ["mirror", "pages"]
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
