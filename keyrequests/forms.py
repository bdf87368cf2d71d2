"""What developers type: a request, a key's name, the word that confirms."""

import re
import uuid
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from django import forms
from django.utils.safestring import SafeString
from django.utils.text import slugify

from developers.text import PLAIN_WORDS, OneLineField
from keyrequests.models import Key

LONGEST_ANSWER = 2000  # characters
LONGEST_REDIRECTS = 2000  # characters, joined; the column's length
MOST_REDIRECTS = 10
#: Fields of a Tyk request that are the portal's own; no question may take them.
RESERVED = "portal_"
_SENTENCES = re.compile(
    r"what|why|how|describe|description|explain|purpose|reason|use case|tell|comment",
    re.IGNORECASE,
)
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class AskForm(forms.Form):
    """Why somebody wants a key: the questions come from Tyk's configuration."""

    nonce = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(["required", "invalid"], "Send the form again."),
    )
    project = OneLineField(
        label="Project name",
        help_text="It names the key, for you and for the people who review this.",
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(
        self,
        data: Mapping[str, object] | None = None,
        *,
        questions: Iterable[str],
        redirects: bool,
        answers: Mapping[str, str] | None = None,
        project: str = "",
        redirect_uri: str = "",
    ) -> None:
        """`answers`, `project` and `redirect_uri` fill a form that asks again."""
        super().__init__(data, initial={"nonce": uuid.uuid4(), "project": project})
        self.questions = _named(questions)
        for name, question in self.questions.items():
            self.fields[name] = _field(question, (answers or {}).get(question, ""))
        if redirects:
            self.fields["redirect_uri"] = RedirectsField(
                initial="\n".join(redirect_uri.split(","))
            )

    @property
    def review(self) -> list[tuple[str, str]]:
        """What was typed, as question and answer; after validation."""
        project = self.cleaned_data["project"]
        addresses = self.cleaned_data.get("redirect_uri", "").split(",")
        return [
            *((question, told) for question, told in self.answers.items() if told),
            *([("Project name", project)] if project else []),
            *([("Redirect addresses", "\n".join(addresses))] if any(addresses) else []),
        ]

    @property
    def hidden(self) -> list[SafeString]:
        """Everything once more, as it was typed, in fields nobody sees."""
        return [bound.as_hidden() for bound in self]

    @property
    def answers(self) -> dict[str, str]:
        """Question and answer, in the order they were asked; after validation."""
        return {
            question: self.cleaned_data[name]
            for name, question in self.questions.items()
        }


def _named(questions: Iterable[str]) -> dict[str, str]:
    """Field name and question. Reserved, empty and repeated questions are not asked."""
    named: dict[str, str] = {}
    for question in dict.fromkeys(q.strip() for q in questions):
        if not question or question.lower().startswith(RESERVED):
            continue
        name = f"ask-{slugify(question, allow_unicode=True)}"
        while name in named:
            name += "-"
        named[name] = question
    return named


def _field(question: str, answer: str) -> forms.CharField:
    many_words = bool(_SENTENCES.search(question))
    widget = forms.Textarea(attrs={"rows": 4}) if many_words else forms.TextInput()
    missing = (
        f"Answer “{question}” in a sentence" if many_words else f"Fill in “{question}”"
    )
    return forms.CharField(
        label=question,
        initial=answer,
        max_length=LONGEST_ANSWER,
        widget=widget,
        error_messages={
            **PLAIN_WORDS,
            "required": missing,
            "max_length": f"Keep “{question}” under %(limit_value)d characters; "
            "it has %(show_value)d",
        },
    )


class RedirectsField(forms.CharField):
    """Redirect addresses of an OAuth client, one a line; joined by commas for Tyk."""

    def __init__(self, *, initial: str = "") -> None:
        super().__init__(
            label="Redirect addresses",
            help_text="Where people return after they agreed. One a line: "
            "https, or http on localhost.",
            initial=initial,
            widget=forms.Textarea(
                attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}
            ),
            error_messages={
                **PLAIN_WORDS,
                "required": "Give at least one redirect address",
            },
        )

    def clean(self, value: object) -> str:
        lines = list(dict.fromkeys(super().clean(value).split()))
        if len(lines) > MOST_REDIRECTS:
            raise forms.ValidationError(f"Give at most {MOST_REDIRECTS} addresses")
        for line in lines:
            _refuse_redirect(line)
        joined = ",".join(lines)
        if len(joined) > LONGEST_REDIRECTS:
            raise forms.ValidationError("Give shorter addresses")
        return joined


def _refuse_redirect(address: str) -> None:
    """Raise what is wrong with one redirect address.

    No fragment (RFC 6749, 3.1.2), no comma (Tyk separates addresses by it).
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port  # ValueError if it is none
    except ValueError:
        host = ""
    if not host:
        raise forms.ValidationError(f"“{address}” is not a web address")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        raise forms.ValidationError(f"Begin “{address}” with https://")
    if parts.fragment or parts.username is not None or "," in address:
        raise forms.ValidationError(f"Leave “#”, “,” and “@” out of “{address}”")


class RenameForm(forms.Form):
    name = OneLineField(
        label="Name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the key a name"},
    )


class ReplaceForm(forms.Form):
    """Why, and how long the old key goes on working, in seconds."""

    REASONS = (
        ("", "it is time for a new one"),
        ("I did not save it", "I did not save it"),
        ("Somebody left", "somebody left"),
        ("It moves elsewhere", "it moves to another server"),
    )
    OVERLAPS = ((0, "at once"), (3600, "in 1 hour"), (7 * 86400, "in 7 days"))

    reason = forms.ChoiceField(label="Why", choices=REASONS, required=False)
    overlap = forms.TypedChoiceField(
        label="The old key ends", choices=OVERLAPS, initial=3600, coerce=int
    )


class RevokeForm(forms.Form):
    """Ends a key for good once its name was typed."""

    confirm = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, data: Mapping[str, object] | None = None, *, key: Key) -> None:
        super().__init__(data)
        self.expected = key.name or (key.fp or "")[-4:] or "revoke"
        field = self.fields["confirm"]
        field.label = f"Type “{self.expected}” to confirm"
        field.error_messages.update(PLAIN_WORDS)
        field.error_messages["required"] = f"Type “{self.expected}” to go on"

    def clean_confirm(self) -> str:
        typed = _folded(self.cleaned_data["confirm"])
        if typed != _folded(self.expected):
            raise forms.ValidationError(
                f"That is not it. Type “{self.expected}” to go on"
            )
        return typed


def _folded(text: str) -> str:
    """Case and spacing don't matter: it is a pause for thought, not a password."""
    return " ".join(text.casefold().split())
