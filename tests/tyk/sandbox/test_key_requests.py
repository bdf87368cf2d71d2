"""Key requests: asking, approving once, declining."""

import base64
import json
import threading

import pytest

from tests.tyk.sandbox.caller import error, ok

MARKER = "portal-1.7a6e4c0a-0d7e-4f3b-9a39-5b6f0a3f9f00"
NO_SUCH = "64a0c0ffee000000000000ff"


def asked(developer: str, policy: str, **more: object) -> dict[str, object]:
    """The body both reference clients send."""
    return {
        "by_user": developer,
        "apply_policies": [policy],
        "for_plan": policy,
        "version": "v2",
        "date_created": "2024-05-22T09:34:08Z",
        "fields": {"purpose": "school project", "marker": MARKER},
        "approved": False,
        **more,
    }


@pytest.fixture
def request_id(api, ada, gold):
    return api.post("requests", asked(ada, gold)).json()["Message"]


def test_create_answers_the_id_and_approves_nothing(api, box, ada, gold):
    answer = api.post("requests", asked(ada, gold))

    created = answer.json()["Message"]
    assert answer.json() == ok(created)
    assert box.request(created)["approved"] is False
    assert box.request(created)["date_created"] == "2024-05-22T09:34:08Z"
    assert box.keys() == []


def test_a_request_shows_developer_and_catalogue_entries(api, ada, gold, request_id):
    shown = api.get(f"requests/{request_id}").json()

    assert shown["id"] == request_id
    assert shown["portal_developer"] == api.get(f"developers/{ada}").json()
    assert shown["catalogue_entry"]["name"] == "Orders"
    assert [entry["policy_id"] for entry in shown["catalogues"]] == [gold]


def test_a_policy_in_no_entry_leaves_the_entries_out(api, box, ada):
    lonely = box.add_policy("Lonely")
    created = api.post("requests", asked(ada, lonely)).json()["Message"]

    shown = api.get(f"requests/{created}").json()

    assert "catalogue_entry" not in shown
    assert shown["catalogues"] is None


@pytest.mark.parametrize("member", ["apply_policies", "for_plan"])
def test_either_policy_member_is_enough_and_both_are_shown(api, ada, gold, member):
    value = [gold] if member == "apply_policies" else gold
    created = api.post("requests", {"by_user": ada, member: value}).json()["Message"]

    shown = api.get(f"requests/{created}").json()

    assert shown["apply_policies"] == [gold]
    assert shown["for_plan"] == gold
    assert shown["date_created"] == "0001-01-01T00:00:00Z"
    assert shown["fields"] is None
    assert shown["version"] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apply_policies": [NO_SUCH]}, "No policy found!"),
        ({"apply_policies": [], "for_plan": ""}, "No policy found!"),
        ({"by_user": NO_SUCH}, "Developer not found."),
    ],
)
def test_create_refuses_what_it_cannot_resolve(api, box, ada, gold, change, message):
    answer = api.post("requests", {**asked(ada, gold), **change})

    assert answer.status_code == 400
    assert answer.json() == error(message)
    assert box.requests() == []


def test_nobody_can_ask_for_a_keyless_api(api, box, ada):
    open_policy = box.add_policy("Open")
    box.add_entry("Status", open_policy, is_keyless=True)
    text = "key requests for key-less APIs are not allowed"

    answer = api.post("requests", asked(ada, open_policy))
    by_key = api.post(f"developers/{ada}/keys", {"apply_policies": [open_policy]})

    assert (answer.status_code, answer.json()) == (400, error(text))
    assert (by_key.status_code, by_key.json()) == (400, error(text))


def test_the_list_filters_by_approved(api, box, ada, gold):
    waiting, done = box.add_request(ada, gold), box.add_request(ada, gold)
    box.approve(done)

    def ids(query: str) -> list[str]:
        rows = api.get(f"requests?p=-1{query}").json()["Data"] or []
        return [row["id"] for row in rows]

    assert ids("") == [waiting, done]
    assert ids("&approved=false") == [waiting]
    assert ids("&approved=true") == [done]


def test_approving_mints_a_key_that_works_and_is_shown_once(
    api, box, ada, gold, request_id
):
    answer = api.put(f"requests/approve/{request_id}")

    raw = answer.json()["RawKey"]
    inside = json.loads(base64.b64decode(raw))
    assert answer.status_code == 200
    assert answer.json() == {"RawKey": raw, "Password": ""}
    assert sorted(inside) == ["h", "id", "org"]
    assert inside["org"] == box.org_id
    assert box.gateway_accepts(raw)
    assert raw not in api.get(f"developers/{ada}").text
    assert raw not in api.get(f"requests/{request_id}").text


def test_approving_writes_both_views_and_the_request(api, box, ada, gold, request_id):
    api.put(f"requests/approve/{request_id}")

    key = box.keys()[0]
    record = api.get(f"developers/{ada}").json()
    assert record["keys"] == {key.id: [gold]}
    assert record["subscriptions"] == {gold: key.id}
    assert len(key.id) == 16
    assert api.get(f"requests/{request_id}").json()["approved"] is True


def test_the_marker_travels_into_the_key(api, box, ada, request_id):
    api.put(f"requests/approve/{request_id}")

    key = box.keys()[0]
    detail = api.get(f"/api/keys/{key.id}?hashed=true").json()
    assert key.marker == MARKER
    assert detail["data"]["alias"] == "ada@example.test"
    assert detail["data"]["meta_data"] == {
        "tyk_developer_id": ada,
        "tyk_key_request_fields": {"purpose": "school project", "marker": MARKER},
        "tyk_user_fields": {"Name": "Ada Example", "Company": "Example Ltd"},
    }


def test_approving_again_is_a_400_and_mints_nothing(api, box, request_id):
    api.put(f"requests/approve/{request_id}")

    answer = api.put(f"requests/approve/{request_id}")

    assert answer.status_code == 400
    assert answer.json() == error("Key request has already been processed.")
    assert len(box.keys()) == 1


def test_two_approvals_at_once_mint_one_key(api, box, request_id):
    statuses = []

    def approve() -> None:
        statuses.append(api.put(f"requests/approve/{request_id}").status_code)

    threads = [threading.Thread(target=approve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 400, 400, 400]
    assert len(box.keys()) == 1


def test_approving_an_unknown_request_is_a_500(api):
    assert api.put(f"requests/approve/{NO_SUCH}").status_code == 500


def test_approved_true_at_creation_kills_the_request(api, box, ada, gold):
    created = api.post("requests", asked(ada, gold, approved=True)).json()["Message"]

    answer = api.put(f"requests/approve/{created}")

    assert answer.json() == error("Key request has already been processed.")
    assert box.keys() == []


def test_a_request_whose_policy_is_gone_cannot_be_approved(api, box, gold, request_id):
    box.delete_policy(gold)

    answer = api.put(f"requests/approve/{request_id}")

    assert (answer.status_code, answer.json()) == (400, error("No policy found!"))
    assert box.request(request_id)["approved"] is False


def test_basic_auth_gives_a_user_name_and_a_password(api, box, ada):
    policy = box.add_policy("Payments", auth_type="basic")
    created = box.add_request(ada, policy)

    made = api.put(f"requests/approve/{created}").json()

    assert sorted(made) == ["Password", "RawKey"]
    assert box.gateway_accepts(username=made["RawKey"], password=made["Password"])
    assert not box.gateway_accepts(username=made["RawKey"], password="wrong")
    assert len(box.keys()[0].id) == 8


def test_oauth_gives_a_client_and_no_raw_key(api, box, ada):
    policy = box.add_policy("Connect", auth_type="oauth")
    body = asked(ada, policy, oauth_info={"redirect_uri": "https://a.test/cb"})
    created = api.post("requests", body).json()["Message"]

    made = api.put(f"requests/approve/{created}").json()

    client = api.get(f"developers/{ada}").json()["oauth_clients"][policy][0]
    assert sorted(made) == ["client_id", "policy_id", "redirect_uri", "secret"]
    assert made["policy_id"] == policy
    assert made["redirect_uri"] == "https://a.test/cb"
    assert client["client_id"] == made["client_id"]
    assert client["secret"] == made["secret"]
    assert box.developer(ada)["keys"] is None
    assert box.gateway_accepts(client_id=made["client_id"], secret=made["secret"])
    assert box.keys()[0].kind == "oauth"


def test_the_authentication_may_come_from_the_api(api, box, ada):
    policy = box.add_policy("P", auth_type="basic", apis=["Pay"], auth_types=None)

    made = api.put(f"requests/approve/{box.add_request(ada, policy)}").json()

    assert made["Password"] != ""


def test_put_replaces_a_request_and_answers_its_id(api, box, ada, gold, request_id):
    body = asked(ada, gold, fields={"purpose": "changed"})

    assert api.put(f"requests/{request_id}", body).json() == ok(request_id)
    assert box.request(request_id)["fields"] == {"purpose": "changed"}


def test_declining_is_deleting_and_leaves_an_issued_key_alive(api, box, request_id):
    raw = api.put(f"requests/approve/{request_id}").json()["RawKey"]

    assert api.delete(f"requests/{request_id}").json() == ok("Data deleted")
    assert api.get(f"requests/{request_id}").status_code == 404
    assert api.delete(f"requests/{request_id}").status_code == 404
    assert box.gateway_accepts(raw)


def test_a_second_key_of_a_policy_pushes_the_first_out_of_subscriptions(
    api, box, ada, gold
):
    first, second = box.issue_key(ada, gold), box.issue_key(ada, gold)

    record = api.get(f"developers/{ada}").json()

    assert list(record["keys"]) == [box.key_id(first), box.key_id(second)]
    assert record["subscriptions"] == {gold: box.key_id(second)}
