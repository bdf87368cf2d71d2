"""The portal under test: its servers, its processes, and how each is ended.

Real ones: PostgreSQL, a Redis-protocol server, the embedded Dashboard, web processes
and workers, a beat. Whoever is killed is started again at once.
"""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal_site.runner import ports, processes
from portal_site.runner.plan import ROOT
from tests.reliability.served import Broker
from tests.services import environment, postgres

WEB, WORKERS = 2, 4
STAFF, STAFF_PASSWORD = "rita@northwind.example", "the-password-of-staff-1"
#: Seconds: a tenth to a fifteenth of what a portal in use has, in the same proportion.
TIMES = {
    "OUTBOX_LEASE": "6",
    "OUTBOX_QUARANTINE": "6",
    "CLAIM_LEASE": "6",
    "TYK_CONNECT_TIMEOUT": "0.5",
    "TYK_READ_DEADLINE": "2",
    "TYK_WRITE_DEADLINE": "2",
    "TYK_LOGIN_DEADLINE": "2.5",
    "TYK_PASSWORD_DEADLINE": "2.5",
    "TYK_CLAIM_DEADLINE": "3",
    "TYK_LISTING_IDLE": "3",
    "TYK_LISTING_DEADLINE": "20",
    "OUTBOX_SWEEP_EVERY": "2",
    "OUTBOX_BACKOFF_MAX": "10",
    "PULL_EVERY": "20",
    "RECENT_DEVELOPER_WINDOW": "60",
    "PULL_DEVELOPERS_EVERY": "25",
    "PULL_REQUESTS_EVERY": "40",
}
SETTINGS = {
    "LIMITS_SCALE": "1000",  # nobody is throttled: limits have tests of their own
    "PORTAL_PROCESSES": str(WEB + WORKERS),
    "TYK_CALLS_IN_FLIGHT": str(4 * (WEB + WORKERS)),
    "TYK_CALLS_KEPT_FOR_LOGIN": str(2 * (WEB + WORKERS)),
    # Three calls in ten go wrong for good: two in a row are no outage, and a breaker
    # that opens for 9 to 15 s at each would be open most of the time.
    "TYK_BREAKER_AFTER": "4",
    "USAGE_KEYS_A_RUN": "5",
    "REVIEW_MAIL_TO": STAFF,
    "LOG_LEVEL": "INFO",
}


class Talker:
    """A process that answers JSON lines; what it says unasked goes to `heard`."""

    def __init__(self, module: str, *words: object, env: dict[str, str]) -> None:
        self._process = processes.start(
            [sys.executable, "-m", module, *map(str, words)],
            env=env,
            output=subprocess.PIPE,
            stdin=subprocess.PIPE,
            cwd=ROOT,
            death_signal=signal.SIGKILL,
        )
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._alone = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        self.hello = self._answers.get(timeout=90)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                (self.heard if "ended" in said else self._answers).put(said)
                continue
            sys.stderr.write(line.decode(errors="replace"))

    def ask(self, **question: Any) -> dict[str, Any]:
        """Its answer to one question; safe between threads."""
        with self._alone:
            stdin = self._process.stdin
            if stdin is None:
                raise RuntimeError("it has no ear")
            stdin.write((json.dumps(question) + "\n").encode())
            stdin.flush()
            return self._answers.get(timeout=90)

    def end(self) -> None:
        processes.stop(self._process, patience=2)


@dataclass
class Slot:
    """A place for one web process or worker; `pid` leads a group, 0: none runs."""

    kind: str
    name: str
    port: int = 0
    pid: int = 0
    stopped_until: float = 0.0
    started: int = 0


@dataclass
class House:
    """Everything that runs; `slots` may be killed."""

    folder: Path
    database: postgres.Server
    broker: Broker
    box: Talker
    nursery: Talker
    slots: list[Slot] = field(default_factory=list)
    beat: Slot = field(default_factory=lambda: Slot("beat", "beat"))
    groups: set[int] = field(default_factory=set)
    chores: dict[int, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def ports(self) -> list[int]:
        """Where web processes listen, or are about to."""
        return [slot.port for slot in self.slots if slot.kind == "web"]

    def fill(self) -> None:
        """Start a process in each slot that is empty."""
        self.reap()
        for slot in [*self.slots, self.beat]:
            if not slot.pid:
                slot.started += 1
                slot.pid = self._born(
                    kind=slot.kind,
                    name=slot.name,
                    port=slot.port,
                    log=str(self.logs / f"{slot.name}.log"),
                )

    def _born(self, **order: Any) -> int:
        """Its process id: a long run is given the ids of its own dead anew."""
        self.reap()
        pid = int(self.nursery.ask(**order)["pid"])
        self.chores.pop(pid, None)
        self.groups.add(pid)
        return pid

    def reap(self) -> None:
        """Take in who ended."""
        with contextlib.suppress(queue.Empty):
            while True:
                said = self.nursery.heard.get_nowait()
                self.chores[said["ended"]] = said["status"]
                for slot in [*self.slots, self.beat]:
                    if slot.pid == said["ended"]:
                        slot.pid = 0

    def chore(self, name: str, *words: str, seconds: float = 600) -> None:
        """Run a function of tests.soak.chores to its end. Raises RuntimeError."""
        log = self.logs / f"chore-{next(self._numbers)}-{name}.log"
        pid = self._born(kind="chore", chore=name, words=list(words), log=str(log))
        give_up = time.monotonic() + seconds
        while pid not in self.chores and time.monotonic() < give_up:
            time.sleep(0.02)
            self.reap()
        if self.chores.get(pid) != 0:
            raise RuntimeError(f"{name}: {log.read_text()[-3000:]}")

    def ask_json(self, chore: str) -> Any:
        """What a chore wrote into the file it was given."""
        path = self.folder / f"{chore}.json"
        self.chore(chore, str(path))
        return json.loads(path.read_text())

    def truth(self) -> Any:
        """What the Dashboard holds."""
        path = self.folder / "truth.json"
        self.box.ask(do="truth", to=str(path))
        return json.loads(path.read_text())

    def kill_all(self) -> None:
        """Everything of the portal is gone at once, orphans among them."""
        for pid in self._ours():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        waited = time.monotonic() + 10
        while any(s.pid for s in [*self.slots, self.beat]):
            self.reap()
            if time.monotonic() > waited:
                raise RuntimeError("killed, and still there")
            time.sleep(0.02)

    def _ours(self) -> list[int]:
        """Every process of a group that was born here, its leader dead or not."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                group = int((entry / "stat").read_text().rpartition(")")[2].split()[2])
                # A group's number is given anew once all of it are gone.
                named = b"tests.soak.nursery" in (entry / "cmdline").read_bytes()
                if group in self.groups and named:
                    found.append(int(entry.name))
        return found

    def log_lines(self, word: str) -> Iterator[str]:
        """Log lines of all processes that hold `word`."""
        for path in sorted(self.logs.glob("*.log")):
            with path.open(errors="replace") as log:
                yield from (line for line in log if word in line)


@contextlib.contextmanager
def open_house(seed: int, developers: int, chance: float) -> Iterator[House]:
    """A prepared portal with nobody in it; everything is gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        (folder / "logs").mkdir()
        (folder / "mail").mkdir()
        (folder / "tmp").mkdir()  # of workers, which leave theirs when killed
        broker = Broker(folder / "valkey")
        broker.start()
        stack.callback(broker.kill)
        database = stack.enter_context(postgres.restartable())
        plain = {**os.environ, "PYTHONUNBUFFERED": "1"}
        # Nothing goes wrong while the house is furnished.
        box = Talker("tests.soak.box", seed, developers, 0.0, env=plain)
        stack.callback(box.end)
        variables = _environment(folder, broker, database, box)
        nursery = Talker("tests.soak.nursery", env=variables)
        stack.callback(nursery.end)
        house = House(folder, database, broker, box, nursery)
        house.chore("prepare", STAFF, STAFF_PASSWORD)
        nursery.ask(kind="warm")
        house.slots = [
            *(Slot("web", f"web-{n}", ports.any_free()) for n in range(WEB)),
            *(Slot("worker", f"worker-{n}") for n in range(WORKERS)),
        ]
        stack.callback(house.kill_all)
        box.ask(do="chance", chance=chance)
        yield house


def _environment(
    folder: Path, broker: Broker, database: postgres.Server, box: Talker
) -> dict[str, str]:
    environment.apply(
        run_dir=folder, valkey_address=broker.url.removesuffix("0"), worker=""
    )
    # The portal's own defaults, which the tests turn off.
    for name in ("CATALOGUE_KEEP_SECONDS", "BRAND_FRESH_SECONDS"):
        os.environ.pop(name, None)
    return {
        **os.environ,
        **TIMES,
        **SETTINGS,
        "DJANGO_SETTINGS_MODULE": "tests.reliability.served_settings",
        "DATABASE_URL": database.url,
        "EMAIL_URL": f"filemail:///{folder}/mail",
        "TYK_DASHBOARD_URL": box.hello["url"],
        "TYK_API_KEY": box.hello["api_key"],
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder / "tmp"),
    }
