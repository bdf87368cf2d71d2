"""What the Dashboard and people feel while it hangs, and after, in real seconds.

Takes a minute: `make soak`. What it proves step by step without waiting:
tests/tyk/test_breaker.py, test_cap.py.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

import pytest

from tests.cast import in_tyk
from tests.factories import PASSWORD, DeveloperFactory, OrganisationFactory
from tests.reliability.served import Answer, Broker, Site, serving
from tyk.sandbox import Sandbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ.get("SOAK") != "1", reason="a minute: make soak"),
]

CAP = 8
HANGS = 25.0  # seconds
RECOVERS_WITHIN = 20.0


@pytest.fixture
def site(box, tmp_path) -> Iterator[Site]:
    OrganisationFactory()
    broker = Broker(tmp_path / "valkey")
    broker.start()
    with serving(
        box, tmp_path, broker=broker, worker=True, LIMITS_SCALE="1000"
    ) as made:
        yield made
    broker.kill()


class People:
    """Somebody logs in, and somebody reads, again and again, until told to stop."""

    def __init__(self, site: Site, who: tuple[str, str]) -> None:
        self.over = threading.Event()
        self.logins: list[tuple[float, Answer]] = []
        self.pages: list[Answer] = []
        self._site, self._who = site, who

    def log_in(self, every: float) -> None:
        while not self.over.wait(every):
            began = time.monotonic()
            # Two at once: one for each process.
            answers = self._site.log_in([self._who] * 2)
            self.logins += [(began, one) for one in answers]

    def read(self, every: float) -> None:
        process = 0
        while not self.over.wait(every):
            process = 1 - process
            self.pages.append(self._site.get("/catalogue/", process=process))


def test_a_hanging_dashboard_costs_little_and_ends_quickly(box: Sandbox, site: Site):
    dora = in_tyk(box, DeveloperFactory())
    people = People(site, (dora.email, PASSWORD))
    with ThreadPoolExecutor(11) as threads:
        for _ in range(10):
            threads.submit(people.log_in, 1.0)
        threads.submit(people.read, 0.05)
        time.sleep(4)
        healthy = list(people.pages)
        logins_before = len(people.logins)
        box.hang()
        hung = time.monotonic()
        time.sleep(HANGS)
        during = people.pages[len(healthy) :]
        box.journal.clear()
        box.heal()
        healed = time.monotonic()
        time.sleep(RECOVERS_WITHIN)
        people.over.set()

    back = min(
        began + one.seconds - healed
        for began, one in people.logins
        if one.status == 302 and began > hung
    )
    shed = [
        one.seconds
        for began, one in people.logins
        if hung + 11 < began < healed and one.seconds < 4
    ]
    calls = box.journal.calls()
    bursts = [
        sum(second <= call.started - calls[0].started < second + 1 for call in calls)
        for second in range(5)
    ]
    tell(
        pages_p99_healthy=quantiles([one.seconds for one in healthy], n=100)[98],
        pages_p99_hanging=quantiles([one.seconds for one in during], n=100)[98],
        shed_median=median(shed),
        back_after=back,
        calls_per_second_after=bursts,
        in_flight=box.journal.max_in_flight,
    )
    assert {one.status for one in during} == {200}
    assert {one.status for _, one in people.logins} == {302, 503}
    assert median(shed) < 0.25  # nobody waits, not even for a slot
    assert back <= RECOVERS_WITHIN
    assert box.journal.max_in_flight <= CAP
    # A login is two calls: no burst, but what people ask for at that moment.
    assert max(bursts) <= 2 * (logins_before * 2 / 4)


def tell(**figures: object) -> None:
    for name, value in figures.items():
        shown = f"{value:.3f}" if isinstance(value, float) else value
        sys.stderr.write(f"  {name}: {shown}\n")
