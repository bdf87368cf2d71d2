"""Which pages are for everybody, search engines too, and under which address."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest

PUBLIC: Final = frozenset(
    {"home", "catalogue:list", "catalogue:entry", "catalogue:documentation"}
)


def canonical(request: HttpRequest) -> str:
    """The one address of a public page, without its query; "" for any other page."""
    match = request.resolver_match
    if match is None or match.view_name not in PUBLIC:
        return ""
    return f"{settings.PORTAL_BASE_URL}{request.path}"
