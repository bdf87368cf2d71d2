"""One sandbox for all these tests, as new for each."""

from collections.abc import Iterator

import pytest

from tests.tyk.sandbox.caller import Caller
from tyk.sandbox import Sandbox


@pytest.fixture(scope="session")
def one_box() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def box(one_box: Sandbox) -> Sandbox:
    """Stands in for the suite's fixture of that name: here no portal is involved."""
    one_box.reset()
    return one_box


@pytest.fixture
def api(box: Sandbox) -> Iterator[Caller]:
    caller = Caller(box)
    yield caller
    caller.session.close()


@pytest.fixture
def ada(box: Sandbox) -> str:
    """A developer with a password, by id."""
    return box.add_developer(
        "ada@example.test",
        password="correct-horse",
        fields={"Name": "Ada Example", "Company": "Example Ltd"},
    )


@pytest.fixture
def gold(box: Sandbox) -> str:
    """A policy in the catalogue, by id."""
    policy = box.add_policy(
        "Gold", rate=5, per=1, quota_max=1000, quota_renewal_rate=86400
    )
    box.add_entry("Orders", policy)
    return policy
