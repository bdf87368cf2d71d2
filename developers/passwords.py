"""What a new password must not be, beyond Django's own validators."""

import re
import unicodedata
from dataclasses import dataclass

from django.core.exceptions import ValidationError

MAX_BYTES = 72  # bcrypt, which Tyk keeps passwords with, reads no further
_SHORTEST_PART = 4


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose password it will be, before there is a row for them."""

    email: str = ""
    name: str = ""


class NotYourNameValidator:
    """A password that is built from the owner's name or address is guessed first."""

    def validate(self, password: str, user: object = None) -> None:
        """ValidationError if hardly anything is left without name and address."""
        if _is_the_address(password, str(getattr(user, "email", "") or "")):
            raise _too_near()
        left = password.casefold()
        for part in sorted(_parts(user), key=len, reverse=True):
            left = left.replace(part, "")
        if len(left) < len(password) and len(left) < _SHORTEST_PART * 2:
            raise _too_near()

    def get_help_text(self) -> str:
        return "Not your name or address"


def _too_near() -> ValidationError:
    return ValidationError(
        "Choose a password that is not your name or address",
        code="password_is_your_name",
    )


def fits(password: str) -> bool:
    """Whether Tyk would tell this password from every other one."""
    return len(password.encode()) <= MAX_BYTES


def _is_the_address(password: str, email: str) -> bool:
    """Whether it holds the address or what is before its @, or is one of them.

    A short local part may stand in a password by chance, so it only must not be it.
    """
    typed, address = _folded(password), _folded(email)
    local_part = address.rpartition("@")[0]
    if not local_part:
        return False
    held = address in typed or (
        len(local_part) >= _SHORTEST_PART and local_part in typed
    )
    return held or _bare(typed) in {_bare(address), _bare(local_part)}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _parts(owner: object) -> set[str]:
    words = " ".join(str(getattr(owner, name, "") or "") for name in ("email", "name"))
    return {
        part
        for part in re.split(r"\W+", words.casefold())
        if len(part) >= _SHORTEST_PART
    }
