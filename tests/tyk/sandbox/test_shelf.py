"""Catalogue, configuration, documentation and policies over the API."""

import base64

import pytest

from tests.tyk.sandbox.caller import error, ok

NO_SUCH = "64a0c0ffee000000000000ff"
CREATION = "Failure creating data, please contact your administrator."


def test_before_there_is_a_catalogue_its_id_is_empty(api, box):
    assert api.get("catalogue").json() == {
        "id": "",
        "org_id": box.org_id,
        "apis": None,
        "email": "",
    }


def test_a_catalogue_is_made_once_and_replaced_as_a_whole(api, box):
    made = api.post("catalogue", {}).json()["Message"]
    policy = box.add_policy("Gold")
    entry = {"name": "Orders", "policy_id": policy, "show": True}

    assert api.post("catalogue", {}).json() == error(CREATION)
    answer = api.put("catalogue", {"id": made, "apis": [entry]})

    shown = api.get("catalogue").json()["apis"][0]
    assert answer.json() == ok("Data updated")
    assert shown["version"] == ""
    assert shown["fields"] is None
    assert shown["config"]["oauth_usage_limit"] == 0
    assert shown["config"]["key_request_fields"] is None
    api.put("catalogue", {"id": made})
    assert api.get("catalogue").json()["apis"] is None


def test_an_entry_needs_a_policy_that_exists(api, box):
    made = api.post("catalogue", {}).json()["Message"]
    bad = [{"name": "Harbour Tides", "policy_id": NO_SUCH}]

    answer = api.put("catalogue", {"id": made, "apis": bad})

    text = "Portal Catalogue API Harbour Tides should have a valid policy_id"
    assert (answer.status_code, answer.json()) == (400, error(text))
    assert box.entries() == []


def test_an_unknown_catalogue_cannot_be_replaced(api):
    assert api.put("catalogue", {"id": NO_SUCH, "apis": []}).status_code == 404


def test_the_configuration_before_and_after_it_is_made(api, box):
    before = api.get("configuration").json()
    made = api.post("configuration", {}).json()["Message"]
    changed = {"id": made, "signup_fields": ["Name"], "require_key_approval": True}

    assert (before["id"], before["signup_fields"]) == ("", None)
    assert api.post("configuration", {}).status_code == 400
    assert api.put("configuration", changed).json() == ok("Data updated")

    after = api.get("configuration").json()
    assert after["signup_fields"] == ["Name"]
    assert after["key_request_fields"] is None
    assert after["require_key_approval"] is True
    assert after["HashKeys"] is True
    assert after["mail_options"]["email_copy"]["key_email"]["enabled"] is False


def test_documentation_needs_a_catalogue_and_lasts_until_deleted(api, box, gold):
    body = {"doc_type": "swagger", "documentation": base64.b64encode(b"{}").decode()}

    made = api.post("documentation", body).json()["Message"]

    assert box.documentation(made)["documentation"] == "e30="
    assert api.get(f"documentation/{made}").status_code == 404
    assert api.delete(f"documentation/{made}").json() == ok("Data deleted")
    assert api.delete(f"documentation/{made}").json() == error(
        "Could not retrieve object for deletion"
    )
    assert api.delete("documentation/not-an-id").json() == error("invalid doc id")


def test_documentation_without_a_catalogue_is_refused(api):
    body = {"doc_type": "swagger", "documentation": "e30="}

    assert api.post("documentation", body).status_code == 403


def test_documentation_can_be_read_where_the_dashboard_has_that_call(api, box, gold):
    box.switch(get_documentation="object")
    made = box.add_documentation("e30=")

    shown = api.get(f"documentation/{made}").json()

    assert shown["documentation"] == "e30="
    assert shown["doc_type"] == "swagger"


def test_a_policy_has_both_ids_and_rights_as_map_and_list(api, box):
    made = box.add_policy("Gold", rate=5, per=1, apis=["Orders", "Stock"])

    shown = api.get(f"policies/{made}").json()
    listed = api.get("policies?p=-1").json()["Data"]

    rights = shown["access_rights"].values()
    assert shown["_id"] == shown["id"] == made
    assert [right["api_name"] for right in rights] == ["Orders", "Stock"]
    assert [r["api_name"] for r in shown["access_rights_array"]] == ["Orders", "Stock"]
    assert shown["last_updated"].isdigit()
    assert listed == [shown]


def test_a_custom_policy_id_is_found_and_used_in_sessions(api, box, ada):
    made = box.add_policy("Gold", id="gold-2026")
    key = box.key_id(box.issue_key(ada, made))

    shown = api.get("policies/gold-2026").json()
    session = api.get(f"/api/keys/{key}?hashed=1").json()["data"]

    assert (shown["_id"], shown["id"]) == (made, "gold-2026")
    assert session["apply_policies"] == ["gold-2026"]
    assert box.developer(ada)["keys"] == {key: [made]}


@pytest.mark.parametrize(
    ("policy_id", "status", "message"),
    [
        ("zzz", 400, "Invalid policy ID."),
        (NO_SUCH, 404, "Could not retrieve portal object."),
    ],
)
def test_bad_and_missing_policy_ids(api, policy_id, status, message):
    answer = api.get(f"policies/{policy_id}")

    assert (answer.status_code, answer.json()) == (status, error(message))


def test_policies_are_made_changed_and_deleted(api, box):
    made = api.post("policies", {"name": "Gold", "rate": 5, "per": 1, "active": True})
    policy = made.json()["Message"]

    taken = api.post("policies", {"name": "Gold"})
    changed = api.put(f"policies/{policy}", {"name": "Gold", "rate": 6})

    assert taken.status_code == 400
    assert taken.json()["Message"].startswith("This policy name has already been used.")
    assert changed.json() == ok("Data updated")
    assert api.get(f"policies/{policy}").json()["rate"] == 6
    assert api.get(f"policies/{policy}").json()["active"] is False
    assert api.delete(f"policies/{policy}").json() == ok("Data deleted")
    assert api.delete(f"policies/{policy}").status_code == 404


def test_policies_can_be_searched(api, box):
    gold = box.add_policy("Tides gold")
    silver = box.add_policy("Tides silver", state="draft", active=False)
    box.add_policy("Other")

    def names(query: str) -> list[str]:
        rows = api.get(f"policies/search?p=-1&{query}").json()["Data"] or []
        return [row["name"] for row in rows]

    assert names("q=tides") == ["Tides gold", "Tides silver"]
    assert names("q=tides&state=draft") == ["Tides silver"]
    assert names("active=false") == ["Tides silver"]
    assert names(f"policy_ids={gold},{silver}&sort=-name") == [
        "Tides silver",
        "Tides gold",
    ]
    assert names("q=nothing") == []
    bad = api.get("policies/search?policy_ids=zzz")
    assert (bad.status_code, bad.json()["Message"]) == (
        400,
        "Policy ID is not in hex format.",
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("menus", {"menus": {"main": []}, "is_active": True}),
        ("css", {"page_css": "a", "email_css": "b"}),
        ("js", {"page_js": "c"}),
    ],
)
def test_what_only_tyk_s_own_portal_shows(api, kind, body):
    assert api.get(kind).json()["id"] == ""

    made = api.post(kind, body).json()["Message"]
    assert api.put(kind, {"id": made, **body}).json() == ok("Data updated")

    shown = api.get(kind).json()
    assert {name: shown[name] for name in body} == body


def test_pages_and_the_host_name(api):
    made = api.post("pages", {"title": "Home", "slug": "home"}).json()["Message"]

    assert api.get("pages?p=-1").json()["Data"][0]["id"] == made
    assert api.put(f"pages/{made}", {"title": "H"}).json() == ok("Data updated")
    assert api.get(f"pages/{made}").json()["title"] == "H"
    assert api.delete(f"pages/{made}").json() == ok("Data deleted")
    assert api.get(f"pages/{made}").status_code == 404
    assert api.put("cname", {"CNAME": "p.example"}).json() == ok("Data updated")
