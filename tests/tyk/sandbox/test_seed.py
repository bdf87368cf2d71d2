"""The demo: Northwind's shelf, people, requests and weeks of usage."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tyk.sandbox import DEMO_DEVELOPER, DEMO_INACTIVE, DEMO_ORG, Switches
from tyk.sandbox.world import is_id

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def demo(box):
    box.reset("demo")
    return box


def test_the_shelf(demo):
    policies = {policy["_id"]: policy for policy in demo.policies()}
    entries = {entry["name"]: entry for entry in demo.entries()}

    assert list(entries) == [
        "Orders Sandbox", "Orders Standard", "Orders Partner", "Payments", "Shipping",
        "Geocoding", "Weather", "Connect", "Service status", "Partner ledger",
    ]  # fmt: skip
    assert all(entry["policy_id"] in policies for entry in entries.values())
    assert [n for n, e in entries.items() if not e["show"]] == ["Partner ledger"]
    assert [n for n, e in entries.items() if e["is_keyless"]] == ["Service status"]
    assert entries["Payments"]["auth_type"] == "basic"
    assert entries["Connect"]["auth_type"] == "oauth"
    unlisted = set(policies) - {entry["policy_id"] for entry in entries.values()}
    assert [policies[policy]["name"] for policy in unlisted] == ["Legacy beta"]


def test_three_orders_policies_share_one_api(demo):
    rights = {
        policy["name"]: list(policy["access_rights"])
        for policy in demo.policies()
        if policy["name"].startswith("Orders")
    }

    assert len(rights) == 3
    assert len({api for apis in rights.values() for api in apis}) == 1


def test_approval_is_by_hand_but_for_two_entries(demo):
    configuration = demo.configuration()
    automatic = [
        entry["name"]
        for entry in demo.entries()
        if entry["config"]["override"] and not entry["config"]["require_key_approval"]
    ]

    assert configuration["require_key_approval"] is True
    assert configuration["signup_fields"] == ["Name", "Company"]
    assert configuration["key_request_fields"] == ["What you build", "Expected calls"]
    assert configuration["HashKeys"] is True
    copy = configuration["mail_options"]["email_copy"]
    assert [c["enabled"] for c in copy.values()] == [False, False, False]
    assert automatic == ["Geocoding", "Weather"]


def test_every_entry_has_words_and_a_readable_document(api, demo):
    for entry in demo.entries():
        shown = api.get(f"documentation/{entry['documentation']}").json()
        document = json.loads(base64.b64decode(shown["documentation"]))
        calls = [m for path in document["paths"].values() for m in path if m in METHODS]
        assert len(entry["short_description"]) > 20
        assert len(entry["long_description"]) > 90
        assert document["openapi"].startswith("3.")
        assert len(calls) >= (4 if not entry["is_keyless"] else 3)
        assert document["components"]["schemas"]


def test_references_inside_the_documents_lead_somewhere(demo):
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for entry in demo.entries():
        text = demo.documentation(entry["documentation"])["documentation"]
        document = json.loads(base64.b64decode(text))
        for reference in references(document):
            found = document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
            assert found


def test_the_people(demo):
    developers = demo.developers()
    by_email = {developer["email"]: developer for developer in developers}

    assert len(developers) == 13
    assert all(is_id(d["id"]) and d["org_id"] == DEMO_ORG for d in developers)
    assert all(d["email"].endswith(".example") for d in developers)
    inactive = [d["email"] for d in developers if d["inactive"]]
    assert inactive == [DEMO_INACTIVE.email]
    assert [d["email"] for d in developers if not d["fields"]] == [
        "ops@rivetandbolt.example"
    ]
    assert demo.password_is(DEMO_DEVELOPER.email, DEMO_DEVELOPER.password)
    assert demo.password_is(DEMO_INACTIVE.email, DEMO_INACTIVE.password)
    assert len(by_email[DEMO_DEVELOPER.email]["keys"]) == 3


def test_keys_agree_with_developers_and_policies(demo):
    policies = {policy["_id"]: policy["name"] for policy in demo.policies()}
    listed = {
        key_id: (developer["id"], policies_held)
        for developer in demo.developers()
        for key_id, policies_held in (developer["keys"] or {}).items()
    }
    held = demo.keys()
    keys = [key for key in held if key.kind != "oauth"]

    assert len(keys) == 16
    assert {k.id: (k.developer, list(k.policies)) for k in keys} == listed
    assert all(key.live for key in keys)
    assert {len(key.id) for key in keys if key.kind == "basic"} == {8}
    names = {policies[key.policies[0]] for key in held}
    assert {"Legacy beta", "Partner ledger", "Connect", "Payments"} <= names


def test_one_developer_has_two_keys_of_one_policy(demo):
    priya = demo.developer_by_email("priya@quillandcart.example")

    assert len(priya["keys"]) == 2
    assert len(priya["subscriptions"]) == 1


def test_the_requests(demo):
    people = {developer["id"] for developer in demo.developers()}
    policies = {policy["_id"] for policy in demo.policies()}
    requests = demo.requests()
    pending = [r for r in requests if not r["approved"]]
    ages = [
        datetime.now(UTC) - datetime.fromisoformat(r["date_created"]) for r in pending
    ]

    assert (len(pending), len(requests)) == (5, 22)
    assert all(r["by_user"] in people for r in requests)
    assert all(set(r["apply_policies"]) <= policies for r in requests)
    assert all(r["fields"]["What you build"] for r in requests)
    assert min(ages) > timedelta(0)
    assert max(ages) > timedelta(days=8)


def usage_of(api, key_id: str, days: int) -> dict[date, list[dict[str, Any]]]:
    end = datetime.now(UTC).date()
    start = end - timedelta(days=days)
    dates = "/".join(f"{d.day}/{d.month}/{d.year}" for d in (start, end))
    path = f"/api/activity/keys/aggregate/{key_id}/{dates}?p=-1&res=day"
    found: dict[date, list[dict[str, Any]]] = {}
    for row in api.get(path).json()["data"]:
        day = date(row["id"]["year"], row["id"]["month"], row["id"]["day"])
        found.setdefault(day, []).append(row)
    return found


def test_forty_days_of_believable_usage(api, demo):
    mira = demo.developer_by_email(DEMO_DEVELOPER.email)

    rows = usage_of(api, next(iter(mira["keys"])), 40)

    by_day = {day: sum(int(r["hits"]) for r in found) for day, found in rows.items()}
    weekdays = [hits for day, hits in by_day.items() if day.weekday() < 5]
    weekends = [hits for day, hits in by_day.items() if day.weekday() >= 5]
    errors = sum(int(r["error"]) for found in rows.values() for r in found)
    assert len(by_day) == 40
    assert min(weekdays) > 2 * max(weekends) * 0.8
    assert 0.005 < errors / sum(by_day.values()) < 0.1
    assert {r["id"]["code"] for found in rows.values() for r in found} >= {200, 404}
    assert usage_of(api, next(iter(mira["keys"])), 40).keys() == by_day.keys()


def test_usage_is_the_same_whenever_it_is_read(api, demo):
    def sums() -> list[tuple[date, int]]:
        rows = usage_of(api, demo.keys()[5].id, 20)
        return sorted((d, sum(int(r["hits"]) for r in f)) for d, f in rows.items())

    before = sums()
    demo.reset("demo")
    assert sums() == before


def test_every_demo_key_is_used(api, demo):
    held = demo.keys()
    used = [key for key in held if key.kind != "oauth"]
    for key in used:
        assert usage_of(api, key.id, 7)


def test_the_demo_can_be_walked_through_over_the_api(api, demo):
    right = {"username": DEMO_DEVELOPER.email, "password": DEMO_DEVELOPER.password}
    assert api.post("developers/verify_credentials", right).status_code == 200
    for path in (
        "developers?p=-1", "requests?p=-1", "catalogue", "configuration",
        "policies?p=-1", "/api/apis/keys?p=-1", "/api/keys/detailed?p=-1",
    ):  # fmt: skip
        assert api.get(path).status_code == 200
    for entry in demo.entries():
        if not entry["is_keyless"]:
            mira = demo.developer_by_email(DEMO_DEVELOPER.email)["id"]
            body = {"by_user": mira, "apply_policies": [entry["policy_id"]]}
            made = api.post("requests", body).json()["Message"]
            assert api.put(f"requests/approve/{made}").status_code == 200


def test_the_demo_s_habits_yield_to_given_switches(demo):
    assert demo.switches == Switches(get_documentation="object")
    demo.reset()
    assert demo.switches == Switches()
