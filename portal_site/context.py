"""What every page knows: the brand, the theme, the navigation, who is signed in."""

from dataclasses import dataclass
from functools import cache

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse

from developers.models import Developer, User
from portal_site import brand, brand_preview
from portal_site.canonical import canonical
from portal_site.middleware import reference_of
from portal_site.theme import theme_of
from tyk.models import Organisation


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the main navigation."""

    label: str
    url: str
    current: bool


def portal(request: HttpRequest) -> dict[str, object]:
    """The context processor of all templates."""
    person = person_of(request)
    developer = person.developer if person else None
    return {
        **plain(request),
        "brand": brand.current(),
        "brand_preview": brand_preview.shown_in(request),
        "person": person,
        "developer": developer,
        "nav": navigation(request.path, developer),
        "canonical": "" if person else canonical(request),
        # Asked once, and not by pages that know it anyway.
        "sign_up_off": cache(_is_sign_up_off),
    }


def _is_sign_up_off() -> bool:
    return Organisation.objects.filter(pk=1, disable_signup=True).exists()


def plain(request: HttpRequest) -> dict[str, object]:
    """The part that needs neither the database nor a valid Host header."""
    return {
        "brand": brand.last_known(),
        "theme": theme_of(request),
        "reference": reference_of(request),
        "asked": f"{request.method} {request.path}",
        "staff_area": request.path.startswith("/admin/"),
    }


def person_of(request: HttpRequest) -> User | None:
    """Who is signed in; None too where a middleware answered before anyone asked."""
    user: User | AnonymousUser | None = getattr(request, "user", None)
    return user if user is not None and isinstance(user, User) else None


def navigation(path: str, developer: Developer | None) -> list[Item]:
    """The main navigation: APIs for everybody, the rest for developers."""
    places = [("APIs", "catalogue:list")]
    if developer:
        places = [
            ("Home", "home"),
            *places,
            ("Keys", "keyrequests:keys"),
            ("Requests", "keyrequests:requests"),
            ("Usage", "keyrequests:usage"),
        ]
    return [_item(label, reverse(name), path) for label, name in places]


def _item(label: str, url: str, path: str) -> Item:
    current = path == url if url == "/" else path.startswith(url)
    return Item(label, url, current)
