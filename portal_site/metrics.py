"""Figures for Prometheus at `/metrics`, for whoever holds METRICS_TOKEN.

What is owed and how old the mirror is comes from the database at each scrape, in a
constant number of queries, and is the same from every process. Calls to the
Dashboard are counted in the memory of the process that answers: with several web
processes each scrape shows one of them, and the worker's calls show in none. Its
log has an event for every call.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Min, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from keyrequests.models import Mint
from keyrequests.services import UNFINISHED
from tyk import connect, measured, outbox
from tyk.models import CredentialState, Organisation, Outbox, PullState


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """All figures as text; 404 without METRICS_TOKEN, 401 without it in the call."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        response = HttpResponse("A bearer token is needed.\n", status=401)
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(text(), content_type=CONTENT_TYPE_LATEST)


def text() -> bytes:
    """What a scrape of this process gets."""
    rows = CollectorRegistry(auto_describe=False)
    rows.register(_Rows())
    return generate_latest(rows) + generate_latest(measured.REGISTRY)


class _Rows(Collector):
    """Read from the database when asked."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        now = timezone.now()
        yield from _outbox(now)
        yield from _pulls(now)
        yield from _mints(now)
        yield _credential()
        yield GaugeMetricFamily(
            "portal_dashboard_calls_in_flight",
            "Calls of this process at the Dashboard now.",
            value=connect.slots().in_flight,
        )


def _outbox(now: datetime) -> Iterable[GaugeMetricFamily]:
    counts = GaugeMetricFamily(
        "portal_outbox_rows",
        "Work owed to Tyk or to mailboxes; parked work waits for a person.",
        labels=["kind", "state"],
    )
    ages = GaugeMetricFamily(
        "portal_outbox_oldest_seconds",
        "How long ago the oldest of it was asked for.",
        labels=["kind", "state"],
    )
    parked = Outbox.objects.filter(asked__gt=F("served")).exclude(parked_reason="")
    for state, rows in (("due", outbox.due()), ("parked", parked)):
        found = {kind: (count, oldest) for kind, count, oldest in _by_kind(rows)}
        # A kind without rows is a zero: a series that vanishes raises no alarm.
        for kind in sorted({*settings.OUTBOX_HANDLERS, *found}):
            count, oldest = found.get(kind, (0, now))
            counts.add_metric([kind, state], count)
            ages.add_metric([kind, state], _seconds(oldest, now))
    return [counts, ages]


def _by_kind(rows: QuerySet[Outbox]) -> Iterable[tuple[str, int, datetime]]:
    grouped = rows.order_by().values("kind")
    return grouped.annotate(n=Count("pk"), oldest=Min("asked_at")).values_list(
        "kind", "n", "oldest"
    )


def _pulls(now: datetime) -> Iterable[GaugeMetricFamily]:
    ages = GaugeMetricFamily(
        "portal_pull_age_seconds",
        "Since this kind was last read completely from Tyk; none if it never was.",
        labels=["kind"],
    )
    troubled = GaugeMetricFamily(
        "portal_pull_troubled",
        "1 if the last pull failed or held something back.",
        labels=["kind"],
    )
    for row in PullState.objects.order_by("kind"):
        if row.completed_at:
            ages.add_metric([row.kind], _seconds(row.completed_at, now))
        trouble = bool(row.last_error or row.held_back_reason)
        troubled.add_metric([row.kind], int(trouble))
    return [ages, troubled]


def _mints(now: datetime) -> Iterable[GaugeMetricFamily]:
    counts = GaugeMetricFamily(
        "portal_mints_unfinished",
        "Keys being made, or whose answer was lost and is being settled.",
        labels=["state"],
    )
    oldest = GaugeMetricFamily(
        "portal_mints_oldest_seconds",
        "Since the oldest of them began.",
        labels=["state"],
    )
    grouped = Mint.objects.filter(state__in=UNFINISHED).order_by().values("state")
    annotated = grouped.annotate(n=Count("pk"), began=Min("started_at"))
    found = {
        state: (count, began)
        for state, count, began in annotated.values_list("state", "n", "began")
    }
    for state in sorted(str(state) for state in UNFINISHED):
        count, began = found.get(state, (0, now))
        counts.add_metric([state], count)
        oldest.add_metric([state], _seconds(began, now))
    return [counts, oldest]


def _credential() -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(
        "portal_dashboard_credential",
        "1 for what the Dashboard last said to our key.",
        labels=["state"],
    )
    now = Organisation.current().credential_state
    for state in CredentialState.values:
        gauge.add_metric([state], int(state == now))
    return gauge


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
