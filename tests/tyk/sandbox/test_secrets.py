"""Raw keys and passwords are nowhere but in the answer that shows them."""

import json

from tests.tyk.sandbox.caller import Caller
from tyk.sandbox import Sandbox, Switches

PASSWORD = "canary-password-0123456789"


def journey(api: Caller, box: Sandbox) -> list[str]:
    """Sign up, log in, ask, claim, reset; gives the secrets seen on the way."""
    body = {"email": "c@example.test", "password": PASSWORD}
    who = api.post("developers", body).json()["Message"]
    login = {"username": "c@example.test", "password": PASSWORD}
    assert api.post("developers/verify_credentials", login).status_code == 200
    secrets = [PASSWORD]
    for auth in ("authToken", "basic"):
        policy = box.add_policy(auth, auth_type=auth)
        made = api.post("requests", {"by_user": who, "apply_policies": [policy]})
        answer = api.put(f"requests/approve/{made.json()['Message']}").json()
        secrets += [answer["Password"] or answer["RawKey"]]
    box.faults.add("*", mode="status", times=1)
    reset = f"{PASSWORD}-2"
    api.post(f"developers/password/{who}", {"password": reset})
    api.post(f"developers/password/{who}", {"password": reset})
    return [*secrets, reset]


def everything_shown(api: Caller, box: Sandbox) -> str:
    pages = [
        api.get(f"/_sandbox/{page}", key="").text
        for page in ("", "keys", "developers", "requests", "calls")
    ]
    rest = [api.control("GET", path).text for path in ("truth", "journal", "faults")]
    reprs = [repr(box), repr(box.keys()), repr(box.journal), repr(box.world.mails)]
    return "\n".join([*pages, *rest, *reprs])


def test_no_secret_in_pages_truth_journal_or_state(tmp_path):
    with Sandbox(state_dir=tmp_path) as box:
        api = Caller(box)
        secrets = journey(api, box)
        shown = everything_shown(api, box)
        everywhere = api.get("developers?p=-1").text + api.get("requests?p=-1").text
        api.session.close()
        files = b"".join(p.read_bytes() for p in tmp_path.glob("state.sqlite3*"))

    assert len(set(secrets)) == 4
    assert "c@example.test" in shown
    assert b"c@example.test" in files
    for secret in secrets:
        assert secret not in shown
        assert secret not in everywhere
        assert secret.encode() not in files


def test_with_hashing_off_ids_are_hidden_from_eyes():
    with Sandbox(switches=Switches(hashing="off")) as box:
        api = Caller(box)
        raw = journey(api, box)[1]
        shown = everything_shown(api, box)
        listed = api.get("developers?p=-1").json()["Data"][0]
        api.session.close()

    assert raw in listed["keys"]
    assert raw not in shown


def test_the_control_token_and_the_api_key_are_on_no_page(api, box, ada):
    text = everything_shown(api, box)

    assert box.token not in text
    assert box.api_key not in text
    assert json.loads(api.control("GET", "truth").text)["developers"][0]["id"] == ada
