"""Web, worker and beat processes of the portal, forked from one that has it loaded.

A process of Python takes two seconds of a core until Django is in it. Killed every
second, the portal would do nothing but start; forked from here it is back in a
moment. What runs in a child is what runs in use: granian's own server and Celery's
own worker, each leader of a group of its own.

One JSON order a line on stdin: {"kind", "log", …}; its answer {"pid"}, and
{"ended", "status"} when it is over, are lines on stdout.
"""

import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal_site.runner.plan import ROOT

_PR_SET_PDEATHSIG = 1  # Linux, <linux/prctl.h>
Order = dict[str, Any]


def main() -> None:
    """Load the portal, say so, and have a child for each order until stdin ends."""
    _load()
    signal.signal(signal.SIGCHLD, _reap)
    _tell(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["kind"] == "warm":
            _warm()
            _tell(pid=0)
        else:
            _tell(pid=_born(order))


def _load() -> None:
    """Everything a child would import, and no connection to anything."""
    import django

    django.setup()
    from django.template.loader import get_template
    from django.urls import reverse

    from portal_site.celery import app

    app.loader.import_default_modules()
    for name in (
        "portal_site.wsgi",
        "granian",
        "celery.bin.celery",
        "celery.apps.worker",
        "celery.apps.beat",
        "celery.concurrency.prefork",
        "celery.worker.consumer",
        "celery.app.builtins",
        app.backend.__class__.__module__,
    ):
        importlib.import_module(name)
    reverse("home")
    for folder in (
        ROOT / "templates",
        Path(django.__file__).parent / "contrib/admin/templates",
    ):
        for path in folder.rglob("*.html"):
            get_template(str(path.relative_to(folder)))


def _warm() -> None:
    """Serve some pages here, so that no child is busy with its first ones.

    No connection stays open: two children must not write into one.
    """
    from django.db import connections
    from django.test import Client

    for path in ("/login/", "/catalogue/", "/admin/login/"):
        assert Client().get(path).status_code == 200, path
    importlib.import_module("kombu.transport.redis")
    connections.close_all()
    # Celery collects garbage whenever it forks: what stands here is none.
    gc.collect()
    gc.freeze()


def _born(order: Order) -> int:
    mother = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _begin(order, mother)
        KINDS[order["kind"]](order)
        status = 0
    except SystemExit as over:
        status = over.code if isinstance(over.code, int) else 1
    except BaseException:  # noqa: BLE001 -- a child must never return to the loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _begin(order: Order, mother: int) -> None:
    """A group of its own, its own log, and the end when the nursery ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != mother:
        os._exit(1)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(here, there)


def _web(order: Order) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    multiprocessing.set_start_method("fork")
    Granian(
        "portal_site.wsgi:application",
        address="127.0.0.1",
        port=order["port"],
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        websockets=False,
        workers_kill_timeout=3,
    ).serve()


def _worker(order: Order) -> None:
    from portal_site.celery import app

    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    name = ["--hostname", f"{order['name']}@soak"]
    app.worker_main(
        ["--quiet", "worker", "--concurrency", "1", "--loglevel", "info", *name, *alone]
    )


def _beat(order: Order) -> None:
    from portal_site.celery import app

    app.start(["--quiet", "beat", "--loglevel", "info", "--pidfile="])


def _call(order: Order) -> None:
    """A function of tests.soak.chores, with the order's words."""
    chores = importlib.import_module("tests.soak.chores")
    getattr(chores, order["chore"])(*order.get("words", []))


KINDS: dict[str, Callable[[Order], None]] = {
    "web": _web,
    "worker": _worker,
    "beat": _beat,
    "chore": _call,
}


def _reap(*_: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def _tell(**said: object) -> None:
    # One write: a signal may come between two.
    os.write(1, (json.dumps(said) + "\n").encode())


if __name__ == "__main__":
    main()
