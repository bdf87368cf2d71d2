"""The first staff login of a portal, made without a prompt."""

from enum import StrEnum

from django.contrib.auth import get_user_model

from developers.models import User


class Outcome(StrEnum):
    """What became of a staff login that was asked for."""

    MADE = "made"
    SAME = "same"  # it was there, with the password asked for
    OTHER = "other"  # it was there, with a password given to it since
    NOT_NEEDED = "not needed"  # another superuser can sign in already


def ensure(email: str, password: str, *, only_first: bool) -> Outcome:
    """Make the superuser `email` unless it is there; never changes a password.

    With `only_first`, nothing is made once any superuser can sign in.
    """
    users = get_user_model().objects
    if user := users.filter(email__iexact=email).first():
        return Outcome.SAME if user.check_password(password) else Outcome.OTHER
    if only_first and any(u.has_usable_password() for u in _superusers()):
        return Outcome.NOT_NEEDED
    users.create_superuser(email, password)
    return Outcome.MADE


def _superusers() -> list[User]:
    return list(get_user_model().objects.filter(is_superuser=True, is_active=True))


def lock_out(email: str, password: str) -> bool:
    """Take the password of staff `email` away if it is `password`; whether it was.

    For a password everybody can read: the demo's must not open a real portal.
    """
    user = get_user_model().objects.filter(email__iexact=email).first()
    if user is None or not user.check_password(password):
        return False
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return True
