"""`make soak N=500`: the long run alone, with so many requests.

    python -m tests.soak -n 500 --seconds 150 [--seed 1] [--json .run/soak.json]

Exit code 1 if a promise was not kept. The figures stand in the file and, as Markdown,
in the one beside it.
"""

import argparse
import sys
from pathlib import Path

from tests.soak import report
from tests.soak.run import CHANCE, Plan, soak

# Seconds of chaos, unless told: what 500 requests may take, if all is to be over in
# five minutes, and so much for each one more.
SHORTEST, FEW, A_REQUEST = 160.0, 500, 0.6


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("-n", type=int, default=500, help="requests accepted in all")
    parser.add_argument("--seconds", type=float, help="the longest the chaos lasts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chance", type=float, default=CHANCE, help="of a bad call")
    parser.add_argument("--calm", action="store_true", help="nothing is killed")
    parser.add_argument("--keep", type=Path, help="logs of a run that went wrong")
    parser.add_argument("--json", type=Path, default=Path(".run/soak.json"))
    return parser.parse_args(given)


def main() -> int:
    """Run it, write it down, say it."""
    wanted = arguments()
    if not sys.platform.startswith("linux"):
        sys.stderr.write("The long run needs Linux: it forks, and reads /proc.\n")
        return 2
    plan = Plan(
        requests=wanted.n,
        seconds=wanted.seconds or SHORTEST + A_REQUEST * max(0, wanted.n - FEW),
        seed=wanted.seed,
        chance=wanted.chance,
        kills=not wanted.calm,
    )
    found = soak(plan, keep=wanted.keep)
    report.write(found, wanted.json)
    sys.stdout.write(report.tell(found))
    return 0 if found.kept else 1


if __name__ == "__main__":
    sys.exit(main())
