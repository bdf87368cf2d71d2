"""What was called: all keys together, one key, and the same as a CSV file."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from developers.access import DeveloperRequest, developer_required
from keyrequests import chart, examples, reads, series, usage, usage_words
from keyrequests.forms_usage import PeriodForm
from keyrequests.models import Key
from keyrequests.series import Period

COLUMNS = ("key", "fingerprint", "API", "calls", "answered", "errors")
# What makes a spreadsheet take a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


# --- Pages -------------------------------------------------------------------------
@require_safe
@developer_required
def overview(request: DeveloperRequest) -> HttpResponse:
    """All keys of a developer, those that ended too: they have a history."""
    now = timezone.now()
    keys = list(reads.keys_of(request.developer))
    usage.want(keys, now=now)
    summaries = usage.summary(keys, now=now)
    period, form = _period(request)
    counts = series.read_by_key(keys, period)
    rows = [(summaries[key.pk], counts.get(key.pk, usage.NONE)) for key in keys]
    rows.sort(key=lambda row: (row[0].key.works, row[1].hits), reverse=True)
    state = usage.state_of_all(one.state for one in summaries.values())
    context = {
        **_picture(keys, period, form),
        "rows": rows,
        "last_hit": _latest(summaries.values()),
        "state": state,
        "as_of": _as_of(summaries.values()),
        "example": examples.first_call_with(keys) if state == "empty" else "",
    }
    return render(request, "keyrequests/usage.html", context)


@require_safe
@developer_required
def of_key(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """One key; 404 for somebody else's as for an unknown one."""
    now = timezone.now()
    key = get_object_or_404(reads.keys_of(request.developer), code=code)
    usage.want([key], now=now)
    one = usage.summary([key], now=now)[key.pk]
    period, form = _period(request)
    context = {
        **_picture([key], period, form, key=key),
        "key": key,
        "one": one,
        "state": one.state,
        "as_of": one.as_of,
        "example": examples.first_call_with([key]) if one.state == "empty" else "",
        **quota_words(one),
    }
    return render(request, "keyrequests/usage_key.html", context)


def quota_words(one: usage.KeyUsage) -> dict[str, str]:
    """What a page says below the bar of `one`; nothing without a quota."""
    if one.quota is None:
        return {}
    now = timezone.now()
    return {
        "basis": usage_words.basis(one.quota, now=now),
        "forecast": usage_words.forecast(one.quota, now=now),
    }


def _period(request: HttpRequest) -> tuple[Period, PeriodForm]:
    """What the address asks for; the usual one where it makes no sense."""
    now = timezone.now()
    asks = request.GET.get("first") or request.GET.get("last")
    form = PeriodForm(request.GET if asks else None)
    if asks and form.is_valid():
        dates = form.cleaned_data
        return series.chosen(dates["first"], dates["last"]), form
    return series.preset(request.GET.get("period", ""), now=now), form


def _picture(
    keys: Sequence[Key], period: Period, form: PeriodForm, *, key: Key | None = None
) -> dict[str, object]:
    found = series.read_series(keys, period)
    choices = [
        (name, _split(words), name == period.name)
        for name, (words, _, _) in series.PRESETS.items()
    ]
    lines = [(chart.bucket_words(at, period.per), c) for at, c in found.points]
    return {
        "period": period,
        "choices": choices,
        "form": form,
        "series": found,
        "total": found.total,
        "chart": chart.draw(found),
        "lines": lines,
        "query": _query(period),
        "csv": f"{reverse('keyrequests:usage-csv')}?{_query(period, key)}",
    }


def _split(words: str) -> tuple[str, str]:
    """ "7 days" → "7 d" and "ays": what a small screen shows, and the rest."""
    end = words.index(" ") + 2
    return words[:end], words[end:]


def _query(period: Period, key: Key | None = None) -> str:
    """The part of an address that asks for this period again."""
    asks = {"period": period.name}
    if period.is_chosen:
        last = period.end - timedelta(days=1)
        asks = {"first": f"{period.first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}"}
    return urlencode({**asks, "key": key.code} if key else asks)


def _as_of(summaries: Iterable[usage.KeyUsage]) -> datetime | None:
    """The oldest of what is shown of working keys: nothing is older than it."""
    times = [one.as_of for one in summaries if one.as_of and one.key.works]
    return min(times, default=None)


def _latest(summaries: Iterable[usage.KeyUsage]) -> datetime | None:
    return max((one.last_hit for one in summaries if one.last_hit), default=None)


# --- The file ----------------------------------------------------------------------
@require_safe
@developer_required
def download(request: DeveloperRequest) -> HttpResponse:
    """The same period as a CSV file: a line for each bucket and key with calls."""
    keys = list(reads.keys_of(request.developer))
    if wanted := request.GET.get("key"):
        keys = [key for key in keys if str(key.code) == wanted]
        if not keys:
            raise Http404
    period, _ = _period(request)
    response = StreamingHttpResponse(
        _lines(keys, period), content_type="text/csv; charset=utf-8"
    )
    name = f"usage-{period.first:%Y-%m-%d}-{period.last:%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    # A streaming answer is no HttpResponse by type, and one for Django's machinery.
    return cast(HttpResponse, response)


class _Echo:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(keys: Sequence[Key], period: Period) -> Iterator[str]:
    writer = csv.writer(_Echo())
    by_pk = {key.pk: key for key in keys}
    yield writer.writerow([f"{period.per} (UTC)", *COLUMNS])
    for at, pk, counts in series.every_row(keys, period):
        key = by_pk[pk]
        names = [key.name, (key.fp or "")[-4:], usage_words.opens(key)]
        yield writer.writerow(
            [
                _stamp(at, period.per),
                *(_harmless(name) for name in names),
                *(counts.hits, counts.ok, counts.errors),
            ]
        )


def _stamp(at: datetime, per: str) -> str:
    if per == "hour":
        return f"{at:%Y-%m-%dT%H:%MZ}"
    return f"{at:%Y-%m}" if per == "month" else f"{at:%Y-%m-%d}"


def _harmless(text: str) -> str:
    """Spreadsheets run what begins like a formula: an apostrophe keeps it text."""
    return f"'{text}" if text[:1] in FORMULA else text
