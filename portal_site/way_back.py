"""Where an error page may send people: an address of ours that can be opened."""

from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme


def is_ours(request: HttpRequest, url: str) -> bool:
    """Whether `url` leads to this site and nowhere else.

    A relative one does not: "keys" is another page on each page, and `redirect`
    would take it for the name of a view.
    """
    if not url.startswith(("/", "http://", "https://")):
        return False
    return url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def page_before(request: HttpRequest) -> str:
    """The page the browser came from; without one of ours, the page above.

    An address that takes forms alone can't be opened, so an error page must not
    send people to the path that was asked for, but to the page with the form.
    """
    referrer = request.headers.get("Referer", "")
    if not referrer or not is_ours(request, referrer):
        return page_above(request)
    parts = urlsplit(referrer)
    reload = request.method == "GET" and parts.path == request.path
    if reload or not parts.path.startswith("/"):
        return page_above(request)
    # Its path alone: "//evil" would be another site once the host is taken off.
    path = "/" + parts.path.lstrip("/")
    return f"{path}?{parts.query}" if parts.query else path


def page_above(request: HttpRequest) -> str:
    """The nearest address above the one asked for that exists; at last home."""
    path = request.path_info
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        break
    return path
