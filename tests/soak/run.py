"""One soak: chaos, rest, and a last leg in which everything is finished."""

import contextlib
import json
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak import (
    box as boxes,
    browser,
    checker,
    crowd as crowds,
    gauges,
    house as houses,
)
from tests.soak.chaos import Chaos
from tests.soak.checker import Problem, Sides
from tests.soak.crowd import Crowd
from tests.soak.history import History
from tests.soak.house import House

CHANCE = 0.3  # of a call to the Dashboard to go wrong
SWEEPS = 3  # within which everything has come to rest
MOST_SWEEPS = 8
SAY_EVERY = 10.0  # seconds
SHORTEST_STAY, LONGEST_STAY = 30.0, 300.0  # seconds in which nobody is killed


@dataclass(frozen=True)
class Plan:
    """What is asked of one run. `seconds`: the longest the chaos may last."""

    requests: int
    seconds: float
    seed: int
    chance: float = CHANCE
    kills: bool = True

    @property
    def developers(self) -> int:
        return max(8, min(800, self.requests // 8))


@dataclass
class Found:
    """What came of it."""

    plan: Plan
    accepted: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    sweeps: int = 0
    sweeping: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    most_in_flight: int = 0
    history: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    for_a_person: dict[str, int] = field(default_factory=dict)
    #: Requests nobody had time to decide or claim: the machine was too busy.
    left: int = 0
    undone_by_hand: int = 0
    pages: dict[str, float] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, dict[str, Any]] = field(default_factory=dict)
    crowd_faults: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not self.problems and self.sweeps <= SWEEPS and not self.crowd_faults


def soak(plan: Plan, *, keep: Path | None = None) -> Found:
    """Run it all, and compare. What tells why goes to `keep` if it went wrong."""
    found, history = Found(plan), History()
    with houses.open_house(plan.seed, plan.developers, plan.chance) as house:
        crowd = crowds.gather(house, history, plan.requests, plan.seed)
        with _timed(found, "chaos"):
            _chaos(found, house, crowd)
        with _timed(found, "coming to rest"):
            _come_to_rest(found, house, history, "after the chaos")
        with _timed(found, "nobody killed"):
            _stay(found, house, crowd)
        with _timed(found, "finishing"):
            _finish(found, house, crowd)
            sides = _come_to_rest(found, house, history, "at the end")
            if not found.left:
                found.problems += checker.unfinished_requests(sides)
            _tell_rows(found, sides)
        _tell_last(found, house, history, crowd)
        if keep and not found.kept:
            _keep(keep, house, history)
    return found


# --- Legs --------------------------------------------------------------------------
def _chaos(found: Found, house: House, crowd: Crowd) -> None:
    plan = found.plan
    house.fill()
    crowd.begin(strangers=True)
    draw = random.Random(f"{plan.seed} chaos")  # noqa: S311  not a secret
    chaos = Chaos(house, draw, plan.seconds, lambda: crowd.accepted / plan.requests)
    if not plan.kills:
        chaos.restarts.clear()
        chaos.strikes = False

    def meanwhile() -> None:
        _say_now_and_then(
            f"{crowd.accepted}/{plan.requests} accepted, {_pages()} {dict(chaos.done)}"
        )

    chaos.run(lambda: crowd.accepted >= plan.requests and not crowd.left(), meanwhile)
    crowd.end()
    _count_calls(found, house)
    found.pages = _pages()
    found.broken = dict(chaos.done)
    found.started = {slot.name: slot.started for slot in house.slots}


def _come_to_rest(found: Found, house: House, history: History, leg: str) -> Sides:
    """The last fault: all processes are killed. Then sweeps until nothing is open."""
    house.kill_all()
    house.box.ask(do="chance", chance=0.0)
    house.box.ask(do="land")
    found.for_a_person |= _parked(house.ask_json("tables"))
    house.chore("try_again")
    for number in range(1, MOST_SWEEPS + 1):
        swept = house.ask_json("sweep")
        sides = _sides(house, history)
        open_ones = checker.problems(sides)
        told = dict(Counter(one.promise for one in open_ones))
        found.sweeping.append({"leg": leg, **swept, "open": told})
        _say(f"sweep {number}: {swept} {told}")
        found.sweeps = max(found.sweeps, number)
        if not open_ones:
            return sides
    found.problems += open_ones
    return sides


def _count_calls(found: Found, house: House) -> None:
    counts = house.box.ask(do="counts")
    found.calls += counts["calls"]
    found.struck = dict(Counter(found.struck) + Counter(counts["struck"]))
    found.most_in_flight = counts["most in flight"]


def _stay(found: Found, house: House, crowd: Crowd) -> None:
    """Calls go wrong and nobody is killed: whose memory grows, and who keeps files."""
    seconds = min(max(SHORTEST_STAY, found.plan.seconds / 5), LONGEST_STAY)
    house.box.ask(do="chance", chance=found.plan.chance)
    crowd.wanted += found.plan.requests // 10 + 1
    watch = gauges.Gauges()
    house.fill()
    crowd.begin(strangers=True)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        house.fill()
        watch.look({**_long_lived(house), **_of_slots(house)})
        _say_now_and_then(f"{crowd.accepted} accepted, {crowd.left()} open")
        time.sleep(0.05)
    crowd.end()
    found.gauges = watch.told()
    _count_calls(found, house)


def _finish(found: Found, house: House, crowd: Crowd) -> None:
    """Without a fault everything that is open is decided and claimed."""
    house.box.ask(do="chance", chance=0.0)
    crowd.finishing = True
    crowd.begin(strangers=False)
    began = time.monotonic()
    longest = max(60.0, found.plan.seconds / 2)
    while crowd.left() and time.monotonic() - began < longest:
        house.fill()
        _say_now_and_then(f"{crowd.left()} left to finish")
        time.sleep(0.05)
    crowd.end()
    found.left = crowd.left()
    found.accepted = crowd.accepted


def _tell_rows(found: Found, sides: Sides) -> None:
    """What there is in the end."""
    tables = sides.tables
    found.undone_by_hand = checker.undone_by_hand(sides)
    found.rows = {
        "requests": dict(Counter(row["status"] for row in tables["requests"])),
        "mints": dict(Counter(row["state"] for row in tables["mints"])),
        "keys": dict(
            Counter(f"{row['origin']} {row['state']}" for row in tables["keys"])
        ),
        "edits": dict(Counter(row["state"] for row in tables["edits"])),
        "keys in Tyk": {"live": len(sides.live)},
    }


def _tell_last(found: Found, house: House, history: History, crowd: Crowd) -> None:
    found.history = history.counts()
    found.crowd_faults = crowd.faults
    found.errors, broken = _errors(house)
    found.problems += [Problem("error", line) for line in broken]


#: What no outage explains: a page or a handler that broke.
BROKEN = ("Internal Server Error", "outbox handler failed")


def _errors(house: House) -> tuple[dict[str, int], list[str]]:
    """Log events of level error, counted without their addresses; the broken ones."""
    counted: Counter[str] = Counter()
    broken = []
    for line in house.log_lines('"level": "error"'):
        with contextlib.suppress(ValueError):
            event = str(json.loads(line)["event"])
            counted[event.partition(": /")[0][:80]] += 1
            if event.startswith(BROKEN):
                broken.append(line[:2000])
    return dict(counted), broken


def _keep(folder: Path, house: House, history: History) -> None:
    """Logs, tables, truth and history, to find out what happened."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(house.logs, folder / "logs")
    for name in ("tables.json", "truth.json"):
        shutil.copy(house.folder / name, folder)
    acts = [act.told() for act in history.acts]
    (folder / "history.json").write_text(json.dumps(acts, indent=0))


# --- Sides -------------------------------------------------------------------------
def _sides(house: House, history: History) -> Sides:
    """All three, as they stand now."""
    acts = list(history.acts)
    people = range(len(house.box.hello["developers"]))
    firsts = {
        boxes.ADDRESS.format(number=n): boxes.PASSWORD.format(number=n) for n in people
    }
    typed = {(act.who, act.value) for act in acts if act.what == "reset"}
    pairs = sorted(typed | {(who, firsts[who]) for who, _ in typed})
    right = house.box.ask(do="passwords", pairs=pairs)["right"]
    raws = sorted({act.raw for act in acts if act.raw})
    return Sides(
        history=acts,
        truth=house.truth(),
        tables=house.ask_json("tables"),
        ids=house.box.ask(do="ids", raws=raws)["ids"],
        right=dict(zip(pairs, right, strict=True)),
        first_passwords=firsts,
    )


def _parked(tables: dict[str, Any]) -> dict[str, int]:
    """What waits for a person, by kind and reason."""
    return dict(
        Counter(
            f"{row['kind']}: {row['parked']}" for row in tables["owed"] if row["parked"]
        )
    )


def _pages() -> dict[str, float]:
    """How many pages people got under chaos, and how quickly."""
    seconds = sorted(browser.page_seconds)
    if not seconds:
        return {}
    return {
        "pages": len(seconds),
        "median": round(seconds[len(seconds) // 2], 3),
        "99 %": round(seconds[len(seconds) * 99 // 100], 3),
    }


# --- Watching ----------------------------------------------------------------------
def _long_lived(house: House) -> dict[str, int]:
    """Processes that nobody kills; the database is restarted."""
    broker = house.broker.process
    return {
        "Dashboard": house.box.pid,
        "broker": broker.pid if broker else 0,
        "beat": house.beat.pid,
    }


def _of_slots(house: House) -> dict[str, int]:
    """Web processes and workers: those that do the work, not their parents."""
    found = {}
    for slot in house.slots:
        working = gauges.children(slot.pid)
        if working:
            found[slot.name] = working[0]
    return found


@contextlib.contextmanager
def _timed(found: Found, leg: str) -> Iterator[None]:
    began = time.monotonic()
    _say(f"{leg} …")
    yield
    found.seconds[leg] = round(time.monotonic() - began, 1)


_said_at = [0.0]


def _say_now_and_then(line: str) -> None:
    if time.monotonic() - _said_at[0] > SAY_EVERY:
        _said_at[0] = time.monotonic()
        _say(line)


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stderr.flush()
