"""A reference for every request, and the headers Django and django-csp leave out."""

import secrets
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from portal_site.canonical import canonical
from portal_site.way_back import page_before

Handler = Callable[[HttpRequest], HttpResponseBase]

# No I and O: people read references to each other on the telephone.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
# Only what pages use: copy buttons write to the clipboard.
PERMISSIONS = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "autoplay",
                "camera",
                "display-capture",
                "encrypted-media",
                "fullscreen",
                "geolocation",
                "gyroscope",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "picture-in-picture",
                "publickey-credentials-get",
                "screen-wake-lock",
                "serial",
                "usb",
                "xr-spatial-tracking",
            )
        ),
        "clipboard-write=(self)",
    ]
)


def new_reference() -> str:
    """A short code such as `K7-2041`: one of 2.4 million, enough with the time."""
    return f"{secrets.choice(LETTERS)}{secrets.randbelow(10)}-{secrets.randbelow(10000):04}"


def reference_of(request: HttpRequest) -> str:
    """The reference of this request, as in its log lines and `X-Request-ID`."""
    reference = getattr(request, "reference", "")
    return reference if isinstance(reference, str) else ""


class ReferenceMiddleware:
    """Names the request first of all, so that every log line and error carries it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        reference = new_reference()
        vars(request)["reference"] = reference
        # Bound until the next request of this thread clears it: Django logs a 4xx
        # after the last middleware has returned.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(reference=reference)
        response = self.get_response(request)
        response["X-Request-ID"] = reference
        response.setdefault("Permissions-Policy", PERMISSIONS)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class PrivatePagesMiddleware:
    """Keeps pages of a signed-in person out of every cache.

    A session cookie is the sign of one: asking for the person would cost a query
    on pages that don't need it, and fail on the error page of a sick database.
    Pages also depend on the theme cookie, so shared caches must tell them apart.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if has_session and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Cookie"])
            if has_session or not canonical(request):
                response["X-Robots-Tag"] = "noindex"
        return response


class NotAllowedPageMiddleware:
    """A page with a way on where Django answers 405 with nothing at all."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        bare = isinstance(response, HttpResponseNotAllowed) and not response.content
        if not bare or not request.accepts("text/html"):
            return response
        context = {"back": page_before(request)}
        page = render(request, "405.html", context, status=405)
        page["Allow"] = response["Allow"]
        return page
