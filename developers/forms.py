"""What is typed into the account pages. Forms judge shape only."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from django import forms
from django.contrib.auth.password_validation import (
    get_default_password_validators,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.text import slugify

from developers import passwords
from developers.passwords import Owner
from developers.text import PLAIN_WORDS, OneLineField

# A field people don't see; only a program fills it in.
HONEYPOT = "fax_number"
AUTOCOMPLETE = {
    "name": "name",
    "full_name": "name",
    "first_name": "given-name",
    "last_name": "family-name",
    "company": "organization",
    "organisation": "organization",
    "organization": "organization",
    "phone": "tel",
    "telephone": "tel",
    "country": "country-name",
    "website": "url",
    "city": "address-level2",
}
# What a person is called is the one field a review can't do without.
REQUIRED = {"name"}

_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")


def email_field(*, autocomplete: str, label: str = "E-mail") -> forms.CharField:
    """An address: validated only by `strict_email`, where one is new to us."""
    return forms.CharField(
        label=label,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": autocomplete}),
        error_messages={
            **PLAIN_WORDS,
            "required": "Type your e-mail address",
            "max_length": "An e-mail address has at most 254 characters",
        },
    )


def strict_email(address: str) -> str:
    """An address we are willing to mail to for the first time.

    Letters that look alike in other scripts, and quoted local parts, are how one
    person signs up with what seems to be another's address.
    """
    local_part, at, _ = address.rpartition("@")
    if at and not _PLAIN_LOCAL_PART.fullmatch(local_part):
        raise ValidationError(
            "Before the @, use letters without accents, digits and . _ + - only"
        )
    EmailValidator(message="Type an e-mail address like name@example.com")(address)
    return address


class AskedForm(forms.Form):
    """Has one input for each field the organisation asks for."""

    def __init__(
        self,
        *args: Any,
        ask: list[str],
        held: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._asked = dict(zip(_input_names(ask), ask, strict=True))
        for name, label in self._asked.items():
            self.fields[name] = _asked_field(name, label, (held or {}).get(label, ""))

    @property
    def asked(self) -> list[forms.BoundField]:
        return [self[name] for name in self._asked]

    @property
    def answers(self) -> dict[str, str]:
        """What was typed, by the organisation's own field names."""
        return {label: self.cleaned_data[name] for name, label in self._asked.items()}


class SignUpForm(AskedForm):
    """E-mail, what the organisation asks for, and a trap for programs."""

    email = email_field(autocomplete="email", label="Work e-mail")

    def __init__(self, *args: Any, ask: list[str], **kwargs: Any) -> None:
        super().__init__(*args, ask=ask, **kwargs)
        self.fields[
            "email"
        ].help_text = "We send a link to confirm it. Your password comes after that."
        self.fields[HONEYPOT] = forms.CharField(
            required=False,
            label="Leave this field empty",
            widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
        )

    def clean_email(self) -> str:
        return strict_email(self.cleaned_data["email"])

    @property
    def is_from_a_program(self) -> bool:
        return bool(self.cleaned_data.get(HONEYPOT))


class ProfileForm(AskedForm):
    """What developers may change about themselves; `held` is what stands there.

    The page carries what it showed, but for `wished`: those show a wish of their own
    that is not settled, and what is sent says anew what is wanted.
    """

    def __init__(self, *args: Any, wished: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in self._asked.items():
            sent = not self.is_bound or self.add_initial_prefix(name) in self.data
            self.fields[name].show_hidden_initial = sent and label not in wished

    @property
    def seen(self) -> dict[str, str]:
        """What stood on the page, by the organisation's own field names."""
        carried = {
            label: self.data.get(self.add_initial_prefix(name))
            for name, label in self._asked.items()
            if self.fields[name].show_hidden_initial
        }
        return {label: text for label, text in carried.items() if text is not None}


def _input_names(labels: list[str]) -> Iterator[str]:
    taken = {"email", "next", HONEYPOT}
    for number, label in enumerate(labels):
        name = slugify(label).replace("-", "_")
        if not name or name in taken:
            name = f"field_{number}"
        taken.add(name)
        yield name


def _asked_field(name: str, label: str, held: str) -> forms.CharField:
    return OneLineField(
        label="Your name" if name == "name" else label,
        initial=held,
        # What Tyk holds already may stay as long as it is.
        max_length=max(200, len(held)),
        required=name in REQUIRED,
        widget=forms.TextInput(attrs={"autocomplete": AUTOCOMPLETE.get(name, "off")}),
        error_messages={"required": f"Fill in {label.lower()}"},
    )


def _password_field(label: str, autocomplete: str, required: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
        error_messages={
            **PLAIN_WORDS,
            "required": required,
            "max_length": "A password has at most 1000 characters",
        },
    )


def current_password_field() -> forms.CharField:
    """The password somebody has now, to prove that it is them."""
    return _password_field(
        "Current password", "current-password", "Type your current password"
    )


class LoginForm(forms.Form):
    """Address and password; nothing about them is judged here."""

    email = email_field(autocomplete="username")
    password = _password_field("Password", "current-password", "Type your password")


class ResetForm(forms.Form):
    """Whose password is forgotten."""

    email = email_field(autocomplete="username")


class NewPasswordForm(forms.Form):
    """A new password, typed twice, by our rules; Tyk's own come later."""

    password = _password_field("Password", "new-password", "Choose a password")
    again = _password_field(
        "Same password again", "new-password", "Type the password a second time"
    )

    def __init__(self, *args: Any, owner: Owner, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner

    @property
    def shortest(self) -> int:
        """The fewest characters a password may have."""
        validators = get_default_password_validators()
        return next((v.min_length for v in validators if hasattr(v, "min_length")), 1)

    @property
    def rules(self) -> list[tuple[str, str]]:
        """Name and words; password.js ticks off what it can judge while one types."""
        return [
            ("length", f"At least {self.shortest} characters"),
            ("owner", "Not your name or address"),
            ("public", "Not on lists of common passwords, checked when you send it"),
        ]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        # Only email and name of the owner are looked at.
        validate_password(password, user=self.owner)  # type: ignore[arg-type]  # see above
        if not passwords.fits(password):
            raise ValidationError(
                f"Choose a password of at most {passwords.MAX_BYTES} bytes "
                "(letters with accents count twice)"
            )
        return password

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        both = "password" in typed and "again" in typed
        if both and typed["password"] != typed["again"]:
            self.add_error("again", "The two passwords differ")
        return typed


class ChangePasswordForm(NewPasswordForm):
    """A new password by somebody who proves the current one."""

    current = current_password_field()
    field_order = ["current", "password", "again"]


class NewAddressForm(forms.Form):
    """Another address, asked for by somebody who proves the password."""

    email = email_field(autocomplete="email", label="New e-mail")
    current = current_password_field()

    def __init__(self, *args: Any, old: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._old = old

    def clean_email(self) -> str:
        address = strict_email(self.cleaned_data["email"])
        if address == self._old:
            raise ValidationError("This is your address already")
        return address
