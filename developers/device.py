"""Browsers that a developer logged in with before.

Such a browser has tries of its own at the login, so that strangers who guess at an
address don't lock its owner out. It proves nothing else: password and every other
limit stay as they are. The cookie is signed, renewed at each login and where its owner
sets another password or address, and worth nothing for another account or, elsewhere,
after that.
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
        path=reverse("developers:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known(request: HttpRequest | None, address: str) -> str:
    """The name of this browser if it is a known one of `address`'s owner, else ""."""
    if request is None:
        return ""
    pk, _, signed = request.COOKIES.get(COOKIE, "").partition(".")
    if not signed or not pk.isascii() or not pk.isdigit() or len(pk) > 18:
        return ""
    rows = User.objects.filter(pk=int(pk), developer__email_key=email_key(address))
    user = rows.first()
    if user is None:
        return ""
    try:
        name = signing.loads(signed, salt=_salt(user), max_age=SECONDS)
    except signing.BadSignature:
        return ""
    return str(name)


def _salt(user: User) -> str:
    # The unusable password is random and made anew with every change of the real one.
    return f"developers.device:{user.pk}:{user.password}"
