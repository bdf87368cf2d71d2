"""Every call that a click makes, under every fault: the page, our rows, Tyk's truth.

`visits` says which clicks call Tyk and what they call, `faults` how a call is spoiled,
`told` what must come of it. A fault struck, the page and our rows must be what the
table says, Tyk's truth what the fault did, and nobody's failure counted but a wrong
password. Then all heals, the person comes back, and it must be as if nothing had been.
"""

import ast
import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from developers import throttle
from developers.errors import Throttled
from developers.models import Developer
from tests.developers.steps import words
from tests.reliability.faults import BY_NAME, FAULTS, NO, OF_EACH_KIND, Fault, struck
from tests.reliability.mornings import Start, mornings
from tests.reliability.promises import check_at_rest
from tests.reliability.sampling import SOAK, some
from tests.reliability.told import COUNTED, READS, WRITTEN, Told, expected
from tests.reliability.visits import (
    APPROVE,
    CREATE,
    MIRA,
    NORA,
    VERIFY,
    VISITS,
    WRITES,
    Browser,
    Visit,
)
from tests.reliability.world import World
from tyk.sandbox.faults import MODES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="starts over from a copy of the file"
    ),
]
ROOT = Path(__file__).parents[2]
#: Long enough for the other calls of a click, on a machine that is busy.
SHORT = {f"TYK_{name}_DEADLINE": 1.5 for name in ("LOGIN", "PASSWORD", "CLAIM")}
#: Struck by every fault in every run; the others by one of each kind, and by every
#: fault in `make soak`.
BY_EVERY_FAULT = {("log in", VERIFY), ("confirm", CREATE), ("claim", APPROVE)}
SWEEPS = 2
TRIES = 5  # wrong passwords in five minutes, for one address
#: A write that leads to another one: what it leaves is no key yet.
NO_END = {"createKeyRequest"}
#: Of a read nothing more can be known than these tell.
OF_A_READ = ["400", "401", "404", "500", "wrong types", "null lists"]


def calls_of(visit: Visit) -> Iterator[tuple[str, int]]:
    """Each call with its number among those of its operation."""
    seen: Counter[str] = Counter()
    for operation in visit.calls:
        seen[operation] += 1
        if (visit.name, operation) in WRITTEN or operation not in WRITES:
            yield operation, seen[operation]


def faults_for(visit: Visit, operation: str) -> list[Fault]:
    if SOAK or (visit.name, operation) in BY_EVERY_FAULT:
        return FAULTS
    names = OF_EACH_KIND if operation in WRITES else OF_A_READ
    chosen = some(names, share=0.25, least=3, of=f"{visit.name} {operation}")
    return [BY_NAME[name] for name in chosen]


@dataclass(frozen=True)
class Well:
    """How a click ends without a fault: at once, and once all is quiet."""

    told: Told
    truth: str
    in_the_end: str


@pytest.mark.parametrize("visit", [pytest.param(v, id=v.name) for v in VISITS])
def test_a_click_under_every_fault(box, settings, valkey_client, visit):
    with mornings(box, settings, only=visit.morning) as starts:
        start = starts[visit.morning]
        well, proved = without_fault(start, visit), set()
        for operation, nth in calls_of(visit):
            for fault in faults_for(visit, operation):
                told = expected(visit.name, operation, nth, fault)
                if told is None:
                    continue
                valkey_client.flushdb()
                with saying(f"{visit.name}: {fault.name} at {operation} {nth}"):
                    run = Struck(visit, operation, nth, fault, told, well)
                    run.check(start.again(), come_back=SOAK or run.left not in proved)
                proved.add(run.left)


@contextlib.contextmanager
def saying(where: str) -> Iterator[None]:
    try:
        yield
    except Exception as broken:
        broken.add_note(where)
        raise


def without_fault(start: Start, visit: Visit) -> Well:
    """The click makes exactly the calls of the table."""
    world = start.again()
    browser = visit.come(world)
    world.box.journal.clear()
    visit.click(world, browser)
    assert tuple(world.box.journal.operations()) == visit.calls
    operation, nth = next(calls_of(visit))
    told = expected(visit.name, operation, nth, BY_NAME["a slow answer"])
    assert told is not None
    truth = visit.truth(world)
    world.come_to_rest(sweeps=SWEEPS)
    return Well(told, truth, visit.truth(world))


@dataclass(frozen=True)
class Struck:
    """One click, one fault at one of its calls."""

    visit: Visit
    operation: str
    nth: int
    fault: Fault
    told: Told
    well: Well

    @property
    def left(self) -> tuple[object, ...]:
        """What is left behind: those alike go on alike."""
        taken = self.fault.takes if self.operation in WRITES else ""
        return self.operation, self.nth, self.told, taken

    def check(self, world: World, *, come_back: bool) -> None:
        visit = self.visit
        browser = visit.come(world)
        before = visit.truth(world)
        deadlines = SHORT if self.fault.timed else {}
        strike = struck(world, self.fault, self.operation, nth=self.nth)
        with override_settings(**deadlines), strike:
            answer = visit.click(world, browser)
        words_found = said(answer, browser, self.told)
        kept = visit.kept(world, browser)

        assert Told(answer.status_code, words_found, kept) == self.told
        assert failures_counted() == (self.told in COUNTED), "a failed try"
        self.check_truth(before, visit.truth(world))
        if come_back:
            self.come_back(world, browser)

    def check_truth(self, before: str, truth: str) -> None:
        """Tyk did what the fault let it do, and a page that says "done" is right."""
        done = self.told == self.well.told
        written = (self.visit.name, self.operation) in WRITTEN
        if written and self.operation not in NO_END:
            taken = self.fault.takes != NO
            assert truth == (self.well.truth if done or taken else before)
        if done:
            assert truth == self.well.truth

    def come_back(self, world: World, browser: Browser) -> None:
        """All heals, the person does it again if it was not done, and it is done."""
        world.come_to_rest(sweeps=SWEEPS)
        if self.told != self.well.told:
            self.visit.click(world, browser)
            world.come_to_rest(sweeps=SWEEPS)
        check_at_rest(world)
        last = self.visit.kept(world, browser).split(", ")[-1]
        good = self.well.told.kept.split(", ")[-1]
        assert last in {good, *self.visit.also}
        assert self.visit.truth(world) in {self.well.in_the_end, *self.visit.also}


def said(answer: Any, browser: Client, told: Told) -> str:
    """The words looked for, if the page or the one it sends to has them."""
    if answer.status_code == HTTPStatus.FOUND:
        page = f"{answer['Location']} {words(browser.get(answer['Location']))}"
    else:
        page = words(answer)
    return told.words if told.words in page else page


def failures_counted() -> bool:
    """Whether a try was counted against somebody; asks as often as it may."""
    with override_settings(LIMITS_SCALE=1):
        at_login = [{"address": address} for address in (MIRA, NORA)]
        owners = [
            {"device": f"owner:{code}"}
            for code in Developer.objects.values_list("code", flat=True)
        ]
        return any(tries_left(**whose) < TRIES for whose in at_login + owners)


def tries_left(**whose: str) -> int:
    for tried in range(TRIES + 1):
        try:
            throttle.spend("login", **whose)
        except Throttled:
            return tried
    raise AssertionError("no limit")


# --- Nothing was left out ------------------------------------------------------------------
APPS = ("developers", "catalogue", "keyrequests", "portal_site", "tyk")
LIVE = [path for app in APPS for path in (ROOT / app).glob("live*.py")]


def live_calls() -> set[str]:
    """Functions of live modules that other modules call: each is part of a click."""
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    return {call for path in sources if path not in LIVE for call in _made_in(path)}


def _made_in(source: Path) -> Iterator[str]:
    tree = ast.parse(source.read_text())
    homes = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in {path.stem for path in LIVE}
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=called)) if (
                name in homes
            ):
                yield f"{homes[name]}.{called}"


def operations_of(source: Path) -> set[str]:
    """What a module asks of Tyk itself: `dashboard().<method>(`."""
    methods = re.findall(r"dashboard\(\)\.(\w+)\(", source.read_text())
    return {OPERATION_OF[method] for method in methods}


OPERATION_OF = {
    "verify_credentials": VERIFY,
    "create_developer": CREATE,
    "set_password": "resetDeveloperPassword",
    "update_developer": "updateDeveloper",
    "developer": "getDeveloper",
    "approve": APPROVE,
    "create_request": "createKeyRequest",
    "request": "getKeyRequest",
    "requests": "listKeyRequests",
}


def test_every_live_call_has_its_visit():
    assert {visit.live_call for visit in VISITS} == live_calls()
    struck_here = {operation for visit in VISITS for operation in visit.calls}
    for source in LIVE:
        assert operations_of(source) <= struck_here, source.name


def test_every_call_of_a_visit_has_its_row():
    """And each row a call; each fault of the sandbox is in the table of faults."""
    struck_here = [(v.name, op, nth) for v in VISITS for op, nth in calls_of(v)]
    reads = {row for row in struck_here if row[1] not in WRITES}
    writes = {(name, op) for name, op, _ in struck_here if op in WRITES}

    assert set(READS) == reads
    assert set(WRITTEN) == writes
    assert {str(f.plan["mode"]) for f in FAULTS if f.plan} == MODES
    assert len(BY_EVERY_FAULT & (writes | {row[:2] for row in reads})) >= 2
