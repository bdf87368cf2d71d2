"""The published facts the tests check against are copies: they must not drift."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "shared" / "tyk"

pytestmark = pytest.mark.skipif(
    not SOURCE.is_dir(), reason="the texts the copies were taken from are not beside us"
)


def test_the_description_is_that_of_the_contract():
    assert (HERE / "openapi.yaml").read_bytes() == (
        SOURCE / "openapi.yaml"
    ).read_bytes()


def test_the_examples_are_those_of_the_contract():
    ours = {path.name: path.read_bytes() for path in (HERE / "examples").glob("*.json")}
    theirs = {
        path.name: path.read_bytes() for path in (SOURCE / "examples").glob("*.json")
    }

    assert ours == theirs
