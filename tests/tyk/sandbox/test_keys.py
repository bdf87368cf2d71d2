"""Keys: issuing, changing, revoking, and what the gateway knows of them."""

import pytest

from tests.tyk.sandbox.caller import error, ok


@pytest.fixture
def raw(box, ada, gold):
    return box.issue_key(ada, gold)


@pytest.fixture
def key_id(box, raw):
    return box.key_id(raw)


@pytest.mark.parametrize("body", ["apply_policies", "policy_id"])
def test_a_key_can_be_issued_without_a_request(api, box, ada, gold, body):
    value = gold if body == "policy_id" else [gold]
    sent = {body: value, "fields": {"purpose": "x"}}

    made = api.post(f"developers/{ada}/keys", sent).json()

    assert box.gateway_accepts(made["RawKey"])
    assert box.keys()[0].fields == {"purpose": "x"}
    assert box.requests() == []


def test_the_old_subscriptions_path_does_the_same(api, box, ada, gold):
    made = api.post(f"developers/{ada}/subscriptions", {"policy_id": gold}).json()

    assert box.gateway_accepts(made["RawKey"])


def test_changing_the_policies_keeps_the_key(api, box, ada, gold, raw, key_id):
    other = box.add_policy("Silver")

    answer = api.put(f"developers/{ada}/keys/{key_id}", {"apply_policies": [other]})

    record = box.developer(ada)
    assert answer.json() == ok("Data updated")
    assert record["keys"] == {key_id: [other]}
    assert record["subscriptions"] == {other: key_id}
    assert box.gateway_accepts(raw)
    assert box.keys()[0].policies == (other,)


def test_the_deprecated_get_writes_too(api, box, ada, raw, key_id):
    other = box.add_policy("Silver")

    assert api.get(f"developers/{ada}/{key_id}/{other}").status_code == 200
    assert box.developer(ada)["keys"] == {key_id: [other]}


@pytest.mark.parametrize("old", [False, True])
def test_revoking_ends_the_key_everywhere(api, box, ada, gold, raw, key_id, old):
    new_path = f"developers/{ada}/keys/{key_id}"
    path = f"developers/key/{gold}/{key_id}/{ada}" if old else new_path

    assert api.delete(path).json() == ok("Data deleted")
    assert not box.gateway_accepts(raw)
    assert box.developer(ada)["keys"] == {}
    assert box.developer(ada)["subscriptions"] == {}
    assert api.delete(path).status_code == 404


def test_revoking_the_older_of_two_keys_leaves_the_newer_subscribed(
    api, box, ada, gold, key_id
):
    newer = box.key_id(box.issue_key(ada, gold))

    api.delete(f"developers/{ada}/keys/{key_id}")

    assert box.developer(ada)["subscriptions"] == {gold: newer}


def test_resetting_the_quota_gives_it_back(api, box, ada, gold, key_id):
    box.record_usage(key_id, hits=13)
    path = f"/api/keys/{key_id}?hashed=1"
    assert api.get(path).json()["data"]["quota_remaining"] == 987

    answer = api.post(f"developers/{ada}/keys/{key_id}/reset_quota")

    assert answer.json() == ok("Data updated")
    assert api.get(path).json()["data"]["quota_remaining"] == 1000


def test_an_oauth_client_can_be_deleted(api, box, ada):
    policy = box.add_policy("Connect", auth_type="oauth")
    client = box.issue_key(ada, policy)

    assert api.delete(f"developers/oauth/{client}").json() == ok("Data deleted")
    assert "oauth_clients" not in api.get(f"developers/{ada}").json()
    assert box.keys() == []
    assert api.delete(f"developers/oauth/{policy}/{client}").status_code == 404


def test_the_detail_carries_the_policy_s_limits(api, box, gold, key_id):
    detail = api.get(f"/api/apis/-/keys/{key_id}?hashed=true").json()

    session = detail["data"]
    assert detail["key_id"] == detail["key_hash"] == key_id
    assert detail["api_model"] == {}
    assert (session["rate"], session["per"]) == (5, 1)
    assert (session["quota_max"], session["quota_renewal_rate"]) == (1000, 86400)
    assert session["apply_policies"] == [gold]
    assert session["org_id"] == box.org_id


def test_a_raw_key_in_the_path_is_found_without_the_hashed_flag(api, box, raw, key_id):
    quoted = raw.replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")

    assert api.get(f"/api/keys/{quoted}").json()["key_hash"] == key_id
    assert api.get(f"/api/keys/{key_id}").status_code == 404


def test_an_unknown_key_is_a_404_and_a_foreign_one_a_400(api, box, gold):
    other = box.add_developer("f@example.test", org_id="5e9d9544a1dcd60001d0ffff")
    foreign = box.key_id(box.issue_key(other, gold))

    missing = api.get("/api/keys/deadbeef?hashed=true")
    denied = api.get(f"/api/keys/{foreign}?hashed=true")

    assert missing.status_code == 404
    assert missing.json() == error("Could not retrieve key detail.")
    assert denied.status_code == 400
    assert denied.json() == error("Attempted access to non-owned key.")


def test_a_key_deleted_at_the_gateway_stays_on_the_developer(
    api, box, ada, gold, raw, key_id
):
    answer = api.delete(f"/api/keys/{key_id}?hashed=true")

    assert answer.json() == ok("Key deleted successfully.")
    assert not box.gateway_accepts(raw)
    assert box.developer(ada)["keys"] == {key_id: [gold]}
    assert api.delete(f"developers/{ada}").status_code == 500
    assert api.delete(f"/api/keys/{key_id}?hashed=true").status_code == 500


def test_a_session_can_be_written(api, box, raw, key_id):
    session = api.get(f"/api/keys/{key_id}?hashed=1").json()["data"]

    changed = api.put(f"/api/keys/{key_id}?hashed=1", {**session, "is_inactive": True})

    assert changed.json()["data"]["is_inactive"] is True
    assert not box.gateway_accepts(raw)


def test_a_malformed_session_is_a_400(api, key_id):
    answer = api.put(f"/api/keys/{key_id}?hashed=1", {"rate": "x"})

    text = "User/Key object validation failed, most likely malformed input."
    assert (answer.status_code, answer.json()) == (400, error(text))


def test_key_lists(api, box, ada, gold, key_id):
    elsewhere = box.key_id(box.issue_key(ada, box.add_policy("Other")))
    gold_api = next(iter(box.policies()[0]["access_rights"]))

    everything = api.get("/api/apis/keys?p=-1").json()
    of_one = api.get(f"/api/apis/{gold_api}/keys?p=-1").json()
    detailed = api.get("/api/keys/detailed?p=-1").json()

    assert everything == {"data": {"keys": [key_id, elsewhere]}, "pages": 0}
    assert of_one["data"]["keys"] == [key_id]
    assert [row["key_id"] for row in detailed["keys"]] == [key_id, elsewhere]


def test_a_disabled_policy_ends_its_keys(box, gold, raw):
    assert box.gateway_accepts(raw)

    box.edit_policy(gold, is_inactive=True)

    assert not box.gateway_accepts(raw)
    assert box.keys()[0].live is False


def test_no_key_works_that_was_never_made(box, raw):
    assert not box.gateway_accepts("never-made")
    assert not box.gateway_accepts(box.key_id(raw))
