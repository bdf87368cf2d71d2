"""Decoded JSON → records. Every function takes `object` and trusts nothing.

Each raises `shape.Malformed`; the client turns that into `Unexpected` for a
read and `OutcomeUnknown` for a write. What a record does not name is dropped
here, secrets first of all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from tyk.dashboard import outcome, records
from tyk.dashboard.secret import Secret
from tyk.dashboard.shape import Malformed, Members

R = TypeVar("R", records.Developer, records.KeyRequest)
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_CONFIGURATION_MEMBERS = ("id", "_id", "org_id", "signup_fields", "mail_options")


def only(wanted: str, decode: Callable[[object], R]) -> Callable[[object], R]:
    """`decode`, for the record with the id `wanted`: any other is malformed.

    A cache or a mixed-up connection may answer one question with another's record,
    whose keys and account we would then take for those of who asked.
    """

    def decoded(document: object) -> R:
        record = decode(document)
        demand(wanted, record)
        return record

    return decoded


def demand(wanted: str, record: records.Developer | records.KeyRequest) -> None:
    """Raise `Malformed` for a record with another id than `wanted`."""
    if record.id != wanted:
        raise Malformed("id: of another record")


def developer(document: object) -> records.Developer:
    """A developer; lists say `_id` where single answers say `id`.

    Records of 2.x have no `keys` at all (Tyk docs, "Build a custom developer
    portal"), so every map may be missing.
    """
    it = Members(document, where="developer")
    return records.Developer(
        id=it.identity("id", "_id"),
        email=it.required_text("email"),
        org_id=it.text("org_id"),
        inactive=it.flag("inactive"),
        fields=it.text_map("fields"),
        keys=it.text_lists("keys"),
        subscriptions=it.text_map("subscriptions"),
        oauth_clients=_oauth_clients(it),
        date_created=it.moment("date_created"),
        password_updated=it.moment("password_updated"),
        last_login=it.moment("last_login_date"),
    )


def _oauth_clients(it: Members) -> dict[str, tuple[records.OAuthClientRef, ...]]:
    # `secret` is returned in clear on every read (Tyk docs, portal-developers).
    return {
        policy: tuple(
            records.OAuthClientRef(
                client_id=client.identity("client_id"),
                redirect_uri=client.text("redirect_uri"),
            )
            for client in clients
        )
        for policy, clients in it.object_lists("oauth_clients").items()
    }


def key_request(document: object) -> records.KeyRequest:
    """A key request; `_id` before Dashboard 1.6, `for_plan` alone before 1.9."""
    it = Members(document, where="request")
    plan = it.text("for_plan")
    uris = it.inner("oauth_info").text("redirect_uri")
    return records.KeyRequest(
        id=it.identity("id", "_id"),
        by_user=it.required_text("by_user"),
        policies=it.texts("apply_policies") or ((plan,) if plan else ()),
        fields=it.text_map("fields"),
        approved=it.flag("approved"),
        date_created=it.moment("date_created"),
        version=it.text("version"),
        redirect_uri=uris or None,
    )


def catalogue(document: object) -> records.Catalogue:
    """The catalogue; an entry that cannot be read is listed in `bad`.

    `apis` is null while empty, and an organisation that never had a catalogue
    may answer with an empty object.
    """
    it = Members(document, where="catalogue")
    if len(it) and "apis" not in it and not it.text("id", "_id"):
        raise Malformed("catalogue: object without apis and id")
    entries, bad = [], []
    for index, item in enumerate(it.objects("apis")):
        try:
            entries.append(catalogue_entry(item))
        except Malformed as wrong:
            bad.append(records.BadRecord(index=index, id=None, reason=wrong.where))
    return records.Catalogue(
        id=it.text("id", "_id"),
        org_id=it.text("org_id"),
        entries=tuple(entries),
        bad=tuple(bad),
    )


def catalogue_entry(document: object) -> records.CatalogueEntry:
    """One entry; those of 2017 have no `config`, `fields` or `auth_type`."""
    it = Members(document, where="entry")
    return records.CatalogueEntry(
        name=it.required_text("name"),
        short_description=it.text("short_description"),
        long_description=it.text("long_description"),
        show=it.flag("show"),
        policy_id=it.text("policy_id"),
        api_id=it.text("api_id"),
        documentation=it.text("documentation"),
        version=it.text("version"),
        is_keyless=it.flag("is_keyless"),
        auth_type=it.text("auth_type"),
        override=_override(it.inner("config")),
        fields=it.text_map("fields"),
    )


def _override(config: Members) -> records.EntryOverride | None:
    if not config.flag("override"):
        return None
    return records.EntryOverride(
        require_key_approval=config.flag("require_key_approval"),
        key_request_fields=config.texts("key_request_fields"),
    )


def configuration(document: object) -> records.Configuration:
    """The portal configuration; before its first save it has no id."""
    it = Members(document, where="configuration")
    if len(it) and not any(name in it for name in _CONFIGURATION_MEMBERS):
        raise Malformed("configuration: object without any known member")
    mails = it.inner("mail_options").inner("email_copy")
    key_mail = mails.inner("key_email")
    return records.Configuration(
        id=it.text("id", "_id"),
        org_id=it.text("org_id"),
        signup_fields=it.texts("signup_fields"),
        key_request_fields=it.texts("key_request_fields"),
        require_key_approval=it.flag("require_key_approval"),
        secure_key_approval=it.flag("secure_key_approval"),
        disable_signup=it.flag("disable_signup"),
        catalogue_login_only=it.flag("catalogue_login_only"),
        key_mail_on=key_mail.flag("enabled") and not key_mail.flag("hide_token_data"),
        welcome_mail_on=mails.inner("welcome_email").flag("enabled"),
        hash_keys=it.flag("HashKeys"),
        redirect_on_key_request=it.flag("redirect_on_key_request"),
        email=it.text("email"),
    )


def policy(document: object) -> records.Policy:
    """A policy. A custom `id` may differ from `_id`, which the portal uses."""
    it = Members(document, where="policy")
    oid = it.identity("_id", "id")
    rights = dict(it.inner("access_rights").items())
    return records.Policy(
        id=oid,
        ref=it.text("id") or oid,
        name=it.text("name"),
        rate=it.number("rate"),
        per=it.number("per"),
        quota_max=it.whole("quota_max"),
        quota_renewal_rate=it.whole("quota_renewal_rate"),
        key_expires_in=it.whole("key_expires_in"),
        live=_is_live(it),
        per_api_limits=_per_api_limits(it, rights),
        apis=tuple(sorted((_api_id(k, v), _api_name(v)) for k, v in rights.items())),
        auth_types=_auth_types(it),
        tags=it.texts("tags"),
    )


def _is_live(it: Members) -> bool:
    # `state` came later than the two flags; a policy without it is not a draft.
    usable = it.text("state").casefold() in {"", "active"}
    return it.flag("active") and not it.flag("is_inactive") and usable


def _per_api_limits(
    it: Members, rights: dict[str, Members]
) -> dict[str, records.ApiLimit]:
    if not it.inner("partitions").flag("per_api"):
        return {}
    return {
        _api_id(name, right): _api_limit(right)
        for name, right in rights.items()
        if len(right.inner("limit"))
    }


def _api_limit(right: Members) -> records.ApiLimit:
    limit = right.inner("limit")
    return records.ApiLimit(
        api_name=_api_name(right),
        rate=limit.number("rate"),
        per=limit.number("per"),
        quota_max=limit.whole("quota_max"),
        quota_renewal_rate=limit.whole("quota_renewal_rate"),
    )


def _api_id(name: str, right: Members) -> str:
    # Lists before 3.2 spelt it `apiid` and `apiname`: TykTechnologies/tyk#192.
    return right.text("api_id", "apiid") or name


def _api_name(right: Members) -> str:
    return right.text("api_name", "apiname")


def _auth_types(it: Members) -> tuple[str, ...]:
    single = it.text("auth_type")
    return it.texts("auth_types") or ((single,) if single else ())


def key_detail(document: object) -> records.KeyDetail:
    """A key's session; recent gateways leave out every zero value."""
    it = Members(document, where="key")
    session = Members(_required(document, "data"), where="key.data")
    notes = session.inner("meta_data")
    single = session.text("apply_policy_id")
    return records.KeyDetail(
        key_id=it.text("key_id"),
        key_hash=it.text("key_hash"),
        expires=session.moment("expires"),
        quota_max=session.whole_or_none("quota_max"),
        quota_remaining=session.whole_or_none("quota_remaining"),
        quota_renews=session.moment("quota_renews"),
        policies=session.texts("apply_policies") or ((single,) if single else ()),
        developer_id=notes.text("tyk_developer_id"),
        request_fields=notes.text_map_or_json("tyk_key_request_fields"),
        date_created=session.moment("date_created"),
        is_inactive=session.flag("is_inactive"),
    )


def _required(document: object, name: str) -> object:
    return document.get(name) if isinstance(document, dict) else None


def minted(document: object) -> records.Minted:
    """What approving or adding a key made: token, user name or OAuth client.

    The OAuth form has no RawKey at all (Tyk docs, archived release notes,
    "oauth_info"); for basic authentication RawKey is the user name.
    """
    it = Members(document, where="approval")
    raw, password = it.text("RawKey"), it.text("Password")
    if raw and password:
        return records.MintedBasic(username=Secret(raw), password=Secret(password))
    if raw:
        return records.MintedToken(raw=Secret(raw))
    if it.text("client_id"):
        return records.MintedOAuth(
            client_id=it.text("client_id"),
            secret=Secret(it.text("secret")),
            policy_id=it.text("policy_id"),
            redirect_uri=it.text("redirect_uri"),
        )
    raise Malformed("approval: no key in it")


def done(document: object) -> str:
    """The Message of a successful write. `Meta` takes any form and is ignored."""
    envelope = outcome.read_envelope(document)
    if envelope is None or not envelope.ok:
        raise Malformed("answer: not a result envelope with Status OK")
    return envelope.message


def created(document: object) -> str | None:
    """The new object's id, or None if the Message is not one.

    Two public texts disagree on whether a new request's Message is its id or
    "Data updated", so anything but 24 hex digits has to be found by a look.
    """
    message = done(document)
    return message if _OBJECT_ID.fullmatch(message) else None


def password_set(document: object) -> None:
    """Accept a success with or without `Status` (both forms are on record)."""
    it = Members(document, where="answer")
    if "Status" in it or "status" in it:
        done(document)
    elif not it.text("Message", "message"):
        raise Malformed("answer: neither Status nor Message")


def proves_login(answer: outcome.Answer) -> bool:
    """Whether this answer proves that the password was right.

    Only status 200 with an empty body, the plain text OK, or JSON whose Status
    is OK. A wrong base URL, a captive proxy and the Dashboard's own single-page
    UI all answer 200 with HTML, so 200 alone proves nothing.
    """
    if answer.status != 200 or is_html(answer):
        return False
    if answer.body.strip() in {b"", b"OK"}:
        return True
    envelope = outcome.read_envelope(answer.document)
    return envelope is not None and envelope.ok


def is_html(answer: outcome.Answer) -> bool:
    """Whether the answer is a web page, by its header or by its first byte."""
    kind = answer.headers.get("content-type", "").lower()
    return "html" in kind or answer.body.lstrip().startswith(b"<")


def id_of(document: object) -> str | None:
    """The id of something that may be no record at all, for a report."""
    if not isinstance(document, dict):
        return None
    for name in ("id", "_id"):
        value = document.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def stamp(when: datetime) -> str:
    """A date as the Dashboard reads it; ValueError if `when` is not aware."""
    if when.tzinfo is None:
        raise ValueError("date_created must be an aware datetime")
    text = when.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")
