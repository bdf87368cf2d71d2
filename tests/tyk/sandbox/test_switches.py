"""Each switch in both positions, over the API."""

from dataclasses import fields

import pytest

from tests.tyk.sandbox.caller import error
from tests.tyk.sandbox.switch_cases import CASES, ada
from tyk.sandbox import DEFAULT, PROFILES, Switches
from tyk.sandbox.switches import choices


@pytest.mark.parametrize(
    ("probe", "switched", "expected"),
    CASES,
    ids=[f"{probe.__name__}-{'-'.join(map(str, s.values()))}" for probe, s, _ in CASES],
)
def test_switch(api, box, probe, switched, expected):
    box.switch(**switched)

    assert probe(api, box) == expected


def test_a_replica_lags_behind_writes_for_a_while(api, box):
    who = ada(box)
    box.switch(replica_lag=0.3)
    body = {"email": "ada@example.test", "inactive": True}

    api.put(f"developers/{who}", body)
    created = api.post("developers", {**body, "password": "long-enough"}).json()

    assert api.get(f"developers/{who}").json()["inactive"] is False
    assert api.get(f"developers/{created['Message']}").status_code == 404
    assert len(api.get("developers?p=-1").json()["Data"]) == 1
    assert api.delete(f"developers/{created['Message']}").status_code == 200
    box.switch(replica_lag=0.0)
    assert api.get(f"developers/{who}").json()["inactive"] is True


def test_every_switch_has_a_case_here_or_in_another_file():
    tried = {name for _, switched, _ in CASES for name in switched}
    elsewhere = {"replica_lag", "denied_rights"}

    assert {f.name for f in fields(Switches)} - tried == elsewhere


def test_the_profiles_visit_every_value_that_is_no_default():
    visited = {
        (name, getattr(profile, name))
        for profile in PROFILES.values()
        for name in DEFAULT.as_dict()
    }
    missing = [
        (name, value)
        for name in DEFAULT.as_dict()
        for value in choices(name)
        if (name, value) not in visited
    ]

    assert missing == []
    assert {p.replica_lag for p in PROFILES.values()} == {0.0, 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"hashing": "md5"},
        {"developer_missing": True},
        {"page_size": 0},
        {"replica_lag": -1},
        {"no_such_switch": "x"},
    ],
)
def test_a_switch_takes_only_its_values(box, wrong):
    with pytest.raises(ValueError, match="switch"):
        box.switch(**wrong)
    assert box.switches == DEFAULT


def test_secure_approval_off_ignores_its_switch(api, box):
    box.switch(secure_approval_answer="empty")
    made = box.add_request(ada(box), box.add_policy("P"))

    assert api.put(f"requests/approve/{made}").json()["RawKey"] != ""
    assert api.put(f"requests/approve/{made}").json() == error(
        "Key request has already been processed."
    )
