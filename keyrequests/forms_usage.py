"""Which days a usage page shows."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

# No calls were counted before, and sums of days need room behind the last one.
_WITHIN = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2100, 1, 1))]

_ODD = "Type a day such as 2026-11-22"


class PeriodForm(forms.Form):
    """Two dates, both included, in UTC."""

    first = forms.DateField(
        label="From",
        error_messages={"required": "Choose a first day", "invalid": _ODD},
        validators=_WITHIN,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last = forms.DateField(
        label="To",
        error_messages={"required": "Choose a last day", "invalid": _ODD},
        validators=_WITHIN,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        first, last = given.get("first"), given.get("last")
        if first and last and last < first:
            self.add_error("last", "Choose a day that is not before the first one")
        return given
