"""The first staff login of a portal, made without a prompt, and the roles of others."""

from collections.abc import Iterable
from enum import StrEnum

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

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


# --- Roles ---------------------------------------------------------------------------
_READ = (
    "keyrequests.view_keyrequest", "keyrequests.view_key", "keyrequests.view_mint",
    "keyrequests.view_event", "developers.view_developer", "catalogue.view_entry",
    "catalogue.view_document",
    "catalogue.view_plan",
)  # fmt: skip
_OPERATE = (
    "keyrequests.change_key", "developers.change_developer", "catalogue.change_document",
    "tyk.view_outbox", "tyk.change_outbox", "tyk.view_pullstate",
    "tyk.change_pullstate", "tyk.view_alarm", "tyk.view_organisation",
    "portal_site.view_driftfinding", "portal_site.change_driftfinding",
    "portal_site.view_doctor", "portal_site.change_doctor", "portal_site.view_act",
    "portal_site.change_brand",
)  # fmt: skip
#: Who may do what. A reviewer decides requests; an operator keeps the machinery and
#: changes what people hold, but decides nothing: give both where one person does both.
ROLES = {
    "Viewer": _READ,
    "Reviewer": (*_READ, "keyrequests.change_keyrequest"),
    "Operator": (*_READ, *_OPERATE),
}


def ensure_roles() -> list[str]:
    """Make the groups of ROLES that are not there; the names of those made.

    A group that is there stays as it is: its rights are the company's own to change.
    """
    made = []
    for name, rights in ROLES.items():
        group, is_new = Group.objects.get_or_create(name=name)
        if is_new:
            group.permissions.set(_permissions(rights))
            made.append(name)
    return made


def _permissions(rights: Iterable[str]) -> list[Permission]:
    """Raises LookupError for a right that no table has."""
    known = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in Permission.objects.select_related("content_type")
    }
    return [known[right] for right in rights]
