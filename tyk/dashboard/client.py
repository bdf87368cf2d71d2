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

from collections.abc import Callable, Sequence
from typing import Self

from tyk.dashboard import calls, errors, wire
from tyk.dashboard.caller import Caller, CallEvent, Deadlines, Limiter
from tyk.dashboard.catalogue_calls import CatalogueCalls
from tyk.dashboard.developer_calls import DeveloperCalls
from tyk.dashboard.errors import DashboardError
from tyk.dashboard.key_calls import KeyCalls
from tyk.dashboard.reading import judge_login
from tyk.dashboard.request_calls import RequestCalls
from tyk.dashboard.secret import Secret
from tyk.dashboard.transport import Transport
from tyk.dashboard.usage_calls import UsageCalls

_DEADLINES = Deadlines()


class Dashboard(DeveloperCalls, KeyCalls, RequestCalls, CatalogueCalls, UsageCalls):
    """A client for one Dashboard and one organisation, safe between threads.

    The operations are where their subjects are; here are those with a
    developer's password, which need more than one call or other limits.
    """

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
