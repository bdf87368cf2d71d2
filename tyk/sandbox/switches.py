"""What public material leaves open about a Dashboard, one switch each.

Two Dashboards of different age, store or configuration differ in all of these, and
nothing published settles which one a portal will meet. The defaults are the likeliest
values; the profiles together visit every other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Switches:
    """One Dashboard's habits. Immutable; use `changed` for a variation."""

    developer_list_id: Literal["_id", "id"] = "_id"
    request_list_id: Literal["id", "_id"] = "id"
    duplicate_email: Literal["accept", "refuse"] = "accept"
    email_case: Literal["exact", "folded"] = "exact"
    plus_in_email: Literal["missing", "found"] = "missing"
    create_passwordless: Literal["sso_only", "accept", "refuse"] = "sso_only"
    put_passwordless: Literal["keep", "empty"] = "keep"
    put_without_maps: Literal["empty", "keep"] = "empty"
    verify_inactive: Literal["accept", "refuse"] = "accept"
    verify_body: Literal["envelope", "empty", "text"] = "envelope"
    reset_answer: Literal["bare", "status"] = "bare"
    developer_missing: Literal[404, 400] = 404
    delete_developer_with_keys: Literal["cascade", "refuse"] = "cascade"
    foreign_records: Literal["hidden", "shown"] = "hidden"
    unknown_policy: Literal["refuse", "accept"] = "refuse"
    unknown_developer: Literal["refuse", "accept"] = "refuse"
    create_request_answer: Literal["id", "text"] = "id"
    approve_unknown: Literal[500, 404] = 500
    approve_again: Literal["refuse", "mint"] = "refuse"
    approve_answer: Literal["full", "raw_key_only"] = "full"
    secure_approval_answer: Literal["raw_key", "empty"] = "raw_key"
    hashing: Literal["murmur64", "murmur32", "off"] = "murmur64"
    key_form: Literal["current", "legacy"] = "current"
    deleted_key_subscription: Literal["keeps", "clears"] = "keeps"
    delete_by_hash: Literal["allowed", "refused", "failing"] = "allowed"
    hashed_keys_listing: Literal["on", "off"] = "on"
    session_zero_values: Literal["present", "omitted"] = "present"
    tyk_mails: Literal["none", "key", "welcome"] = "none"
    configuration_before_init: Literal["empty", "missing"] = "empty"
    catalogue_before_init: Literal["empty", "missing"] = "empty"
    second_catalogue: Literal["refuse", "second"] = "refuse"
    get_documentation: Literal["missing", "object"] = "missing"
    policy_name_reuse: Literal["refuse", "accept"] = "refuse"
    policy_access_rights: Literal["current", "legacy"] = "current"
    empty_list: Literal["null", "list"] = "null"
    first_page: Literal["same", "zero"] = "same"
    page_size: int = 10
    meta_on_success: Literal["null", "text"] = "null"
    error_content_type: Literal["text_on_404", "json", "text"] = "text_on_404"
    usage_end: Literal["exclusive", "inclusive"] = "exclusive"
    zero_rows: Literal["present", "absent"] = "present"
    replica_lag: float = 0.0
    denied_rights: tuple[str, ...] = ()

    def changed(self, **changes: object) -> Switches:
        """A variation. Raises `ValueError` for an unknown name or value."""
        known = {name: checked(name, value) for name, value in changes.items()}
        return replace(self, **known)

    def as_dict(self) -> dict[str, Any]:
        """Every switch by name, ready for JSON."""
        return {
            f.name: list(value) if isinstance(value, tuple) else value
            for f in fields(self)
            for value in [getattr(self, f.name)]
        }


def choices(name: str) -> tuple[object, ...]:
    """The values a switch may have; empty if it takes any number or text."""
    hint = get_type_hints(Switches).get(name)
    if hint is None:
        message = f"no switch is called {name!r}"
        raise ValueError(message)
    return get_args(hint) if get_origin(hint) is Literal else ()


def _free_value(name: str, value: object) -> object:
    if name == "denied_rights" and isinstance(value, list | tuple):
        return tuple(str(right) for right in value)
    if name == "page_size" and isinstance(value, int) and value > 0:
        return value
    if name == "replica_lag" and isinstance(value, int | float) and value >= 0:
        return float(value)
    message = f"switch {name!r} cannot be {value!r}"
    raise ValueError(message)


def checked(name: str, value: object) -> Any:
    """The value, if the switch may have it. Raises `ValueError`."""
    allowed = choices(name)
    if not allowed:
        return _free_value(name, value)
    if value in allowed and not isinstance(value, bool):
        return value
    message = f"switch {name!r} must be one of {allowed}, not {value!r}"
    raise ValueError(message)


DEFAULT = Switches()
PROFILES: Mapping[str, Switches] = {
    "default": DEFAULT,
    # A recent release on SQL, as far as release notes and schemas tell.
    "modern": Switches(
        developer_list_id="id",
        duplicate_email="refuse",
        email_case="folded",
        plus_in_email="found",
        reset_answer="status",
        verify_inactive="refuse",
        empty_list="list",
        get_documentation="object",
        error_content_type="json",
        session_zero_values="omitted",
        policy_name_reuse="accept",
        zero_rows="absent",
    ),
    # Mongo, 1.x to 2.x: the recordings of 2016 to 2019.
    "legacy": Switches(
        request_list_id="_id",
        create_passwordless="accept",
        developer_missing=400,
        unknown_policy="accept",
        unknown_developer="accept",
        approve_unknown=404,
        approve_answer="raw_key_only",
        hashing="murmur32",
        key_form="legacy",
        policy_access_rights="legacy",
        hashed_keys_listing="off",
        meta_on_success="text",
        error_content_type="text",
        verify_body="empty",
        first_page="zero",
        deleted_key_subscription="clears",
        configuration_before_init="missing",
        catalogue_before_init="missing",
        second_catalogue="second",
        usage_end="inclusive",
    ),
    # Key hashing off: ids are the keys themselves.
    "unhashed": Switches(hashing="off", verify_body="text"),
    # Everything that makes a write hard to take back or to see.
    "hostile": Switches(
        create_passwordless="refuse",
        put_passwordless="empty",
        put_without_maps="keep",
        delete_developer_with_keys="refuse",
        create_request_answer="text",
        approve_again="mint",
        delete_by_hash="refused",
        foreign_records="shown",
        replica_lag=1.0,
        page_size=3,
    ),
    # Tyk writes mails of its own, and hides keys behind its secure approval.
    "chatty": Switches(tyk_mails="key", secure_approval_answer="empty"),
    "welcoming": Switches(tyk_mails="welcome", delete_by_hash="failing"),
    # Our credential may read the portal and nothing else.
    "restricted": Switches(denied_rights=("portal:write", "policy", "analytics")),
}
