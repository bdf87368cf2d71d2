"""What people may type into one line: a name of theirs, of a project, of a key."""

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

#: Django's own sentences about what was typed, in words for everybody.
PLAIN_WORDS = {
    "max_length": "Use at most %(limit_value)d characters; these are %(show_value)d",
    "null_characters_not_allowed": "This holds an invisible character. Type it again",
}

# They turn round what follows, so that a name reads as another one (UAX 9, 2).
_TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")


def one_line(typed: str) -> str:
    """`typed` with each run of spaces and line breaks as one space, none outside.

    ValidationError if it holds control characters or changes of writing direction.
    """
    line = " ".join(typed.split())
    if any(unicodedata.category(sign) == "Cc" for sign in line):
        raise ValidationError(PLAIN_WORDS["null_characters_not_allowed"])
    if _TURNS_TEXT.search(line):
        raise ValidationError(
            "Leave out the invisible characters that turn the direction of text"
        )
    return line


class OneLineField(forms.CharField):
    """A short text on one line; what stood there before may stay as it is."""

    def __init__(
        self, *, error_messages: dict[str, Any] | None = None, **options: Any
    ) -> None:
        told = {**PLAIN_WORDS, **(error_messages or {})}
        super().__init__(error_messages=told, **options)

    def to_python(self, value: Any) -> Any:
        if value and value == self.initial:
            return value
        return one_line(super().to_python(value) or "")
