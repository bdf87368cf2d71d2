"""Who may open a page, and where they go after signing in."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from developers.models import Developer, User
from portal_site.way_back import is_ours

P = ParamSpec("P")


class DeveloperRequest(HttpRequest):
    """A request of a signed-in developer, as views behind the decorator see it."""

    developer: Developer
    user: User


def developer_required(
    view: Callable[Concatenate[DeveloperRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let signed-in developers in; others log in first and come back.

    Staff are no developers: they are sent to the developers' login too. A POST
    can't be repeated for somebody who comes back: they come to the page they sent
    it from.
    """

    @wraps(cast(Callable[Concatenate[HttpRequest, P], HttpResponse], view))
    def guarded(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or user.developer is None:
            back = _way_back(request)
            return redirect_to_login(back) if back else redirect(settings.LOGIN_URL)
        theirs = cast(DeveloperRequest, request)
        theirs.developer = user.developer
        return view(theirs, *args, **kwargs)

    return guarded


def _way_back(request: HttpRequest) -> str:
    """The page to open after logging in; "" if there is none of ours."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    came_from = safe_next(request, request.headers.get("Referer"))
    parts = urlsplit(came_from)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def safe_next(request: HttpRequest, wanted: str | None) -> str:
    """`wanted` if it is a page of this site, else ""."""
    return wanted if wanted and is_ours(request, wanted) else ""


def landing(request: HttpRequest, wanted: str | None) -> str:
    """Where a sign-in leads: `wanted` if it is ours, else the catalogue."""
    return safe_next(request, wanted) or resolve_url(settings.LOGIN_REDIRECT_URL)
