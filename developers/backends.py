"""Who may sign in: developers by Tyk's word, staff by the password kept here.

The parameter names differ on purpose: Django offers credentials to every backend
whose signature takes them, so a staff password typed into the admin never goes to
Tyk, and an outage of Tyk never keeps staff out.
"""

from datetime import timedelta
from typing import Any, cast

from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from developers import device, live, services, throttle
from developers.errors import InvalidCredentials, Throttled
from developers.models import Developer, User
from tyk.dashboard.secret import Secret

SEEN_EVERY = timedelta(minutes=5)


class TykBackend(BaseBackend):
    """Developers. Tyk keeps and judges their passwords."""

    @sensitive_variables("developer_password")
    def authenticate(  # type: ignore[override]  # only a developer's login may bind
        self,
        request: HttpRequest | None,
        *,
        developer_email: str,
        developer_password: str,
        **_others: Any,
    ) -> User | None:
        """The login row of the developer these prove; None if they are wrong.

        Every other outcome is raised as an AccountError: that Tyk did not answer
        must not look like a wrong password to anyone.
        """
        # Read before Tyk is asked: a password changed meanwhile ends what was proved
        # with the old one, which a row read afterwards would let live on.
        before = services.login_row_of(developer_email)
        try:
            developer = live.sign_in(
                developer_email,
                Secret(developer_password),
                ip=throttle.client_ip(request),
                device=device.known(request, developer_email),
            )
        except InvalidCredentials:
            return None
        user = services.user_of(developer)
        return before if before == user else user

    def get_user(self, user_id: int) -> User | None:
        """The signed-in developer, or None: then the session is at its end.

        Asked once per request, so it also keeps when the developer was here:
        those seen lately are read again from Tyk every minute.
        """
        user = User.objects.select_related("developer").filter(pk=user_id).first()
        if user is None or user.is_staff or not user.is_active:
            return None
        if user.developer is None or not user.developer.may_enter:
            return None
        _note_seen(user.developer)
        return user


def _note_seen(developer: Developer) -> None:
    now = timezone.now()
    if developer.seen_here_at and developer.seen_here_at > now - SEEN_EVERY:
        return
    Developer.objects.filter(
        Q(seen_here_at=None) | Q(seen_here_at__lte=now - SEEN_EVERY), pk=developer.pk
    ).update(seen_here_at=now)


def _staff_with(address: str) -> User | None:
    """Exact spelling wins, else the only one in another spelling."""
    rows = list(User.objects.filter(is_staff=True, email__iexact=address.strip())[:2])
    exact = [row for row in rows if row.email == address]
    return next(iter(exact or rows), None) if exact or len(rows) == 1 else None


def rights_of(staff: User) -> set[str]:
    """Their own and those of their groups, also of somebody switched off.

    Not of a superuser, who has every right without holding it.
    """
    theirs = Permission.objects.filter(Q(user=staff) | Q(group__user=staff))
    names = theirs.values_list("content_type__app_label", "codename")
    return {f"{app}.{name}" for app, name in names.order_by()}


def _spend_one(
    request: HttpRequest | None, typed: str, user: User | None
) -> throttle.Spent:
    """Count one try of staff: for a browser known to be theirs, else the address.

    Else anybody who knows an address keeps its owner out for a day. The address as
    it is kept: a database takes more spellings for the same than we would.
    """
    browser = device.known_of_staff(request, user)
    address = user.email if user else typed
    whose = {"device": browser} if browser else {"address": f"staff:{address}"}
    try:
        return throttle.spend("login", ip=throttle.client_ip(request), **whose)
    except Throttled as throttled:
        raise ValidationError(str(throttled), code=throttled.code) from None


class StaffBackend(ModelBackend):
    """Staff, for the admin; also where their permissions are looked up."""

    @sensitive_variables("password")
    def authenticate(  # type: ignore[override]  # only a staff login may bind
        self,
        request: HttpRequest | None,
        *,
        username: str,
        password: str,
        **_others: Any,
    ) -> User | None:
        """The staff row; None if address or password is wrong.

        Raises ValidationError when throttled, which the admin's form shows.
        """
        if not username or not password:
            return None
        user = _staff_with(username)
        spent = _spend_one(request, username, user)
        if user is None:
            # As slow as a wrong password, so that time tells nothing.
            make_password(password)
            return None
        if not user.check_password(password) or not user.is_active:
            return None
        spent.give_back()
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Own rights and those of the groups by one query, not two, on each page."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj)
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = rights_of(user_obj)
        return cast("set[str]", user_obj._perm_cache)

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_staff=True, is_active=True).first()
