"""Texts of others before they are stored: what PostgreSQL would refuse is mended."""

import pytest

from tyk import fitting

CLEANED = {
    "plain": ("Orders", "Orders"),
    "NUL": ("Or\0ders\0", "Orders"),
    "half a character": ("Or\ud800ders", "Or?ders"),
    "too long": ("n" * 11, "n" * 10),
    "cut after the NUL is gone": ("\0" + "n" * 11, "n" * 10),
    "characters, not bytes": ("ü" * 10, "ü" * 10),
}


@pytest.mark.parametrize("_case", CLEANED)
def test_cleaned(_case):
    given, expected = CLEANED[_case]
    assert fitting.clean(given, 10) == expected
    assert fitting.fits(given, 10) is (given == expected)
    assert fitting.clean(expected, 10) == expected, "what was kept must stay as it is"


def test_without_a_length_nothing_is_cut():
    assert fitting.clean("n" * 5000) == "n" * 5000
    assert fitting.fits("n" * 5000)
    assert not fitting.fits("\0")


def test_json_is_cleaned_to_its_leaves():
    given = {"a\0b": ["\0x", {"\ud800": "y\0"}], "n": 1, "none": None, "yes": True}
    assert fitting.clean_json(given) == {
        "ab": ["x", {"?": "y"}],
        "n": 1,
        "none": None,
        "yes": True,
    }
