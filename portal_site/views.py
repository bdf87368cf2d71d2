"""The home page, the theme switch, health and the error pages."""

import sys
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from catalogue import samples, words
from catalogue.models import Document, Entry
from catalogue.openapi import Outline
from catalogue.services import shown_entries
from keyrequests.home import home_of
from portal_site import brand
from portal_site.context import person_of, plain
from portal_site.middleware import reference_of
from portal_site.theme import is_foreign, remember
from portal_site.way_back import is_ours, page_before
from tyk.models import Organisation

HOME_CARDS = 5  # and the tile that asks what is missing: two rows of three
# The gateway's own headers (Tyk docs, rate limiting): true for every API behind it.
EXAMPLE_ANSWER = """HTTP/1.1 200 OK
Content-Type: application/json
X-RateLimit-Limit: 10000
X-RateLimit-Remaining: 9999"""


# --- Home ------------------------------------------------------------------------
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The company's front door; for a developer, what waits for them."""
    person = person_of(request)
    if person and person.developer:
        context = home_of(person.developer, now=timezone.now())
        return render(request, "portal_site/home_developer.html", context)
    organisation = Organisation.current()
    may_browse = person is not None or not organisation.catalogue_login_only
    entries = list(shown_entries()) if may_browse else []
    context = {
        "shown": entries[:HOME_CARDS],
        "entry_count": len(entries),
        "example": {"call": _example_call(entries), "answer": EXAMPLE_ANSWER},
        "sign_up_off": organisation.disable_signup,
    }
    return render(request, "portal_site/home.html", context)


def _example_call(entries: list[Entry]) -> str:
    """A first call of the first API that has a document; without one, the base URL."""
    keyed = [entry.pk for entry in entries if not entry.keyless]
    document = (
        Document.objects.filter(entry__in=keyed, state=Document.State.SHOWN)
        .light().select_related("entry__plan")
        .order_by("entry__position", "entry_id", "source")
        .first()
        if keyed
        else None
    )  # fmt: skip
    outline: Outline | None = document.outline or None if document else None
    base = samples.base_url(outline, brand.current().api_url or "$API_URL")
    kind = document.entry.kind if document else "token"
    call = words.curl(kind, samples.first_call(outline, base))
    return call.replace("curl ", "curl -i ", 1)  # the answer beside it has headers


# --- Theme ---------------------------------------------------------------------------
@csrf_exempt  # see is_foreign: the form has no token, the browser's word counts
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remembers light or dark and goes back to the page the switch was on."""
    if is_foreign(request):
        return HttpResponseForbidden("This form was sent from another site.")
    response = redirect(_back_to(request))
    remember(response, request.POST.get("theme", ""))
    return response


def _back_to(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    return wanted if is_ours(request, wanted) else "/"


# --- Health --------------------------------------------------------------------------
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and has every migration; 503 otherwise.

    Tyk is left out on purpose: pages read the mirror, and a load balancer that
    took the portal away in a Tyk outage would take away what still works.
    """
    checks = _checks()
    good = all(word == "ok" for word in checks.values())
    body = {"status": "ok" if good else "unavailable", **checks}
    return JsonResponse(body, status=200 if good else 503)


def _checks() -> dict[str, str]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return {"database": "unreachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": "missing" if missing else "ok"}


# --- Errors ----------------------------------------------------------------------------
def _plain_page(
    request: HttpRequest, template: str, status: int, **more: object
) -> HttpResponse:
    """An error page that asks nothing of session, database or Host header."""
    body = render_to_string(template, {**plain(request), "plain": True, **more})
    response = HttpResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(
    request: HttpRequest, exception: Exception | None = None
) -> HttpResponse:
    """400: a wrong Host header, a broken upload, a tampered cookie."""
    return _plain_page(request, "400.html", 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: staff without the right to do this."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: also what a stranger sees at somebody else's address."""
    return render(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid token: nearly always a page open too long.

    Logging in changes the token, so a second tab's login form always ends here:
    its wish has come true already.
    """
    person = person_of(request)
    if person and request.path in _login_pages():
        messages.info(request, "You are logged in already.")
        return redirect("admin:index" if person.is_staff else "home")
    context = {"back": page_before(request), "no_cookies": not request.COOKIES}
    return render(request, "403_csrf.html", context, status=403)


def _login_pages() -> set[str]:
    names = ("developers:login", "developers:confirm", "admin:login")
    return {reverse(name) for name in names}


def too_many(
    request: HttpRequest,
    exception: Exception | None = None,
    *,
    retry_after: int | None = None,
) -> HttpResponse:
    """429. `retry_after` in seconds goes into the header and, in words, on the page."""
    context: dict[str, object] = {"retry_after": retry_after}
    if retry_after is not None:
        context["again_at"] = timezone.now() + timedelta(seconds=retry_after)
    response = render(request, "429.html", context, status=429)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def unavailable(
    request: HttpRequest,
    exception: Exception | None = None,
    *,
    retry_after: int = 60,
) -> HttpResponse:
    """503: the portal itself is away for a moment; `retry_after` in seconds."""
    # A form can't be sent again by a link: its page is one step back.
    again = request.get_full_path() if request.method in {"GET", "HEAD"} else ""
    more = {"retry_after": retry_after, "again": again}
    response = _plain_page(request, "503.html", 503, **more)
    response["Retry-After"] = str(retry_after)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, with the reference under which the log has the cause; 503 if that is
    the database being away.

    If even its template fails (a missing static manifest), a bare page still
    tells the reference.
    """
    try:
        if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
            return unavailable(request)
        return _plain_page(request, "500.html", 500)
    except Exception:
        if settings.DEBUG:
            raise
        reference = reference_of(request)
        return HttpResponse(
            f"This page failed on our side. Reference {reference}",
            status=500,
            content_type="text/plain; charset=utf-8",
        )
