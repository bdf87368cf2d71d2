"""The journal, the control room and the pages."""

import threading
import time

import pytest

from tests.tyk.sandbox.caller import Caller
from tyk.sandbox import Sandbox


def test_the_journal_names_operations_and_templates(api, box, ada):
    api.get(f"developers/{ada}")
    api.get("developers/email/ada%40example.test")
    api.get("developers?p=-1&email=ada%40example.test")
    api.get("nothing", key="wrong")

    calls = box.journal.calls()
    assert [(c.operation, c.method, c.path, c.status) for c in calls] == [
        ("getDeveloper", "GET", "/api/portal/developers/{developerId}", 200),
        ("getDeveloperByEmail", "GET", "/api/portal/developers/email/{email}", 200),
        ("listDevelopers", "GET", "/api/portal/developers", 200),
        ("unknown", "GET", "", 401),
    ]
    assert calls[2].query == {"p": "-1"}
    assert [c.number for c in calls] == sorted({c.number for c in calls})
    assert all(c.ended is not None and c.ended >= c.started for c in calls)
    assert box.journal.calls("getDeveloper") == calls[:1]
    box.journal.clear()
    assert len(box.journal) == 0


def test_the_journal_counts_calls_in_flight(box):
    box.faults.add("*", mode="latency", seconds=30)
    callers = [Caller(box) for _ in range(3)]
    threads = [threading.Thread(target=c.get, args=("policies",)) for c in callers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while box.journal.in_flight < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    box.heal()
    for thread in threads:
        thread.join(timeout=10)

    assert box.journal.max_in_flight == 3
    assert sorted(call.in_flight for call in box.journal) == [1, 2, 3]
    assert box.journal.in_flight == 0


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "truth"), ("POST", "reset"), ("DELETE", "faults"), ("GET", "nothing")],
)
def test_the_control_room_needs_its_token(api, ada, box, method, path, token):
    assert api.control(method, path, token=token).status_code == 401
    assert len(box.developers()) == 1


def test_the_api_key_does_not_open_the_control_room(api, box):
    answer = api.control("GET", "truth", token=box.api_key)

    assert answer.status_code == 401


def test_journal_faults_and_switches_by_control(api, box):
    fault = {"operation": "listPolicies", "mode": "status", "status": 503, "times": 1}
    assert api.control("POST", "faults", fault).json() == {"ok": True}
    assert api.get("policies").status_code == 503
    assert api.control("GET", "faults").json()[0]["struck"] == 1
    journal = api.control("GET", "journal?operation=listPolicies").json()
    assert [c["status"] for c in journal["calls"]] == [503]
    assert journal["max_in_flight"] == 1
    api.control("DELETE", "faults")
    api.control("DELETE", "journal")
    assert (box.faults.as_list(), len(box.journal)) == ([], 0)

    changed = api.control("PUT", "switches", {"profile": "legacy", "page_size": 7})
    assert changed.json()["switches"]["hashing"] == "murmur32"
    assert (box.switches.hashing, box.switches.page_size) == ("murmur32", 7)
    assert api.control("GET", "switches").json() == changed.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", {"operation": "*", "mode": "explode"}, 400),
        ("POST", "faults", {"mode": "status"}, 400),
        ("POST", "faults", {"operation": "*", "mode": "status", "x": 1}, 400),
        ("PUT", "switches", {"hashing": "md5"}, 400),
        ("PUT", "switches", {"profile": "none"}, 404),
        ("POST", "approve", {"id": "64a0c0ffee000000000000ff"}, 400),
        ("POST", "decline", {"id": "64a0c0ffee000000000000ff"}, 404),
        ("POST", "reset", {"seed": "other"}, 400),
        ("POST", "approve", ["no object"], 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_the_control_room_says_what_it_cannot_do(api, method, path, body, status):
    answer = api.control(method, path, body)

    assert answer.status_code == status
    assert answer.json()["error"] != ""


def test_the_gateway_can_be_asked_about_a_key(api, box, ada, gold):
    raw = box.issue_key(ada, gold)

    assert api.control("POST", "gateway", {"key": raw}).json() == {
        "live": True,
        "policies": [gold],
        "developer": ada,
    }
    box.delete_key(box.key_id(raw))
    assert api.control("POST", "gateway", {"key": raw}).json() == {
        "live": False,
        "policies": [],
        "developer": None,
    }


def test_what_a_person_at_a_dashboard_could_do(api, box, ada, gold):
    first, second = box.add_request(ada, gold), box.add_request(ada, gold)

    api.control("POST", "approve", {"id": first})
    api.control("POST", "decline", {"id": second})
    api.control("POST", "deactivate", {"id": ada})
    edit = {"kind": "entry", "id": "Orders", "members": {"show": False}}
    api.control("POST", "edit", edit)
    edit = {"kind": "developer", "id": ada, "members": {"fields": {"Name": "A"}}}
    api.control("POST", "edit", edit)

    assert [(r["id"], r["approved"]) for r in box.requests()] == [(first, True)]
    assert len(box.keys()) == 1
    assert box.developer(ada)["inactive"] is True
    assert box.developer(ada)["fields"] == {"Name": "A"}
    assert box.entries()[0]["show"] is False


def test_the_dashboard_key_usage_and_reset_by_control(api, box, ada, gold):
    raw = box.issue_key(ada, gold)
    key_id = box.key_id(raw)
    at = "2024-05-22T12:00:00+00:00"
    api.control("POST", "usage", {"key": raw, "hits": 3, "at": at})
    path = f"/api/activity/keys/aggregate/{key_id}/22/5/2024/23/5/2024"
    assert api.get(path).json()["data"][0]["hits"] == 3

    old = box.api_key
    new = api.control("POST", "dashboard-key", {}).json()["api_key"]
    assert api.get("policies", key=old).status_code == 401
    assert api.get("policies", key=new).status_code == 200

    api.control("POST", "hang")
    api.control("POST", "heal")
    assert api.control("POST", "reset", {"seed": "demo"}).json() == {"ok": True}
    assert len(box.developers()) == 13
    assert api.get("policies", key=old).status_code == 200


def test_the_truth_by_control(api, box, ada, gold):
    box.approve(box.add_request(ada, gold, fields={"q": "why"}))

    truth = api.control("GET", "truth").json()

    key = truth["keys"][0]
    assert truth["org_id"] == box.org_id
    assert truth["developers"][0]["email"] == "ada@example.test"
    assert truth["developers"][0]["keys"] == [key["shown_id"]]
    assert (key["policies"], key["live"], key["fields"]) == ([gold], True, {"q": "why"})
    assert truth["requests"][0]["approved"] is True
    assert truth["entries"][0]["name"] == "Orders"


PAGES = ("", "requests", "developers", "keys", "catalogue", "policies", "calls")


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_open_and_have_a_strict_policy(api, box, ada, gold, page):
    api.get("policies")

    answer = api.get(f"/_sandbox/{page}", key="")

    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_pages_show_the_state_and_escape_it(api, box, gold):
    nasty = box.add_developer("n@example.test", fields={"Name": "<script>x</script>"})
    raw = box.approve(box.add_request(nasty, gold))["RawKey"]
    box.add_request(nasty, gold)

    text = api.get("/_sandbox/", key="").text

    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert ">pending<" in text
    assert ">approved<" in text
    assert "n@example.test" in text
    assert f"<code>{box.key_id(raw)[:6]}…</code>" in text
    assert box.key_id(raw) not in text


def test_pages_only_read(api, box, ada):
    assert api.post("/_sandbox/", {}).status_code == 401
    assert api.delete("/_sandbox/journal").status_code == 401
    assert len(box.developers()) == 1


def test_starting_and_resetting_are_cheap():
    started = time.perf_counter()
    with Sandbox(seed="demo") as box:
        box.reset("demo")
        reset = time.perf_counter()
        for _ in range(10):
            box.reset("demo")
        each = (time.perf_counter() - reset) / 10
        assert box.developers() != []

    # 5 ms and 1 ms on an idle machine; the bounds only catch a change of kind.
    assert reset - started < 2
    assert each < 0.2
