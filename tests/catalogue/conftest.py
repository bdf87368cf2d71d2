"""Readers of the catalogue, signed in."""

import pytest


@pytest.fixture
def as_bob(bob, signed_in):
    return signed_in(bob)


@pytest.fixture
def as_sam(sam, signed_in):
    return signed_in(sam)
