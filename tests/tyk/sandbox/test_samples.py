"""The sandbox's objects have the members of the contract's recorded samples."""

import json
from typing import Any

import pytest

from tests.tyk.sandbox import schema

SAMPLES = schema.DESCRIPTION.parent / "examples"
# Documented members of newer releases that the samples, all older, do not show.
NEWER = {
    "config": {"secure_key_approval", "enable_dcr", "dcr_options"},
    "": {"secure_key_approval", "enable_dcr", "dcr_options"},
}


def sample(name: str) -> Any:
    path = SAMPLES / f"{name}.json"
    if not path.exists():
        pytest.fail(f"the contract's samples are missing: {path}")
    return json.loads(path.read_text(encoding="utf-8"))["response"]


def outline(value: Any, *, above: str = "") -> Any:
    """Member names all the way down; maps keyed by ids count by their values."""
    if isinstance(value, list):
        return [outline(value[0], above=above)] if value else "list"
    if not isinstance(value, dict):
        return type(value).__name__ if not isinstance(value, float) else "int"
    if above in ("access_rights", "oauth_clients"):
        return [outline(inner) for inner in value.values()][:1]
    if above in ("fields", "keys", "subscriptions", "meta_data"):
        return "map"
    return {
        name: outline(inner, above=name)
        for name, inner in value.items()
        if name not in NEWER.get(above, set())
    }


@pytest.fixture
def harbour(box, ada):
    """What the samples tell of: one developer, one policy, one entry."""
    policy = box.add_policy(
        "Tides bronze", rate=5, per=1, quota_max=1000, quota_renewal_rate=86400,
        apis=["Harbour Tides"], graphql_access_rights=None,
    )  # fmt: skip
    box.set_configuration(signup_fields=["company"], key_request_fields=["purpose"])
    box.add_entry("Harbour Tides", policy, documentation=box.add_documentation("e30="))
    request = box.add_request(ada, policy, fields={"purpose": "school project"})
    return policy, request


def test_a_developer_with_a_key(api, box, ada, harbour):
    box.issue_key(ada, harbour[0])

    shown = api.get(f"developers/{ada}").json()

    assert outline(shown) == outline(sample("developer_get_by_id")["body"])


def test_a_request(api, box, ada, harbour):
    box.issue_key(ada, harbour[0])

    shown = api.get(f"requests/{harbour[1]}").json()

    assert outline(shown) == outline(sample("request_get")["body"])


def test_the_catalogue(api, harbour):
    recorded = sample("catalogue_get")["body"]

    assert outline(api.get("catalogue").json()) == outline(recorded)


def test_the_configuration(api, harbour):
    recorded = sample("configuration_get")["body"]

    assert outline(api.get("configuration").json()) == outline(recorded)


def test_a_policy(api, harbour):
    recorded = sample("policy_get")["body"]

    shown = api.get(f"policies/{harbour[0]}").json()

    assert outline(shown) == outline(recorded)


def test_a_key(api, box, ada, harbour):
    key_id = box.key_id(box.approve(harbour[1])["RawKey"])
    recorded = outline(sample("key_get_hashed")["body"])

    shown = outline(api.get(f"/api/keys/{key_id}?hashed=true").json())

    assert shown["data"].keys() == recorded["data"].keys()
    assert {**shown, "data": 0} == {**recorded, "data": 0}


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("developer_get_missing", "GET", "developers/64a0c0ffee000000000000ff", None),
        ("policy_get_missing", "GET", "policies/64a0c0ffee000000000000ff", None),
        ("policy_get_invalid_id", "GET", "policies/zzz", None),
        ("policies_search_bad_id", "GET", "policies/search?policy_ids=zzz", None),
        ("request_get_missing", "GET", "requests/64a0c0ffee000000000000ff", None),
        ("key_get_missing", "GET", "/api/keys/deadbeef?hashed=true", None),
        ("developer_delete_missing", "DELETE", "developers/64a0c0ffee000000000000ff", None),
        ("documentation_delete_invalid_id", "DELETE", "documentation/not-an-id", None),
        ("documentation_delete_missing", "DELETE", "documentation/64a0c0ffee000000000000ff", None),
        ("error_404_wrong_method", "PUT", "developers/verify_credentials", {}),
        ("developer_create_password_too_short", "POST", "developers", {"email": "a@b.test", "password": ""}),
        ("developers_list_empty", "GET", "developers?p=2", None),
        ("policies_list_empty", "GET", "policies", None),
        ("catalogue_get_null_apis", "GET", "catalogue", None),
        ("password_reset_bad_id", "POST", "developers/password/64a0c0ffee000000000000ff", {"password": "new-correct-horse"}),
        ("documentation_create", "POST", "documentation", {"doc_type": "swagger", "documentation": "e30="}),
    ],
)  # fmt: skip
def test_short_answers_are_those_recorded(api, box, name, method, path, body):
    if name in ("catalogue_get_null_apis", "documentation_create"):
        api.post("catalogue", {})
    recorded = sample(name)

    answer = api.call(method, path, body)

    shown = answer.json()
    assert answer.status_code == recorded["status"]
    if answer.status_code == 200:
        # Counts of pages and ids are as they come.
        assert outline(shown) == outline(recorded["body"])
    else:
        assert shown == recorded["body"]
