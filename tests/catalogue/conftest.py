"""A Dashboard of its own for each test that needs one."""

from collections.abc import Iterator

import pytest

from tyk import connect
from tyk.sandbox import Sandbox


@pytest.fixture
def box(settings) -> Iterator[Sandbox]:
    """An empty sandbox the portal talks to over a real socket."""
    with Sandbox() as sandbox:
        settings.TYK_DASHBOARD_URL = sandbox.url
        settings.TYK_API_KEY = sandbox.api_key
        settings.TYK_READ_DEADLINE = 5
        connect.close()
        yield sandbox
        connect.dashboard().close()
        connect.close()
