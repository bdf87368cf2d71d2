"""The Dashboard as the portal uses it: one method per operation.

Every method raises one of `errors.DashboardError`, or ValueError before any
I/O for an id that cannot stand in a path. `deadline` overrides, in seconds,
the wall-clock limit of the method from its first connect to the last byte,
canary and second key included; for lists it is the idle limit.

Ids go out as one percent-encoded path segment. Nothing is repeated behind the
caller's back, except a GET on a kept-alive connection that had died and a call
that the Dashboard rejected because of our key when there is another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self, TypeVar

from tyk.dashboard import calls, errors, records, wire
from tyk.dashboard.caller import Caller, CallEvent, Deadlines, Limiter, Use, request_for
from tyk.dashboard.errors import Call, DashboardError
from tyk.dashboard.exact import RawDeveloper
from tyk.dashboard.reading import judge, judge_login, of_document, streamed
from tyk.dashboard.records import BadRecord, Developer, KeyRequest, Minted
from tyk.dashboard.secret import Secret
from tyk.dashboard.transport import Transport

T = TypeVar("T")


_DEADLINES = Deadlines()


class Dashboard:
    """A client for one Dashboard and one organisation, safe between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        api_keys: Sequence[Secret],
        connect_timeout: float = 1.0,
        deadlines: Deadlines = _DEADLINES,
        limiter: Limiter | None = None,
        verify: bool | str = True,
        observer: Callable[[CallEvent], None] | None = None,
        on_key_switched: Callable[[int], None] | None = None,
    ) -> None:
        """Check the settings; nothing is sent yet. Raises ValueError.

        `api_keys` are the current key and, during a rotation, the next one.
        `limiter` caps calls in flight (`slots.Slots`), `verify` is as in
        requests, `observer` hears of every exchange, and `on_key_switched` gets
        the index of the key that took over.
        """
        self._deadlines = deadlines
        self._transport = Transport(
            base_url, connect_timeout=connect_timeout, verify=verify
        )
        self._caller = Caller(
            self._transport,
            api_keys=api_keys,
            limiter=limiter,
            observer=observer,
            on_key_switched=on_key_switched,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Dashboard({self.base_url})"

    @property
    def base_url(self) -> str:
        """The address without a trailing slash or `/api`."""
        return self._transport.base_url

    @property
    def key_in_use(self) -> int:
        """Index into `api_keys` of the key that calls go out with."""
        return self._caller.key_in_use

    def close(self) -> None:
        """Close idle connections. The client stays usable."""
        self._transport.close()

    # --- developers -------------------------------------------------------

    def developers(
        self, *, deadline: float | None = None
    ) -> Iterator[Developer | BadRecord]:
        """All developers, one by one as they arrive, in no particular order.

        One that cannot be read comes as a `BadRecord`. If the list breaks off,
        the error is raised after the last complete record: only a loop that
        ends by itself has seen them all.
        """
        return self._list(calls.LIST_DEVELOPERS, "p=-1", wire.developer, deadline)

    def developer(
        self,
        developer_id: str,
        *,
        for_login: bool = False,
        deadline: float | None = None,
    ) -> Developer:
        """One developer; `NotFound` if there is none."""
        ids = {"developer_id": developer_id}
        use = self._use(calls.GET_DEVELOPER, deadline, ids=ids, login=for_login)
        return self._result(use, wire.developer)

    def raw_developer(
        self,
        developer_id: str,
        *,
        for_login: bool = False,
        deadline: float | None = None,
    ) -> RawDeveloper:
        """One developer with every member as it came, for read, merge, write."""
        ids = {"developer_id": developer_id}
        use = self._use(calls.GET_DEVELOPER, deadline, ids=ids, login=for_login)
        judged = judge(use.call, lambda answer: RawDeveloper.from_body(answer.body))
        return self._caller.result(use, judged)

    def developer_by_email(
        self, email: str, *, for_login: bool = False, deadline: float | None = None
    ) -> Developer:
        """One developer by address, in Tyk's own spelling of it.

        `NotFound` proves nothing for an address with a "+" in it: releases on
        record answer 404 although the developer exists (TykTechnologies/tyk#1697).
        """
        ids = {"email": email}
        use = self._use(
            calls.GET_DEVELOPER_BY_EMAIL, deadline, ids=ids, login=for_login
        )
        return self._result(use, wire.developer)

    def create_developer(
        self,
        *,
        email: str,
        password: Secret,
        fields: Mapping[str, str],
        inactive: bool = False,
        deadline: float | None = None,
    ) -> str | None:
        """Create a developer; the new id, or None if Tyk did not name one.

        Not safe to repeat after `OutcomeUnknown`: Tyk may accept a second
        developer with the same address, so look by address first.
        """
        body = {
            "email": email,
            "password": password,
            "inactive": inactive,
            "fields": dict(fields),
        }
        use = self._use(
            calls.CREATE_DEVELOPER, deadline, body=body, limit=self._deadlines.password
        )
        return self._result(use, wire.created)

    def update_developer(
        self,
        developer_id: str,
        record: Mapping[str, object],
        *,
        deadline: float | None = None,
    ) -> None:
        """Replace the full record: Tyk has no PATCH and empties what is left out.

        `record` is what `raw_developer(...).merged(...)` returned.
        """
        use = self._use(
            calls.UPDATE_DEVELOPER,
            deadline,
            ids={"developer_id": developer_id},
            body=record,
        )
        self._result(use, wire.done)

    def delete_developer(
        self, developer_id: str, *, deadline: float | None = None
    ) -> None:
        """Delete a developer; revoke the keys first, or Tyk may refuse to."""
        use = self._use(
            calls.DELETE_DEVELOPER, deadline, ids={"developer_id": developer_id}
        )
        self._result(use, wire.done)

    def verify_credentials(
        self, *, email: str, password: Secret, deadline: float | None = None
    ) -> bool:
        """True only by proof, False only if the password is certainly wrong.

        A 401 is two-valued: wrong password, or our own key was rejected. It is
        False only if an authorised GET succeeds right after; everything else is
        raised and is nobody's failed login. `email` is Tyk's own spelling. True
        does not say that the developer is active: read the record back.
        """
        body = {"username": email, "password": password}
        use = self._use(
            calls.VERIFY_CREDENTIALS,
            deadline,
            body=body,
            limit=self._deadlines.login,
            login=True,
        )
        for _attempt in range(2):
            key = self._caller.key_in_use
            proved = self._caller.once(use, judge_login, key=key)
            if isinstance(proved, DashboardError):
                raise proved
            if proved:
                return True
            self.configuration(deadline=use.left(), for_login=True)
            if self._caller.key_in_use == key:
                return False
            # The canary went through with another key: the 401 was about ours.
        raise errors.Misconfigured(use.call, reason="key_rejected", status=401)

    def set_password(
        self, developer_id: str, password: Secret, *, deadline: float | None = None
    ) -> None:
        """Set a new password; `Refused` for a bad one and for an unknown id.

        Repeating it is harmless unless Tyk enforces a password history.
        """
        use = self._use(
            calls.SET_PASSWORD,
            deadline,
            ids={"developer_id": developer_id},
            body={"password": password},
            limit=self._deadlines.password,
            login=True,
        )
        self._result(use, wire.password_set)

    # --- keys -------------------------------------------------------------

    def revoke_key(
        self, developer_id: str, key_id: str, *, deadline: float | None = None
    ) -> None:
        """Revoke a key; `key_id` is the one listed in the developer's `keys`.

        A gateway may honour the key for some seconds more (TykTechnologies/tyk#2293).
        """
        use = self._use(
            calls.REVOKE_KEY,
            deadline,
            ids={"developer_id": developer_id, "key_id": key_id},
        )
        self._result(use, wire.done)

    def delete_oauth_client(
        self, client_id: str, *, deadline: float | None = None
    ) -> None:
        """Delete an OAuth client of a developer."""
        use = self._use(
            calls.DELETE_OAUTH_CLIENT, deadline, ids={"client_id": client_id}
        )
        self._result(use, wire.done)

    def key_detail(
        self, key_id: str, *, hashed: bool, deadline: float | None = None
    ) -> records.KeyDetail:
        """A key's session. `hashed` says that `key_id` is a hash, not the key."""
        use = self._use(
            calls.GET_KEY,
            deadline,
            ids={"key_id": key_id},
            query="hashed=true" if hashed else "",
        )
        return self._result(use, wire.key_detail)

    # --- key requests -----------------------------------------------------

    def requests(
        self, approved: bool | None = None, *, deadline: float | None = None
    ) -> Iterator[KeyRequest | BadRecord]:
        """Key requests as they arrive: all, approved or pending; see `developers`."""
        query = "p=-1"
        if approved is not None:
            query += f"&approved={'true' if approved else 'false'}"
        return self._list(calls.LIST_REQUESTS, query, wire.key_request, deadline)

    def request(self, request_id: str, *, deadline: float | None = None) -> KeyRequest:
        """One key request; `NotFound` also if it was declined in Tyk."""
        use = self._use(calls.GET_REQUEST, deadline, ids={"request_id": request_id})
        return self._result(use, wire.key_request)

    def create_request(
        self,
        *,
        by_user: str,
        policy_id: str,
        fields: Mapping[str, str],
        date_created: datetime,
        redirect_uri: str | None = None,
        deadline: float | None = None,
    ) -> str | None:
        """Create a pending key request; its id, or None if Tyk did not name it.

        Both policy members are sent, for releases before and after 1.9, and
        `approved` is never true: since 1.8 such a request counts as processed
        and no key can come of it (liip/wp-tyk-dev-portal#8). The server sets no
        date, so ours goes along; it must be aware. Not safe to repeat blindly.
        """
        body: dict[str, object] = {
            "by_user": by_user,
            "for_plan": policy_id,
            "apply_policies": [policy_id],
            "version": "v2",
            "date_created": wire.stamp(date_created),
            "fields": dict(fields),
            "approved": False,
        }
        if redirect_uri is not None:
            body["oauth_info"] = {"redirect_uri": redirect_uri}
        use = self._use(calls.CREATE_REQUEST, deadline, body=body)
        return self._result(use, wire.created)

    def approve(self, request_id: str, *, deadline: float | None = None) -> Minted:
        """Approve a request and return the key it made: shown once, never again.

        Never repeat it: a second call is refused (400, "already been
        processed"), which means minted and lost, or mints another key.
        """
        use = self._use(calls.APPROVE_REQUEST, deadline, ids={"request_id": request_id})
        return self._result(use, wire.minted)

    def delete_request(self, request_id: str, *, deadline: float | None = None) -> None:
        """Delete a request, which is how one declines. It revokes no key."""
        use = self._use(calls.DELETE_REQUEST, deadline, ids={"request_id": request_id})
        self._result(use, wire.done)

    # --- catalogue, configuration, policies -------------------------------

    def catalogue(self, *, deadline: float | None = None) -> records.Catalogue:
        """The whole catalogue, hidden entries included."""
        return self._result(self._use(calls.GET_CATALOGUE, deadline), wire.catalogue)

    def configuration(
        self, *, for_login: bool = False, deadline: float | None = None
    ) -> records.Configuration:
        """The portal configuration."""
        use = self._use(calls.GET_CONFIGURATION, deadline, login=for_login)
        return self._result(use, wire.configuration)

    def policies(
        self, *, deadline: float | None = None
    ) -> list[records.Policy | BadRecord]:
        """All policies, drafts and inactive ones included; see `Policy.live`."""
        listed = self._list(calls.LIST_POLICIES, "p=-1", wire.policy, deadline)
        return list(listed)

    # --- how --------------------------------------------------------------

    def _use(
        self,
        call: Call,
        deadline: float | None,
        *,
        ids: Mapping[str, str] | None = None,
        query: str = "",
        body: Mapping[str, object] | None = None,
        limit: float | None = None,
        login: bool = False,
    ) -> Use:
        usual = self._deadlines.write if call.writes else self._deadlines.read
        seconds = limit if limit is not None else usual
        return Use(
            call=call,
            request=request_for(call, ids=ids, query=query, body=body),
            ends=time.monotonic() + (seconds if deadline is None else deadline),
            login=login,
        )

    def _result(self, use: Use, decode: Callable[[object], T]) -> T:
        return self._caller.result(use, judge(use.call, of_document(decode)))

    def _list(
        self,
        call: Call,
        query: str,
        decode: Callable[[object], T],
        deadline: float | None,
    ) -> Iterator[T | BadRecord]:
        idle = self._deadlines.listing_idle if deadline is None else deadline
        use = self._use(call, idle, query=query)
        return streamed(self._caller, use, decode, idle)
