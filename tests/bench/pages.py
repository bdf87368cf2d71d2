"""What a page costs: small and full, healthy Dashboard, slow one, hanging one."""

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from portal_site.runner import ports, processes
from portal_site.runner.plan import ROOT
from tests.bench.place import Place, place, result_of
from tests.bench.table import say, table
from tyk.sandbox import Sandbox

Figures = dict[str, Any]
ENTRIES = 20
SECONDS = 2.0  # of asking, for each figure
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.bench.site_settings"}
# Of the Dashboard, in seconds; the pages that only read the mirror must not notice.
LATENCIES = {"0 ms": 0.0, "20 ms": 0.02, "100 ms": 0.1, "hangs": None}


def measure(n: int, *, databases: tuple[str, ...], rounds: int) -> Figures:
    """Pages with hardly anything behind them, and with n people and 10n requests."""
    figures: Figures = {}
    for database in databases:
        for name, people in (("few", 20), ("many", n)):
            with place(database, **SETTINGS) as at, Sandbox() as box:
                found = _sized(at, box, people, rounds)
            figures.setdefault(database, {})[name] = found
            _show(f"Pages, {database}, {people} developers", found)
    return figures


def _sized(at: Place, box: Sandbox, people: int, rounds: int) -> Figures:
    began = time.monotonic()
    crowd = at.step("crowd", people, people * 10, ENTRIES)
    say(f"  {at.database}: rows made in {time.monotonic() - began:.0f} s")
    with _site(at, box) as port:
        turns = [_turn(port, box, crowd["pages"]) for _ in range(rounds)]
    return {"costs": crowd["costs"], "under": _middle_of(turns)}


def _turn(port: int, box: Sandbox, pages: Figures) -> Figures:
    """Every page under every Dashboard, one soon after the other: what else the
    machine does then strikes the healthy one as much as the one that hangs."""
    return {name: _under(port, box, name, pages) for name in LATENCIES}


def _under(port: int, box: Sandbox, latency: str, pages: Figures) -> Figures:
    """Every page at 1 and 16 at once; the slower Dashboards at 16 only."""
    seconds = LATENCIES[latency]
    box.heal()
    if seconds is None:
        box.hang()
    elif seconds:
        box.faults.add("*", mode="latency", seconds=seconds)
    found: Figures = {}
    for threads in (1, 16) if seconds == 0.0 else (16,):
        for page, (path, cookie) in pages.items():
            several = found.setdefault(page, {})
            several[str(threads)] = asked(port, path, cookie, threads)
    box.heal()
    return found


def _middle_of(turns: list[Figures]) -> Figures:
    """The median of each figure over all turns."""
    return {
        latency: {
            page: {
                threads: middle([turn[latency][page][threads] for turn in turns])
                for threads in found
            }
            for page, found in pages.items()
        }
        for latency, pages in turns[0].items()
    }


def middle(several: list[Figures]) -> Figures:
    return {name: median(one[name] for one in several) for name in several[0]}


def asked(port: int, path: str, cookie: str, threads: int) -> Figures:
    argv = [sys.executable, "-m", "tests.bench.load", str(port), path, cookie]
    with subprocess.Popen(  # noqa: S603 -- argv is ours
        [*argv, str(threads), str(SECONDS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        return result_of(process)


# --- The site ----------------------------------------------------------------------
@contextlib.contextmanager
def _site(at: Place, box: Sandbox) -> Iterator[int]:
    """One web process with four threads, as `make run` has it; its port."""
    port = ports.any_free()
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    argv += ["--workers", "1", "--blocking-threads", "4", "--host", "127.0.0.1"]
    access = {"TYK_DASHBOARD_URL": box.url, "TYK_API_KEY": box.api_key}
    log = at.folder / "web.log"
    with log.open("wb") as output:
        process = processes.start(
            [*argv, "--port", str(port), "portal_site.wsgi:application"],
            env={**at.variables, **access},
            output=output,
            cwd=ROOT,
        )
    try:
        _wait_until_up(port)
        yield port
    finally:
        processes.stop(process, patience=5)


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            browser = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            browser.request("GET", "/one-line/", headers={"Host": "testserver"})
            if browser.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the site did not start")


# --- Telling -----------------------------------------------------------------------
def _show(title: str, figures: Figures) -> None:
    say(f"\n{title}, {ENTRIES} entries")
    head = ["page", "1: pages/s", "p50 ms", "p99 ms", "16: pages/s", "p50 ms", "p99 ms"]
    slower = [name for name in figures["under"] if name != "0 ms"]
    head += [
        "queries",
        "CPU ms",
        "of one line",
        *(f"p99 at {name}" for name in slower),
        "hangs, x p99",
        "not 200",
    ]
    healthy = figures["under"]["0 ms"]
    rows = []
    for page, found in healthy.items():
        cells = [page]
        for threads in ("1", "16"):
            one = found[threads]
            cells += [f"{one['per_second']:.0f}", f"{one['p50']:.1f}"]
            cells.append(f"{one['p99']:.1f}")
        cost = figures["costs"][page]
        cells += [f"{cost['queries']}", f"{cost['cpu_ms']:.1f}"]
        share = found["1"]["per_second"] / healthy["one line"]["1"]["per_second"]
        cells.append(f"{share:.2f}")
        others = [figures["under"][name][page]["16"] for name in slower]
        cells += [f"{one['p99']:.1f}" for one in others]
        cells.append(f"{others[-1]['p99'] / found['16']['p99']:.2f}")
        bad = sum(one["bad"] for one in [*found.values(), *others])
        rows.append([*cells, f"{bad:.0f}"])
    say(table(head, rows))
