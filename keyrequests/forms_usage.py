"""Which days a usage page shows."""

from typing import Any

from django import forms


class PeriodForm(forms.Form):
    """Two dates, both included, in UTC."""

    first = forms.DateField(
        label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        first, last = given.get("first"), given.get("last")
        if first and last and last < first:
            self.add_error("last", "Choose a day that is not before the first one")
        return given
