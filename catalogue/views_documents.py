"""The documentation of one entry: to read, for the viewer, and to take away."""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from catalogue import documents, kept, samples, text, words
from catalogue.models import Document, Entry
from catalogue.openapi import Outline
from catalogue.standing import Standing
from catalogue.views import find, kept_page, on_the_shelf
from portal_site import brand

TYPES = {
    "json": "application/json",
    "yaml": "application/yaml",
    "text": "text/plain; charset=utf-8",
}


@kept_page
def documentation(request: HttpRequest, at: Standing, *, slug: str) -> HttpResponse:
    """The page: every call as a list to read, and the viewer where scripts run."""
    entry = find(slug)
    document = _shown(entry)
    outline: Outline | None = document.outline or None
    context = {
        "entry": entry,
        "document": document,
        "outline": outline,
        "about": text.render(outline["text"]) if outline else "",
        "base_url": samples.base_url(outline, brand.current().api_url),
        "elsewhere": _elsewhere(document),
        "auth": words.auth_sentence(entry.kind),
        **at.told,
    }
    return render(request, "catalogue/documentation.html", context)


def _shown(entry: Entry) -> Document:
    document = documents.shown(entry)
    if document is None:
        raise Http404
    return document


def _elsewhere(document: Document) -> dict[str, str] | None:
    """The site a link leads to, named before anybody follows it."""
    if document.state != Document.State.LINK:
        return None
    return {"url": document.body, "host": samples.host_of(document.body)}


@on_the_shelf
def viewer_document(
    request: HttpRequest, at: Standing, *, slug: str
) -> HttpResponseBase:
    """The document as the viewer reads it: JSON, whatever it was written in."""
    document = _shown(find(slug))
    if document.state != Document.State.SHOWN:
        raise Http404
    response = HttpResponse(document.viewer, content_type="application/json")
    return _cacheable(request, response, at)


@on_the_shelf
def download(request: HttpRequest, at: Standing, *, slug: str) -> HttpResponseBase:
    """The document as it was written; a broken one is for staff alone."""
    return as_file(request, _shown(find(slug)), at=at)


def as_file(
    request: HttpRequest, document: Document, *, at: Standing | None = None
) -> HttpResponseBase:
    """A download; Http404 where there is no text, or not for this reader."""
    broken = document.state != Document.State.SHOWN
    if not document.body or (broken and not request.user.is_staff):
        raise Http404
    # Attached, with a type of its own and nosniff: no browser runs it as a page.
    response = HttpResponse(document.body, content_type=TYPES[document.syntax])
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    return _cacheable(request, response, at)


def _cacheable(
    request: HttpRequest, response: HttpResponse, at: Standing | None
) -> HttpResponse:
    """Never served without asking: it may be hidden or taken back at any time."""
    everybody = (
        at is not None
        and not at.organisation.catalogue_login_only
        and kept.is_visitor(request)
    )
    who = "public" if everybody else "private"
    response["Cache-Control"] = f"{who}, no-cache"
    response["Vary"] = "Cookie"
    return response
