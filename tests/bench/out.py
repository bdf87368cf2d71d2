"""What more processes bring: one web process and one worker against three of each.

Behind the balancer of tests/scale_out, on PostgreSQL. Both sides run at once and are
asked in turn, so that whatever else the machine does meets both.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from celery import Celery

from portal_site.runner import ports, processes
from portal_site.runner.plan import ROOT
from tests.bench.mirror import crowded
from tests.bench.pages import asked, middle
from tests.bench.place import Place, place
from tests.bench.table import say, table
from tests.reliability.served import Site, started
from tyk.sandbox import Sandbox

Figures = dict[str, Any]
SIDES = (1, 3)
THREADS = 16  # readers at once
LATENCY = 0.02  # seconds, of each call while the outbox is drained
PAGES = ("one line", "catalogue, visitor", "catalogue", "home", "keys")
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.bench.site_settings",
    "TRUSTED_PROXY_COUNT": "1",
    "PORTAL_PROCESSES": str(2 * max(SIDES)),
}


def measure(*, rounds: int, queued: int) -> Figures:
    """Pages a second and requests delivered a second, of each side."""
    with place("postgres", **SETTINGS) as at, Sandbox() as box:
        figures: Figures = {"pages": _pages(at, box, rounds)}
        figures["drained"] = {
            side: median(_drained(at, box, side, queued) for _ in range(rounds))
            for side in SIDES
        }
    _show(figures, queued)
    return figures


# --- Pages -------------------------------------------------------------------------
def _pages(at: Place, box: Sandbox, rounds: int) -> Figures:
    pages = at.step("crowd", 20, 200, 20)["pages"]
    figures: Figures = {page: {} for page in PAGES}
    with ExitStack() as running:
        doors = {side: running.enter_context(_door(at, box, side)) for side in SIDES}
        for page in PAGES:
            several: dict[int, list[Figures]] = {side: [] for side in SIDES}
            for _ in range(rounds + 1):
                for side, (site, port) in doors.items():
                    several[side].append(_read(site, port, *pages[page]))
            # The first round finds nothing kept yet and is left out.
            figures[page] = {side: middle(each[1:]) for side, each in several.items()}
    return figures


@contextmanager
def _door(at: Place, box: Sandbox, side: int) -> Iterator[tuple[Site, int]]:
    """So many web processes, and the port of their balancer."""
    folder = at.folder / f"side-{side}"
    folder.mkdir()
    variables = {**at.variables, **access(box)}
    with started(variables, folder, web=side) as site, balancing(site) as port:
        yield site, port


def access(box: Sandbox) -> dict[str, str]:
    return {"TYK_DASHBOARD_URL": box.url, "TYK_API_KEY": box.api_key}


@contextmanager
def balancing(site: Site) -> Iterator[int]:
    """The port of a balancer in a process of its own."""
    port = ports.any_free()
    argv = [sys.executable, "-m", "tests.scale_out.balancer", str(port)]
    process = processes.start(
        [*argv, *map(str, site.ports)],
        env={"PYTHONPATH": str(ROOT)},
        output=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        while not ports.answers(port):
            time.sleep(0.05)
        yield port
    finally:
        processes.stop(process, patience=5)


def _read(site: Site, port: int, path: str, cookie: str) -> Figures:
    before, idle = cpu_of(site), _idle()
    began = time.monotonic()
    figures = asked(port, path, cookie, THREADS)
    took = time.monotonic() - began
    answers = figures["per_second"] * took
    figures["cpu_ms"] = (cpu_of(site) - before) / answers * 1000
    figures["cores_idle"] = (_idle() - idle) / took
    return figures


TICKS = 100  # of /proc/stat, a second (proc(5), USER_HZ)


def cpu_of(site: Site) -> float:
    """Seconds of CPU the processes of a site used so far, their children too."""
    leaders = {process.pid for process in site.processes}
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) in leaders:  # its session
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def _idle() -> float:
    """Seconds all cores have idled so far."""
    return int(Path("/proc/stat").read_text().split()[4]) / TICKS


# --- Requests ----------------------------------------------------------------------
def _drained(at: Place, box: Sandbox, workers: int, count: int) -> float:
    """Requests a second that so many workers of one process deliver to Tyk."""
    box.reset("empty")
    policy = crowded(box, count)
    at.step("empty", policy)
    at.step("queue", count, policy)
    folder = at.folder / f"drain-{workers}-{time.monotonic_ns()}"
    folder.mkdir()
    variables = {**at.variables, **access(box)}
    variables["LOG_LEVEL"] = "INFO"  # "ready" is how a worker says so
    box.faults.add("*", mode="latency", seconds=LATENCY)
    with (
        started(variables, folder, web=0, workers=workers, concurrency=1) as site,
        Celery(broker=at.variables["REDIS_URL"], set_as_current=False) as celery,
    ):
        while site.log().count("ready.") < workers:
            time.sleep(0.1)
        for _ in range(workers):
            celery.send_task("tyk.tasks.drain_outbox", ignore_result=True)
        calls = _calls(box, 2 * count)
    return count / (calls[-1] - calls[0])


def _calls(box: Sandbox, expected: int) -> list[float]:
    """When each call began, once all have ended: a create and a look for each."""
    while len(box.journal) < expected or box.journal.in_flight:
        time.sleep(0.05)
    return [call.started for call in box.journal.calls()]


# --- Telling -----------------------------------------------------------------------
def _show(figures: Figures, queued: int) -> None:
    one, more = SIDES
    head = ["page", f"{one}: pages/s", f"{more}: pages/s", "ratio", f"{one}: p99 ms"]
    head += [f"{more}: p99 ms", "CPU ms a page", "cores idle", "not 200"]
    rows = [
        [
            page,
            f"{found[one]['per_second']:.0f}",
            f"{found[more]['per_second']:.0f}",
            f"{found[more]['per_second'] / found[one]['per_second']:.2f}",
            f"{found[one]['p99']:.0f}",
            f"{found[more]['p99']:.0f}",
            " / ".join(f"{found[side]['cpu_ms']:.1f}" for side in SIDES),
            " / ".join(f"{found[side]['cores_idle']:.1f}" for side in SIDES),
            f"{found[one]['bad'] + found[more]['bad']:.0f}",
        ]
        for page, found in figures["pages"].items()
    ]
    say(f"\nScale out, {one} and {more} web processes, {THREADS} readers")
    say(table(head, rows))
    drained = figures["drained"]
    say(
        f"\n{queued} queued requests at {LATENCY * 1000:.0f} ms: {drained[one]:.0f} a "
        f"second with {one} worker, {drained[more]:.0f} with {more}: "
        f"x {drained[more] / drained[one]:.2f}"
    )
