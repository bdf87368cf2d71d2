"""The brand's files: one sheet and the logo, kept for a year under their version."""

import re

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from portal_site import brand, brand_versions, views
from portal_site.face import Brand, Logo

YEAR = "public, max-age=31536000, immutable"
MINUTE = "public, max-age=60"
# Opened on its own, a drawing could run scripts.
ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
def sheet(request: HttpRequest) -> HttpResponseBase:
    """The company's colours. Kept for a year under `?v=<version>`, else a minute."""
    company, kept_for = _asked_for(request)
    response = HttpResponse(company.css, content_type="text/css; charset=utf-8")
    return _cached(request, response, company.version, kept_for)


@require_safe
def logo(request: HttpRequest) -> HttpResponseBase:
    """The company's own picture; 404 where the mark is generated."""
    company, kept_for = _asked_for(request)
    return _picture(request, company.logo, company.version, kept_for)


@require_safe
def logo_dark(request: HttpRequest) -> HttpResponseBase:
    """The picture for dark grounds, else the other one."""
    company, kept_for = _asked_for(request)
    picture = company.logo_dark or company.logo
    return _picture(request, picture, company.version, kept_for)


def _asked_for(request: HttpRequest) -> tuple[Brand, str]:
    """The version in the address, and how long its answer may be kept.

    A page of the version before, open in a tab or just on its way, gets its own
    colours; so does one of the next that another process of ours made already.
    """
    company, version = brand.current(), request.GET.get("v", "")
    if version == company.version:
        return company, YEAR
    row = None
    if re.fullmatch("[0-9a-f]{12}", version):
        row = brand_versions.served(version)
    if row is None or row.number is None:  # drafts are for their preview
        return company, MINUTE
    return brand_versions.brand_of(row), YEAR


def _picture(
    request: HttpRequest, picture: Logo | None, version: str, kept_for: str
) -> HttpResponseBase:
    if picture is None:
        return views.not_found(request)
    response = HttpResponse(picture.body, content_type=picture.content_type)
    response["Content-Security-Policy"] = ALONE
    return _cached(request, response, version, kept_for)


def _cached(
    request: HttpRequest, response: HttpResponse, version: str, kept_for: str
) -> HttpResponseBase:
    etag = f'"{version}"'
    response["ETag"] = etag
    response["Cache-Control"] = kept_for
    return get_conditional_response(request, etag=etag, response=response) or response
