"""Six processes that share PostgreSQL and Redis are one portal to everybody."""

import email
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Barrier
from time import sleep
from uuid import uuid4

import pytest
from requests import Response

from catalogue.models import Entry
from developers.models import Developer
from developers.services import MARKER_FIELD
from keyrequests import services
from keyrequests.models import Key, KeyRequest
from portal_site.models import BrandVersion
from tests.catalogue import hostile
from tests.factories import StaffFactory
from tests.keyrequests.scene import Scene, build
from tests.portal_site.brands import PAGES, editor, picture, typed
from tests.reliability.served import Broker
from tests.scale_out.place import WEB, WORKERS, Browser, Portal, start
from tests.waiting import wait_until
from tyk import outbox
from tyk.models import PullState
from tyk.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

MIRA, RIGHT, WRONG = "mira@tinfold.example", "correct horse", "not-the-password-1"
OF_AN_ADDRESS, OF_A_NETWORK = 5, 30  # developers/throttle.py
CALLS_AT_ONCE = 6  # eight, dealt to six processes evenly


@pytest.fixture(scope="module")
def portal(
    _sandbox: Sandbox, django_db_setup, tmp_path_factory, on_postgres
) -> Iterator[Portal]:
    if not on_postgres:
        pytest.skip("machines share no SQLite file")
    folder = tmp_path_factory.mktemp("scale-out")
    broker = Broker(folder / "valkey")
    broker.start()
    with ExitStack() as running:
        running.callback(broker.kill)
        yield start(running, _sandbox, folder, broker)


@pytest.fixture
def scene(box: Sandbox) -> Scene:
    return build(box)


def signed_in_browser(portal: Portal) -> Browser:
    browser = portal.browser()
    answer = browser.post("/login/", email=MIRA, password=RIGHT)
    assert answer.status_code == 302
    return browser


def at_once(*deeds: Callable[[], Response]) -> list[Response]:
    """All of them from one moment on; what each gave."""
    ready = Barrier(len(deeds))

    def once(deed: Callable[[], Response]) -> Response:
        ready.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(once, deeds))


# --- Sessions ------------------------------------------------------------------------
def test_a_session_begun_on_one_holds_on_all_and_ends_on_all(portal, scene):
    browser = signed_in_browser(portal)
    held = [answer.status_code for answer in browser.of_each("/keys/")]
    cookie = browser.session.cookies["sessionid"]

    browser.post("/logout/")

    ended = portal.browser()
    ended.session.cookies.set("sessionid", cookie)
    assert held == [200] * WEB
    assert [answer.headers.get("Location") for answer in ended.of_each("/keys/")] == [
        "/login/?next=/keys/"
    ] * WEB


def test_a_new_password_ends_the_other_browsers_on_all(portal, scene):
    here, elsewhere = signed_in_browser(portal), signed_in_browser(portal)
    new = "plum-orbit-granite-8"

    changed = here.post("/password/change/", current=RIGHT, password=new, again=new)

    assert changed.headers["Location"] == "/account/security/"
    assert [a.status_code for a in here.of_each("/keys/")] == [200] * WEB
    assert [a.status_code for a in elsewhere.of_each("/keys/")] == [302] * WEB


# --- Limits --------------------------------------------------------------------------
def test_login_limit_of_an_address_is_exact_over_all(box, portal, scene):
    box.journal.clear()

    answers = portal.door.log_in([(MIRA, WRONG)] * 60)

    assert box.journal.operations().count("verifyCredentials") == OF_AN_ADDRESS
    assert Counter(answer.status for answer in answers) == {
        200: OF_AN_ADDRESS,
        429: 60 - OF_AN_ADDRESS,
    }
    assert {answer.headers["x-served-by"] for answer in answers} == {
        str(port) for port in portal.site.ports
    }


def test_login_limit_of_a_network_counts_what_the_balancer_saw(box, portal, scene):
    """A client may write into X-Forwarded-For what it likes."""
    box.journal.clear()
    answers = []
    for tried in range(0, 40, 10):
        people = [(f"n{n}@shop.example", WRONG) for n in range(tried, tried + 10)]
        answers += portal.door.log_in(people, X_Forwarded_For=f"10.9.8.{tried}")

    assert box.journal.operations().count("verifyCredentials") == OF_A_NETWORK
    assert Counter(answer.status for answer in answers) == {
        200: OF_A_NETWORK,
        429: 40 - OF_A_NETWORK,
    }


# --- Work ----------------------------------------------------------------------------
def many_developers(box: Sandbox, policy: str, count: int) -> list[str]:
    """In Tyk alone, each with a key."""
    made = [
        box.add_developer(
            f"d{n}@shop.example", password=RIGHT, fields={"Name": f"D{n}"}
        )
        for n in range(count)
    ]
    for tyk_id in made:
        box.issue_key(tyk_id, policy)
    return made


def test_no_outbox_row_is_served_twice(box, portal, scene):
    mailed_before = len(mails(portal))
    many_developers(box, scene.policy, 40)
    portal.work("tyk.tasks.pull", "developers")
    asked = [
        services.submit(
            developer, entry=scene.entry, answers={"What you build": "x"}, nonce=uuid4()
        )
        for developer in Developer.objects.exclude(email=MIRA)
    ]
    box.journal.clear()
    box.faults.add("*", mode="latency", seconds=0.05)

    portal.work("tyk.tasks.drain_outbox", times=4 * WORKERS)
    wait_until(lambda: not outbox.due().exists())

    sent = box.journal.operations().count("createKeyRequest")
    codes = Counter(record["fields"][MARKER_FIELD] for record in box.requests())
    assert sent == len(asked) == 40
    assert set(codes.values()) == {1}
    assert len(codes) == 40
    assert KeyRequest.objects.exclude(tyk_id=None).count() == 40
    told = Counter(
        (mail["To"], mail["Subject"]) for mail in mails(portal)[mailed_before:]
    )
    assert set(told.values()) == {1}
    assert box.journal.max_in_flight <= CALLS_AT_ONCE
    # Else one worker did it all, and this shows nothing.
    by_worker = [log.count('"createKeyRequest"') for log in portal.worker_logs()]
    assert sum(by_worker) == 40
    assert min(by_worker) > 0, by_worker


def mails(portal: Portal) -> list[email.message.Message]:
    """What was mailed so far, by any process."""
    boxes = portal.site.folder.parent / "mailboxes"
    whole = "".join(path.read_text() for path in sorted(boxes.iterdir()))
    ends = re.compile(rf"^{'-' * 79}\n", re.MULTILINE)
    return [email.message_from_string(one) for one in ends.split(whole) if one.strip()]


def test_three_workers_may_pull_the_same_at_once(box, portal, scene):
    """A pull that takes longer than its period meets the next one."""
    many_developers(box, scene.policy, 100)
    box.add_entry("Ledger", scene.policy)
    box.journal.clear()
    box.faults.add("*", mode="latency", seconds=0.5)
    errors = portal.logged('"level": "error"')

    for kind in ("developers", "catalogue"):
        portal.work("tyk.tasks.pull", kind, times=WORKERS)

    assert box.journal.max_in_flight == WORKERS
    assert Key.objects.count() == 100
    assert Entry.objects.filter(name="Ledger").count() == 1
    assert set(PullState.objects.values_list("last_error", flat=True)) == {""}
    assert portal.logged('"level": "error"') == errors


# --- Claiming ------------------------------------------------------------------------
def test_a_key_is_claimed_once_in_tabs_on_three_processes(box, portal, scene):
    request = scene.approved()
    browser = signed_in_browser(portal)
    url = f"/requests/{request.code}/claim/"
    assert [answer.status_code for answer in browser.of_each(url)] == [200] * WEB
    box.journal.clear()
    box.faults.add("*", mode="latency", seconds=0.1)

    answers = at_once(*[partial(browser.post, url)] * WEB)

    shown = [
        key for a in answers for key in re.findall(r'class="key"[^>]*>([^<]+)', a.text)
    ]
    assert len(shown) == 1
    assert box.gateway_accepts(shown[0])
    assert box.journal.operations().count("approveKeyRequest") == 1
    assert len(box.keys()) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302]
    assert len({answer.headers["X-Served-By"] for answer in answers}) == WEB


# --- What is kept --------------------------------------------------------------------
def test_a_published_brand_is_on_all_within_a_second(portal, scene, signed_in):
    visitor, desk = portal.browser(), portal.browser(signed_in(editor()))
    assert all("Northwind APIs" in answer.text for answer in visitor.of_each("/"))

    saved = desk.post(f"{PAGES}edit/", files={"logo": picture()}, **typed())
    assert saved.status_code == 302, saved.text
    publish(desk, BrandVersion.objects.get().pk)

    pages = visitor.of_each("/")
    assert all("Ship it with Halcyon." in answer.text for answer in pages)
    address = re.compile(r'src="(/brand/logo\?v=\w+)"')
    [logo] = {found for page in pages for found in address.findall(page.text)}
    pictures = visitor.of_each(logo)
    assert [answer.status_code for answer in pictures] == [200] * WEB
    assert len({answer.content for answer in pictures}) == 1
    assert pictures[0].content.startswith(b"\x89PNG")
    assert written(portal) == []

    publish(desk, 0)
    assert all("Northwind APIs" in answer.text for answer in visitor.of_each("/"))


def publish(desk: Browser, pk: int) -> None:
    """Press the button on the page of this version, and wait as long as promised."""
    page = desk.get(f"{PAGES}{pk}/").text
    hidden = dict(re.findall(r'name="(over|digest)" value="([^"]*)"', page))
    assert desk.post(f"{PAGES}{pk}/publish/", **hidden).status_code == 302
    sleep(1)  # BRAND_FRESH_SECONDS


def written(portal: Portal) -> list[str]:
    """Files that a process keeps for itself: another machine would not have them."""
    return [str(path) for home in portal.homes() for path in home.rglob("*")]


def test_a_kept_page_changes_on_all_as_soon_as_a_worker_read_the_change(
    box, portal, scene
):
    visitor = portal.browser()
    before = visitor.of_each("/catalogue/")
    [tag] = {answer.headers["ETag"] for answer in before}
    kept = visitor.of_each("/catalogue/", **{"If-None-Match": tag})
    assert [answer.status_code for answer in kept] == [304] * WEB

    box.add_entry("Ledger", scene.policy)
    portal.work("tyk.tasks.pull", "catalogue")

    after = visitor.of_each("/catalogue/", **{"If-None-Match": tag})
    assert [answer.status_code for answer in after] == [200] * WEB
    assert all("Ledger" in answer.text for answer in after)
    assert len({answer.headers["ETag"] for answer in after}) == 1


def test_an_uploaded_document_is_read_on_all_at_once(portal, scene, signed_in):
    visitor = portal.browser()
    path = f"{scene.entry.get_absolute_url()}documentation/"
    entry = visitor.of_each(scene.entry.get_absolute_url())
    assert not any("documentation/" in answer.text for answer in entry)
    desk = portal.browser(signed_in(StaffFactory(is_superuser=True)))

    desk.post(
        f"/admin/catalogue/entry/{scene.entry.pk}/documents/",
        files={"file": hostile.body()},
    )

    entry = visitor.of_each(scene.entry.get_absolute_url())
    assert all("documentation/" in answer.text for answer in entry)
    pages = visitor.of_each(path)
    assert all("List orders" in answer.text for answer in pages)
    files = visitor.of_each(f"{path}download")
    assert {answer.content for answer in files} == {hostile.body()}
    assert written(portal) == []
