"""The shelf and one entry of it. Pages read the mirror, never the Dashboard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalogue import documents, facets, kept, samples, services, standing, text, words
from catalogue.facets import Trait
from catalogue.mine import State, my_states
from catalogue.models import Document, Entry
from catalogue.openapi import Call, Outline
from catalogue.standing import Standing
from catalogue.waits import Waits, usual
from developers.models import Developer, User
from portal_site import brand

LONGEST_SEARCH = 100  # characters
FEW = 4  # entries that need no narrowing
FIRST_CALLS = 5  # of a document, on the entry's page
# Tyk's own numbers: how its portal handles an entry, not the API's version
# (seen with tyk-operator, which writes "v2" into every entry).
FORMAT_VERSIONS = {"", "v1", "v2"}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the list, as this reader sees it."""

    entry: Entry
    state: State | None
    approval: str
    trait: Trait


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


Page = Callable[..., HttpResponseBase]


def on_the_shelf(view: Page) -> Page:
    """Give a view the standing; visitors of a closed catalogue log in first."""

    @require_safe
    @wraps(view)
    def open_door(request: HttpRequest, **names: str) -> HttpResponseBase:
        at = standing.now()
        if at.organisation.catalogue_login_only and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, at, **names)

    return open_door


def kept_page(view: Page) -> Page:
    """The same for a page that every visitor reads alike; see `catalogue.kept`."""
    made = on_the_shelf(view)

    @wraps(view)
    def kept_or_made(request: HttpRequest, **names: str) -> HttpResponseBase:
        return kept.or_made(request, lambda: made(request, **names))

    return kept_or_made


def find(slug: str) -> Entry:
    """The entry on the shelf; Http404 also for a hidden one."""
    try:
        return services.entry(slug)
    except Entry.DoesNotExist:
        raise Http404 from None


# --- The list ----------------------------------------------------------------
@kept_page
def shelf(request: HttpRequest, at: Standing) -> HttpResponse:
    """The list, narrowed to the words of `q` and to what was picked."""
    q = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    reader = _reader(request)
    picked = facets.chosen(request.GET, signed_in=reader is not None)
    entries = services.shown_entries()
    # The long texts weigh the most and are only searched.
    every = list(entries if q else entries.defer("long_text"))
    found = services.search(every, q) if q else every
    lines = _lines(found, at=at, reader=reader)
    context = {
        "q": q,
        "picked": picked,
        "total": len(every),
        "lines": [line for line in lines if line.trait.has(picked)],
        "facets": _facets(lines, picked, q=q, of=len(every), reader=reader),
        "chips": facets.chips(picked, q=q),
        "advice": _advice(len(every), narrowed=bool(picked)),
        **at.told,
    }
    if not every and request.user.is_staff:
        context["missing"] = services.why_empty()
    return render(request, "catalogue/list.html", context)


def _facets(
    lines: list[Line],
    picked: dict[str, str],
    *,
    q: str,
    of: int,
    reader: Developer | None,
) -> list[facets.Facet]:
    if of < FEW and not picked:
        return []
    traits = [line.trait for line in lines]
    return facets.facets(traits, picked, q=q, signed_in=reader is not None)


def _advice(total: int, *, narrowed: bool) -> str:
    everything = f"all {words.number(total)} APIs" if total > 1 else "the one there is"
    first = "Take a choice back" if narrowed else "Try a shorter word"
    return f"{first}, or look at {everything}."


def _reader(request: HttpRequest) -> Developer | None:
    return request.user.developer if isinstance(request.user, User) else None


def _lines(
    entries: list[Entry], *, at: Standing, reader: Developer | None
) -> list[Line]:
    states, waits = my_states(reader, entries), usual()
    return [_line(entry, states.get(entry.pk), at=at, waits=waits) for entry in entries]


def _line(entry: Entry, state: State | None, *, at: Standing, waits: Waits) -> Line:
    needed = services.needs_approval(entry, at.organisation)
    access = "open" if entry.keyless else "reviewed" if needed else "automatic"
    approval = "No key needed"
    if not entry.keyless:
        took = waits.words(entry.plan_id)
        approval = words.approval_words(needed=needed, usual=took)
    mine = state.kind if state else "none"
    return Line(entry, state, approval, Trait(access, entry.kind, mine))


# --- One entry ---------------------------------------------------------------
@kept_page
def entry(request: HttpRequest, at: Standing, *, slug: str) -> HttpResponse:
    """One entry with the plans beside it; a hidden one is not found."""
    try:
        found, beside = services.ledger(slug)
    except Entry.DoesNotExist:
        raise Http404 from None
    return entry_page(request, at, found, beside)


def entry_page(
    request: HttpRequest,
    at: Standing,
    found: Entry,
    beside: list[Entry],
    *,
    preview: dict[str, object] | None = None,
) -> HttpResponse:
    """The page of an entry with its plans; `preview` is staff's, shelf or not."""
    offers = _offers(found, beside, at=at, reader=_reader(request))
    # Off the shelf, the documentation has no address that a preview could lead to.
    hidden = preview is not None and bool(preview["off_the_shelf"])
    document = None if hidden else documents.shown(found)
    outline: Outline | None = document.outline or None if document else None
    base = samples.base_url(outline, brand.current().api_url)
    context = {
        "entry": found,
        "document": document,
        "calls": _calls(outline),
        "offers": [] if found.keyless else offers,
        "own": next(offer for offer in offers if offer.current),
        "description": text.render(found.long_text),
        "auth": words.auth_sentence(found.kind),
        "version": _version(found, document),
        "base_url": base,
        **_samples(found.kind, samples.first_call(outline, base), request.GET),
        **at.told,
        "preview": preview,
    }
    return render(request, "catalogue/entry.html", context)


def _version(entry: Entry, document: Document | None) -> str:
    """The entry's own word unless it is Tyk's number; else the document's."""
    if entry.version not in FORMAT_VERSIONS:
        return entry.version
    return document.version if document else ""


def _calls(outline: Outline | None) -> dict[str, object]:
    """The first calls of a document, and how many there are."""
    listed: list[Call] = []
    for group in outline["groups"] if outline else []:
        listed += group["calls"]
    return {"first": listed[:FIRST_CALLS], "count": len(listed)}


def _samples(kind: str, url: str, query: Mapping[str, str]) -> dict[str, object]:
    """A first call in each language; `language` is the one that is shown."""
    made = samples.samples(kind, url)
    keys = [sample.key for sample in made]
    wanted = query.get("code", "")
    return {"samples": made, "language": wanted if wanted in keys else keys[0]}


def _offers(
    current: Entry, beside: list[Entry], *, at: Standing, reader: Developer | None
) -> list[Offer]:
    states, waits = my_states(reader, beside), usual()
    return [
        _offer(entry, states.get(entry.pk), current=current, at=at, waits=waits)
        for entry in beside
    ]


def _offer(
    entry: Entry, state: State | None, *, current: Entry, at: Standing, waits: Waits
) -> Offer:
    plan = entry.plan
    needed = services.needs_approval(entry, at.organisation)
    took = waits.words(entry.plan_id)
    figure, unit = words.quota_figure(plan) if plan else ("", "")
    return Offer(
        entry=entry,
        current=entry.pk == current.pk,
        figure=figure,
        unit=unit,
        facts=words.facts(plan, needs_approval=needed, usual=took) if plan else [],
        by_api=words.limits_by_api(plan) if plan else [],
        state=state,
        ask_url=reverse("keyrequests:ask", args=[entry.slug]),
    )
