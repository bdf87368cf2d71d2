"""What the client must make of each published example: see test_examples.py."""

from __future__ import annotations

import json
from typing import Any

from tests.tyk.dashboard.example_case import EXAMPLES, REJECTED, Case
from tests.tyk.dashboard.example_cases_keys import KEY_CASES, USAGE_CASES
from tests.tyk.dashboard.example_records import (
    ADA,
    ADA_IN_OLD_LIST,
    ADA_RECORD,
    ADA_WITH_OAUTH,
    ASKED,
    BARE_CONFIGURATION,
    BRONZE,
    BRONZE_POLICY,
    CLIENT_ID,
    CONFIGURATION,
    GRANTED_OAUTH,
    NOBODY,
    OAUTH,
    OAUTH_ENTRY,
    ORG,
    PASSWORD,
    PENDING,
    RAW_KEY,
    REDUCED,
    REQUEST,
    TIDES,
)
from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.records import Catalogue, MintedBasic, MintedOAuth, MintedToken
from tyk.dashboard.secret import Secret


def create(
    client: Dashboard,
    *,
    fields: dict[str, str] | None = None,
    password: Secret = PASSWORD,
) -> str | None:
    return client.create_developer(
        email="ada@example.test", password=password, fields=fields or {}
    )


def ask(
    client: Dashboard,
    policy_id: str = BRONZE,
    fields: dict[str, str] | None = None,
    redirect_uri: str | None = None,
) -> str | None:
    return client.create_request(
        by_user=ADA,
        policies=[policy_id],
        fields=fields or {},
        date_created=ASKED,
        redirect_uri=redirect_uri,
    )


def example_body(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((EXAMPLES / name).read_text())["request"]["body"]
    return body


UNSENT = {"inactive": False, "fields": {}}
UNASKED = {
    "date_created": "2024-05-22T09:34:08Z",
    "fields": {},
    "approved": False,
}

CASES: dict[str, Case] = {
    # Any operation
    "error_401_missing_key.json": Case(
        lambda c: list(c.developers()),
        error=errors.Misconfigured,
        attributes=REJECTED,
    ),
    "error_401_wrong_key.json": Case(
        lambda c: list(c.developers()),
        error=errors.Misconfigured,
        attributes=REJECTED,
    ),
    "error_401_legacy_meta_empty_string.json": Case(
        lambda c: list(c.developers()),
        error=errors.Misconfigured,
        attributes=REJECTED,
    ),
    "error_403_permission.json": Case(
        lambda c: c.catalogue(),
        error=errors.Misconfigured,
        attributes={"reason": "no_permission", "status": 403},
    ),
    "error_403_malformed_body.json": Case(
        lambda c: c.update_developer(ADA, {"email": "x"}),
        error=errors.Refused,
        same_call=False,
        attributes={"message": "Request body malformed.", "status": 403},
    ),
    "error_404_wrong_method.json": Case(
        lambda c: c.verify_credentials(email="a@b.test", password=PASSWORD),
        error=errors.NotFound,
        same_call=False,
        attributes={"message": "404"},
    ),
    "error_500_store.json": Case(
        create,
        error=errors.OutcomeUnknown,
        same_call=False,
        attributes={"reason": "server_error", "status": 500},
    ),
    # Developers
    "developers_list.json": Case(lambda c: list(c.developers()), [ADA_IN_OLD_LIST]),
    "developers_list_id_form.json": Case(lambda c: list(c.developers()), [ADA_RECORD]),
    "developers_list_empty.json": Case(lambda c: list(c.developers()), []),
    "developer_get_by_id.json": Case(lambda c: c.developer(ADA), ADA_RECORD),
    "developer_get_by_id_oauth.json": Case(lambda c: c.developer(ADA), ADA_WITH_OAUTH),
    "developer_get_missing.json": Case(
        lambda c: c.developer(NOBODY), error=errors.NotFound
    ),
    "developer_get_by_email.json": Case(
        lambda c: c.developer_by_email("ada@example.test"), ADA_RECORD
    ),
    "developer_get_by_email_missing.json": Case(
        lambda c: c.developer_by_email("nobody@example.test"), error=errors.NotFound
    ),
    "developer_get_by_email_plus_sign.json": Case(
        lambda c: c.developer_by_email("ada+shop@example.test"), error=errors.NotFound
    ),
    "developer_get_by_ssokey.json": Case(
        lambda c: c.developer_by_ssokey("idp|ada"), ADA_RECORD
    ),
    "developer_create.json": Case(
        lambda c: create(c, fields={"Name": "Ada Example"}), ADA
    ),
    "developer_create_legacy_meta.json": Case(create, ADA, we_add=UNSENT),
    "developer_create_sso_without_password.json": Case(
        lambda c: create(c, fields={"Name": "Ada Example"}),
        ADA,
        we_add={"password": "correct-horse"},
        we_omit={"org_id", "sso_key", "nonce", "keys", "subscriptions"},
    ),
    "developer_create_password_too_short.json": Case(
        lambda c: create(c, password=Secret("")),
        error=errors.Refused,
        we_add=UNSENT,
        attributes={
            "message": "Developer object validation failed.",
            "errors": ("password: String length must be greater than or equal to 6",),
        },
    ),
    "developer_create_duplicate_email_accepted.json": Case(
        create, "64a0c0ffee000000000000d2", we_add=UNSENT
    ),
    "developer_create_duplicate_email_refused.json": Case(
        create, error=errors.Refused, we_add=UNSENT
    ),
    "request_form_content_type.json": Case(create, ADA, we_add=UNSENT),
    "developer_update.json": Case(
        lambda c: c.update_developer(ADA, example_body("developer_update.json")), None
    ),
    "developer_delete.json": Case(lambda c: c.delete_developer(ADA), None),
    "developer_delete_missing.json": Case(
        lambda c: c.delete_developer(NOBODY), error=errors.NotFound
    ),
    "developer_delete_key_failure.json": Case(
        lambda c: c.delete_developer(ADA),
        error=errors.OutcomeUnknown,
        attributes={"reason": "server_error"},
    ),
    "verify_credentials_ok.json": Case(
        lambda c: c.verify_credentials(email="ada@example.test", password=PASSWORD),
        True,
    ),
    # The listener gives the same 401 to the canary, so this can only be our key;
    # the two-valued 401 has its own table in test_verify.py.
    "verify_credentials_wrong.json": Case(
        lambda c: c.verify_credentials(
            email="ada@example.test", password=Secret("nope-nope")
        ),
        error=errors.Misconfigured,
        attributes=REJECTED,
    ),
    "password_reset.json": Case(
        lambda c: c.set_password(ADA, Secret("new-correct-horse")), None
    ),
    "password_reset_with_status.json": Case(
        lambda c: c.set_password(ADA, Secret("new-correct-horse")), None
    ),
    "password_reset_bad_id.json": Case(
        lambda c: c.set_password(NOBODY, Secret("new-correct-horse")),
        error=errors.Refused,
        attributes={"message": "Developer password validation failed."},
    ),
    **KEY_CASES,
    **USAGE_CASES,
    # Key requests
    "requests_list.json": Case(lambda c: list(c.requests()), [PENDING, GRANTED_OAUTH]),
    "requests_list_pending.json": Case(
        lambda c: list(c.requests(approved=False)), [PENDING]
    ),
    "requests_list_empty.json": Case(lambda c: list(c.requests()), []),
    "request_get.json": Case(lambda c: c.request(REQUEST), PENDING),
    "request_get_reduced.json": Case(lambda c: c.request(REQUEST), REDUCED),
    "request_get_missing.json": Case(
        lambda c: c.request(NOBODY), error=errors.NotFound
    ),
    "request_create.json": Case(
        lambda c: ask(c, fields={"purpose": "school project"}), REQUEST
    ),
    "request_create_oauth.json": Case(
        lambda c: ask(
            c,
            OAUTH,
            {"oauth_app_description": "Tide app", "oauth_use_case": ""},
            "https://app.example.test/cb",
        ),
        REQUEST,
        we_add={"approved": False},
    ),
    # The trap is never sent: what differs is the whole point.
    "request_create_approved_true_trap.json": Case(
        ask, REQUEST, we_add={**UNASKED, "for_plan": BRONZE}, we_omit={"approved"}
    ),
    "request_create_unknown_policy.json": Case(
        lambda c: ask(c, NOBODY),
        error=errors.Refused,
        we_add=UNASKED,
        attributes={"message": "No policy found!"},
    ),
    "request_create_keyless.json": Case(
        lambda c: ask(c, OAUTH),
        error=errors.Refused,
        we_add={**UNASKED, "for_plan": OAUTH},
    ),
    "request_approve_token.json": Case(
        lambda c: c.approve(REQUEST), MintedToken(Secret(RAW_KEY))
    ),
    "request_approve_token_legacy.json": Case(
        lambda c: c.approve(REQUEST),
        MintedToken(Secret("64a0c0ffee0000000000000100112233445566778899aabbccddeeff")),
    ),
    "request_approve_basic.json": Case(
        lambda c: c.approve(REQUEST),
        MintedBasic(Secret("tRfQw8ZpLm"), Secret("k2VbN7xYcD4s")),
    ),
    "request_approve_oauth.json": Case(
        lambda c: c.approve(REQUEST),
        MintedOAuth(
            CLIENT_ID,
            Secret("ZXhhbXBsZS1vbmx5LW5vdC1hLXNlY3JldA=="),
            OAUTH,
            "https://app.example.test/cb,https://app.example.test/cb2",
        ),
    ),
    "request_approve_already_processed.json": Case(
        lambda c: c.approve(REQUEST),
        error=errors.Refused,
        attributes={"message": "Key request has already been processed."},
    ),
    "request_approve_unknown_id.json": Case(
        lambda c: c.approve(NOBODY),
        error=errors.OutcomeUnknown,
        attributes={"reason": "server_error"},
    ),
    "request_delete.json": Case(lambda c: c.delete_request(REQUEST), None),
    # Catalogue, configuration, policies
    "catalogue_get.json": Case(
        lambda c: c.catalogue(),
        Catalogue("64a0c0ffee000000000000c1", ORG, (TIDES, OAUTH_ENTRY)),
    ),
    "catalogue_get_null_apis.json": Case(
        lambda c: c.catalogue(), Catalogue("64a0c0ffee000000000000c1", ORG, ())
    ),
    "configuration_get.json": Case(lambda c: c.configuration(), CONFIGURATION),
    "configuration_get_before_init.json": Case(
        lambda c: c.configuration(), BARE_CONFIGURATION
    ),
    "policies_list.json": Case(lambda c: c.policies(), [BRONZE_POLICY]),
    "policies_list_empty.json": Case(lambda c: c.policies(), []),
    "policies_list_legacy_access_rights.json": Case(
        lambda c: c.policies(), [BRONZE_POLICY]
    ),
    "policies_list_404.json": Case(lambda c: c.policies(), error=errors.NotFound),
    "policies_list_500.json": Case(
        lambda c: c.policies(),
        error=errors.Unexpected,
        attributes={"reason": "server_error"},
    ),
    "policy_get.json": Case(lambda c: c.policy(BRONZE), BRONZE_POLICY),
    "policy_get_invalid_id.json": Case(
        lambda c: c.policy("zzz"),
        error=errors.Refused,
        attributes={"message": "Invalid policy ID."},
    ),
    "policy_get_missing.json": Case(lambda c: c.policy(NOBODY), error=errors.NotFound),
}
