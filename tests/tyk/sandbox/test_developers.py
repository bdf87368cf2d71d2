"""Developers over the API: envelopes, texts and traps by exact values."""

import pytest

from tests.tyk.sandbox.caller import error, ok

NO_OBJECT = error("Could not retrieve portal object.")
INVALID = "Developer object validation failed."
TOO_SHORT = "password: String length must be greater than or equal to 6"


def test_a_listed_developer_has_the_members_of_the_published_samples(api, box, ada):
    listed = api.get("developers?p=-1").json()

    record = listed["Data"][0]
    assert listed["Pages"] == 0
    assert list(record) == [
        "_id", "email", "date_created", "inactive", "org_id", "keys",
        "subscriptions", "fields", "nonce", "sso_key", "password_max_days",
        "password_updated", "PWHistory", "last_login_date",
    ]  # fmt: skip
    assert record["_id"] == ada
    assert record["org_id"] == box.org_id
    assert record["keys"] is None
    assert record["last_login_date"] == "0001-01-01T00:00:00Z"


def test_without_a_page_only_ten_rows_come(api, box):
    for number in range(12):
        box.add_developer(f"d{number}@example.test")

    assert len(api.get("developers").json()["Data"]) == 10
    assert len(api.get("developers?p=1").json()["Data"]) == 10
    assert [d["email"] for d in api.get("developers?p=2").json()["Data"]] == [
        "d10@example.test",
        "d11@example.test",
    ]
    assert len(api.get("developers?p=-2").json()["Data"]) == 12
    assert api.get("developers?p=3").json()["Data"] is None


def test_by_id_by_address_and_by_sso_key_it_is_the_same_record_with_id(api, box):
    found = box.add_developer("sso@example.test", sso_key="idp|sso/1")

    by_id = api.get(f"developers/{found}")
    assert by_id.status_code == 200
    assert by_id.json()["id"] == found
    assert api.get("developers/email/sso%40example.test").json() == by_id.json()
    assert api.get("developers/email/sso@example.test").json() == by_id.json()
    assert api.get("developers/ssokey/idp%7Csso%2F1").json() == by_id.json()


@pytest.mark.parametrize(
    "path",
    [
        "developers/64a0c0ffee000000000000ff",
        "developers/email/nobody%40example.test",
        "developers/email/ADA%40example.test",
        "developers/ssokey/nobody",
    ],
)
def test_a_missing_developer_is_a_404_in_plain_text(api, ada, path):
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json() == NO_OBJECT
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_an_address_with_a_plus_sign_is_not_found_though_it_exists(api, box):
    box.add_developer("ada+shop@example.test")

    assert api.get("developers/email/ada%2Bshop%40example.test").status_code == 404
    assert api.get("developers/email/ada+shop@example.test").status_code == 404
    assert len(api.get("developers?p=-1").json()["Data"]) == 1


def test_create_answers_the_new_id_and_keeps_the_password_to_itself(api, box):
    answer = api.post(
        "developers",
        {"email": "new@example.test", "password": "sesame-1", "fields": {"Name": "N"}},
    )

    created = answer.json()["Message"]
    assert answer.status_code == 200
    assert answer.json() == ok(created)
    assert box.developer(created)["email"] == "new@example.test"
    assert "password" not in api.get(f"developers/{created}").json()
    assert box.password_is("new@example.test", "sesame-1")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"email": "a@example.test", "password": ""}, [TOO_SHORT]),
        ({"email": "a@example.test", "password": "12345"}, [TOO_SHORT]),
        ({"email": "a@example.test"}, [TOO_SHORT]),
        ({"password": "long-enough"}, ["(root): email is required"]),
    ],
)
def test_create_refuses_what_the_schema_forbids(api, box, body, errors):
    answer = api.post("developers", body)

    assert answer.status_code == 400
    assert answer.json() == {**error(INVALID), "Errors": errors}
    assert box.developers() == []


def test_a_single_sign_on_developer_needs_no_password(api, box):
    body = {"email": "s@example.test", "sso_key": "idp|s", "keys": None}

    created = api.post("developers", body).json()["Message"]

    assert box.developer(created)["sso_key"] == "idp|s"
    assert not box.password_is("s@example.test", "")


def test_two_developers_may_share_an_address(api, box, ada):
    body = {"email": "ada@example.test", "password": "another-one"}

    assert api.post("developers", body).status_code == 200
    assert len(box.developers()) == 2
    assert api.get("developers/email/ada%40example.test").json()["id"] == ada


@pytest.mark.parametrize(
    "body",
    [
        {"email": 5},
        {"email": "a@example.test", "inactive": "false"},
        {"email": "a@example.test", "fields": {"Age": 5}},
        {"email": "a@example.test", "keys": ["k"]},
        {"email": "a@example.test", "date_created": "yesterday"},
        ["not an object"],
    ],
)
def test_a_member_of_another_type_spoils_the_whole_body(api, box, body):
    answer = api.post("developers", body)

    assert answer.status_code == 403
    assert answer.json() == error("Request body malformed.")
    assert box.developers() == []


def test_put_replaces_the_record_and_keeps_the_password(api, box, ada):
    box.edit_developer(ada, sso_key="idp|ada", nonce="n1")

    answer = api.put(f"developers/{ada}", {"email": "ada@example.test"})

    record = box.developer(ada)
    assert answer.json() == ok("Data updated")
    assert record["fields"] is None
    assert record["sso_key"] == ""
    assert record["date_created"] == "0001-01-01T00:00:00Z"
    assert box.password_is("ada@example.test", "correct-horse")


def test_put_of_what_was_read_changes_nothing(api, box, ada, gold):
    box.issue_key(ada, gold)
    box.edit_developer(ada, a_member_of_a_newer_tyk={"kept": [1]})
    before = box.developer(ada)

    api.put(f"developers/{ada}", api.get(f"developers/{ada}").json())

    assert box.developer(ada) == before
    assert before["a_member_of_a_newer_tyk"] == {"kept": [1]}


def test_put_needs_the_address(api, box, ada):
    before = box.developer(ada)

    assert api.put(f"developers/{ada}", {"inactive": True}).status_code == 400
    assert box.developer(ada) == before


def test_put_with_a_password_sets_it(api, box, ada):
    body = {"email": "ada@example.test", "password": "brand-new-1"}

    assert api.put(f"developers/{ada}", body).status_code == 200
    assert box.password_is("ada@example.test", "brand-new-1")


def test_switching_a_developer_off_leaves_the_keys_alive(api, box, ada, gold):
    raw = box.issue_key(ada, gold)
    record = box.developer(ada)

    api.put(f"developers/{ada}", {**record, "inactive": True})

    assert box.developer(ada)["inactive"] is True
    assert box.gateway_accepts(raw)


def test_deleting_takes_keys_along_and_leaves_requests(api, box, ada, gold):
    raw = box.issue_key(ada, gold)
    request = box.add_request(ada, gold)

    assert api.delete(f"developers/{ada}").json() == ok("Data deleted")

    assert box.developers() == []
    assert not box.gateway_accepts(raw)
    orphan = api.get(f"requests/{request}").json()
    assert orphan["portal_developer"]["id"] == ""
    assert orphan["portal_developer"]["email"] == ""


def test_a_developer_with_made_up_keys_cannot_be_deleted(api, box):
    stuck = box.add_developer("x@example.test", keys={"deadbeefdeadbeef": ["p"]})

    answer = api.delete(f"developers/{stuck}")

    text = "Failure deleting key, please contact your administrator"
    assert answer.status_code == 500
    assert answer.json() == error(text)
    assert box.developer(stuck)["email"] == "x@example.test"


def test_deleting_a_missing_developer_is_a_404(api):
    answer = api.delete("developers/64a0c0ffee000000000000ff")

    assert answer.status_code == 404
    assert answer.json() == error("Could not retrieve object for deletion")


def test_right_credentials_are_200_and_wrong_ones_401(api, ada):
    path = "developers/verify_credentials"
    right = {"username": "ada@example.test", "password": "correct-horse"}

    assert api.post(path, right).status_code == 200
    for wrong in (
        {**right, "password": "nope-nope"},
        {**right, "username": "nobody@example.test"},
        {**right, "username": "ADA@example.test"},
        {"username": "ada@example.test"},
        {},
    ):
        answer = api.post(path, wrong)
        assert answer.status_code == 401
        assert answer.json() == error("Unauthorised")


def test_a_dead_api_key_gives_a_401_with_another_message(api, ada):
    right = {"username": "ada@example.test", "password": "correct-horse"}

    answer = api.post("developers/verify_credentials", right, key="0" * 32)

    assert answer.status_code == 401
    assert answer.json() == error("Not authorised")


def test_an_inactive_developer_passes_the_password_check(api, box, ada):
    box.edit_developer(ada, inactive=True)
    right = {"username": "ada@example.test", "password": "correct-horse"}

    assert api.post("developers/verify_credentials", right).status_code == 200


def test_password_reset_answers_without_a_status(api, box, ada):
    before = box.developer(ada)["password_updated"]

    answer = api.post(f"developers/password/{ada}", {"password": "new-horse"})

    assert answer.json() == {"Message": "Password changed"}
    assert box.password_is("ada@example.test", "new-horse")
    assert not box.password_is("ada@example.test", "correct-horse")
    assert box.developer(ada)["password_updated"] != before


@pytest.mark.parametrize(
    ("who", "password", "more"),
    [
        ("64a0c0ffee000000000000ff", "long-enough", {}),
        ("not-an-id", "long-enough", {}),
        (None, "short", {"Errors": [TOO_SHORT]}),
        (None, "", {"Errors": [TOO_SHORT]}),
    ],
)
def test_a_refused_password_reset_has_no_meta(api, box, ada, who, password, more):
    answer = api.post(f"developers/password/{who or ada}", {"password": password})

    text = "Developer password validation failed."
    assert answer.status_code == 400
    assert answer.json() == {"Status": "Error", "Message": text, **more}
    assert box.password_is("ada@example.test", "correct-horse")


def test_a_developer_of_another_organisation_is_not_there(api, box):
    other = box.add_developer(
        "f@example.test", password="long-enough", org_id="5e9d9544a1dcd60001d0ffff"
    )
    right = {"username": "f@example.test", "password": "long-enough"}

    assert api.get(f"developers/{other}").status_code == 404
    assert api.get("developers?p=-1").json()["Data"] is None
    assert api.post("developers/verify_credentials", right).status_code == 401
    assert api.delete(f"developers/{other}").status_code == 404
