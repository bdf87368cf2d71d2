"""Every operation the client has, and which of them write.

The operation names are those of the Dashboard's OpenAPI description, so that
logs, examples and the contract tests speak of the same thing.
"""

from __future__ import annotations

from typing import Final

from tyk.dashboard.errors import Call

_DEVELOPERS = "/api/portal/developers"
_REQUESTS = "/api/portal/requests"
# Day, month and year in path segments of their own, of the start and of the end.
_DATES = "{start_day}/{start_month}/{start_year}/{end_day}/{end_month}/{end_year}"


def _write(operation: str, method: str, template: str) -> Call:
    return Call(operation, method, template, writes=True)


def _read(operation: str, template: str) -> Call:
    return Call(operation, "GET", template)


LIST_DEVELOPERS: Final = _read("listDevelopers", _DEVELOPERS)
GET_DEVELOPER: Final = _read("getDeveloper", f"{_DEVELOPERS}/{{developer_id}}")
GET_DEVELOPER_BY_EMAIL: Final = _read(
    "getDeveloperByEmail", f"{_DEVELOPERS}/email/{{email}}"
)
GET_DEVELOPER_BY_SSO_KEY: Final = _read(
    "getDeveloperBySsoKey", f"{_DEVELOPERS}/ssokey/{{sso_key}}"
)
CREATE_DEVELOPER: Final = _write("createDeveloper", "POST", _DEVELOPERS)
UPDATE_DEVELOPER: Final = _write(
    "updateDeveloper", "PUT", f"{_DEVELOPERS}/{{developer_id}}"
)
DELETE_DEVELOPER: Final = _write(
    "deleteDeveloper", "DELETE", f"{_DEVELOPERS}/{{developer_id}}"
)
# A POST that changes nothing, so that a lost answer is no unknown outcome.
VERIFY_CREDENTIALS: Final = Call(
    "verifyCredentials", "POST", f"{_DEVELOPERS}/verify_credentials"
)
SET_PASSWORD: Final = _write(
    "resetDeveloperPassword", "POST", f"{_DEVELOPERS}/password/{{developer_id}}"
)
ADD_KEY: Final = _write(
    "addDeveloperKey", "POST", f"{_DEVELOPERS}/{{developer_id}}/keys"
)
CHANGE_KEY: Final = _write(
    "changeDeveloperKey", "PUT", f"{_DEVELOPERS}/{{developer_id}}/keys/{{key_id}}"
)
RESET_QUOTA: Final = _write(
    "resetDeveloperKeyQuota",
    "POST",
    f"{_DEVELOPERS}/{{developer_id}}/keys/{{key_id}}/reset_quota",
)
REVOKE_KEY: Final = _write(
    "revokeDeveloperKey", "DELETE", f"{_DEVELOPERS}/{{developer_id}}/keys/{{key_id}}"
)
DELETE_OAUTH_CLIENT: Final = _write(
    "deleteDeveloperOAuthApp", "DELETE", f"{_DEVELOPERS}/oauth/{{client_id}}"
)
LIST_REQUESTS: Final = _read("listKeyRequests", _REQUESTS)
GET_REQUEST: Final = _read("getKeyRequest", f"{_REQUESTS}/{{request_id}}")
CREATE_REQUEST: Final = _write("createKeyRequest", "POST", _REQUESTS)
APPROVE_REQUEST: Final = _write(
    "approveKeyRequest", "PUT", f"{_REQUESTS}/approve/{{request_id}}"
)
DELETE_REQUEST: Final = _write(
    "deleteKeyRequest", "DELETE", f"{_REQUESTS}/{{request_id}}"
)
GET_CATALOGUE: Final = _read("getCatalogue", "/api/portal/catalogue")
# Named after the route it would have: no public description shows it.
GET_DOCUMENTATION: Final = _read(
    "getDocumentation", "/api/portal/documentation/{documentation_id}"
)
GET_CONFIGURATION: Final = _read("getPortalConfiguration", "/api/portal/configuration")
LIST_POLICIES: Final = _read("listPolicies", "/api/portal/policies")
GET_POLICY: Final = _read("getPolicy", "/api/portal/policies/{policy_id}")
GET_KEY: Final = _read("getKey", "/api/keys/{key_id}")
GET_API_KEY: Final = _read("getApiKey", "/api/apis/{api_id}/keys/{key_id}")
DELETE_KEY: Final = _write("deleteKey", "DELETE", "/api/keys/{key_id}")
KEYS_USAGE: Final = _read(
    "aggregateKeyActivity", f"/api/activity/keys/aggregate/{{key_ids}}/{_DATES}"
)
OAUTH_CLIENT_USAGE: Final = _read(
    "oauthClientActivity", f"/api/activity/oauthid/{{client_id}}/{_DATES}"
)

ALL: Final = tuple(value for value in globals().values() if isinstance(value, Call))
