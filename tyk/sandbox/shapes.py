"""The members of the Dashboard's objects, and what Go makes of a body.

A shape names every member and its kind. `decode` takes a parsed body the way Go's
decoder does: null means "not given", a value of another type spoils the whole body
(403, Tyk docs, portal-policies). `fill` writes an object out with Go's zero value for
whatever is not set, which is why empty lists and maps are null.

Members no shape knows are kept as they came: they stand for the members a newer
Dashboard has, and a client that drops them on a full-record PUT is found out.
"""

from __future__ import annotations

from typing import Any

from tyk.sandbox.clock import ZERO_DATE, is_date

Json = dict[str, Any]
Kind = str | dict[str, Any] | tuple[str, Any]
Shape = dict[str, Any]

MAIL: Shape = {
    "enabled": "bool",
    "subject": "str",
    "body": "str",
    "sign_off": "str",
    "hide_token_data": "bool",
}
CONFIGURATION: Shape = {
    "id": "str",
    "org_id": "str",
    "signup_fields": "strings",
    "key_request_fields": "strings",
    "require_key_approval": "bool",
    "secure_key_approval": "bool",
    "redirect_on_key_request": "bool",
    "redirect_to": "str",
    "enable_multi_selection": "bool",
    "disable_login": "bool",
    "disable_signup": "bool",
    "disable_auto_login": "bool",
    "catalogue_login_only": "bool",
    "oauth_usage_limit": "int",
    "email": "str",
    "mail_options": {
        "mail_from_name": "str",
        "mail_from_email": "str",
        "email_copy": {
            "welcome_email": MAIL,
            "key_email": MAIL,
            "reset_password_email": MAIL,
        },
    },
    "enable_dcr": "bool",
    "dcr_options": {
        "idp_host": "str",
        "access_token": "str",
        "registration_endpoint": "str",
        "provider": "str",
        "grant_types": "strings",
        "response_types": "strings",
        "token_endpoint_auth_method": "str",
    },
    "override": "bool",
    "HashKeys": "bool",
}
ENTRY: Shape = {
    "name": "str",
    "short_description": "str",
    "long_description": "str",
    "show": "bool",
    "api_id": "str",
    "policy_id": "str",
    "documentation": "str",
    "version": "str",
    "is_keyless": "bool",
    "config": CONFIGURATION,
    "fields": "strmap",
    "auth_type": "str",
}
CATALOGUE: Shape = {
    "id": "str",
    "org_id": "str",
    "apis": ("list", ENTRY),
    "email": "str",
}
DEVELOPER: Shape = {
    "email": "str",
    "date_created": "date",
    "inactive": "bool",
    "org_id": "str",
    "keys": "listmap",
    "subscriptions": "strmap",
    "fields": "strmap",
    "nonce": "str",
    "sso_key": "str",
    "oauth_clients": "objectsmap",
    "password_max_days": "int",
    "password_updated": "date",
    "PWHistory": "list",
    "last_login_date": "date",
}
OAUTH_INFO: Shape = {"redirect_uri": "str"}
KEY_REQUEST: Shape = {
    "org_id": "str",
    "for_api": "str",
    "for_plan": "str",
    "apply_policies": "strings",
    "by_user": "str",
    "fields": "strmap",
    "approved": "bool",
    "date_created": "date",
    "version": "str",
    "jwt_secret": "str",
    "certificate": "str",
}
KEY_REQUEST_OPTIONAL: Shape = {
    "remove_policies": "strings",
    "key": "str",
    "oauth_info": OAUTH_INFO,
}
ADD_KEY: Shape = {
    "apply_policies": "strings",
    "policy_id": "str",
    "fields": "strmap",
    "oauth_info": OAUTH_INFO,
}
POLICY: Shape = {
    "_id": "str",
    "id": "str",
    "name": "str",
    "org_id": "str",
    "rate": "num",
    "per": "num",
    "quota_max": "num",
    "quota_renewal_rate": "num",
    "throttle_interval": "num",
    "throttle_retry_limit": "num",
    "max_query_depth": "num",
    "access_rights": "map",
    "hmac_enabled": "bool",
    "enable_http_signature_validation": "bool",
    "active": "bool",
    "is_inactive": "bool",
    "tags": "strings",
    "key_expires_in": "int",
    "partitions": {
        "quota": "bool",
        "rate_limit": "bool",
        "complexity": "bool",
        "acl": "bool",
        "per_api": "bool",
    },
    "last_updated": "str",
    "meta_data": "map",
    "graphql_access_rights": "map",
    "auth_type": "str",
    "auth_types": "strings",
    "access_rights_array": "list",
    "date_created": "date",
    "state": "str",
}
SESSION: Shape = {
    "last_check": "num",
    "allowance": "num",
    "rate": "num",
    "per": "num",
    "throttle_interval": "num",
    "throttle_retry_limit": "num",
    "max_query_depth": "num",
    "date_created": "date",
    "expires": "num",
    "quota_max": "num",
    "quota_renews": "num",
    "quota_remaining": "num",
    "quota_renewal_rate": "num",
    "access_rights": "map",
    "org_id": "str",
    "oauth_client_id": "str",
    "oauth_keys": "map",
    "certificate": "str",
    "basic_auth_data": {"password": "str", "hash_type": "str"},
    "jwt_data": {"secret": "str"},
    "hmac_enabled": "bool",
    "hmac_string": "str",
    "is_inactive": "bool",
    "apply_policy_id": "str",
    "apply_policies": "strings",
    "data_expires": "num",
    "monitor": {"trigger_limits": "list"},
    "enable_detailed_recording": "bool",
    "meta_data": "map",
    "tags": "strings",
    "alias": "str",
    "last_updated": "str",
    "id_extractor_deadline": "num",
    "session_lifetime": "num",
}
DOCUMENTATION: Shape = {
    "org_id": "str",
    "api_id": "str",
    "doc_type": "str",
    "documentation": "str",
}
PAGE: Shape = {
    "id": "str",
    "title": "str",
    "slug": "str",
    "template_name": "str",
    "fields": "map",
    "org_id": "str",
    "is_homepage": "bool",
    "page_settings": "map",
}
MENUS: Shape = {"id": "str", "menus": "map", "is_active": "bool", "org_id": "str"}
CSS: Shape = {"id": "str", "org_id": "str", "page_css": "str", "email_css": "str"}
JS: Shape = {"id": "str", "org_id": "str", "page_js": "str"}

ZEROS: dict[str, Any] = {
    "str": "",
    "bool": False,
    "int": 0,
    "num": 0,
    "date": ZERO_DATE,
}


class Malformed(Exception):
    """The body does not fit the shape; Go's decoder would give up on it."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _all_strings(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)


def _map_of(value: object, good: Any) -> bool:
    return isinstance(value, dict) and all(v is None or good(v) for v in value.values())


def _is_objects(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(v, dict) for v in values)


CHECKS: dict[str, Any] = {
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "int": _is_whole,
    "num": _is_number,
    "date": lambda v: isinstance(v, str) and is_date(v),
    "strings": _all_strings,
    "list": lambda v: isinstance(v, list),
    "map": lambda v: isinstance(v, dict),
    "strmap": lambda v: _map_of(v, lambda x: isinstance(x, str)),
    "listmap": lambda v: _map_of(v, _all_strings),
    "objectsmap": lambda v: _map_of(v, _is_objects),
}


def _decode_value(value: Any, kind: Kind) -> Any:
    if isinstance(kind, dict):
        return decode(value, kind)
    if isinstance(kind, tuple):
        if not isinstance(value, list):
            raise Malformed
        return [decode(item, kind[1]) for item in value]
    if not CHECKS[kind](value):
        raise Malformed
    return value


def decode(body: Any, *shapes: Shape) -> Json:
    """The members that were given (null counts as not given).

    Raises `Malformed` if the body is no object or a member has the wrong type.
    """
    if not isinstance(body, dict):
        raise Malformed
    kinds = {name: kind for shape in shapes for name, kind in shape.items()}
    return {
        name: _decode_value(value, kinds[name]) if name in kinds else value
        for name, value in body.items()
        if value is not None
    }


def zero(kind: Kind) -> Any:
    """Go's zero value of a kind; for lists and maps that is null."""
    if isinstance(kind, dict):
        return fill(kind, {})
    return ZEROS.get(kind) if isinstance(kind, str) else None


def _fill_value(value: Any, kind: Kind) -> Any:
    if value is None:
        return zero(kind)
    if isinstance(kind, tuple):
        return [fill(kind[1], item) for item in value]
    return fill(kind, value) if isinstance(kind, dict) else value


# Every list of 100,000 rows comes through `fill`, so a shape is taken apart once.
# Known by identity: the shapes above live as long as the program.
_PLANS: dict[int, tuple[Json, list[tuple[str, Kind]]]] = {}


def _plan(shape: Shape) -> tuple[Json, list[tuple[str, Kind]]]:
    """A shape's plain members at zero, and those that have shapes of their own."""
    if id(shape) not in _PLANS:
        deep = [(n, kind) for n, kind in shape.items() if not isinstance(kind, str)]
        inside = {name for name, _ in deep}
        plain = {n: None if n in inside else zero(kind) for n, kind in shape.items()}
        _PLANS[id(shape)] = plain, deep
    return _PLANS[id(shape)]


def fill(shape: Shape, record: Json) -> Json:
    """The record with every member of the shape, unknown members last."""
    plain, deep = _plan(shape)
    full = {**plain, **record}
    if None in record.values():
        full.update((n, plain.get(n)) for n, value in record.items() if value is None)
    for name, kind in deep:
        full[name] = _fill_value(record.get(name), kind)
    return full


def sparse(record: Json, shape: Shape) -> Json:
    """The record without members that are at their zero value.

    Keeps 100,000 developers in memory at a third of their full size.
    """
    return {
        name: value
        for name, value in record.items()
        if value is not None and (name not in shape or value != zero(shape[name]))
    }
