"""Pages of the shelf as every visitor reads them: rendered once, then kept.

A visitor here is a browser without a session: what it gets depends on nobody. A
page is kept under everything it was made from, so a change needs no forgetting:
it makes another key. Each process keeps its own; two that differ for a moment do
so as two readers of the database would.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeGuard

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response

from catalogue import standing
from portal_site import brand
from portal_site.theme import theme_of

MOST_PAGES = 200
LARGEST = 512 * 1024  # bytes of one page

Key = tuple[object, ...]
Response = HttpResponseBase


class Pages:
    """The newest pages, at most MOST_PAGES, for all threads of a process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[bytes, str, str]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> tuple[bytes, str, str] | None:
        """The body, its type and its ETag."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, body: bytes, kind: str = "text/html") -> str:
        """Keep a body and its type; its ETag."""
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        with self._lock:
            self._kept[key] = body, kind, etag
            while len(self._kept) > MOST_PAGES:
                self._kept.popitem(last=False)
        return etag

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._kept.clear()


pages = Pages()


def or_made(request: HttpRequest, make: Callable[[], Response]) -> Response:
    """The page kept for this visitor, else what `make` makes, kept if it may be.

    The mark is read before the page is made, so what is kept is never older than
    its key says.
    """
    if not _may_keep(request):
        return make()
    mark = standing.mark()
    if mark is None or mark[3]:  # login only: a visitor gets no page worth keeping
        return make()
    key = _key(request, mark)
    found = pages.get(key)
    if found is None:
        response = make()
        if not _same_for_all(response, request):
            return response
        body, kind = response.content, response["Content-Type"]
        found = body, kind, pages.put(key, body, kind)
    return _answer(request, *found)


def _may_keep(request: HttpRequest) -> bool:
    """Only whole pages: what a query string asks for has no end."""
    plain = request.method in {"GET", "HEAD"} and not request.GET
    # A preview of a brand is a page of staff's, whoever the request says reads it.
    own = is_visitor(request) and "brand_preview" not in vars(request)
    return settings.CATALOGUE_KEEP_SECONDS > 0 and plain and own


def _answer(request: HttpRequest, body: bytes, kind: str, etag: str) -> Response:
    response = HttpResponse(body, content_type=kind)
    response["ETag"] = etag
    # Caches in front may keep it and must ask each time: the answer is a 304.
    response["Cache-Control"] = "public, no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response


def is_visitor(request: HttpRequest) -> bool:
    """Whether nobody in particular reads: without a session there is no person,
    no message and no CSRF token in a page."""
    return settings.SESSION_COOKIE_NAME not in request.COOKIES


def _same_for_all(response: Response, request: HttpRequest) -> TypeGuard[HttpResponse]:
    """A page that made a token or set a cookie is one visitor's alone."""
    made_token = "CSRF_COOKIE" in request.META
    return (
        isinstance(response, HttpResponse)
        and response.status_code == 200
        and not response.cookies
        and not made_token
        and len(response.content) <= LARGEST
    )


def _key(request: HttpRequest, mark: Key) -> Key:
    company = brand.current()
    return (
        request.path,
        request.scheme,
        request.get_host(),
        theme_of(request),
        mark,
        company.version,  # of words, colours and pictures alike
        # Times in words ("10:42", from tomorrow "20 Nov, 10:42") and the usual wait
        # age without any row changing.
        int(time.time() // settings.CATALOGUE_KEEP_SECONDS),
    )
