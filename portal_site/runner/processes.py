"""Child processes that never outlive whoever started them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # Linux, <linux/prctl.h>


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    run_as: int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `argv` as leader of its own session, both outputs into `output`.

    Its own session: a Ctrl-C in the terminal reaches the caller alone, who then
    stops children in order. On Linux the kernel sends `death_signal` when the
    caller dies; elsewhere `portal_site.runner.guard` does it. Call it from the
    main thread: the kernel watches the thread that started the child.
    `run_as` is a user and group id to change to (root only).
    """
    return subprocess.Popen(  # noqa: S603 -- argv is ours, no shell is involved
        [os.fspath(word) for word in argv],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_tied_to_parent(death_signal),
        user=run_as,
        group=run_as,
        extra_groups=None if run_as is None else [],
    )


def _tied_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the line above took effect
            os._exit(1)

    return in_child


def stop(
    process: subprocess.Popen[bytes],
    *,
    patience: float,
    ask: signal.Signals = signal.SIGTERM,
) -> None:
    """Ask `process` to end, wait `patience` seconds, then kill its whole group."""
    if process.poll() is None:
        process.send_signal(ask)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group `process` leads, itself included."""
    # Gone; macOS says "not permitted" of a group that holds only zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
