"""The one page that shows a key, and the pages that say why it does not."""

import shlex
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from catalogue import words as plan_words
from developers.access import DeveloperRequest, developer_required
from keyrequests import live, reads, services, words
from keyrequests.errors import (
    AccessError,
    ClaimUnsure,
    KeyServiceAway,
    MadeElsewhere,
)
from keyrequests.models import Key, KeyRequest

SOON = 5  # seconds until a page that waits looks again
LATER = 30  # the same once the wait is older than this


def never_kept(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """No cache, no index, whatever the view answers."""

    @wraps(view)
    def kept_nowhere(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store, private"
        response["X-Robots-Tag"] = "noindex"
        return response

    return kept_nowhere


@never_kept
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def claim(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """GET says what will be made; POST makes the key and shows it once."""
    found = get_object_or_404(reads.requests_of(request.developer), code=code)
    if request.method != "POST":
        return _claim_page(request, found)
    try:
        shown = live.claim(found)
    except AccessError as error:
        return _refused(request, found, error)
    return show(request, shown)


def _claim_page(
    request: HttpRequest, found: KeyRequest, *, status: int = 200
) -> HttpResponse:
    state = reads.claim_state(found)
    if state.name == "undecided":
        return redirect(found)
    context = {
        "key_request": found,
        "state": state,
        "facts": facts(found),
        "open_until": services.open_until(found),
        "refresh": _refresh(found, state),
    }
    return render(request, "keyrequests/claim.html", context, status=status)


def _refresh(found: KeyRequest, state: reads.ClaimState) -> int:
    """Seconds until the page looks again by itself; 0: it has nothing to wait for."""
    if state.name not in {"checking", "delivering"}:
        return 0
    since = state.mint.started_at if state.mint else found.decided_at
    waited = (timezone.now() - since).total_seconds() if since else 0
    return SOON if waited < LATER else LATER


def _refused(
    request: HttpRequest, found: KeyRequest, error: AccessError
) -> HttpResponse:
    if isinstance(error, KeyServiceAway):
        context = {
            "key_request": found,
            "facts": facts(found),
            "open_until": services.open_until(found),
        }
        return away(request, context)
    found.refresh_from_db()
    if isinstance(error, ClaimUnsure | MadeElsewhere):
        return _claim_page(request, found, status=503)
    # The rest is in the rows: the page says it, and can be loaded again safely.
    if reads.claim_state(found).name in {"ready", "elsewhere", "undecided"}:
        messages.warning(request, str(error))
    return redirect("keyrequests:claim", code=found.code)


def away(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    """503: certainly nothing was made, and the same button works later."""
    response = render(request, "keyrequests/unavailable.html", context, status=503)
    response["Retry-After"] = "60"
    return response


# --- The key, once -------------------------------------------------------------------
@sensitive_variables()
def show(request: HttpRequest, shown: live.Shown) -> HttpResponse:
    """Render the key. Nothing here is kept, logged or put into a session."""
    found = shown.mint.request
    names = words.VARIABLES[shown.kind]
    context = {
        "key_request": found,
        "key": shown.key,
        "replaced": shown.mint.replaces,
        "facts": facts(found, kind=shown.kind),
        "parts": [
            (label, name, secret)
            for name, (label, secret) in zip(names, shown.pairs, strict=True)
        ],
        "exports": "\n".join(
            f"export {name}={shlex.quote(secret.reveal())}"
            for name, (_, secret) in zip(names, shown.pairs, strict=True)
        ),
        "sample": plan_words.curl(shown.kind, f"{settings.BRAND_API_URL}/"),
    }
    response = render(request, "keyrequests/shown.html", context)
    # Not on pages with a form: Chromium then sends "Origin: null", which the CSRF
    # check refuses.
    response["Referrer-Policy"] = "no-referrer"
    return response


def facts(found: KeyRequest, *, kind: str = "") -> list[tuple[str, str]]:
    """What the key of a request opens, and how a call carries it."""
    plan = next((asked.plan for asked in found.plans.all()), None)
    own = (
        found.entry.kind if found.entry else plan.auth_kind if plan else Key.Kind.TOKEN
    )
    return [
        ("API", found.entry_name),
        *([("Plan", plan.name)] if plan else []),
        *words.limits(plan),
        ("Send it as", words.sent_as(kind or own)),
    ]
