"""The Dashboard's validation errors in plain words; its own text is never shown.

It may quote what was sent, and it speaks JSON schema. Its form is
`<member>: <reason>`; the password rules are an operator's choice (Tyk docs,
"Password policy").
"""

import re
from collections.abc import Sequence

from tyk.dashboard.errors import Refused

_AT_LEAST = re.compile(r"length must be greater than or equal to (\d{1,4})", re.I)
_AT_MOST = re.compile(r"length must be less than or equal to (\d{1,4})", re.I)
_OTHERWISE = (
    "Choose another password. This one was not accepted: a longer one with capital "
    "and small letters, digits and signs will be."
)


def password_words(refused: Refused) -> list[str]:
    """What is wrong with the password, at least one sentence."""
    found = [words for text in refused.errors if (words := _known(text))]
    return list(dict.fromkeys(found)) or [_OTHERWISE]


def _known(text: str) -> str:
    if found := _AT_LEAST.search(text):
        return f"Choose a password of at least {found[1]} characters"
    if found := _AT_MOST.search(text):
        return f"Choose a password of at most {found[1]} characters"
    return ""


def field_words(errors: Sequence[str]) -> list[str]:
    """One sentence for each member other than the password that was refused."""
    members = [text.partition(":")[0].strip() for text in errors]
    others = dict.fromkeys(name for name in members if name and name != "password")
    return [_field_sentence(name) for name in others]


def profile_words(errors: Sequence[str]) -> list[str]:
    """What is wrong with an edited profile, at least one sentence."""
    members = [text.partition(":")[0].strip() for text in errors]
    names = [name.removeprefix("fields.") for name in members]
    found = [f"{name} was not accepted." for name in names if name and _is_plain(name)]
    return list(dict.fromkeys(found)) or ["One of the fields was not accepted."]


def _is_plain(name: str) -> bool:
    return bool(re.fullmatch(r"[\w -]{1,40}", name))


def _field_sentence(member: str) -> str:
    name = member.removeprefix("fields.")
    if name == "email":
        return "The e-mail address was not accepted. Sign up with another one."
    if _is_plain(name):
        return f"{name} was not accepted. Sign up once more and change it."
    return "One of the fields was not accepted. Sign up once more and change it."
