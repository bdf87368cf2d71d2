"""What breaks, and when: processes, the broker, the database. Drawn from a seed."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from tests.soak.gauges import children
from tests.soak.house import TIMES, House, Slot

STRIKES = (0.2, 2.0)  # seconds between two
STOPPED = 0.05  # of the strikes; the others kill
FLUSH_EVERY = 30.0
LEASE = float(TIMES["OUTBOX_LEASE"])
#: At which part of the run the database is restarted, and how.
RESTARTS = [(0.3, signal.SIGQUIT), (0.65, signal.SIGINT)]


@dataclass
class Chaos:
    """Breaks things until told to stop; the caller's thread must be the main one."""

    house: House
    draw: random.Random
    seconds: float
    progress: Callable[[], float]
    strikes: bool = True
    done: Counter[str] = field(default_factory=Counter)
    restarts: list[tuple[float, signal.Signals]] = field(
        default_factory=lambda: list(RESTARTS)
    )

    def run(self, over: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
        """Break something every now and then, as long as it is not `over`."""
        began = flushed = time.monotonic()
        next_strike = began + self.draw.uniform(*STRIKES)
        while not over() and time.monotonic() - began < self.seconds:
            now = time.monotonic()
            if self.strikes and now >= next_strike:
                self._strike()
                next_strike = now + self.draw.uniform(*STRIKES)
            if now - flushed >= FLUSH_EVERY:
                self._flush()
                flushed = now
            part = max(self.progress(), (now - began) / self.seconds)
            if self.restarts and part >= self.restarts[0][0]:
                self._restart_database(self.restarts.pop(0)[1])
            self._wake()
            self.house.fill()
            meanwhile()
            time.sleep(0.03)
        self._wake(everybody=True)

    def _strike(self) -> None:
        struck = [
            slot for slot in self.house.slots if slot.pid and not slot.stopped_until
        ]
        if not struck:
            return
        slot = self.draw.choice(struck)
        if self.draw.random() < STOPPED:
            self._signal_group(slot, signal.SIGSTOP)
            longer = self.draw.uniform(1.0, 4.0)
            slot.stopped_until = time.monotonic() + LEASE + longer
            self.done[f"{slot.kind} stopped"] += 1
        elif slot.kind == "worker" and self.draw.random() < 0.4:
            self._kill_one(slot)
        else:
            self._signal_group(slot, signal.SIGKILL)
            self.done[f"{slot.kind} killed"] += 1

    def _kill_one(self, slot: Slot) -> None:
        """Celery's main process alone, or the one that carries tasks out."""
        main = self.draw.random() < 0.5
        victims = [slot.pid] if main else children(slot.pid)
        for pid in victims[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.done[f"worker's {'main' if main else 'child'} killed"] += bool(victims)

    def _signal_group(self, slot: Slot, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(slot.pid, number)

    def _wake(self, *, everybody: bool = False) -> None:
        for slot in self.house.slots:
            if slot.stopped_until and (
                everybody or time.monotonic() >= slot.stopped_until
            ):
                slot.stopped_until = 0.0
                self._signal_group(slot, signal.SIGCONT)

    def _flush(self) -> None:
        with contextlib.closing(redis.Redis.from_url(self.house.broker.url)) as client:
            client.flushall()
        self.done["broker flushed"] += 1

    def _restart_database(self, ask: signal.Signals) -> None:
        self.house.database.stop(ask)
        time.sleep(self.draw.uniform(0.2, 1.0))
        self.house.database.start()
        self.done["database restarted"] += 1
