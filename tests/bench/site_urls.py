"""The portal's addresses and one more: a view of one line, behind all middleware."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal_site import urls


def one_line(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("one-line/", one_line), *urls.urlpatterns]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
