"""The shelf and one entry of it. Pages read the mirror, never the Dashboard."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalogue import services, text, words
from catalogue.mine import State, my_states
from catalogue.models import Entry
from developers.models import Developer, User
from tyk.models import Organisation
from tyk.pull import as_of

LONGEST_SEARCH = 100  # characters
# Tyk's own numbers: how its portal handles an entry, not the API's version
# (seen with tyk-operator, which writes "v2" into every entry).
FORMAT_VERSIONS = {"", "v1", "v2"}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the list, as this reader sees it."""

    entry: Entry
    state: State | None
    approval: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One plan of the ledger, as this reader sees it."""

    entry: Entry
    current: bool
    figure: str
    unit: str
    facts: list[tuple[str, str]]
    by_api: list[tuple[str, str]]
    state: State | None
    ask_url: str


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """The list, narrowed to the words of `q`."""
    organisation = Organisation.current()
    if organisation.catalogue_login_only and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    wanted = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    entries = services.shown_entries()
    # The long texts weigh the most and are only searched.
    every = list(entries if wanted else entries.defer("long_text"))
    found = services.search(every, wanted) if wanted else every
    context = {
        "q": wanted,
        "total": len(every),
        "lines": _lines(found, organisation=organisation, reader=_reader(request)),
        "advice": _advice(len(every)),
        "as_of": as_of("catalogue"),
    }
    if not every and request.user.is_staff:
        context["missing"] = services.why_empty()
    return render(request, "catalogue/list.html", context)


@require_safe
def entry(request: HttpRequest, slug: str) -> HttpResponse:
    """One entry with the plans beside it; a hidden one is not found."""
    organisation = Organisation.current()
    if organisation.catalogue_login_only and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    try:
        found, beside = services.ledger(slug)
    except Entry.DoesNotExist:
        raise Http404 from None
    offers = _offers(found, beside, organisation=organisation, reader=_reader(request))
    context = {
        "entry": found,
        "offers": [] if found.keyless else offers,
        "own": next(offer for offer in offers if offer.current),
        "description": text.render(found.long_text),
        "auth": words.auth_sentence(found.kind),
        "version": "" if found.version in FORMAT_VERSIONS else found.version,
        "base_url": settings.BRAND_API_URL,
        "sample": words.curl(found.kind, f"{settings.BRAND_API_URL}/"),
        "as_of": as_of("catalogue"),
    }
    return render(request, "catalogue/entry.html", context)


def _advice(total: int) -> str:
    everything = f"all {words.number(total)} APIs" if total > 1 else "the one there is"
    return f"Try a shorter word, or look at {everything}."


def _reader(request: HttpRequest) -> Developer | None:
    return request.user.developer if isinstance(request.user, User) else None


def _lines(
    entries: list[Entry], *, organisation: Organisation, reader: Developer | None
) -> list[Line]:
    states = my_states(reader, entries)
    return [
        Line(entry, states.get(entry.pk), _approval(entry, organisation))
        for entry in entries
    ]


def _approval(entry: Entry, organisation: Organisation) -> str:
    if entry.keyless:
        return "No key needed"
    return words.approval_words(needed=services.needs_approval(entry, organisation))


def _offers(
    current: Entry,
    beside: list[Entry],
    *,
    organisation: Organisation,
    reader: Developer | None,
) -> list[Offer]:
    states = my_states(reader, beside)
    return [
        _offer(entry, states.get(entry.pk), current=current, organisation=organisation)
        for entry in beside
    ]


def _offer(
    entry: Entry, state: State | None, *, current: Entry, organisation: Organisation
) -> Offer:
    plan = entry.plan
    needed = services.needs_approval(entry, organisation)
    figure, unit = words.quota_figure(plan) if plan else ("", "")
    return Offer(
        entry=entry,
        current=entry.pk == current.pk,
        figure=figure,
        unit=unit,
        facts=words.facts(plan, needs_approval=needed) if plan else [],
        by_api=words.limits_by_api(plan) if plan else [],
        state=state,
        ask_url=reverse("keyrequests:ask", args=[entry.slug]),
    )
