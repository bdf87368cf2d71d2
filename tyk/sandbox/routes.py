"""Which handler answers which call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tyk.sandbox import (
    catalogue,
    configuration,
    content,
    developer_keys,
    developers,
    key_requests,
    keys,
    policies,
    usage,
)
from tyk.sandbox.answers import Answer
from tyk.sandbox.world import Call, World

Handler = Callable[[World, Call], Answer]
DATES = "{startDay}/{startMonth}/{startYear}/{endDay}/{endMonth}/{endYear}"
PORTAL = "/api/portal"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its name, its path template and the right it needs."""

    method: str
    path: str
    operation: str
    handler: Handler
    right: str = "portal"

    @property
    def writes(self) -> bool:
        """Whether it changes something; a deprecated GET does."""
        return self.method != "GET" or self.operation == "changeDeveloperKeyLegacy"


def _table(prefix: str, right: str, rows: list[tuple[str, str, str, Handler]]) -> None:
    for method, path, operation, handler in rows:
        ROUTES.append(Route(method, f"{prefix}{path}", operation, handler, right))


ROUTES: list[Route] = []
_table(
    f"{PORTAL}/developers",
    "portal",
    [
        ("GET", "", "listDevelopers", developers.list_developers),
        ("POST", "", "createDeveloper", developers.create_developer),
        (
            "POST",
            "/verify_credentials",
            "verifyCredentials",
            developers.verify_credentials,
        ),
        ("GET", "/email/{email}", "getDeveloperByEmail", developers.get_by_email),
        (
            "GET",
            "/ssokey/{ssokey}",
            "getDeveloperBySsoKey",
            developers.get_by_sso_key,
        ),
        (
            "POST",
            "/password/{developerId}",
            "resetDeveloperPassword",
            developers.reset_password,
        ),
        ("GET", "/{developerId}", "getDeveloper", developers.get_developer),
        ("PUT", "/{developerId}", "updateDeveloper", developers.update_developer),
        ("DELETE", "/{developerId}", "deleteDeveloper", developers.delete_developer),
    ],
)
_table(
    f"{PORTAL}/developers",
    "portal",
    [
        (
            "DELETE",
            "/oauth/{appId}",
            "deleteDeveloperOAuthApp",
            developer_keys.delete_oauth_client,
        ),
        (
            "DELETE",
            "/oauth/{apiId}/{appId}",
            "deleteDeveloperOAuthAppLegacy",
            developer_keys.delete_oauth_client,
        ),
        (
            "DELETE",
            "/key/{apiId}/{keyId}/{developerId}",
            "revokeDeveloperKeyLegacy",
            developer_keys.revoke_key,
        ),
        (
            "POST",
            "/key/{apiId}/{keyId}/{developerId}/reset_quota",
            "resetDeveloperKeyQuotaLegacy",
            developer_keys.reset_quota,
        ),
        (
            "POST",
            "/{developerId}/keys",
            "addDeveloperKey",
            developer_keys.issue_key,
        ),
        (
            "POST",
            "/{developerId}/subscriptions",
            "addDeveloperSubscription",
            developer_keys.issue_key,
        ),
        (
            "PUT",
            "/{developerId}/keys/{keyId}",
            "changeDeveloperKey",
            developer_keys.change_key,
        ),
        (
            "DELETE",
            "/{developerId}/keys/{keyId}",
            "revokeDeveloperKey",
            developer_keys.revoke_key,
        ),
        (
            "POST",
            "/{developerId}/keys/{keyId}/reset_quota",
            "resetDeveloperKeyQuota",
            developer_keys.reset_quota,
        ),
        (
            "GET",
            "/{developerId}/{keyId}/{policyId}",
            "changeDeveloperKeyLegacy",
            developer_keys.change_key_by_get,
        ),
    ],
)
_table(
    f"{PORTAL}/requests",
    "portal",
    [
        ("GET", "", "listKeyRequests", key_requests.list_requests),
        ("POST", "", "createKeyRequest", key_requests.create_request),
        ("GET", "/{requestId}", "getKeyRequest", key_requests.get_request),
        ("PUT", "/{requestId}", "updateKeyRequest", key_requests.update_request),
        ("DELETE", "/{requestId}", "deleteKeyRequest", key_requests.delete_request),
        (
            "PUT",
            "/approve/{requestId}",
            "approveKeyRequest",
            key_requests.approve_request,
        ),
    ],
)
_table(
    PORTAL,
    "portal",
    [
        ("GET", "/catalogue", "getCatalogue", catalogue.get_catalogue),
        ("POST", "/catalogue", "createCatalogue", catalogue.create_catalogue),
        ("PUT", "/catalogue", "updateCatalogue", catalogue.update_catalogue),
        (
            "GET",
            "/configuration",
            "getPortalConfiguration",
            configuration.get_configuration,
        ),
        (
            "POST",
            "/configuration",
            "createPortalConfiguration",
            configuration.create_configuration,
        ),
        (
            "PUT",
            "/configuration",
            "updatePortalConfiguration",
            configuration.update_configuration,
        ),
        ("PUT", "/cname", "updatePortalCname", content.update_cname),
        (
            "POST",
            "/documentation",
            "createDocumentation",
            content.create_documentation,
        ),
        (
            "GET",
            "/documentation/{documentationId}",
            "getDocumentation",
            content.get_documentation,
        ),
        (
            "DELETE",
            "/documentation/{documentationId}",
            "deleteDocumentation",
            content.delete_documentation,
        ),
        ("GET", "/pages", "listPages", content.list_pages),
        ("POST", "/pages", "createPage", content.create_page),
        ("GET", "/pages/{pageId}", "getPage", content.get_page),
        ("PUT", "/pages/{pageId}", "updatePage", content.update_page),
        ("DELETE", "/pages/{pageId}", "deletePage", content.delete_page),
        ("GET", "/menus", "getMenus", content.get_menus),
        ("POST", "/menus", "createMenus", content.create_menus),
        ("PUT", "/menus", "updateMenus", content.update_menus),
        ("GET", "/css", "getCss", content.get_css),
        ("POST", "/css", "createCss", content.create_css),
        ("PUT", "/css", "updateCss", content.update_css),
        ("GET", "/js", "getJs", content.get_js),
        ("POST", "/js", "createJs", content.create_js),
        ("PUT", "/js", "updateJs", content.update_js),
    ],
)
_table(
    f"{PORTAL}/policies",
    "policy",
    [
        ("GET", "", "listPolicies", policies.list_policies),
        ("POST", "", "createPolicy", policies.create_policy),
        ("GET", "/search", "searchPolicies", policies.search_policies),
        ("GET", "/{policyId}", "getPolicy", policies.get_policy),
        ("PUT", "/{policyId}", "updatePolicy", policies.update_policy),
        ("DELETE", "/{policyId}", "deletePolicy", policies.delete_policy),
    ],
)
_table(
    "/api",
    "keys",
    [
        ("GET", "/keys/detailed", "listKeysDetailed", keys.list_keys_detailed),
        ("GET", "/keys/{keyId}", "getKey", keys.get_key),
        ("PUT", "/keys/{keyId}", "updateKey", keys.update_key),
        ("DELETE", "/keys/{keyId}", "deleteKey", keys.delete_key),
        ("GET", "/apis/keys", "listAllKeys", keys.list_all_keys),
        ("GET", "/apis/{apiId}/keys", "listApiKeys", keys.list_api_keys),
        ("GET", "/apis/{apiId}/keys/{keyId}", "getApiKey", keys.get_key),
        ("PUT", "/apis/{apiId}/keys/{keyId}", "updateApiKey", keys.update_key),
        ("DELETE", "/apis/{apiId}/keys/{keyId}", "deleteApiKey", keys.delete_key),
    ],
)
_table(
    "/api",
    "analytics",
    [
        (
            "GET",
            f"/activity/keys/aggregate/{{keys}}/{DATES}",
            "aggregateKeyActivity",
            usage.aggregate_keys,
        ),
        (
            "GET",
            f"/activity/keys/endpoint/{{keyHash}}/{DATES}",
            "keyEndpointActivity",
            usage.endpoints_of_key,
        ),
        ("GET", f"/activity/keys/{{keyHash}}/{DATES}", "keyActivity", usage.one_key),
        (
            "GET",
            f"/activity/oauthid/{{clientId}}/{DATES}",
            "oauthClientActivity",
            usage.one_client,
        ),
        ("GET", f"/usage/apis/{DATES}", "apiUsage", usage.usage_by_api),
        ("GET", f"/usage/{DATES}", "totalUsage", usage.total_usage),
    ],
)


@dataclass(frozen=True, slots=True)
class Match:
    """A route and what its template's slots hold."""

    route: Route
    params: dict[str, str]


def _slots(template: str, parts: list[str]) -> dict[str, str] | None:
    names = template.strip("/").split("/")
    if len(names) != len(parts):
        return None
    params = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{") and part:
            params[name[1:-1]] = unquote(part)
        elif name != part:
            return None
    return params


def match(method: str, path: str) -> Match | None:
    """The route of a raw (still quoted) path; None is Tyk's 404.

    The path decides first, the most literal template winning, and then the method: a
    PUT to `verify_credentials` is a 404, not a developer of that name. A slash at the
    end routes too, an empty part within does not.
    """
    parts = path.removeprefix("/").removesuffix("/").split("/")
    slotted = ((route, _slots(route.path, parts)) for route in ROUTES)
    found = [Match(route, params) for route, params in slotted if params is not None]
    fewest = min((len(each.params) for each in found), default=0)
    return next(
        (m for m in found if m.route.method == method and len(m.params) == fewest),
        None,
    )


OPERATIONS = frozenset(route.operation for route in ROUTES)
