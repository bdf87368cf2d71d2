"""The one page that shows a key, and the pages that say why it does not."""

import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from catalogue.models import Entry, Plan
from catalogue.words import NO_ENTRY
from developers import mail_choices, throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import Throttled
from keyrequests import (
    acts,
    examples,
    live,
    reads,
    reminders,
    services,
    usage_words,
    words,
)
from keyrequests.errors import (
    AccessError,
    ClaimUnsure,
    KeyServiceAway,
    KeyServiceBusy,
    MadeElsewhere,
)
from keyrequests.live_shown import Shown
from keyrequests.models import Key, KeyPolicy, KeyRequest
from portal_site.views import too_many

log = logging.getLogger(__name__)

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
        with counted(request):
            shown = live.claim(found)
    except Throttled as throttled:
        return too_many(request, retry_after=throttled.retry_after)
    except AccessError as error:
        return _refused(request, found, error)
    return show(request, shown)


@contextmanager
def counted(request: DeveloperRequest) -> Iterator[None]:
    """Count a try to make a key, or raise Throttled; it is given back if certainly
    none was made."""
    spent = throttle.spend(
        "claim",
        address=request.developer.email,
        ip=throttle.client_ip(request),
    )
    try:
        yield
    except AccessError as error:
        if not isinstance(error, ClaimUnsure):
            spent.give_back()
        raise


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
        **kept_open(found),
        "refresh": _refresh(found, state),
        "steps": words.CLAIM_STEPS if state.name == "ready" else (),
        "told": state.name == "ready" and acts.is_to_be_told(found),
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
            **kept_open(found),
        }
        return away(request, context, error)
    found.refresh_from_db()
    if isinstance(error, ClaimUnsure | MadeElsewhere):
        return _claim_page(request, found, status=503)
    # The rest is in the rows: the page says it, and can be loaded again safely.
    if reads.claim_state(found).name in {"ready", "elsewhere", "undecided"}:
        messages.warning(request, str(error))
    return redirect("keyrequests:claim", code=found.code)


def away(
    request: HttpRequest, context: dict[str, object], error: KeyServiceAway
) -> HttpResponse:
    """503: certainly nothing was made, and the same button works later."""
    busy = isinstance(error, KeyServiceBusy)
    about = context["key"] if "key" in context else context["key_request"]
    told = isinstance(about, Key | KeyRequest) and acts.is_to_be_told(about)
    whole = {**context, "busy": busy, "told": told}
    response = render(request, "keyrequests/unavailable.html", whole, status=503)
    response["Retry-After"] = "5" if busy else "60"
    return response


@require_POST
@developer_required
def tell_me(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """Ask for one mail as soon as the key service answers again."""
    found = get_object_or_404(KeyRequest.objects.of(request.developer), code=code)
    acts.tell_when_back(found)
    return redirect("keyrequests:claim", code=found.code)


def kept_open(found: KeyRequest) -> dict[str, object]:
    """Until when an approval stands, and how often its owner hears of it."""
    until = services.open_until(found)
    told = ""
    if until is not None and mail_choices.wants(found.developer, "approval_reminder"):
        age = timezone.now() - (found.decided_at or timezone.now())
        left = sum(age < timedelta(days=days) for days in reminders.AFTER_DAYS)
        told = words.REMINDED[min(left, 2)]
    return {"open_until": until, "reminded": told}


# --- The key, once -------------------------------------------------------------------
@sensitive_variables()
def show(request: HttpRequest, shown: Shown) -> HttpResponse:
    """Render the key. Nothing here is kept, logged or put into a session."""
    found = shown.mint.request
    key = reads.keys_of(found.developer).get(pk=shown.key.pk)
    named = list(zip(words.VARIABLES[shown.kind], shown.pairs, strict=True))
    variables = [
        f"{name}={shlex.quote(secret.reveal())}" for name, (_, secret) in named
    ]
    call = _first_call(_entry_of(key, found), shown.kind)
    context = {
        "key_request": found,
        "key": key,
        "replaced": shown.mint.replaces,
        "opens": _apis(key, found),
        "facts": [("Name", str(key)), *facts_of(key, found)],
        "parts": [(label, name, secret) for name, (label, secret) in named],
        # One block, so that one copy is enough to run it.
        "terminal": "\n".join([*(f"export {line}" for line in variables), call]),
        "dotenv": "\n".join(variables),
        "steps": words.SHOWN_STEPS,
    }
    response = render(request, "keyrequests/shown.html", context)
    # Not on pages with a form: Chromium then sends "Origin: null", which the CSRF
    # check refuses.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _first_call(entry: Entry | None, kind: str) -> str:
    """The key is made: whatever is wrong with a document, the key must be shown."""
    try:
        return examples.first_call(entry, kind)
    except Exception:
        log.exception("no example beside a new key")
        return ""


def _apis(key: Key, found: KeyRequest) -> str:
    """ "Orders" or, since staff changed its plans, "Orders, Weather"."""
    named = (_api(policy, found) for policy in key.policies.all())
    return ", ".join(dict.fromkeys(named))


def _api(policy: KeyPolicy, found: KeyRequest) -> str:
    """What was asked for by that name; two entries may share one policy."""
    if any(asked.policy_id == policy.policy_id for asked in found.plans.all()):
        return found.entry_name
    return getattr(policy, "entry_name", None) or NO_ENTRY


def _entry_of(key: Key, found: KeyRequest) -> Entry | None:
    """The entry that was asked for, if the key still opens it."""
    asked = {plan.policy_id for plan in found.plans.all()}
    opened = {policy.policy_id for policy in key.policies.all()}
    return found.entry if asked & opened else None


def facts(found: KeyRequest) -> list[tuple[str, str]]:
    """What the key of a request will open, and how a call will carry it."""
    plan = next((asked.plan for asked in found.plans.all()), None)
    own = (
        found.entry.kind if found.entry else plan.auth_kind if plan else Key.Kind.TOKEN
    )
    return _facts(found.entry_name, plan, own)


def facts_of(key: Key, found: KeyRequest) -> list[tuple[str, str]]:
    """The same for a key that was made for it, from `reads.keys_of`: staff may have
    changed its plans."""
    policies = list(key.policies.all())
    if len(policies) != 1:
        opens = [("Opens", usage_words.opens(key))]
        return [*opens, ("Send it as", words.sent_as(key.kind))]
    return _facts(_api(policies[0], found), policies[0].plan, key.kind)


def _facts(name: str, plan: Plan | None, kind: str) -> list[tuple[str, str]]:
    return [
        ("API", name),
        *([("Plan", plan.name)] if plan and plan.name != name else []),
        *words.limits(plan),
        ("Send it as", words.sent_as(kind)),
    ]
