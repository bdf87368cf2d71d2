"""`python -m tyk.sandbox`: an embedded Tyk Dashboard until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tyk.sandbox.box import Sandbox
from tyk.sandbox.switches import PROFILES


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tyk.sandbox", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--port", type=int, default=3000, help="0 takes a free one")
    parser.add_argument("--state-dir", type=Path, help="without it, memory only")
    parser.add_argument("--seed", default="demo", choices=("demo", "empty"))
    parser.add_argument("--profile", choices=tuple(PROFILES))
    parser.add_argument("--api-key-file", type=Path, help="made if absent, mode 0600")
    parser.add_argument("--token-file", type=Path, help="made if absent, mode 0600")
    wanted = parser.parse_args(given)
    if wanted.state_dir is None and wanted.api_key_file is None:
        parser.error("give --state-dir or --api-key-file, or nobody knows the API key")
    return wanted


def run(box: Sandbox) -> int:
    """Serve until SIGTERM or SIGINT; 2 if the port is taken."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        box.start()
    except OSError as error:
        reason = error.strerror or "not possible"
        sys.stderr.write(f"sandbox: cannot listen on {box.url}: {reason}\n")
        return 2
    sys.stdout.write(f"sandbox: listening on {box.url}\n")
    sys.stdout.flush()
    over.wait()
    box.stop()
    return 0


def main() -> int:
    """Start from the command line."""
    wanted = arguments()
    box = Sandbox(
        seed=wanted.seed,
        switches=PROFILES[wanted.profile] if wanted.profile else None,
        state_dir=wanted.state_dir,
        port=wanted.port,
        api_key_file=wanted.api_key_file,
        token_file=wanted.token_file,
    )
    return run(box)


if __name__ == "__main__":
    raise SystemExit(main())
