"""Browsers that somebody logged in with before: a developer, or one of the staff.

Such a browser has tries of its own at the login, so that strangers who guess at an
address don't lock its owner out. It proves nothing else: password and every other
limit stay as they are. The cookie is signed, renewed at each login and where its owner
sets another password or address, and worth nothing for another account or, elsewhere,
after that. It is sent to the login it is for and to no other page: a developer's to
theirs, staff's to the admin's.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from developers.models import User, email_key

COOKIE = "known_device"
SECONDS = 180 * 24 * 3600


def remember(response: HttpResponseBase, user: User) -> None:
    """Make this browser a known one of `user`, who has just proved who they are."""
    name = signing.dumps(secrets.token_hex(16), salt=_salt(user))
    response.set_cookie(
        COOKIE,
        f"{user.pk}.{name}",
        max_age=SECONDS,
        path=reverse("admin:login" if user.is_staff else "developers:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known(request: HttpRequest | None, address: str) -> str:
    """The name of this browser if it is a known one of `address`'s owner, else "".

    Of a developer; staff: known_of_staff.
    """
    pk, signed = _held(request)
    if not signed:
        return ""
    rows = User.objects.filter(pk=pk, developer__email_key=email_key(address))
    return _name(signed, rows.first())


def known_of_staff(request: HttpRequest | None, staff: User | None) -> str:
    """The name of this browser if it is a known one of `staff`, else ""."""
    pk, signed = _held(request)
    return _name(signed, staff) if staff is not None and staff.pk == pk else ""


def _held(request: HttpRequest | None) -> tuple[int, str]:
    """Whose the cookie says it is, and what it proves that by; "" if it is none."""
    if request is None:
        return 0, ""
    pk, _, signed = request.COOKIES.get(COOKIE, "").partition(".")
    if not pk.isascii() or not pk.isdigit() or len(pk) > 18:
        return 0, ""
    return int(pk), signed


def _name(signed: str, user: User | None) -> str:
    if user is None:
        return ""
    try:
        name = signing.loads(signed, salt=_salt(user), max_age=SECONDS)
    except signing.BadSignature:
        return ""
    return str(name)


def _salt(user: User) -> str:
    # Another one with every new password: what staff's is kept as, or a developer's
    # unusable one, which is random and made anew whenever the real one changes.
    return f"developers.device:{user.pk}:{user.password}"
