"""Limits that are true: two web processes, 200 logins at once, counted at Tyk."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from developers.models import Developer, User
from portal_site import presence
from tests.cast import in_tyk
from tests.factories import PASSWORD, DeveloperFactory, OrganisationFactory
from tests.reliability.served import Answer, Broker, Site, serving
from tests.waiting import wait_until
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

WRONG, NEW = "not-the-password-1", "an uncommon walrus 7"
AT_ONCE = 200
OF_AN_ADDRESS, OF_A_NETWORK = 5, 30  # developers/throttle.py


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("broker") / "valkey")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def site(
    _sandbox: Sandbox, django_db_setup, tmp_path_factory, broker
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("site")
    with serving(_sandbox, folder, broker=broker, TRUSTED_PROXY_COUNT="1") as made:
        yield made


@pytest.fixture
def dora(box) -> Developer:
    OrganisationFactory()
    return in_tyk(box, DeveloperFactory(email="dora@shop.example"))


def verified(box: Sandbox) -> int:
    """How often Tyk was asked whether a password is right."""
    return box.journal.operations().count("verifyCredentials")


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def begin(redis: str, broker: Broker) -> None:
    """`redis`: "there", "gone", or "dies" as soon as the first tries are counted."""
    broker.start()
    if redis == "gone":
        broker.kill()
    elif redis == "dies":
        Timer(0.15, broker.kill).start()


def test_web_processes_are_counted(site, broker, settings):
    """Each says it beside its requests; who was not heard says it again."""
    settings.REDIS_URL = broker.url

    wait_until(lambda: presence.count() == len(site.ports) == 2, 3 * presence.EVERY)


@pytest.mark.parametrize("redis", ["there", "dies", "gone"])
def test_one_address(redis, box, dora, site, broker):
    begin(redis, broker)

    answers = site.log_in([(dora.email, WRONG)] * AT_ONCE)

    told = statuses(answers)
    assert verified(box) == OF_AN_ADDRESS
    # On a busy machine one may find no free slot in time: told so, and not counted.
    shed = told.pop(503, 0)
    assert shed <= OF_AN_ADDRESS
    assert told == {200: OF_AN_ADDRESS, 429: AT_ONCE - OF_AN_ADDRESS - shed}
    assert all(
        0 < int(answer.headers["retry-after"]) <= 300
        for answer in answers
        if answer.status == 429
    )


def test_redis_back_and_empty_opens_nothing(box, dora, site, broker):
    begin("there", broker)
    site.log_in([(dora.email, WRONG)] * 4)
    broker.kill()
    site.log_in([(dora.email, WRONG)] * 4)
    broker.start()

    site.log_in([(dora.email, WRONG)] * 4)

    assert verified(box) == OF_AN_ADDRESS


@pytest.mark.parametrize("redis", ["there", "gone"])
def test_a_stolen_session_on_the_account_pages(
    redis, box, dora, site, broker, signed_in
):
    """Beside strangers, who used up the tries of the address at the login."""
    begin(redis, broker)
    key = signed_in(dora).cookies["sessionid"].value
    site.log_in([(dora.email, WRONG)] * 10)
    box.journal.clear()
    guess = {"current": WRONG, "password": NEW, "again": NEW}

    answers = site.post("/password/change/", [guess] * 40, session=f"sessionid={key}")

    assert verified(box) == OF_AN_ADDRESS
    assert statuses(answers) == {200: OF_AN_ADDRESS, 429: 40 - OF_AN_ADDRESS}
    assert box.password_is(dora.email, PASSWORD)


@pytest.mark.parametrize("redis", ["there", "gone"])
def test_one_network_under_forged_headers(redis, box, dora, site, broker):
    """One trusted proxy: what is left of its own word was written by the client."""
    begin(redis, broker)
    people = [(f"n{number}@shop.example", WRONG) for number in range(40)]
    answers = []
    for tried in range(0, 40, 10):
        forged = f"10.9.8.{tried}, 203.0.113.9"
        answers += site.log_in(people[tried : tried + 10], X_Forwarded_For=forged)

    assert verified(box) == OF_A_NETWORK
    assert statuses(answers) == {200: OF_A_NETWORK, 429: 10}


def test_the_owner_still_gets_in_elsewhere(box, dora, site, broker):
    """Strangers used up the network's tries, not those of the address."""
    begin("there", broker)
    people = [(f"n{number}@shop.example", WRONG) for number in range(30)]
    site.log_in(people, X_Forwarded_For="203.0.113.9")

    [answer] = site.log_in([(dora.email, PASSWORD)], X_Forwarded_For="203.0.113.10")

    assert answer.status == 302
    assert User.objects.get().developer == dora
