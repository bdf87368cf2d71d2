"""`python -m portal_site.runner`: start everything, watch it, end it together."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal_site.runner import keepsakes, plan as plans, story
from portal_site.runner.group import Died, Stopped
from portal_site.runner.refusal import Refusal
from portal_site.runner.terminal import say, warn


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold DATA_DIR for this run; Refusal if another run holds it."""
    keepsakes.private_dir(data_dir)
    with (data_dir / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(
                f"A portal runs on {data_dir} already. Stop it, or give this one its "
                "own: DATA_DIR=.run2 PORT=8001 SANDBOX_PORT=3001 make run"
            ) from None
        yield


def main() -> int:
    """0 after an asked-for end, 1 when something died, 2 when nothing started."""
    plans.read_dotenv()
    try:
        plan = plans.from_environment(os.environ)
        with locked(plan.data_dir):
            plans.check_ports(plan)
            story.run(plan)
    except Refusal as refusal:
        if str(refusal):
            warn(str(refusal))
        return 2
    except Died as died:
        warn(str(died))
        return 1
    except Stopped:
        say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
