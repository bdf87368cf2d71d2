"""The examples of keys, OAuth clients and usage: see test_examples.py."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.tyk.dashboard.example_case import Case
from tests.tyk.dashboard.example_records import (
    ADA,
    BRONZE,
    CLIENT_ID,
    HASH,
    KEY,
    OAUTH,
    RAW_KEY,
    SPARSE_KEY,
)
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.records import Minted, MintedToken, UsageRow
from tyk.dashboard.secret import Secret

OTHER_HASH = "1b2c3d4e5f607182"
# The end of the examples' spans is exclusive: the 24th on the wire.
FIRST, LAST = date(2024, 5, 20), date(2024, 5, 23)
THE_22ND = UsageRow(
    at=datetime(2024, 5, 22, tzinfo=UTC),
    hits=13,
    ok=10,
    errors=3,
    last_hit=datetime(2024, 5, 22, 12, 31, 2, tzinfo=UTC),
)
# Two statuses of one day are two rows there, and one here.
BUSY_22ND = UsageRow(
    at=datetime(2024, 5, 22, tzinfo=UTC),
    hits=15,
    ok=10,
    errors=5,
    last_hit=datetime(2024, 5, 22, 12, 31, 2, tzinfo=UTC),
)
THE_23RD = UsageRow(
    at=datetime(2024, 5, 23, tzinfo=UTC),
    hits=4,
    ok=4,
    errors=0,
    last_hit=datetime(2024, 5, 23, 12, 31, 2, tzinfo=UTC),
)


def add(
    client: Dashboard, policy_id: str = BRONZE, fields: dict[str, str] | None = None
) -> Minted:
    return client.add_key(ADA, policies=[policy_id], fields=fields or {})


def used(client: Dashboard) -> list[UsageRow]:
    return client.usage([HASH, OTHER_HASH], start=FIRST, end_inclusive=LAST)


KEY_CASES: dict[str, Case] = {
    "developer_key_revoke.json": Case(lambda c: c.revoke_key(ADA, HASH), None),
    "developer_oauth_app_delete.json": Case(
        lambda c: c.delete_oauth_client(CLIENT_ID), None
    ),
    "key_get_hashed.json": Case(lambda c: c.key_detail(HASH, hashed=True), KEY),
    "key_get_zero_omitted.json": Case(
        lambda c: c.key_detail(HASH, hashed=True), SPARSE_KEY
    ),
    "key_get_foreign.json": Case(
        lambda c: c.key_detail(HASH, hashed=True), error=errors.Refused
    ),
    "key_get_missing.json": Case(
        lambda c: c.key_detail("deadbeef", hashed=True), error=errors.NotFound
    ),
    "key_get_500.json": Case(
        lambda c: c.key_detail(HASH, hashed=False),
        error=errors.Unexpected,
        attributes={"reason": "server_error"},
    ),
    "key_get_by_api.json": Case(
        lambda c: c.key_detail(HASH, hashed=True, api_id="-"), KEY
    ),
    "key_delete.json": Case(lambda c: c.delete_key(HASH, hashed=True), None),
    "key_delete_failure.json": Case(
        lambda c: c.delete_key(HASH, hashed=True),
        error=errors.OutcomeUnknown,
        attributes={"reason": "server_error"},
    ),
    "developer_key_add.json": Case(
        lambda c: add(c, fields={"purpose": "school project"}),
        MintedToken(Secret(RAW_KEY)),
    ),
    # Accepted in place of the list; the client sends the documented form.
    "developer_key_add_policy_id.json": Case(
        add,
        MintedToken(Secret(RAW_KEY)),
        we_add={"apply_policies": [BRONZE], "fields": {}},
        we_omit={"policy_id"},
    ),
    "developer_key_add_keyless.json": Case(
        lambda c: add(c, OAUTH),
        error=errors.Refused,
        we_add={"fields": {}},
        attributes={"message": "key requests for key-less APIs are not allowed"},
    ),
    "developer_key_change_policy.json": Case(
        lambda c: c.change_key_policies(ADA, HASH, policies=[OAUTH]), None
    ),
    "developer_key_reset_quota.json": Case(lambda c: c.reset_quota(ADA, HASH), None),
}
USAGE_CASES: dict[str, Case] = {
    # Clients on record ask with this member and without it.
    "activity_keys_aggregate.json": Case(
        used, [BUSY_22ND, THE_23RD], query_we_omit={"api_version"}
    ),
    "activity_keys_aggregate_empty.json": Case(used, []),
    # Days and months are taken with a leading zero and without.
    "activity_oauth_client.json": Case(
        lambda c: c.oauth_usage(CLIENT_ID, start=FIRST, end_inclusive=LAST),
        [THE_22ND],
        path=f"/api/activity/oauthid/{CLIENT_ID}/20/5/2024/24/5/2024",
    ),
}
