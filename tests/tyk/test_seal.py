"""Sealing: only this row and this ring open it."""

import pytest

from tyk import seal

OLD, NEW = "01" * 32, "02" * 32


def test_what_is_sealed_opens_again(settings):
    settings.SEAL_KEYS = [NEW]
    blob = seal.seal("9c1d4e7f", aad="row")

    assert b"9c1d4e7f" not in blob
    assert seal.unseal(blob, aad="row") == "9c1d4e7f"


def test_the_same_text_is_sealed_differently_each_time():
    assert seal.seal("a", aad="row") != seal.seal("a", aad="row")


def test_a_sealed_text_does_not_open_for_another_row():
    blob = seal.seal("9c1d4e7f", aad="row")

    with pytest.raises(seal.SealBroken):
        seal.unseal(blob, aad="other row")


def test_a_changed_byte_does_not_open():
    blob = bytearray(seal.seal("9c1d4e7f", aad="row"))
    blob[-1] ^= 1

    with pytest.raises(seal.SealBroken):
        seal.unseal(bytes(blob), aad="row")


def test_rotation_opens_the_old_and_seals_with_the_new(settings):
    settings.SEAL_KEYS = [OLD]
    blob = seal.seal("9c1d4e7f", aad="row")

    settings.SEAL_KEYS = [NEW, OLD]
    assert seal.unseal(blob, aad="row") == "9c1d4e7f"
    fresh = seal.seal("9c1d4e7f", aad="row")

    settings.SEAL_KEYS = [OLD]
    with pytest.raises(seal.SealBroken):
        seal.unseal(fresh, aad="row")


def test_fingerprints_differ_by_purpose_and_key(settings):
    settings.SEAL_KEYS = [OLD]
    one = seal.fingerprint("9c1d4e7f", purpose="key:a")

    assert one == seal.fingerprint("9c1d4e7f", purpose="key:a")
    assert one != seal.fingerprint("9c1d4e7f", purpose="key:b")
    settings.SEAL_KEYS = [NEW, OLD]
    assert one != seal.fingerprint("9c1d4e7f", purpose="key:a")


def test_a_keyed_digest_differs_by_text_purpose_and_first_key(settings):
    settings.SEAL_KEYS = [NEW, OLD]
    made = seal.keyed_digest("a", purpose="one")
    others = {
        seal.keyed_digest("b", purpose="one"),
        seal.keyed_digest("a", purpose="two"),
    }
    settings.SEAL_KEYS = [OLD, NEW]
    others.add(seal.keyed_digest("a", purpose="one"))
    settings.SEAL_KEYS = [NEW]

    assert len(made) == 64
    assert made not in others
    assert len(others) == 3
    assert seal.keyed_digest("a", purpose="one") == made
