"""People keep coming while the Dashboard hangs, and after: healthy, hanging, healed.

50 pages and 20 logins a second, whoever waits for whom. Two web processes of four
threads and a worker of two, as `make run` has them, behind the balancer.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from statistics import quantiles
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

from celery import Celery

from portal_site.runner.plan import ROOT
from tests.bench.arrivals import Answer
from tests.bench.ids import tyk_id
from tests.bench.mirror import crowded
from tests.bench.out import access, balancing
from tests.bench.place import Place, place
from tests.bench.table import say, table
from tests.reliability.served import started
from tyk.sandbox import Sandbox

Figures = dict[str, Any]
Answers = dict[str, list[Answer]]
PAGES, LOGINS, WISHES = 50.0, 20.0, 1.0  # a second
HEALTHY, HANGS, AFTER = 30.0, 45.0, 45.0  # seconds
WARM_UP = 5.0  # seconds of the healthy ones that are not counted
DEADLINE = 5.0  # seconds of a login, TYK_LOGIN_DEADLINE
OPENS_WITHIN = 10.0  # seconds after which the breaker is open
CAP = 8
PEOPLE = 200
TOKEN = "a" * 32  # the same in cookie and form is all CSRF asks for
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.bench.site_settings",
    "TRUSTED_PROXY_COUNT": "1",
    "LIMITS_SCALE": "10000",
    "TYK_CALLS_IN_FLIGHT": str(CAP),
    "PORTAL_PROCESSES": "4",
}


def measure(*, databases: tuple[str, ...], pace: float = 1.0) -> Figures:
    """What people and the Dashboard met; `pace` below 1 sends fewer of everybody."""
    figures = {}
    for database in databases:
        with place(database, **SETTINGS) as at, Sandbox() as box:
            figures[database] = _measured(at, box, pace)
        _show(database, figures[database])
    return figures


def _measured(at: Place, box: Sandbox, pace: float) -> Figures:
    crowded(box, PEOPLE)
    _let_all_in(box)
    made = at.step("rush", PEOPLE)
    _sell(box, made["policies"])
    folder = at.folder / "site"
    folder.mkdir()
    with ExitStack() as running:
        variables = {**at.variables, **access(box)}
        site = running.enter_context(started(variables, folder, web=2, workers=1))
        port = running.enter_context(balancing(site))
        running.enter_context(_kept_busy(at.variables["REDIS_URL"]))
        box.journal.clear()
        with _coming(port, _streams(made, pace)) as come:
            began = time.monotonic()
            time.sleep(HEALTHY)
            box.hang()
            hung = time.monotonic()
            time.sleep(HANGS)
            box.heal()
            healed = time.monotonic()
            answers = come()
        wished = sum(status == 302 for _, _, status in answers["wishes"])
        delivered = _delivered(box, wished)
    return {
        **_felt(answers, began + WARM_UP, hung, healed),
        "calls": _calls(box, began + WARM_UP, hung, healed),
        "in_flight": box.journal.max_in_flight,
        "wished": wished,
        "delivered": delivered,
    }


def _let_all_in(box: Sandbox) -> None:
    """Everybody has the password of the first one."""
    first = box.developer_by_email("developer@shop.example")["id"]
    known = box.world.store.get("passwords", first) or {}
    box.add_many("passwords", ((tyk_id(n, kind=1), known) for n in range(PEOPLE)))


def _sell(box: Sandbox, policies: list[str]) -> None:
    """The plans of the shelf, in Tyk too."""
    template = box.world.store.get("policies", box.add_policy("silver")) or {}
    box.add_many("policies", ((one, {**template, "_id": one}) for one in policies))


@contextmanager
def _kept_busy(broker: str) -> Iterator[None]:
    """Pulls and sweeps, more often than a beat would have them."""
    over = Event()

    def ring() -> None:
        with Celery(broker=broker, set_as_current=False) as celery:
            while not over.wait(5):
                for kind in ("policies", "recent"):
                    celery.send_task("tyk.tasks.pull", [kind], expires=5)
                celery.send_task("tyk.tasks.drain_outbox", expires=5)

    thread = Thread(target=ring)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# --- People ------------------------------------------------------------------------
def _streams(made: Figures, pace: float) -> Figures:
    logins = [
        _form(
            "/login/",
            "",
            email=f"developer{n}@shop.example",
            password="plum-orbit-granite-7",
        )
        for n in range(PEOPLE)
    ]
    wishes = [
        _form(path, cookie, nonce=nonce, step="send", **{"ask-use-case": "A checkout"})
        for path, cookie, nonce in made["wishes"]
    ]
    pages = [
        {"method": "GET", "path": path, "cookie": cookie, "body": ""}
        for name, (path, cookie) in made["pages"].items()
        if name != "one line"
    ]
    probe = {"method": "GET", "path": "/health/ready", "cookie": "", "body": ""}
    return {
        "pages": {"rate": PAGES * pace, "requests": pages},
        "logins": {"rate": LOGINS * pace, "requests": logins},
        "wishes": {"rate": WISHES * pace, "requests": wishes},
        "probes": {"rate": 1.0, "requests": [probe]},
    }


def _form(path: str, cookie: str, **typed: str) -> dict[str, str]:
    cookies = "; ".join(filter(None, [cookie, f"csrftoken={TOKEN}"]))
    body = urlencode({**typed, "csrfmiddlewaretoken": TOKEN})
    return {"method": "POST", "path": path, "cookie": cookies, "body": body}


@contextmanager
def _coming(port: int, streams: Figures) -> Iterator[Callable[[], Answers]]:
    """People come from now on; what is given waits for the last of their answers."""
    wanted = {"port": port, "streams": streams, "seconds": HEALTHY + HANGS + AFTER}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.arrivals"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write(json.dumps(wanted))
        process.stdin.close()
        try:
            yield partial(_told, process)
        finally:
            process.kill()


def _told(process: subprocess.Popen[str]) -> Answers:
    assert process.stdout
    answers: Answers = json.load(process.stdout)
    return answers


# --- Figures -----------------------------------------------------------------------
def _felt(answers: Answers, began: float, hung: float, healed: float) -> Figures:
    """What people met, by what the Dashboard did when they came."""
    # Who came in its last second may have met the hanging one.
    spans = {"healthy": (began, hung - 1), "hanging": (hung, healed)}
    spans["healed"] = (healed, float("inf"))
    found = {
        name: {
            span: _of(one for one in stream if since <= one[0] < until)
            for span, (since, until) in spans.items()
        }
        for name, stream in answers.items()
    }
    return {"people": found, "login": _login(answers["logins"], hung, healed)}


def _of(answers: Iterable[Answer]) -> Figures:
    """How many, how long they waited in ms, and what they got."""
    listed = list(answers)
    cut = quantiles([seconds for _, seconds, _ in listed], n=100)
    statuses = Counter(status for _, _, status in listed)
    return {
        "count": len(listed),
        "p50": cut[49] * 1000,
        "p99": cut[98] * 1000,
        "statuses": dict(sorted(statuses.items())),
    }


def _login(answers: list[Answer], hung: float, healed: float) -> Figures:
    """How long a hanging Dashboard holds people up, and when they enter again."""
    during = [one for one in answers if hung <= one[0] < healed - DEADLINE]
    held = [came - hung for came, seconds, _ in during if seconds > DEADLINE - 1]
    told = [seconds for _, seconds, _ in during if seconds <= DEADLINE - 1]
    entered = [
        came + seconds - healed
        for came, seconds, status in answers
        if status == 302 and came + seconds > healed
    ]
    refused = [
        came - healed for came, _, status in answers if came > healed and status != 302
    ]
    return {
        "held_first": sum(came <= OPENS_WITHIN for came in held),
        "held_later": sum(came > OPENS_WITHIN for came in held),
        "told": len(told),
        "told_p50": quantiles(told, n=100)[49] * 1000,
        "told_p99": quantiles(told, n=100)[98] * 1000,
        "back_after": min(entered, default=inf),
        "last_refused": max(refused, default=0.0),
    }


def _calls(box: Sandbox, began: float, hung: float, healed: float) -> Figures:
    """Calls a second that the Dashboard met: before it hung, and after."""
    moments = [call.started for call in box.journal.calls()]
    steady = sum(began <= one < hung for one in moments) / (hung - began)
    before = Counter(int(one - began) for one in moments if began <= one < hung)
    after = Counter(int(one - healed) for one in moments if one >= healed)
    return {
        "steady": steady,
        "hanging": sum(hung <= one < healed for one in moments),
        "most_before": max(before.values()),
        "most_after": max(after.values()),
        "after": [after[second] for second in range(int(AFTER))],
    }


def _delivered(box: Sandbox, wished: int) -> int:
    """How many requests stand in Tyk, once all do or after the longest wait."""
    deadline = time.monotonic() + 120
    while len(box.requests()) < wished and time.monotonic() < deadline:
        time.sleep(1)
    return len(box.requests())


def _show(database: str, figures: Figures) -> None:
    spans = ("healthy", "hanging", "healed")
    rows = [
        [
            name,
            *(f"{found[span]['p50']:.0f} / {found[span]['p99']:.0f}" for span in spans),
            f"{found['hanging']['p99'] / found['healthy']['p99']:.2f}",
            *(f"{found[span]['statuses']}" for span in spans),
        ]
        for name, found in figures["people"].items()
    ]
    head = ["who", *(f"{span}: p50 / p99 ms" for span in spans), "hanging / healthy"]
    say(f"\nLoad with a hanging Dashboard, {database}")
    say(table([*head, *(f"{span}: got" for span in spans)], rows))
    login, calls = figures["login"], figures["calls"]
    say(
        f"\nlogins while it hung: {login['held_first']} waited for an answer in the first "
        f"{OPENS_WITHIN:.0f} s and {login['held_later']} after (probes); the other "
        f"{login['told']} were told in {login['told_p50']:.0f} / "
        f"{login['told_p99']:.0f} ms\n"
        f"first entered {login['back_after']:.1f} s after it healed, last refused "
        f"{login['last_refused']:.1f} s after\n"
        f"calls a second: {calls['steady']:.0f} before, at most {calls['most_before']} in "
        f"one; at most {calls['most_after']} in one after; {calls['hanging']} in all while "
        f"it hung; at most "
        f"{figures['in_flight']} of {CAP} in flight\n"
        f"{figures['delivered']} of {figures['wished']} accepted requests stand in Tyk"
    )
