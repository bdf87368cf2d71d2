"""Light, dark or as the system has it: a cookie, so that no page flashes."""

from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Theme = Literal["light", "dark", ""]

COOKIE = "theme"
YEAR = 365 * 24 * 3600


def theme_of(request: HttpRequest) -> Theme:
    """What the visitor chose; "" follows the system. Other cookie values count as ""."""
    match request.COOKIES.get(COOKIE):
        case "light":
            return "light"
        case "dark":
            return "dark"
        case _:
            return ""


def remember(response: HttpResponse, theme: str) -> None:
    """Sets the cookie; anything but light and dark removes it."""
    if theme in {"light", "dark"}:
        response.set_cookie(
            COOKIE,
            theme,
            max_age=YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(COOKIE, samesite="Lax")


def is_foreign(request: HttpRequest) -> bool:
    """Whether another site sent this POST, by the browser's own word.

    The theme form carries no CSRF token: it is on every page, and a token would set
    a cookie for every visitor and make no two bodies of a public page equal. Browsers
    say where a POST comes from; one that says nothing can at worst change the theme.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return bool(origin) and origin != f"{request.scheme}://{request.get_host()}"
