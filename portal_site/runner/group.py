"""The processes of one run: started together, watched, ended together."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from portal_site.runner import guard, processes
from portal_site.runner.log import LogFile
from portal_site.runner.refusal import Refusal
from portal_site.runner.terminal import say

_TICK = 0.1  # seconds between two looks


class Stopped(Exception):
    """Somebody asked the run to end; the message says how."""


class Died(Exception):
    """A process of the run ended by itself; the message says which."""


@dataclass(slots=True)
class Member:
    """One process of the run."""

    name: str
    process: subprocess.Popen[bytes]
    log: LogFile
    patience: float  # seconds between asking it to end and killing it


class Group:
    """Use as a context manager: leaving it ends every member, last one first."""

    def __init__(self, *, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._members: list[Member] = []
        self._asked_to_stop = ""
        self._parent = int(os.environ.get("RUN_PARENT") or 0)
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Group":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        self._guard = subprocess.Popen(  # noqa: S603 -- our own file
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        for member in reversed(self._members):
            processes.stop(member.process, patience=member.patience)
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
            self._guard.wait()

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._asked_to_stop:  # asked twice: somebody is in a hurry
            for member in self._members:
                processes.kill_group(member.process)
        self._asked_to_stop = signal.Signals(number).name

    def start(
        self, name: str, argv: list[str | Path], *, patience: float = 3
    ) -> Member:
        """Start a member; it has `patience` seconds to end when asked to."""
        log = LogFile(self._logs / f"{name}.log")
        with log.begin() as output:
            process = processes.start(argv, env=self._environment, output=output)
        return self.adopt(name, process, log=log, patience=patience)

    def adopt(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        *,
        log: LogFile,
        patience: float = 3,
    ) -> Member:
        """Watch over a process that is started already."""
        member = Member(name, process, log, patience)
        self._members.append(member)
        self._tell_guard(process.pid)
        return member

    def _tell_guard(self, number: int) -> None:
        """A new group's id; negative when that group is gone."""
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # look() will see it
                self._guard.stdin.write(b"%d\n" % number)
                self._guard.stdin.flush()

    def run(
        self, argv: list[str | Path], *, also: Mapping[str, str] | None = None
    ) -> None:
        """Run one command to its end, its output in our terminal.

        `also` is added to its environment. Raises an empty Refusal if it fails: the
        command has said why.
        """
        process = processes.start(
            argv,
            env=self._environment | dict(also or {}),
            output=sys.stdout.fileno(),
        )
        self._tell_guard(process.pid)
        try:
            while process.poll() is None:
                self.look()
                time.sleep(_TICK)
        finally:
            processes.stop(process, patience=3)
            self._tell_guard(-process.pid)
        if process.returncode != 0:
            raise Refusal("")

    def wait_until(
        self, ready: Callable[[], bool], *, member: Member, seconds: float
    ) -> None:
        """Return when `ready()`; Died when `member` is not ready after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.look()
            if time.monotonic() > deadline:
                raise Died(self._epitaph(member, f"not ready after {seconds:.0f} s"))
            time.sleep(_TICK / 2)

    def watch(self) -> None:
        """Look after the members until somebody stops the run or one dies."""
        while True:
            self.look()
            time.sleep(_TICK * 2)

    def look(self) -> None:
        """One look around. Raises Stopped or Died."""
        if self._asked_to_stop:
            raise Stopped(self._asked_to_stop)
        if self._parent and os.getppid() != self._parent:
            raise Stopped("make is gone")
        for member in self._members:
            for line in member.log.new_errors():
                say(f"{member.name}: {line}")
            if (code := member.process.poll()) is not None:
                raise Died(self._epitaph(member, f"ended by itself ({_words(code)})"))
        if self._guard is not None and self._guard.poll() is not None:
            raise Died("The guard ended by itself, so everything is stopped.")

    def _epitaph(self, member: Member, what: str) -> str:
        tail = "\n".join(f"    {line}" for line in member.log.tail())
        return (
            f"{member.name} {what}, so everything is stopped. "
            f"The end of {member.log.path}:\n{tail}"
        )


def _words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
