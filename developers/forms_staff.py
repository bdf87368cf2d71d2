"""Forms of the staff admin."""

from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from developers import throttle
from developers.errors import Throttled
from developers.models import User


def _free_address(address: str, *, but: User) -> str:
    """The address in lower case; ValidationError without one, or if a colleague has it."""
    lowered = address.strip().lower()
    if not lowered:
        raise ValidationError("Fill in the address: nobody logs in without one")
    taken = User.objects.filter(email__iexact=lowered).exclude(pk=but.pk)
    if taken.exists():
        raise ValidationError("Somebody of the staff has this address already")
    return lowered


class StaffAddForm(AdminUserCreationForm[User]):
    """A new colleague, with a password or without one yet."""

    class Meta:
        model = User
        fields = ["email", "name"]

    def clean_email(self) -> str:
        return _free_address(self.cleaned_data.get("email") or "", but=self.instance)


class StaffForm(UserChangeForm[User]):
    """A colleague; the password has its own page."""

    class Meta:
        model = User
        fields = [
            "email",
            "name",
            "password",
            "is_active",
            "is_superuser",
            "groups",
            "user_permissions",
        ]

    def clean_email(self) -> str:
        return _free_address(self.cleaned_data.get("email") or "", but=self.instance)


class OwnPasswordForm(AdminPasswordChangeForm):
    """A colleague's own new password.

    Whoever sits down at an open session guesses the old one no faster than at the door.
    """

    @sensitive_variables("old")
    def clean_old_password(self) -> str:
        try:
            spent = throttle.spend("staff_password", address=f"staff:{self.user.pk}")
        except Throttled as throttled:
            raise ValidationError(str(throttled), code=throttled.code) from None
        old = super().clean_old_password()
        spent.give_back()
        return old
