"""One measurement in a process of its own: `python -m tests.bench.steps NAME …`.

Writes one line of JSON. Seconds are of the work alone, without Python's and
Django's start.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

Figures = dict[str, Any]
PAGES = 20  # gets of each page, for its CPU


def download(kind: str) -> Figures:
    """Fetch a list whole and decode it: what the ratios are taken against."""
    import requests

    url = os.environ["TYK_DASHBOARD_URL"]
    with measured() as figures:
        answer = requests.get(f"{url}/api/portal/{kind}?p=-1", timeout=600)
        figures["seen"] = len(json.loads(answer.content)["Data"])
    return figures


def pull(kind: str) -> Figures:
    """One pull into the mirror."""
    from tyk import pull as pulls

    writes = _writes()
    with measured() as figures:
        pulled = pulls.run(kind)
    figures |= {"seen": pulled.seen, "changed": pulled.changed, "bad": pulled.bad}
    return figures | {"held_back": pulled.held_back, "writes": _writes() - writes}


def _writes() -> int:
    """Rows of the mirror written so far, where the database counts them."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return int(connection.connection.total_changes)
    return 0


def migrate() -> Figures:
    """Make the tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return {}


def empty(policy: str) -> Figures:
    """An organisation with one plan, and nobody in it."""
    from django.core.management import call_command

    from tests.factories import OrganisationFactory, PlanFactory

    call_command("flush", interactive=False, verbosity=0)
    OrganisationFactory(org_id="")
    PlanFactory(oid=policy)
    return {}


def queue(count: str, policy: str) -> Figures:
    """So many requests that Tyk does not know yet, each with its outbox row."""
    from tests.bench.rows import queue_requests

    return {"queued": queue_requests(int(count), policy=policy)}


def drain() -> Figures:
    """Work until nothing is due, as a worker does."""
    from tyk import outbox

    done = 0
    with measured() as figures:
        while counted := outbox.drain(limit=500):
            done += counted["done"]
    return figures | {"done": done}


def crowd(people: str, requests: str, entries: str) -> Figures:
    """The rows behind the pages; where each page is, and with whose cookie."""
    from tests.bench import rows

    shelf = rows.shelf(int(entries))
    rows.crowd(int(people), int(requests), shelf)
    pages = rows.pages(shelf)
    return {"pages": pages, "costs": {name: _cost(*at) for name, at in pages.items()}}


def rush(people: str) -> Figures:
    """A small shelf and its people; pages to read, and requests yet to be sent."""
    from tests.bench import rows

    shelf = rows.shelf()
    rows.crowd(int(people), int(people), shelf)
    return {
        "pages": {**rows.pages(shelf), **rows.own_pages(shelf)},
        "wishes": rows.wishes(shelf),
        "policies": [entry.policy_id for entry in shelf],
    }


def _cost(path: str, cookie: str) -> Figures:
    """One page without server and socket: queries, and CPU of Python in ms.

    Says on a busy machine, too, what a page costs us; the database's share is in
    it with SQLite only.
    """
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    browser = Client(headers={"cookie": cookie})
    browser.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(path).status_code == 200, path
    asked = len(queries)  # the next get forgets them
    worked = time.process_time()
    for _ in range(PAGES):
        browser.get(path)
    spent = (time.process_time() - worked) / PAGES
    return {"queries": asked, "cpu_ms": spent * 1000}


def deliveries(count: str, policy: str) -> Figures:
    """The bare calls of so many deliveries: create, and read back."""
    from datetime import UTC, datetime

    from tests.bench.ids import tyk_id
    from tyk.connect import dashboard

    now = datetime.now(UTC)
    with measured() as figures:
        for _ in range(int(count)):
            made = dashboard().create_request(
                by_user=tyk_id(0, kind=1),
                policies=[policy],
                fields={"Use case": "A checkout"},
                date_created=now,
            )
            dashboard().request(made or "")
    return figures | {"done": int(count)}


@contextmanager
def measured() -> Iterator[Figures]:
    """Seconds by the clock and of this process, MiB that memory grew at its highest.

    On a busy machine the second is the honest one, as far as the work is our own
    and not a database server's.
    """
    figures: Figures = {}
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, began, worked = _kib("VmRSS"), time.perf_counter(), time.process_time()
    yield figures
    figures["seconds"] = time.perf_counter() - began
    figures["cpu"] = time.process_time() - worked
    figures["grew_mib"] = (_kib("VmHWM") - before) / 1024


def _kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


STEPS: dict[str, Callable[..., Figures]] = {
    step.__name__: step
    for step in (download, pull, migrate, empty, queue, drain, deliveries, crowd, rush)
}


def main() -> int:
    django.setup()
    name, *words = sys.argv[1:]
    figures = STEPS[name](*words)
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
