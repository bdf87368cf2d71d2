"""One client against one listener, closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.tyk.dashboard.listener import Listener, Script
from tyk.dashboard.client import Dashboard
from tyk.dashboard.secret import Secret

KEY = "5ecret0key0of0the0dashboard00000"

Serve = Callable[..., Listener]
Connect = Callable[..., Dashboard]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a listener for a script, or for one fixed answer."""
    with ExitStack() as stack:

        def start(script: Script | bytes, **settings: Any) -> Listener:
            fixed = script
            listener = Listener(
                (lambda _got, _conn: fixed) if isinstance(fixed, bytes) else fixed,
                **settings,
            )
            stack.callback(listener.close)
            return listener

        yield start


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make a client for a listener."""
    with ExitStack() as stack:

        def make(listener: Listener | str, **settings: Any) -> Dashboard:
            url = listener if isinstance(listener, str) else listener.url
            settings.setdefault("api_keys", [Secret(KEY)])
            client = Dashboard(url, **settings)
            stack.callback(client.close)
            return client

        yield make
