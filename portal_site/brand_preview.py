"""The portal in a version of the brand that is not published, for one of the staff.

A signed cookie names the version and the person. It counts only while that person
is signed in and may change the brand; pages are shown as a visitor gets them.
"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from developers.models import User
from portal_site import brand, brand_versions
from portal_site.middleware import Handler
from portal_site.models import BrandVersion

COOKIE = "brand_preview"
SALT = "portal_site.brand_preview"
MAX_AGE = 2 * 3600  # seconds
CHANGE = "portal_site.change_brand"


def start(response: HttpResponse, row: BrandVersion, *, by: User) -> None:
    """Show `row` to this person alone, in this browser, for two hours."""
    response.set_cookie(
        COOKIE,
        signing.dumps([row.pk, by.pk], salt=SALT),
        max_age=MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def stop(response: HttpResponseBase) -> None:
    """Show what is published again."""
    response.delete_cookie(COOKIE, samesite="Lax")


def version_of(request: HttpRequest) -> BrandVersion | None:
    """The version this person previews; None without a cookie that holds."""
    cookie = request.COOKIES.get(COOKIE)
    user = request.user if cookie else None
    if not isinstance(user, User) or not user.has_perm(CHANGE):
        return None
    try:
        pk, owner = signing.loads(cookie or "", salt=SALT, max_age=MAX_AGE)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    if owner != user.pk:
        return None
    return BrandVersion.objects.filter(pk=pk).first()


def shown_in(request: HttpRequest) -> BrandVersion | None:
    """The version a preview's page is drawn in, for its banner."""
    row = vars(request).get("brand_preview")
    return row if isinstance(row, BrandVersion) else None


class BrandMiddleware:
    """One brand for the whole of a request: the published one, or a preview."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if COOKIE not in request.COOKIES or self._is_staffs(request):
            with brand.one_for_all():
                return self.get_response(request)
        return self._preview(request)

    def _is_staffs(self, request: HttpRequest) -> bool:
        return request.path.startswith(reverse("admin:index"))

    def _preview(self, request: HttpRequest) -> HttpResponseBase:
        row = version_of(request)
        with brand.one_for_all(brand_versions.brand_of(row) if row else None):
            if row and request.method in {"GET", "HEAD"}:
                vars(request)["brand_preview"] = row
                request.user = AnonymousUser()
            response = self.get_response(request)
        if row is None:
            stop(response)
        if row or not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response
