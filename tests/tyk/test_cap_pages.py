"""What a full cap takes from a person: nothing but a moment."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.test import Client

from developers.models import MailedLink
from keyrequests.models import Key, KeyRequest, Mint
from tests.cast import in_tyk
from tests.developers.steps import (
    OTHER_PASSWORD,
    RESET,
    choose_password,
    is_signed_in,
    log_in,
    open_confirm_page,
    open_reset_page,
    words,
)
from tests.factories import DeveloperFactory
from tests.keyrequests.scene import Scene, build
from tyk import connect

pytestmark = pytest.mark.django_db

BUSY = "Too many people are here right now"


@contextmanager
def full() -> Iterator[None]:
    """Every slot of this process is taken."""
    slots = connect.slots()
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(slots.hold(login=True))
        yield


def told_busy(page) -> bool:
    """503 with when to come back, a sentence and a reference."""
    reference = page.headers["X-Request-ID"]
    return (
        page.status_code == 503
        and page.headers["Retry-After"] == "5"
        and BUSY in words(page)
        and f"Reference {reference}" in words(page)
    )


def test_a_reset_link_is_not_used_up(box, organisation):
    dora = in_tyk(box, DeveloperFactory())
    browser = Client()
    open_reset_page(browser, dora.email)

    with full():
        assert told_busy(choose_password(browser, RESET, OTHER_PASSWORD))
    assert MailedLink.objects.get().used_at is None
    choose_password(browser, RESET, OTHER_PASSWORD)

    assert log_in(Client(), dora.email, OTHER_PASSWORD).status_code == 302


def test_a_sign_up_is_not_used_up(box, organisation):
    browser = Client()
    open_confirm_page(browser)

    with full():
        assert told_busy(choose_password(browser))
    assert box.developers() == []
    choose_password(browser)

    assert is_signed_in(browser)
    assert len(box.developers()) == 1


# --- Keys ----------------------------------------------------------------------------
@pytest.fixture
def scene(box, settings) -> Scene:
    settings.TYK_CLAIM_DEADLINE = 5.0
    return build(box)


def claim(browser: Client, request: KeyRequest):
    return browser.post(f"/requests/{request.code}/claim/")


def test_a_claim_is_not_begun(scene, signed_in):
    request, browser = scene.approved(), signed_in(scene.developer)

    with full():
        assert told_busy(claim(browser, request))
    assert not Mint.objects.exists()

    assert claim(browser, request).status_code == 200
    assert Key.objects.get().state == Key.State.LIVE


@pytest.mark.django_db(transaction=True)
def test_a_claim_shed_before_its_one_call_makes_nothing(scene, signed_in, box):
    """The slot is lost between the look and the approval."""
    request, browser = scene.approved(), signed_in(scene.developer)
    box.journal.clear()
    box.faults.add("getDeveloper", mode="latency", seconds=0.2, times=1)

    with taken_after("getDeveloper", box):
        assert told_busy(claim(browser, request))

    assert box.journal.operations() == ["getDeveloper"]
    assert Mint.objects.get().state == Mint.State.REFUSED
    assert box.keys() == []
    assert claim(browser, request).status_code == 200
    assert len(box.keys()) == 1


@contextmanager
def taken_after(operation: str, box) -> Iterator[None]:
    """Somebody stands in line during the call and takes its slot afterwards."""
    over = threading.Event()

    def other() -> None:
        while not box.journal.calls(operation):
            time.sleep(0.005)
        with connect.slots().hold(login=False):
            over.wait(5)

    somebody = threading.Thread(target=other)
    somebody.start()
    try:
        yield
    finally:
        over.set()
        somebody.join()


def test_claims_have_a_limit_and_failures_do_not_count(scene, signed_in, settings):
    settings.LIMITS_SCALE = 0.2  # two an hour
    request, browser = scene.approved(), signed_in(scene.developer)
    for _ in range(3):
        with full():
            assert told_busy(claim(browser, request))

    assert claim(browser, request).status_code == 200
    key = Key.objects.get()
    assert replace(browser, key).status_code == 200
    refused = replace(browser, Key.objects.latest("pk"))

    assert refused.status_code == 429
    assert 3590 <= int(refused.headers["Retry-After"]) <= 3600
    assert Key.objects.count() == 2


def replace(browser: Client, key: Key):
    return browser.post(f"/keys/{key.code}/replace/", {"overlap": "0"})
