"""The fault plan: what the caller sees, and what was done."""

import threading
import time
import zlib
from pathlib import Path

import pytest
import requests

from tests.tyk.sandbox.caller import Caller, error
from tests.waiting import wait_until
from tyk.sandbox import Sandbox
from tyk.sandbox.faults import MODES

TRANSPORT = (requests.ConnectionError, requests.Timeout, requests.RequestException)


@pytest.fixture
def request_id(box, ada, gold):
    return box.add_request(ada, gold)


def approve(api: Caller, request_id: str, timeout: float = 2) -> requests.Response:
    return api.put(f"requests/approve/{request_id}", timeout=timeout)


@pytest.mark.parametrize(
    ("mode", "options", "minted"),
    [
        ("refuse_connection", {}, 0),
        ("refuse_connection", {"commit": True}, 1),
        ("reset_after", {}, 1),
        ("timeout_before", {"seconds": 0.05}, 0),
        ("timeout_after", {"seconds": 0.05}, 1),
        ("timeout_after", {"seconds": 0.05, "commit": False}, 0),
        ("truncated", {}, 1),
    ],
)
def test_no_whole_answer_arrives(api, box, request_id, mode, options, minted):
    box.faults.add("approveKeyRequest", mode=mode, times=1, **options)

    with pytest.raises(TRANSPORT):
        approve(api, request_id)

    assert len(box.keys()) == minted


def test_a_reset_is_a_reset(api, box):
    box.faults.add("listPolicies", mode="refuse_connection", times=1)

    with pytest.raises(requests.ConnectionError, match=r"reset|Reset"):
        api.get("policies")


def test_a_late_commit_comes_after_the_caller_gave_up(api, box, request_id):
    box.faults.add("approveKeyRequest", mode="commit_late", times=1, seconds=0.15)

    with pytest.raises(TRANSPORT):
        approve(api, request_id)

    assert box.keys() == []
    box.wait_for_late_commits()
    assert len(box.keys()) == 1
    assert box.request(request_id)["approved"] is True


def test_a_late_commit_may_hold_the_caller_meanwhile(api, box, request_id):
    box.faults.add(
        "approveKeyRequest", mode="commit_late", times=1, seconds=0.1, hold=0.2
    )
    started = time.monotonic()

    with pytest.raises(TRANSPORT):
        approve(api, request_id)

    assert time.monotonic() - started >= 0.2
    assert len(box.keys()) == 1


@pytest.mark.parametrize(
    ("options", "status", "body"),
    [
        ({}, 500, error("Failure saving data, please contact your administrator.")),
        ({"status": 429, "message": "Slow down"}, 429, error("Slow down")),
        ({"status": 403, "message": "m"}, 403, error("m")),
    ],
)
def test_a_status_with_an_envelope(api, box, request_id, options, status, body):
    headers = {"Retry-After": "7"}
    box.faults.add(
        "approveKeyRequest", mode="status", times=1, headers=headers, **options
    )

    answer = approve(api, request_id)

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers["Retry-After"] == "7"
    assert box.keys() == []


def test_a_status_may_follow_a_commit(api, box, request_id):
    box.faults.add("approveKeyRequest", mode="status", times=1, commit=True)

    assert approve(api, request_id).status_code == 500
    assert len(box.keys()) == 1


def test_answers_that_are_not_tyk_s(api, box):
    box.faults.add("listPolicies", mode="status_plain", status=502, times=1)
    box.faults.add("listPolicies", mode="html_200", times=1)
    box.faults.add("listPolicies", mode="empty_204", times=1)
    box.faults.add("listPolicies", mode="redirect", times=1, url="http://other.test/")

    plain, html, empty, away = (api.get("policies") for _ in range(4))

    assert (plain.status_code, plain.headers["Content-Type"][:10]) == (
        502,
        "text/plain",
    )
    assert (html.status_code, html.text[:15]) == (200, "<!doctype html>")
    assert (empty.status_code, empty.content) == (204, b"")
    assert (away.status_code, away.headers["Location"]) == (302, "http://other.test/")


def test_wrong_types_spoil_one_row_of_a_list(api, box):
    for name in ("a", "b"):
        box.add_developer(f"{name}@example.test", fields={"Name": name})
    box.faults.add("listDevelopers", mode="wrong_types")

    first, second = api.get("developers").json()["Data"]

    assert first["inactive"] == "false"
    assert first["fields"] == ["Name"]
    assert first["email"] == 20_260_101
    assert second["inactive"] is False
    assert second["fields"] == {"Name": "b"}


def test_wrong_types_may_hit_single_members(api, box, ada):
    box.faults.add("getDeveloper", mode="wrong_types", members=("inactive",))

    record = api.get(f"developers/{ada}").json()

    assert record == {**box.developer(ada), "inactive": "false"}


def test_null_lists(api, box, ada, gold):
    box.faults.add("*", mode="null_lists")

    assert api.get("developers").json()["Data"] is None
    assert api.get("catalogue").json()["apis"] is None
    assert api.get(f"developers/{ada}").json()["fields"] is None


def test_a_drip_arrives_byte_by_byte(api, box):
    box.faults.add("getCatalogue", mode="drip", seconds=0.002, times=1)
    started = time.monotonic()

    answer = api.get("catalogue")

    assert answer.json()["apis"] is None
    assert time.monotonic() - started >= 0.002 * len(answer.content)


def test_a_drip_outlasts_any_read_timeout(api, box):
    box.faults.add("getCatalogue", mode="drip", seconds=0.05, times=1)
    answer = api.session.get(
        f"{box.url}/api/portal/catalogue",
        headers={"Authorization": box.api_key},
        timeout=0.2,
        stream=True,
    )
    started = time.monotonic()

    with answer:
        for _ in answer.iter_content(1):
            if time.monotonic() - started > 0.4:
                break

    assert time.monotonic() - started > 0.4


def test_huge_answers_and_gzip_bombs(api, box):
    box.faults.add("listPolicies", mode="huge", size=300_000, times=1)
    box.faults.add("listPolicies", mode="gzip_bomb", size=3_000_000, times=1)

    huge = api.get("policies")
    headers = {"Authorization": box.api_key}
    bomb = api.session.get(
        f"{box.url}/api/portal/policies", headers=headers, stream=True, timeout=5
    )

    assert len(huge.json()["Message"]) == 300_000
    packed = bomb.raw.read(decode_content=False)
    assert bomb.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 10_000
    assert len(zlib.decompress(packed, zlib.MAX_WBITS | 16)) > 3_000_000


def test_latency_is_late_and_right(api, box, request_id):
    box.faults.add("approveKeyRequest", mode="latency", seconds=0.1, times=1)
    started = time.monotonic()

    raw = approve(api, request_id).json()["RawKey"]

    assert time.monotonic() - started >= 0.1
    assert box.gateway_accepts(raw)


def test_a_hanging_dashboard_lets_go_when_healed(api, box):
    box.hang()
    with pytest.raises(requests.Timeout):
        api.get("policies", timeout=0.1)

    def heal_once_asked() -> None:
        wait_until(lambda: box.journal.calls("getCatalogue"))
        box.heal()

    healer = threading.Thread(target=heal_once_asked, daemon=True)
    healer.start()

    with pytest.raises(requests.ConnectionError):
        api.get("catalogue", timeout=30)

    healer.join()
    assert api.get("policies").status_code == 200


def test_a_caller_who_leaves_ends_a_hang(api, box):
    box.hang()

    with pytest.raises(requests.Timeout):
        api.get("policies", timeout=0.05)

    deadline = time.monotonic() + 3
    while box.journal.in_flight and time.monotonic() < deadline:
        time.sleep(0.02)
    assert box.journal.in_flight == 0
    assert box.journal.calls()[0].status == 0


def test_faults_are_counted_ordered_and_named(api, box):
    box.faults.add("listPolicies", mode="status", status=503, times=2, after=1)
    box.faults.add("*", mode="status", status=418, times=1)

    statuses = [api.get("policies").status_code for _ in range(5)]

    assert statuses == [418, 503, 503, 200, 200]
    assert [row["struck"] for row in box.faults.as_list()] == [2, 1]
    assert [e.fault for e in box.journal.calls()][:3] == ["status"] * 3


@pytest.mark.parametrize(
    ("operation", "mode"), [("approveKeyRequests", "status"), ("*", "explode")]
)
def test_unknown_faults_are_refused(box, operation, mode):
    with pytest.raises(ValueError, match=r"operation|mode"):
        box.faults.add(operation, mode=mode)


def test_stopping_ends_every_wait_at_once():
    box = Sandbox()
    box.start()
    caller = Caller(box)
    box.faults.add("*", mode="timeout_after", seconds=60)
    failed = []

    def call() -> None:
        try:
            caller.get("policies", timeout=30)
        except requests.ConnectionError as gone:
            failed.append(gone)

    thread = threading.Thread(target=call)
    thread.start()
    while not len(box.journal):
        time.sleep(0.01)
    started = time.monotonic()
    box.stop()
    thread.join(timeout=10)

    assert time.monotonic() - started < 10
    assert len(failed) == 1


def test_every_mode_has_been_named_in_these_tests():
    text = Path(__file__).read_text(encoding="utf-8")

    assert [
        m for m in MODES if f'mode="{m}"' not in text and f'("{m}",' not in text
    ] == ["hang"]
