"""Key requests: read, create, approve, delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tyk.dashboard import calls, wire
from tyk.dashboard.key_calls import policy_ids
from tyk.dashboard.operations import Operations
from tyk.dashboard.records import BadRecord, KeyRequest, Minted


class RequestCalls(Operations):
    """The operations on key requests."""

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
        return self._result(use, wire.only(request_id, wire.key_request))

    def create_request(
        self,
        *,
        by_user: str,
        policies: Sequence[str],
        fields: Mapping[str, str],
        date_created: datetime,
        redirect_uri: str | None = None,
        deadline: float | None = None,
    ) -> str | None:
        """Create a pending key request; its id, or None if Tyk did not name it.

        Both policy members are sent, for releases before and after 1.9, where the
        first one counts alone, and `approved` is never true: since 1.8 such a request
        counts as processed and no key can come of it (liip/wp-tyk-dev-portal#8). The
        server sets no date, so ours goes along; it must be aware. Not safe to repeat
        blindly.
        """
        wanted = policy_ids(policies)
        body: dict[str, object] = {
            "by_user": by_user,
            "for_plan": wanted[0],
            "apply_policies": wanted,
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
