"""Every operation the client has, and which of them write.

The operation names are those of the Dashboard's OpenAPI description, so that
logs, examples and the contract tests speak of the same thing.
"""

from __future__ import annotations

from typing import Final

from tyk.dashboard.errors import Call

_DEVELOPERS = "/api/portal/developers"
_REQUESTS = "/api/portal/requests"


def _write(operation: str, method: str, template: str) -> Call:
    return Call(operation, method, template, writes=True)


def _read(operation: str, template: str) -> Call:
    return Call(operation, "GET", template)


LIST_DEVELOPERS: Final = _read("listDevelopers", _DEVELOPERS)
GET_DEVELOPER: Final = _read("getDeveloper", f"{_DEVELOPERS}/{{developer_id}}")
GET_DEVELOPER_BY_EMAIL: Final = _read(
    "getDeveloperByEmail", f"{_DEVELOPERS}/email/{{email}}"
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
GET_CONFIGURATION: Final = _read("getPortalConfiguration", "/api/portal/configuration")
LIST_POLICIES: Final = _read("listPolicies", "/api/portal/policies")
GET_KEY: Final = _read("getKey", "/api/keys/{key_id}")

ALL: Final = tuple(value for value in globals().values() if isinstance(value, Call))
