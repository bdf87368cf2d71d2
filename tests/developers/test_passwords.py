"""What a new password may not be: its owner's address, in any disguise."""

import pytest
from django.core.exceptions import ValidationError

from developers.passwords import NotYourNameValidator, Owner

LONG = "max.mustermann@tin.fold.dev"
SHORT = "max@tin.fold.dev"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (SHORT, SHORT),
        (SHORT, "MAX@Tin.Fold.Dev"),
        (SHORT, f"my-{SHORT}-is-secret"),
        (SHORT, "max tin fold dev"),
        (SHORT, "Max_Tin-Fold_Dev!"),
        (SHORT, "ｍａｘ@tin.fold.dev"),  # noqa: RUF001  wide letters that look alike
        (LONG, "copper-max.mustermann-violin"),
        (LONG, "MAX.MUSTERMANN-copper-violin"),
        (LONG, "Max Mustermann!!"),
        ("anna@x.io", "copper-anna-meadow-violin"),
    ],
)
def test_the_own_address_is_no_password(email, password):
    with pytest.raises(ValidationError, match="not your name or address"):
        NotYourNameValidator().validate(password, Owner(email))


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (SHORT, "copper-max-meadow-violin"),
        (SHORT, "climax-of-the-copper-violin"),
        (LONG, "copper-meadow-violin-2"),
        ("", "copper-meadow-violin-2"),
        ("---@x.io", "copper-meadow-violin-2"),
    ],
)
def test_other_passwords_are_taken(email, password):
    NotYourNameValidator().validate(password, Owner(email))
