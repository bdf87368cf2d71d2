"""What the Dashboard's objects are to us: only the members the portal uses.

The records are an allow-list. A Tyk developer also carries OAuth secrets,
`sso_key`, `nonce` and password history; those stop in `wire.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tyk.dashboard.secret import Secret


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One item of a list that could not be read; the rest of the list goes on."""

    index: int
    id: str | None
    reason: str  # member path and type, never a value


@dataclass(frozen=True, slots=True)
class OAuthClientRef:
    """An OAuth client as listed in a developer, without its secret."""

    client_id: str
    redirect_uri: str = ""  # several are separated by commas


@dataclass(frozen=True, slots=True)
class Developer:
    """A person in Tyk. Key ids may be raw keys when hashing is off: not in repr."""

    id: str
    email: str
    org_id: str
    inactive: bool
    fields: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    subscriptions: Mapping[str, str] = field(default_factory=dict, repr=False)
    oauth_clients: Mapping[str, tuple[OAuthClientRef, ...]] = field(
        default_factory=dict
    )
    date_created: datetime | None = None
    password_updated: datetime | None = None
    last_login: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key request as Tyk holds it."""

    id: str
    by_user: str
    policies: tuple[str, ...]
    fields: Mapping[str, str]
    approved: bool
    date_created: datetime | None
    version: str
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True)
class EntryOverride:
    """What one catalogue entry decides instead of the portal configuration."""

    require_key_approval: bool
    key_request_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One entry on the shelf. Tyk gives entries no id of their own."""

    name: str
    short_description: str
    long_description: str
    show: bool
    policy_id: str
    api_id: str
    documentation: str
    version: str
    is_keyless: bool
    auth_type: str
    override: EntryOverride | None
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole catalogue; `bad` lists entries that could not be read."""

    id: str
    org_id: str
    entries: tuple[CatalogueEntry, ...]
    bad: tuple[BadRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """The portal configuration, as advice: the Dashboard enforces none of it."""

    id: str
    org_id: str
    signup_fields: tuple[str, ...]
    key_request_fields: tuple[str, ...]
    require_key_approval: bool
    secure_key_approval: bool
    disable_signup: bool
    catalogue_login_only: bool
    key_mail_on: bool  # Tyk itself would mail raw keys
    welcome_mail_on: bool
    hash_keys: bool
    redirect_on_key_request: bool
    email: str


@dataclass(frozen=True, slots=True)
class ApiLimit:
    """Rate limit and quota of one API under a policy that limits per API."""

    api_name: str
    rate: float
    per: float
    quota_max: int
    quota_renewal_rate: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A Tyk policy. `rate` calls per `per` seconds; quota per renewal seconds.

    `per_api_limits` is not empty only if the policy limits per API; then the
    limits of the policy itself mean nothing (Tyk docs, "Security policies").
    """

    id: str  # the _id
    ref: str  # the custom id, or the same as id
    name: str
    rate: float
    per: float
    quota_max: int
    quota_renewal_rate: int
    key_expires_in: int
    live: bool
    per_api_limits: Mapping[str, ApiLimit]
    apis: tuple[tuple[str, str], ...]  # (api_id, api_name), sorted by id
    auth_types: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyDetail:
    """A key's session. Members the gateway left out are None, "" or empty."""

    key_id: str = field(repr=False)
    key_hash: str = field(repr=False)
    expires: datetime | None
    quota_max: int | None
    quota_remaining: int | None
    quota_renews: datetime | None
    policies: tuple[str, ...]
    developer_id: str
    request_fields: Mapping[str, str]
    date_created: datetime | None
    is_inactive: bool


@dataclass(frozen=True, slots=True)
class Documentation:
    """A document of the catalogue; `content` is for swagger and blueprint only."""

    id: str
    kind: str  # swagger (OpenAPI 3 too), blueprint, swagger_custom_url, graphql, …
    api_id: str
    content: bytes = field(default=b"", repr=False)
    url: str = ""  # http or https, for swagger_custom_url only


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The calls of one hour, day or month that begins at `at`, in UTC."""

    at: datetime
    hits: int
    ok: int
    errors: int
    last_hit: datetime | None = None


@dataclass(frozen=True, slots=True)
class MintedToken:
    """The raw key. This is the only time anybody sees it."""

    raw: Secret


@dataclass(frozen=True, slots=True)
class MintedBasic:
    """A user name and password for basic authentication."""

    username: Secret
    password: Secret


@dataclass(frozen=True, slots=True)
class MintedOAuth:
    """An OAuth client; `redirect_uri` may list several, separated by commas."""

    client_id: str
    secret: Secret
    policy_id: str
    redirect_uri: str


Minted = MintedToken | MintedBasic | MintedOAuth
