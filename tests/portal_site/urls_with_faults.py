"""The site's addresses and a few that go wrong on purpose, for test_errors."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from portal_site import urls, views


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the cause, for the log alone")


def deny(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def tamper(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("odd")


@require_POST
def send(request: HttpRequest) -> HttpResponse:
    return HttpResponse("taken")


urlpatterns = [
    path("admin/faults/fail/", fail),  # before the staff area's own
    *urls.urlpatterns,
    path("faults/fail/", fail),
    path("faults/deny/", deny),
    path("faults/tamper/", tamper),
    path("faults/send/", send),
    path("faults/often/", lambda request: views.too_many(request, retry_after=150)),
    path("faults/away/", views.unavailable),
]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
