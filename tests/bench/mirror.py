"""The mirror at size: pulls and a full outbox, against the bare downloads and calls."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from tests.bench.canned import Canned, serving, shapes
from tests.bench.ids import tyk_id
from tests.bench.place import Place, place, result_of
from tests.bench.table import say, table
from tyk.sandbox import Sandbox

Figures = dict[str, Any]
LATENCY = 0.02  # seconds, of each call while the outbox is drained
WORKERS = 2  # processes, as a worker of two


def measure(n: int, *, databases: tuple[str, ...], rounds: int, queued: int) -> Figures:
    """Everything, for n developers and 2n requests; also for a tenth and less."""
    canned, figures = Canned(shapes()), Figures()
    sizes = [size for size in (n // 100, n // 10, n) if size >= 100]
    for database in databases:
        with place(database) as at, serving(canned) as url:
            pulls = {
                size: _pulls(at, canned, url, size, rounds if size == n else 1)
                for size in sizes
            }
        figures[database] = {"pulls": pulls, "outbox": _outbox(database, queued)}
        _show(database, figures[database])
    return figures


# --- Pulls -------------------------------------------------------------------------
def _pulls(at: Place, canned: Canned, url: str, size: int, rounds: int) -> Figures:
    figures: Figures = {}
    for _ in range(rounds):
        canned.hold(size)
        at.step("empty", canned.shapes.policy)
        for name, one in _round(at, canned, url, size):
            say(f"  {at.database} {size} {name}: {_told(one)}")
            figures.setdefault(name, []).append(one)
    return {name: _middle(several) for name, several in figures.items()}


def _round(
    at: Place, canned: Canned, url: str, size: int
) -> Iterator[tuple[str, Figures]]:
    def step(what: str, kind: str) -> Figures:
        return at.step(what, kind, TYK_DASHBOARD_URL=url)

    for kind in ("developers", "requests"):
        bare = step("download", kind)
        yield f"{kind}: download and decode", bare
        for name in ("first import", "nothing new"):
            yield f"{kind}: {name}", _against(step("pull", kind), bare)
    canned.hold(size, changed=True)
    for kind in ("developers", "requests"):
        bare = step("download", kind)
        yield f"{kind}: 1 % changed", _against(step("pull", kind), bare)


def _told(one: Figures) -> str:
    return ", ".join(f"{name} {tell(one)}" for name, tell in _COLUMNS.items())


def _against(one: Figures, bare: Figures) -> Figures:
    ratio, cpu = one["seconds"] / bare["seconds"], one["cpu"] / bare["cpu"]
    return {**one, "ratio": ratio, "cpu_ratio": cpu}


def _middle(several: list[Figures]) -> Figures:
    """The median of each figure; of words, the last."""
    last = several[-1]
    return {
        name: median(one[name] for one in several)
        if isinstance(value, int | float)
        else value
        for name, value in last.items()
    }


# --- The outbox --------------------------------------------------------------------
def _outbox(database: str, count: int) -> Figures:
    """So many requests delivered, and the bare calls for a tenth of them."""
    with place(database) as at, Sandbox() as box:
        policy = crowded(box, count)
        access = {"TYK_DASHBOARD_URL": box.url, "TYK_API_KEY": box.api_key}
        at.step("empty", policy)
        at.step("queue", count, policy)
        box.faults.add("*", mode="latency", seconds=LATENCY)
        few = max(20, count // 10 // WORKERS)
        bare = _together(at, "deliveries", few, policy, **access)
        made = _together(at, "drain", **access)
        lost = count - sum(one["done"] for one in made)
    each = max(one["seconds"] for one in bare) / (few * WORKERS)
    seconds = max(one["seconds"] for one in made)
    return {
        "queued": count,
        "not done": lost,
        "seconds": seconds,
        "per second": count / seconds,
        "ratio": seconds / count / each,
        "grew_mib": max(one["grew_mib"] for one in made),
    }


def crowded(box: Sandbox, count: int) -> str:
    policy = box.add_policy("gold")
    who = box.add_developer("developer@shop.example", password="plum-orbit-granite-7")
    template = box.world.store.get("developers", who) or {}
    box.add_many(
        "developers",
        (
            (tyk_id(n, kind=1), {**template, "email": f"developer{n}@shop.example"})
            for n in range(count)
        ),
    )
    return policy


def _together(at: Place, name: str, *words: object, **variables: str) -> list[Figures]:
    with ExitStack() as running:
        begun = [
            running.enter_context(at.begun(name, *words, **variables))
            for _ in range(WORKERS)
        ]
        return [result_of(process) for process in begun]


# --- Telling -----------------------------------------------------------------------
_COLUMNS: dict[str, Callable[[Figures], str]] = {
    "seconds": lambda one: f"{one['seconds']:.2f}",
    "CPU s": lambda one: f"{one['cpu']:.2f}",
    "x download": lambda one: f"{one['ratio']:.1f}" if "ratio" in one else "",
    "x its CPU": lambda one: f"{one['cpu_ratio']:.1f}" if "cpu_ratio" in one else "",
    "CPU µs a record": lambda one: f"{one['cpu'] / one['seen'] * 1e6:.0f}",
    "memory MiB": lambda one: f"+{one['grew_mib']:.0f}",
    "rows written": lambda one: f"{one['writes']:.0f}" if "writes" in one else "",
}


def _show(database: str, figures: Figures) -> None:
    rows = [
        [f"{size}", name, *(tell(one) for tell in _COLUMNS.values())]
        for size, pulls in figures["pulls"].items()
        for name, one in pulls.items()
    ]
    say(f"\nThe mirror, {database}")
    say(table(["developers", "what", *_COLUMNS], rows))
    outbox = figures["outbox"]
    say(
        f"\n{outbox['queued']} queued requests at {LATENCY * 1000:.0f} ms: "
        f"{outbox['seconds']:.1f} s, {outbox['per second']:.0f} a second, "
        f"{outbox['ratio']:.2f} x the bare calls, +{outbox['grew_mib']:.0f} MiB, "
        f"{outbox['not done']} not done"
    )
