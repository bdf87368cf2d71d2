"""What was called with a key or an OAuth client. Needs the right to read analytics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

from tyk.dashboard import calls
from tyk.dashboard.operations import Operations
from tyk.dashboard.records import UsageRow
from tyk.dashboard.usage import Resolution, Span


class UsageCalls(Operations):
    """Usage by hour, day or month, all in UTC, some seconds behind the gateway.

    Every method returns one row for each period with calls in it, in order, its
    statuses added up; a period without calls has none. `start` and
    `end_inclusive` are days, both included. By month they should be the first
    and the last of a month: some releases count one day more at the end, which
    only then can be told apart.
    """

    def usage(
        self,
        key_ids: Sequence[str],
        *,
        start: date,
        end_inclusive: date,
        resolution: Resolution = "day",
        api_id: str | None = None,
        deadline: float | None = None,
    ) -> list[UsageRow]:
        """Usage of these keys together, at one API or at all of them.

        `key_ids` are as in a developer's `keys`; with hashing off they are the
        raw keys and stand in the URL. Without any, nothing is sent and the list
        is empty. What `api_id` takes differs: Tyk's docs say the policy id of
        the catalogue entry, their sample shows an API id. ValueError for an end
        before the start.
        """
        span = Span(start, end_inclusive, resolution)
        if isinstance(key_ids, str):
            raise ValueError("key_ids must be a list of ids, not one of them")
        if not key_ids:
            return []
        keys = tuple(dict.fromkeys(key_ids))
        narrowed = "" if api_id is None else f"&api_id={quote(api_id, safe='')}"
        use = self._use(
            calls.KEYS_USAGE,
            deadline,
            ids={"key_ids": keys, **span.path},
            query=f"{span.query}{narrowed}",
        )
        return self._result(use, span.rows)

    def oauth_usage(
        self,
        client_id: str,
        *,
        start: date,
        end_inclusive: date,
        resolution: Resolution = "day",
        deadline: float | None = None,
    ) -> list[UsageRow]:
        """Usage of one OAuth client, whichever tokens it used."""
        span = Span(start, end_inclusive, resolution)
        use = self._use(
            calls.OAUTH_CLIENT_USAGE,
            deadline,
            ids={"client_id": client_id, **span.path},
            query=span.query,
        )
        return self._result(use, span.rows)
