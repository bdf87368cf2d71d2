"""The home page, the brand's files, the theme switch, health and the error pages."""

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from catalogue.services import shown_entries
from developers.models import User
from keyrequests.reads import waiting_for
from portal_site import brand
from portal_site.context import person_of, plain
from portal_site.middleware import reference_of
from portal_site.theme import is_foreign, remember
from portal_site.way_back import is_ours, page_before
from tyk.models import Organisation

HOME_CARDS = 6
# The gateway's own headers (Tyk docs, rate limiting): true for every API behind it.
EXAMPLE_ANSWER = """HTTP/1.1 200 OK
Content-Type: application/json
X-RateLimit-Limit: 10000
X-RateLimit-Remaining: 9999"""
YEAR = "public, max-age=31536000, immutable"


# --- Home ------------------------------------------------------------------------
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The company's front door; for a developer, what waits for them."""
    person = person_of(request)
    if person and person.developer:
        waiting = waiting_for(person.developer)
        context: dict[str, object] = {"waiting": waiting}
        return render(request, "portal_site/home_developer.html", context)
    entries = list(shown_entries()) if _may_browse(person) else []
    context = {
        "entries": entries[:HOME_CARDS],
        "entry_count": len(entries),
        "example": {"call": _example_call(), "answer": EXAMPLE_ANSWER},
    }
    return render(request, "portal_site/home.html", context)


def _may_browse(person: User | None) -> bool:
    return person is not None or not Organisation.current().catalogue_login_only


def _example_call() -> str:
    address = brand.current().api_url or "$API_URL"
    return f'curl -i {address}/ \\\n  -H "Authorization: $API_KEY"'


# --- Brand and theme -----------------------------------------------------------------
@require_safe
def brand_css(request: HttpRequest) -> HttpResponse:
    """The company's colours. Kept for a year under `?v=<version>`, else a minute."""
    company = brand.current()
    response = HttpResponse(company.css, content_type="text/css; charset=utf-8")
    return _kept(request, response, company.version)


@require_safe
def brand_logo(request: HttpRequest) -> HttpResponse:
    """The company's own picture; 404 where the mark is generated."""
    company = brand.current()
    if company.logo is None:
        return not_found(request)
    logo = company.logo
    response = HttpResponse(logo.body, content_type=logo.content_type)
    return _kept(request, response, company.version)


def _kept(request: HttpRequest, response: HttpResponse, version: str) -> HttpResponse:
    asked_for_this = request.GET.get("v") == version
    response["Cache-Control"] = YEAR if asked_for_this else "public, max-age=60"
    return response


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


# --- Search engines ------------------------------------------------------------------
# Pages of one person, and forms whose addresses may carry a secret.
NOT_FOR_ROBOTS = [
    "/admin/", "/account/", "/keys/", "/requests/", "/confirm/", "/password/",
]  # fmt: skip


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read: the catalogue and what is around it."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_ROBOTS)]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/plain")
    response["Cache-Control"] = "public, max-age=3600"
    return response


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
def _plain_page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """An error page that asks nothing of session, database or Host header."""
    body = render_to_string(template, {**plain(request), "plain": True})
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
    context = {"retry_after": retry_after}
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
    response = _plain_page(request, "503.html", 503)
    response["Retry-After"] = str(retry_after)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, with the reference under which the log has the cause.

    If even its template fails (a missing static manifest), a bare page still
    tells the reference.
    """
    try:
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
