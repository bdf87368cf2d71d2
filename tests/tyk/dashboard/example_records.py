"""The records in the published examples, as the client must return them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from tyk.dashboard.records import (
    CatalogueEntry,
    Configuration,
    Developer,
    KeyDetail,
    KeyRequest,
    OAuthClientRef,
    Policy,
)
from tyk.dashboard.secret import Secret

ORG = "64a0c0ffee00000000000001"
ADA = "64a0c0ffee000000000000d1"
NOBODY = "64a0c0ffee000000000000ff"
BRONZE = "64a0c0ffee000000000000a1"
OAUTH = "64a0c0ffee000000000000a2"
REQUEST = "64a0c0ffee000000000000b1"
HASH = "9c1d4e7fa0b2c3d4"
CLIENT_ID = "aa11bb22cc33dd44ee55ff6600112233"
API = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PASSWORD = Secret("correct-horse")
ASKED = datetime(2024, 5, 22, 9, 34, 8, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))


ADA_RECORD = Developer(
    id=ADA,
    email="ada@example.test",
    org_id=ORG,
    inactive=False,
    fields={"Name": "Ada Example", "company": "Example Ltd"},
    keys={HASH: (BRONZE,)},
    subscriptions={BRONZE: HASH},
    oauth_clients={},
    date_created=datetime(2024, 2, 4, 16, 23, 44, 930000, tzinfo=EAST),
    password_updated=datetime(2024, 2, 4, 16, 23, 45, 14000, tzinfo=EAST),
    last_login=datetime(2024, 2, 4, 14, 23, tzinfo=UTC),
)
ADA_IN_OLD_LIST = replace(ADA_RECORD, password_updated=None, last_login=None)
ADA_WITH_OAUTH = replace(
    ADA_RECORD,
    keys={},
    subscriptions={},
    oauth_clients={
        OAUTH: (
            OAuthClientRef(
                CLIENT_ID,
                "https://app.example.test/cb,https://app.example.test/cb2",
            ),
        )
    },
)
PENDING = KeyRequest(
    id=REQUEST,
    by_user=ADA,
    policies=(BRONZE,),
    fields={"purpose": "school project"},
    approved=False,
    date_created=datetime(2024, 5, 22, 9, 34, 8, 211000, tzinfo=UTC),
    version="v2",
)
GRANTED_OAUTH = replace(
    PENDING,
    id="64a0c0ffee000000000000b2",
    policies=(OAUTH,),
    fields={"oauth_app_description": "Tide app", "oauth_use_case": ""},
    approved=True,
    redirect_uri="https://app.example.test/cb,https://app.example.test/cb2",
)
REDUCED = KeyRequest(
    id=REQUEST,
    by_user=ADA,
    policies=(BRONZE,),
    fields={},
    approved=True,
    date_created=datetime(
        2024, 5, 8, 4, 49, 20, 992000, tzinfo=timezone(timedelta(hours=-4))
    ),
    version="v2",
)
CONFIGURATION = Configuration(
    id="64a0c0ffee000000000000c2",
    org_id=ORG,
    signup_fields=("company",),
    key_request_fields=("purpose",),
    require_key_approval=False,
    secure_key_approval=False,
    disable_signup=False,
    catalogue_login_only=False,
    key_mail_on=False,
    welcome_mail_on=False,
    hash_keys=False,
    redirect_on_key_request=False,
    email="",
)
BARE_CONFIGURATION = replace(
    CONFIGURATION, id="", signup_fields=(), key_request_fields=()
)
TIDES = CatalogueEntry(
    name="Harbour Tides",
    short_description="Tide tables",
    long_description="<p>Tide tables by port.</p>",
    show=True,
    policy_id=BRONZE,
    api_id="",
    documentation="64a0c0ffee000000000000e1",
    version="v2",
    is_keyless=False,
    auth_type="authToken",
    override=None,
    fields={},
)
OAUTH_ENTRY = replace(
    TIDES, name="Harbour OAuth", policy_id=OAUTH, documentation="", auth_type="oauth"
)
BRONZE_POLICY = Policy(
    id=BRONZE,
    ref=BRONZE,
    name="Tides bronze",
    rate=5,
    per=1,
    quota_max=1000,
    quota_renewal_rate=86400,
    key_expires_in=0,
    live=True,
    per_api_limits={},
    apis=((API, "Harbour Tides"),),
    auth_types=("authToken",),
    tags=(),
)
KEY = KeyDetail(
    key_id=HASH,
    key_hash=HASH,
    expires=None,
    quota_max=1000,
    quota_remaining=987,
    quota_renews=datetime(2024, 5, 23, 9, 34, 9, tzinfo=UTC),
    policies=(BRONZE,),
    developer_id=ADA,
    request_fields={"purpose": "school project"},
    date_created=datetime(2024, 5, 22, 9, 34, 9, 46568, tzinfo=UTC),
    is_inactive=False,
)
SPARSE_KEY = replace(
    KEY,
    quota_remaining=None,
    quota_renews=None,
    developer_id="",
    request_fields={},
    date_created=None,
)
RAW_KEY = (
    "eyJvcmciOiI2NGEwYzBmZmVlMDAwMDAwMDAwMDAwMDEiLCJpZCI6IjAwMTEyMjMzNDQ1NTY2"
    "Nzc4ODk5YWFiYmNjZGRlZWZmIiwiaCI6Im11cm11cjY0In0="
)
