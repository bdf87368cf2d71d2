"""One sandbox per test process, emptied for each test, and the portal tied to it."""

from collections.abc import Iterator

import pytest

from tyk import connect
from tyk.sandbox import Sandbox


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def box(_sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    """An empty Dashboard the portal talks to over a real socket."""
    _sandbox.reset("empty")
    settings.TYK_DASHBOARD_URL = _sandbox.url
    settings.TYK_API_KEY = _sandbox.api_key
    settings.TYK_API_KEY_NEXT = ""
    # Deadlines a faulted test can wait for.
    settings.TYK_CONNECT_TIMEOUT = 0.5
    settings.TYK_READ_DEADLINE = 2.0
    settings.TYK_WRITE_DEADLINE = 2.0
    settings.TYK_LOGIN_DEADLINE = 5.0
    settings.TYK_PASSWORD_DEADLINE = 8.0
    settings.TYK_CLAIM_DEADLINE = 1.0
    # A test heals the Dashboard and goes on at once; tests/reliability/test_load.py
    # has it on.
    settings.TYK_BREAKER_AFTER = 0
    connect.close()
    yield _sandbox
    connect.dashboard().close()
    connect.close()
    _sandbox.heal()
