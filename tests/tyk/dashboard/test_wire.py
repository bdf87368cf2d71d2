"""Records out of every shape on record: nulls, old spellings, missing members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import reply
from tyk.dashboard import errors, wire
from tyk.dashboard.records import (
    ApiLimit,
    BadRecord,
    EntryOverride,
    KeyRequest,
    MintedBasic,
    MintedOAuth,
    MintedToken,
    OAuthClientRef,
)
from tyk.dashboard.secret import Secret
from tyk.dashboard.shape import Malformed

DEVELOPER: dict[str, Any] = {"id": "d1", "email": "Ada@X.test"}
POLICY: dict[str, Any] = {"_id": "p1", "active": True}


def test_a_developer_of_2017_has_hardly_any_member():
    found = wire.developer({**DEVELOPER, "api_keys": {}})

    assert (found.id, found.email, found.inactive) == ("d1", "Ada@X.test", False)
    assert (found.keys, found.subscriptions, found.fields) == ({}, {}, {})
    assert (found.oauth_clients, found.last_login) == ({}, None)


def test_null_maps_are_empty():
    nulls = dict.fromkeys(
        ["fields", "keys", "subscriptions", "oauth_clients", "date_created"]
    )

    assert wire.developer({**DEVELOPER, **nulls}) == wire.developer(DEVELOPER)


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ({"id": "a"}, "a"),
        ({"_id": "b"}, "b"),
        ({"id": "a", "_id": "b"}, "a"),
        ({"id": "", "_id": "b"}, "b"),
        ({"id": None, "_id": "b"}, "b"),
    ],
)
def test_either_spelling_of_the_id(ids: dict[str, Any], found: str):
    assert wire.developer({"email": "a@x.test", **ids}).id == found


@pytest.mark.parametrize("ids", [{}, {"id": ""}, {"id": 5}, {"id": ["a"]}, {"_id": {}}])
def test_without_an_id_that_is_text_there_is_no_developer(ids: dict[str, Any]):
    with pytest.raises(Malformed):
        wire.developer({"email": "a@x.test", **ids})


def test_a_key_may_carry_null_for_its_policies():
    found = wire.developer({**DEVELOPER, "keys": {"k1": None, "k2": ["p1", "p2"]}})

    assert found.keys == {"k1": (), "k2": ("p1", "p2")}


def test_secrets_of_oauth_clients_are_dropped():
    client = {
        "client_id": "c1",
        "secret": "s3cr3t",
        "redirect_uri": "https://a,https://b",
    }
    found = wire.developer(
        {
            **DEVELOPER,
            "nonce": "n0",
            "sso_key": "s0",
            "oauth_clients": {"p1": [client], "p2": None},
        }
    )

    assert found.oauth_clients == {
        "p1": (OAuthClientRef("c1", "https://a,https://b"),),
        "p2": (),
    }
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    ("members", "policies"),
    [
        ({"for_plan": "p1"}, ("p1",)),
        ({"for_plan": "p1", "apply_policies": ["p2", "p3"]}, ("p2", "p3")),
        ({"for_plan": "p1", "apply_policies": []}, ("p1",)),
        ({"for_plan": "", "apply_policies": None}, ()),
    ],
)
def test_policies_of_a_request(members: dict[str, Any], policies: tuple[str, ...]):
    request = wire.key_request({"_id": "r1", "by_user": "d1", **members})

    assert request == KeyRequest(
        id="r1",
        by_user="d1",
        policies=policies,
        fields={},
        approved=False,
        date_created=None,
        version="",
    )


def test_a_catalogue_keeps_its_good_entries():
    found = wire.catalogue(
        {
            "id": "c1",
            "apis": [
                {"name": "Old"},
                {"show": True},
                7,
                {"name": "New", "config": None},
            ],
        }
    )

    assert [entry.name for entry in found.entries] == ["Old", "New"]
    assert found.entries[0].show is False
    assert found.bad == (
        BadRecord(1, None, "entry.name: null, expected text"),
        BadRecord(2, None, "entry: number, expected object"),
    )


def test_an_organisation_without_a_catalogue_may_answer_with_nothing():
    assert wire.catalogue({}).entries == ()


@pytest.mark.parametrize(
    "document", [[], None, "x", {"Status": "Error", "Message": "no"}, {"apis": {}}]
)
def test_what_is_no_catalogue(document: object):
    with pytest.raises(Malformed):
        wire.catalogue(document)


def test_an_entry_overrides_only_if_it_says_so():
    config = {"require_key_approval": True, "key_request_fields": ["why"]}

    without = wire.catalogue_entry({"name": "A", "config": config})
    with_it = wire.catalogue_entry(
        {"name": "A", "config": {**config, "override": True}}
    )

    assert without.override is None
    assert with_it.override == EntryOverride(True, ("why",))


@pytest.mark.parametrize(
    ("key_email", "on"),
    [
        ({"enabled": True, "hide_token_data": False}, True),
        ({"enabled": True}, True),
        ({"enabled": True, "hide_token_data": True}, False),
        ({"enabled": False}, False),
        (None, False),
    ],
)
def test_whether_tyk_would_mail_keys(key_email: Any, on: bool):
    found = wire.configuration(
        {"id": "c", "mail_options": {"email_copy": {"key_email": key_email}}}
    )

    assert (found.key_mail_on, found.welcome_mail_on) == (on, False)


@pytest.mark.parametrize("options", [None, {}, {"email_copy": None}])
def test_no_mail_options_are_no_mails(options: Any):
    found = wire.configuration({"id": "c", "mail_options": options, "HashKeys": True})

    assert (found.key_mail_on, found.hash_keys) == (False, True)


@pytest.mark.parametrize(
    ("members", "live"),
    [
        ({"active": True}, True),
        ({"active": True, "state": ""}, True),
        ({"active": True, "state": "active", "is_inactive": False}, True),
        ({"active": True, "state": "draft"}, False),
        ({"active": True, "state": "deny"}, False),
        ({"active": True, "is_inactive": True}, False),
        ({"active": False}, False),
        ({}, False),
    ],
)
def test_which_policies_are_live(members: dict[str, Any], live: bool):
    assert wire.policy({"_id": "p1", **members}).live is live


def test_a_custom_policy_id_is_the_ref():
    found = wire.policy({"_id": "64a0", "id": "gold", "active": True})

    assert (found.id, found.ref) == ("64a0", "gold")


def test_limits_per_api_count_only_with_their_partition():
    limit = {"rate": 2.5, "per": 10, "quota_max": -1, "quota_renewal_rate": 3600}
    rights = {
        "b": {"apiid": "b", "apiname": "Old name", "limit": None},
        "a": {"api_id": "a", "api_name": "Tides", "limit": limit},
    }
    with_it = {"partitions": {"per_api": True}, "access_rights": rights}

    found = wire.policy({**POLICY, **with_it})
    without = wire.policy({**POLICY, "access_rights": rights})

    assert found.apis == (("a", "Tides"), ("b", "Old name"))
    assert found.per_api_limits == {"a": ApiLimit("Tides", 2.5, 10, -1, 3600)}
    assert without.per_api_limits == {}


def test_a_key_detail_may_be_almost_empty():
    found = wire.key_detail({"data": {}})

    assert (found.policies, found.quota_max, found.expires) == ((), None, None)


def test_a_key_detail_of_old():
    found = wire.key_detail(
        {
            "key_id": "k1",
            "data": {
                "apply_policy_id": "p1",
                "expires": 1717171717,
                "quota_renews": 0,
                "meta_data": {"tyk_key_request_fields": '{"portal_ref":"i.u"}'},
            },
        }
    )

    assert found.policies == ("p1",)
    assert found.expires == datetime(2024, 5, 31, 16, 8, 37, tzinfo=UTC)
    assert found.quota_renews is None
    assert found.request_fields == {"portal_ref": "i.u"}


@pytest.mark.parametrize("document", [{}, {"data": None}, {"data": []}, [], None])
def test_a_key_detail_without_data_is_none(document: object):
    with pytest.raises(Malformed):
        wire.key_detail(document)


@pytest.mark.parametrize(
    ("document", "minted"),
    [
        ({"RawKey": "k", "Password": ""}, MintedToken(Secret("k"))),
        ({"RawKey": "k"}, MintedToken(Secret("k"))),
        ({"RawKey": "u", "Password": "p"}, MintedBasic(Secret("u"), Secret("p"))),
        (
            {"RawKey": "", "Password": "", "client_id": "c", "secret": "s"},
            MintedOAuth("c", Secret("s"), "", ""),
        ),
    ],
)
def test_forms_of_a_minted_key(document: object, minted: object):
    assert wire.minted(document) == minted


@pytest.mark.parametrize(
    "document",
    [
        {"RawKey": "", "Password": ""},
        {"Status": "OK", "Message": "Data updated", "Meta": None},
        {"RawKey": 5},
        {"RawKey": None},
        {"client_id": ["c"]},
        [],
        "key",
        None,
    ],
)
def test_an_approval_without_a_key(document: object):
    with pytest.raises(Malformed):
        wire.minted(document)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("64a0c0ffee000000000000b1", "64a0c0ffee000000000000b1"),
        ("Data updated", None),
        ("", None),
        ("64A0C0FFEE000000000000B1", None),
        ("64a0c0ffee000000000000b1\n", None),
    ],
)
def test_an_id_is_taken_only_if_it_is_one(message: str, found: str | None):
    assert wire.created({"Status": "ok", "Message": message, "Meta": ""}) == found


@pytest.mark.parametrize(
    "document",
    [
        {"Status": "Error", "Message": "no"},
        {"Message": "Data updated"},
        {"Status": "OK", "Message": 5},
        {"Status": True},
        [],
        None,
    ],
)
def test_what_is_no_success(document: object):
    with pytest.raises(Malformed):
        wire.done(document)


@pytest.mark.parametrize("meta", [None, "", "null", {"a": 1}, []])
def test_meta_takes_any_form(meta: object):
    assert wire.done({"Status": "Ok", "Message": "Data deleted", "Meta": meta})


@pytest.mark.parametrize("document", [{}, [], {"Status": "Error", "Message": "x"}])
def test_what_sets_no_password(document: object):
    with pytest.raises(Malformed):
        wire.password_set(document)


@pytest.mark.parametrize(
    ("when", "written"),
    [
        (datetime(2024, 5, 22, 9, 34, 8, tzinfo=UTC), "2024-05-22T09:34:08Z"),
        (
            datetime(2024, 5, 22, 9, 34, 8, 211999, tzinfo=UTC),
            "2024-05-22T09:34:08.211Z",
        ),
        (datetime.fromisoformat("2024-05-22T11:34:08+02:00"), "2024-05-22T09:34:08Z"),
    ],
)
def test_dates_go_out_as_go_reads_them(when: datetime, written: str):
    assert wire.stamp(when) == written


@pytest.mark.parametrize("operation", ["developer", "raw_developer", "request"])
def test_another_record_is_no_answer(
    operation: str, serve: Serve, connect: Connect
) -> None:
    """A cache, or connections that were mixed up, may answer with somebody else's."""
    record = {"id": "d1", "email": "ada@x.test", "by_user": "u1"}
    client = connect(serve(reply(document=record)))

    assert getattr(client, operation)("d1")
    with pytest.raises(errors.Unexpected) as told:
        getattr(client, operation)("d2")

    assert told.value.reason == "wrong_shape"
