"""What a contract case needs of a Dashboard, whichever one it is."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard
from tyk.dashboard.records import Developer, KeyRequest
from tyk.dashboard.secret import Secret

T = TypeVar("T")
PASSWORD = Secret("Correct-horse-7")
PATIENCE = 5.0


@dataclass
class World:
    """One Dashboard with a policy to ask for, and what to clear away afterwards."""

    client: Dashboard
    policy_id: str
    developers: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def developer(self, **fields: str) -> Developer:
        """A new developer as the Dashboard shows it."""
        email = f"contract-{uuid.uuid4().hex}@example.test"
        made = self.client.create_developer(
            email=email, password=PASSWORD, fields=fields
        )
        found = eventually(lambda: self.client.developer_by_email(email))
        self.developers.append(found.id)
        assert made in {found.id, None}
        return eventually(lambda: self.client.developer(found.id))

    def request(self, developer: Developer, **fields: str) -> KeyRequest:
        """A new pending request, found by its marker as production code does."""
        marker = str(uuid.uuid4())
        made = self.client.create_request(
            by_user=developer.id,
            policy_id=self.policy_id,
            fields={"portal_ref": marker, **fields},
            date_created=datetime.now(UTC),
        )
        found = eventually(lambda: self._pending(marker))
        self.requests.append(found.id)
        assert made in {found.id, None}
        return found

    def _pending(self, marker: str) -> KeyRequest:
        for request in self.client.requests(approved=False):
            assert isinstance(request, KeyRequest)
            if request.fields.get("portal_ref") == marker:
                return request
        raise NotThereYet

    def clear(self) -> None:
        """Put the Dashboard back as it was, as far as it lets us."""
        for request in self.requests:
            with suppress(errors.DashboardError):
                self.client.delete_request(request)
        for developer in self.developers:
            with suppress(errors.DashboardError):
                for key in self.client.developer(developer).keys:
                    self.client.revoke_key(developer, key)
                self.client.delete_developer(developer)


class NotThereYet(Exception):
    """A read that a lagging replica may still answer with the past."""


def eventually(read: Callable[[], T]) -> T:
    """Repeat a read until it succeeds: a Dashboard may read from a replica."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except (NotThereYet, errors.NotFound, errors.Refused, AssertionError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
