"""Developers: read, create, edit, delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tyk.dashboard import calls, wire
from tyk.dashboard.exact import RawDeveloper
from tyk.dashboard.operations import Operations
from tyk.dashboard.reading import judge
from tyk.dashboard.records import BadRecord, Developer
from tyk.dashboard.secret import Secret
from tyk.dashboard.unread import Unread


class DeveloperCalls(Operations):
    """The operations on developers that need no password of theirs but the first."""

    def developers(
        self, *, deadline: float | None = None
    ) -> Iterator[Developer | BadRecord]:
        """All developers, one by one as they arrive, in no particular order.

        One that cannot be read comes as a `BadRecord`. If the list breaks off,
        the error is raised after the last complete record: only a loop that
        ends by itself has seen them all.
        """
        return self._list(calls.LIST_DEVELOPERS, "p=-1", wire.developer, deadline)

    def unread_developers(self) -> Iterator[Unread[Developer]]:
        """The same, each to be decoded by whoever needs it."""
        return self._unread(calls.LIST_DEVELOPERS, "p=-1", wire.developer)

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
        return self._result(use, wire.only(developer_id, wire.developer))

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
        judged = judge(
            use.call, lambda answer: RawDeveloper.from_body(answer.body, developer_id)
        )
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

    def developer_by_ssokey(
        self, sso_key: str, *, deadline: float | None = None
    ) -> Developer:
        """One developer by the identity an identity provider knows; or `NotFound`.

        Case counts: a provider that varies it has made duplicates
        (TykTechnologies/tyk#2671). No record shows the key itself.
        """
        ids = {"sso_key": sso_key}
        use = self._use(calls.GET_DEVELOPER_BY_SSO_KEY, deadline, ids=ids)
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
