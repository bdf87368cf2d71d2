"""What each switch changes, as probes over the API and the answers expected."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.tyk.sandbox.caller import Caller
from tyk.sandbox import Sandbox

NO_SUCH = "64a0c0ffee000000000000ff"
Probe = Callable[[Caller, Sandbox], object]


def ada(box: Sandbox, **members: Any) -> str:
    return box.add_developer("ada@example.test", password="correct-horse", **members)


def asked(api: Caller, box: Sandbox, **more: object) -> dict[str, object]:
    policy = box.add_policy("P")
    return {"by_user": ada(box), "apply_policies": [policy], **more}


def list_id(api, box):
    ada(box)
    return next(iter(api.get("developers").json()["Data"][0]))


def request_list_id(api, box):
    box.add_request(ada(box), box.add_policy("P"))
    return next(iter(api.get("requests").json()["Data"][0]))


def duplicate(api, box):
    ada(box)
    body = {"email": "ada@example.test", "password": "another-1"}
    return api.post("developers", body).status_code


def folded(api, box):
    ada(box)
    right = {"username": "ADA@example.test", "password": "correct-horse"}
    return (
        api.get("developers/email/Ada%40example.test").status_code,
        api.post("developers/verify_credentials", right).status_code,
    )


def plus(api, box):
    box.add_developer("a+b@example.test")
    return api.get("developers/email/a%2Bb%40example.test").status_code


def passwordless(api, box):
    plain = api.post("developers", {"email": "a@example.test"})
    single = api.post("developers", {"email": "s@example.test", "sso_key": "k"})
    return plain.status_code, single.status_code


def put_passwordless(api, box):
    api.put(f"developers/{ada(box)}", {"email": "ada@example.test"})
    return box.password_is("ada@example.test", "correct-horse")


def put_without_maps(api, box):
    who = ada(box, fields={"Name": "Ada"})
    api.put(f"developers/{who}", {"email": "ada@example.test"})
    return box.developer(who)["fields"]


def verify_inactive(api, box):
    ada(box, inactive=True)
    right = {"username": "ada@example.test", "password": "correct-horse"}
    return api.post("developers/verify_credentials", right).status_code


def verify_body(api, box):
    ada(box)
    right = {"username": "ada@example.test", "password": "correct-horse"}
    answer = api.post("developers/verify_credentials", right)
    wrong = api.post("developers/verify_credentials", {**right, "password": "wrong-1"})
    return answer.text, wrong.status_code


def reset_answer(api, box):
    answer = api.post(f"developers/password/{ada(box)}", {"password": "new-horse"})
    return sorted(answer.json())


def developer_missing(api, box):
    answer = api.get(f"developers/{NO_SUCH}")
    return answer.status_code, answer.headers["Content-Type"]


def delete_with_keys(api, box):
    who = ada(box)
    box.issue_key(who, box.add_policy("P"))
    return api.delete(f"developers/{who}").status_code, len(box.developers())


def foreign(api, box):
    who = ada(box, org_id="5e9d9544a1dcd60001d0ffff")
    answer = api.get(f"developers/{who}")
    return answer.status_code, answer.json().get("org_id")


def unknown_policy(api, box):
    body = {"by_user": ada(box), "apply_policies": [NO_SUCH]}
    return api.post("requests", body).status_code


def unknown_developer(api, box):
    body = {"by_user": NO_SUCH, "apply_policies": [box.add_policy("P")]}
    return api.post("requests", body).status_code


def create_answer(api, box):
    message = api.post("requests", asked(api, box)).json()["Message"]
    return message == box.requests()[0]["id"], message == "Data updated"


def approve_unknown(api, box):
    return api.put(f"requests/approve/{NO_SUCH}").status_code


def approve_again(api, box):
    made = box.add_request(ada(box), box.add_policy("P"))
    statuses = [api.put(f"requests/approve/{made}").status_code for _ in range(2)]
    return statuses, len(box.keys())


def approve_answer(api, box):
    made = box.add_request(ada(box), box.add_policy("P"))
    return sorted(api.put(f"requests/approve/{made}").json())


def secure(api, box):
    box.set_configuration(secure_key_approval=True)
    made = box.add_request(ada(box), box.add_policy("P"))
    raw = api.put(f"requests/approve/{made}").json()["RawKey"]
    return raw != "", len(box.keys()), box.request(made)["approved"]


def hashing(api, box):
    who = ada(box)
    raw = box.issue_key(who, box.add_policy("P"))
    held = next(iter(box.developer(who)["keys"]))
    off = api.get("configuration").json()["HashKeys"] is False
    assert box.gateway_accepts(raw)
    return len(held) if held != raw else "raw", off


def key_form(api, box):
    raw = box.issue_key(ada(box), box.add_policy("P"))
    return raw[:8] if raw.startswith("eyJvcmci") else (raw[:24], len(raw))


def deleted_key(api, box):
    who, policy = ada(box), box.add_policy("P")
    old, new = (box.key_id(box.issue_key(who, policy)) for _ in range(2))
    api.delete(f"developers/{who}/keys/{old}")
    return box.developer(who)["subscriptions"] == {policy: new}


def delete_by_hash(api, box):
    who = ada(box)
    key = box.key_id(box.issue_key(who, box.add_policy("P")))
    answer = api.delete(f"developers/{who}/keys/{key}")
    assert api.delete(f"/api/keys/{key}?hashed=1").status_code in (400, 500)
    return answer.status_code, len(box.keys())


def listing(api, box):
    return api.get("/api/apis/keys").status_code


def zero_values(api, box):
    key = box.key_id(box.issue_key(ada(box), box.add_policy("P")))
    session = api.get(f"/api/keys/{key}?hashed=1").json()["data"]
    return "expires" in session, "rate" in session


def mails(api, box):
    api.post("developers", {"email": "n@example.test", "password": "long-enough"})
    box.issue_key(ada(box), box.add_policy("P"))
    copy = api.get("configuration").json()["mail_options"]["email_copy"]
    on = (copy["key_email"]["enabled"], copy["welcome_email"]["enabled"])
    return on, [(mail.kind, mail.to, mail.holds_secret) for mail in box.mails]


def no_configuration(api, box):
    return api.get("configuration").status_code


def no_catalogue(api, box):
    return api.get("catalogue").status_code


def second_catalogue(api, box):
    first = api.post("catalogue", {}).json()["Message"]
    second = api.post("catalogue", {})
    return second.status_code, api.get("catalogue").json()["id"] == first


def documentation(api, box):
    return api.get(f"documentation/{box.add_documentation('e30=')}").status_code


def name_reuse(api, box):
    box.add_policy("P")
    return api.post("policies", {"name": "P"}).status_code


def access_rights(api, box):
    box.add_policy("P")
    rights = api.get("policies").json()["Data"][0]["access_rights"]
    return sorted(next(iter(rights.values())))[:3]


def empty_list(api, box):
    return api.get("developers").json()["Data"]


def first_page(api, box):
    for number in range(12):
        box.add_developer(f"d{number:02}@example.test")
    return [
        api.get(f"developers?p={page}").json()["Data"][0]["email"][:3]
        for page in (0, 1)
    ]


def meta(api, box):
    return api.post("catalogue", {}).json()["Meta"]


def error_type(api, box):
    missing = api.get(f"policies/{NO_SUCH}").headers["Content-Type"]
    denied = api.get("policies", key="wrong").headers["Content-Type"]
    return missing[:10], denied[:10]


def usage(api, box):
    who = ada(box)
    key = box.key_id(box.issue_key(who, box.add_policy("P")))
    box.record_usage(key, at=datetime(2024, 5, 22, 12, tzinfo=UTC))
    path = f"/api/activity/keys/aggregate/{key}/21/5/2024/22/5/2024"
    rows = api.get(path).json()["data"] or []
    return sorted((row["id"]["day"], row["hits"]) for row in rows)


def page_size(api, box):
    for number in range(4):
        box.add_developer(f"d{number}@example.test")
    return len(api.get("developers").json()["Data"])


TEXT, JSON = "text/plain", "applicatio"
CASES: list[tuple[Probe, dict[str, object], object]] = [
    (list_id, {}, "_id"),
    (list_id, {"developer_list_id": "id"}, "id"),
    (request_list_id, {}, "id"),
    (request_list_id, {"request_list_id": "_id"}, "_id"),
    (duplicate, {}, 200),
    (duplicate, {"duplicate_email": "refuse"}, 400),
    (folded, {}, (404, 401)),
    (folded, {"email_case": "folded"}, (200, 200)),
    (plus, {}, 404),
    (plus, {"plus_in_email": "found"}, 200),
    (passwordless, {}, (400, 200)),
    (passwordless, {"create_passwordless": "accept"}, (200, 200)),
    (passwordless, {"create_passwordless": "refuse"}, (400, 400)),
    (put_passwordless, {}, True),
    (put_passwordless, {"put_passwordless": "empty"}, False),
    (put_without_maps, {}, None),
    (put_without_maps, {"put_without_maps": "keep"}, {"Name": "Ada"}),
    (verify_inactive, {}, 200),
    (verify_inactive, {"verify_inactive": "refuse"}, 401),
    (verify_body, {}, ('{"Status":"OK","Message":"Credentials OK","Meta":null}', 401)),
    (verify_body, {"verify_body": "empty"}, ("", 401)),
    (verify_body, {"verify_body": "text"}, ("OK", 401)),
    (reset_answer, {}, ["Message"]),
    (reset_answer, {"reset_answer": "status"}, ["Message", "Meta", "Status"]),
    (developer_missing, {}, (404, "text/plain; charset=utf-8")),
    (developer_missing, {"developer_missing": 400}, (400, "application/json")),
    (delete_with_keys, {}, (200, 0)),
    (delete_with_keys, {"delete_developer_with_keys": "refuse"}, (500, 1)),
    (foreign, {}, (404, None)),
    (foreign, {"foreign_records": "shown"}, (200, "5e9d9544a1dcd60001d0ffff")),
    (unknown_policy, {}, 400),
    (unknown_policy, {"unknown_policy": "accept"}, 200),
    (unknown_developer, {}, 400),
    (unknown_developer, {"unknown_developer": "accept"}, 200),
    (create_answer, {}, (True, False)),
    (create_answer, {"create_request_answer": "text"}, (False, True)),
    (approve_unknown, {}, 500),
    (approve_unknown, {"approve_unknown": 404}, 404),
    (approve_again, {}, ([200, 400], 1)),
    (approve_again, {"approve_again": "mint"}, ([200, 200], 2)),
    (approve_answer, {}, ["Password", "RawKey"]),
    (approve_answer, {"approve_answer": "raw_key_only"}, ["RawKey"]),
    (secure, {}, (True, 1, True)),
    (secure, {"secure_approval_answer": "empty"}, (False, 0, True)),
    (hashing, {}, (16, False)),
    (hashing, {"hashing": "murmur32"}, (8, False)),
    (hashing, {"hashing": "off"}, ("raw", True)),
    (key_form, {}, "eyJvcmci"),
    (key_form, {"key_form": "legacy"}, ("5e9d9544a1dcd60001d0ed20", 56)),
    (deleted_key, {}, True),
    (deleted_key, {"deleted_key_subscription": "clears"}, False),
    (delete_by_hash, {}, (200, 0)),
    (delete_by_hash, {"delete_by_hash": "refused"}, (400, 1)),
    (delete_by_hash, {"delete_by_hash": "failing"}, (500, 1)),
    (listing, {}, 200),
    (listing, {"hashed_keys_listing": "off"}, 404),
    (listing, {"hashed_keys_listing": "off", "hashing": "off"}, 200),
    (zero_values, {}, (True, True)),
    (zero_values, {"session_zero_values": "omitted"}, (False, True)),
    (mails, {}, ((False, False), [])),
    (mails, {"tyk_mails": "key"}, ((True, False), [("key", "ada@example.test", True)])),
    (
        mails,
        {"tyk_mails": "welcome"},
        ((False, True), [("welcome", "n@example.test", True)]),
    ),
    (no_configuration, {}, 200),
    (no_configuration, {"configuration_before_init": "missing"}, 404),
    (no_catalogue, {}, 200),
    (no_catalogue, {"catalogue_before_init": "missing"}, 404),
    (second_catalogue, {}, (400, True)),
    (second_catalogue, {"second_catalogue": "second"}, (200, True)),
    (documentation, {}, 404),
    (documentation, {"get_documentation": "object"}, 200),
    (name_reuse, {}, 400),
    (name_reuse, {"policy_name_reuse": "accept"}, 200),
    (access_rights, {}, ["allowance_scope", "allowed_types", "allowed_urls"]),
    (
        access_rights,
        {"policy_access_rights": "legacy"},
        ["apiid", "apiname", "versions"],
    ),
    (empty_list, {}, None),
    (empty_list, {"empty_list": "list"}, []),
    (first_page, {}, ["d00", "d00"]),
    (first_page, {"first_page": "zero"}, ["d00", "d10"]),
    (meta, {}, None),
    (meta, {"meta_on_success": "text"}, ""),
    (error_type, {}, (TEXT, JSON)),
    (error_type, {"error_content_type": "json"}, (JSON, JSON)),
    (error_type, {"error_content_type": "text"}, (TEXT, TEXT)),
    (usage, {}, []),
    (usage, {"usage_end": "inclusive"}, [(21, 0), (22, 1)]),
    (usage, {"usage_end": "inclusive", "zero_rows": "absent"}, [(22, 1)]),
    (page_size, {}, 4),
    (page_size, {"page_size": 3}, 3),
]
