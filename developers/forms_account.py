"""What is typed into the account's own pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from developers import mail_choices
from developers.forms import current_password_field
from developers.models import email_key


class MailsForm(forms.Form):
    """Which of the optional mails are wanted."""

    def __init__(self, *args: Any, wanted: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for event, mail in mail_choices.OPTIONAL.items():
            self.fields[event] = forms.BooleanField(
                label=mail.label,
                help_text=mail.hint,
                required=False,
                initial=event in wanted,
            )

    @property
    def chosen(self) -> list[str]:
        return [event for event, yes in self.cleaned_data.items() if yes]


class CloseForm(forms.Form):
    """The address typed in full, and the password: both, since nothing undoes it."""

    email = forms.CharField(
        label="Your e-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Type your e-mail address"},
    )
    current = current_password_field()

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._address = address
        self.fields["email"].help_text = f"Type {address} to show that you mean it."

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"]
        if email_key(typed) != email_key(self._address):
            raise ValidationError(f"This is not {self._address}")
        return typed
