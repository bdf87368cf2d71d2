"""The keys a developer holds: list, one key, rename, replace, revoke."""

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from developers.access import DeveloperRequest, developer_required
from developers.errors import Throttled
from developers.models import Developer
from keyrequests import (
    acts,
    chart,
    examples,
    live,
    reads,
    series,
    services,
    usage,
    words,
)
from keyrequests.errors import AccessError, ClaimUnsure, KeyServiceAway, NotLive
from keyrequests.forms import RenameForm, ReplaceForm, RevokeForm
from keyrequests.models import Key, Mint
from keyrequests.reads import Shelf
from keyrequests.views.claim import away, counted, facts_of, never_kept, show
from keyrequests.views.usage import quota_words
from portal_site.views import too_many

PAGE = 50  # keys on one page
NEWS = timedelta(days=1)
TOO_MANY_OWED = (
    "This key ends. You had many keys made in a short time: wait {wait}, then get "
    "the new one here."
)
ENDED = [Key.State.REVOKED, Key.State.GONE]
FILTERS = {"": None, "active": reads.WORKING, "ended": ENDED}


# --- Looking -----------------------------------------------------------------------
@require_safe
@developer_required
def listing(request: DeveloperRequest) -> HttpResponse:
    """Own keys, newest first; `?show=active` and `?show=ended` narrow the list."""
    wanted = request.GET.get("show", "")
    states = FILTERS.get(wanted)
    keys = reads.keys_of(request.developer)
    if states is not None:
        keys = keys.filter(state__in=states)
    counts = reads.tally(request.developer)
    total = {"active": counts.working, "ended": counts.ended}.get(wanted, counts.every)
    page = Counted(keys, PAGE, total=total).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "shelves": _shelves(page),
        "counts": counts,
        "show": wanted if states is not None else "",
        "as_of": request.developer.read_at,
    }
    return render(request, "keyrequests/keys.html", context)


def _shelves(keys: Iterable[Key]) -> list[tuple[Shelf, list[usage.KeyUsage]]]:
    """The keys of each API, with what is known of their usage; one query."""
    shown = list(keys)
    found = usage.summary(shown, now=timezone.now())
    return [
        (shelf, [found[key.pk] for key in shelf.keys]) for shelf in reads.by_api(shown)
    ]


class Counted(Paginator[Key]):
    """A paginator of rows that were counted already."""

    def __init__(self, rows: object, per_page: int, *, total: int) -> None:
        super().__init__(rows, per_page)  # type: ignore[arg-type]  # any sliceable
        self.total = total

    @property
    def count(self) -> int:
        return self.total


@require_safe
@developer_required
def detail(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """One key: what it opens, what happened to it, what can be done."""
    key = _own(request.developer, code)
    return _key_page(request, key)


def _own(developer: Developer, code: UUID) -> Key:
    """The developer's own key, or 404 as for an unknown address."""
    keys = reads.keys_of(developer).select_related("request__entry")
    return get_object_or_404(keys, code=code)


def _key_page(
    request: DeveloperRequest,
    key: Key,
    *,
    rename_form: RenameForm | None = None,
    status: int = 200,
) -> HttpResponse:
    replacement = reads.last_replacement(key)
    now = timezone.now()
    usage.want([key] if key.works else [], now=now)
    one = usage.summary([key], now=now)[key.pk]
    stuck = services.why_irreplaceable(key)
    context = {
        **_usage_of(one, now=now),
        "key": key,
        "policies": [
            (policy, words.limits(policy.plan)) for policy in key.policies.all()
        ],
        "sent_as": words.sent_as(key.kind),
        "replacement": replacement,
        "checking": replacement and replacement.state in reads.UNFINISHED,
        "lost": _just_lost(replacement),
        "can_replace": not stuck and _can_replace(key, replacement),
        "owed": key.request is not None and services.is_owed(key),
        "stuck": stuck if key.request else "",
        "told": acts.is_to_be_told(key),
        "rename_form": rename_form or RenameForm(initial={"name": key.name}),
        "replace_form": ReplaceForm(),
        "history": words.history(key.events.all()),
        "read_at": request.developer.read_at,
    }
    return render(request, "keyrequests/key.html", context, status=status)


def _usage_of(one: usage.KeyUsage, *, now: datetime) -> dict[str, object]:
    """The last 7 days of one key, and its quota."""
    week = series.of_days(one.by_day, series.preset(series.USUAL, now=now))
    return {
        "one": one,
        "usage_state": one.state,
        "period": week.period,
        "total": week.total,
        "last_hit": one.last_hit,
        "chart": chart.draw(week),
        "lines": [(chart.bucket_words(at, "day"), c) for at, c in week.points],
        "as_of": one.as_of,
        "example": examples.first_call_with([one.key]) if one.state == "empty" else "",
        **quota_words(one),
    }


def _just_lost(last: Mint | None) -> bool:
    """Whether to tell that the last replacement never arrived; news for a day."""
    return (
        last is not None
        and last.state == Mint.State.LOST
        and timezone.now() - last.started_at < NEWS
    )


def _can_replace(key: Key, last: Mint | None) -> bool:
    """Only once: an ending key has its successor."""
    unfinished = last is not None and last.state in reads.UNFINISHED
    return key.state == Key.State.LIVE and key.ends_at is None and not unfinished


# --- Changing ------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def rename(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """The name is the portal's own: Tyk is not told.

    Who logs in again from a page that told an error comes here by GET.
    """
    key = _own(request.developer, code)
    if request.method != "POST":
        return redirect(key)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return _key_page(request, key, rename_form=form)
    # One column: a worker may be ending this key right now.
    Key.objects.filter(pk=key.pk).update(name=form.cleaned_data["name"])
    messages.success(request, "Renamed.")
    return redirect(key)


@never_kept
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def replace(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """POST makes a new key and shows it once; a reload in the address bar does not."""
    key = _own(request.developer, code)
    form = ReplaceForm(request.POST or None)
    if not form.is_valid():
        return redirect(key)
    typed = form.cleaned_data
    return _made(request, key, overlap=typed["overlap"], reason=typed["reason"])


def _made(
    request: DeveloperRequest, key: Key, *, overlap: int, reason: str
) -> HttpResponse:
    """The page with the new key, or the one that says why there is none."""
    try:
        with counted(request):
            shown = live.replace(key, overlap=overlap, reason=reason)
    except Throttled as throttled:
        if key.state == Key.State.LIVE:
            return too_many(request, retry_after=throttled.retry_after)
        # It leaked and ends: that page says that keys are not affected.
        messages.warning(request, TOO_MANY_OWED.format(wait=throttled.wait))
        return redirect(key)
    except KeyServiceAway as error:
        return away(request, _away_context(key), error)
    except ClaimUnsure:
        context = {"key": key}
        return render(request, "keyrequests/replace_unsure.html", context, status=503)
    except AccessError as error:
        messages.warning(request, str(error))
        return redirect(key)
    return show(request, shown)


@never_kept
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def leaked(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """POST ends the key, tells staff, and shows a new one.

    The end comes first and is committed: it must not wait for a key service that
    is away, and waits a second at most for a look whether Tyk ended the key. Then
    its owner is owed no other one. A second click goes on where the first one stopped.
    """
    key = _own(request.developer, code)
    if request.method != "POST" or key.request is None:
        return redirect(key)
    try:
        live.refuse_if_ended_in_tyk(key)
    except NotLive as error:
        return _end_unowed(request, key, error)
    try:
        acts.report_leak(key)
    except NotLive as error:
        key.refresh_from_db()
        if not services.is_owed(key):
            messages.info(request, str(error))
            return redirect(key)
    return _made(request, key, overlap=0, reason="It leaked")


def _end_unowed(request: DeveloperRequest, key: Key, error: NotLive) -> HttpResponse:
    """End it all the same: only a list said that it was gone."""
    with contextlib.suppress(NotLive):
        services.revoke(key, actor=request.developer)
    messages.warning(request, str(error))
    return redirect(key)


@require_POST
@developer_required
def tell_me(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """Ask for one mail as soon as the key can be replaced again."""
    key = _own(request.developer, code)
    acts.tell_when_back(key)
    return redirect(f"{key.get_absolute_url()}#replace")


def _away_context(key: Key) -> dict[str, object]:
    known = facts_of(key, key.request) if key.request else []
    return {"key": key, "key_request": key.request, "facts": known}


@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def revoke(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """Say what ends, have the name typed, then ask Tyk to end it."""
    key = _own(request.developer, code)
    if key.state != Key.State.LIVE:
        return redirect(key)
    form = RevokeForm(request.POST if request.method == "POST" else None, key=key)
    if not form.is_valid():
        return _revoke_page(request, key, form)
    try:
        services.revoke(key, actor=request.developer)
    except AccessError as error:
        messages.warning(request, str(error))
    return redirect(key)


def _revoke_page(request: HttpRequest, key: Key, form: RevokeForm) -> HttpResponse:
    one = usage.summary([key], now=timezone.now())[key.pk]
    context = {"key": key, "form": form, "one": one}
    return render(request, "keyrequests/revoke.html", context)
