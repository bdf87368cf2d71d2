"""What programs ask every site for: robots, sitemap, security.txt and icons.

Nothing here depends on who asks, so all of it may be kept by any cache: for a while,
or, the sitemap, as long as the shelf is the same.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalogue import kept
from catalogue.models import Document
from catalogue.services import shown_entries
from portal_site import brand
from portal_site.drawn import icon_ico, icon_png
from tyk.models import Organisation

HOUR, DAY = 3600, 24 * 3600
TEXT = "text/plain; charset=utf-8"
# RFC 9116, 2.5.5: less than a year ahead, so that stale files are known as such.
SECURITY_TXT_LASTS = timedelta(days=180)
CONTACT_SCHEMES = ("mailto:", "https://", "tel:")
TOUCH_ICON = 180  # pixels a side, what telephones ask for
# Pages of one person, and forms whose addresses may carry a secret.
NOT_FOR_ROBOTS = (
    "/admin/", "/account/", "/keys/", "/requests/", "/usage/", "/confirm/",
    "/password/", "/login/", "/logout/", "/sign-up/sent/", "/theme/", "/health/",
    "/metrics", "/catalogue/*/request/", "/mails/",
)  # fmt: skip

View = Callable[[HttpRequest], HttpResponse]


def kept_for(seconds: int) -> Callable[[View], View]:
    """A file any cache may keep for so long."""

    def made(view: View) -> View:
        @require_safe
        @wraps(view)
        def file(request: HttpRequest) -> HttpResponse:
            response = view(request)
            response["Cache-Control"] = f"public, max-age={seconds}"
            return response

        return file

    return made


# --- Search engines ------------------------------------------------------------------
@kept_for(HOUR)
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read: the catalogue and what is around it."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_ROBOTS)]
    if _catalogue_is_open():
        lines += ["", f"Sitemap: {settings.PORTAL_BASE_URL}{reverse('sitemap')}"]
    return HttpResponse("\n".join(lines) + "\n", content_type=TEXT)


@require_safe
def sitemap(request: HttpRequest) -> HttpResponseBase:
    """Every page of the catalogue as it is now; 404 while only developers may read
    it."""
    return kept.or_made(request, _sitemap)


def _sitemap() -> HttpResponse:
    if not _catalogue_is_open():
        raise Http404
    pages = [settings.PORTAL_BASE_URL + path for path in _public_paths()]
    body = render_to_string("portal_site/sitemap.xml", {"pages": pages})
    response = HttpResponse(body, content_type="application/xml; charset=utf-8")
    response["Cache-Control"] = "public, no-cache"
    return response


def _public_paths() -> list[str]:
    slugs = list(shown_entries().values_list("slug", flat=True))
    documented = set(
        Document.objects.filter(entry__slug__in=slugs, state=Document.State.SHOWN)
        .values_list("entry__slug", flat=True)
    )  # fmt: skip
    pages = [reverse("home"), reverse("catalogue:list")]
    for slug in slugs:
        pages.append(reverse("catalogue:entry", args=[slug]))
        if slug in documented:
            pages.append(reverse("catalogue:documentation", args=[slug]))
    return pages


def _catalogue_is_open() -> bool:
    return not Organisation.current().catalogue_login_only


# --- Whom to tell of a hole -----------------------------------------------------------
@kept_for(DAY)
def security_txt(request: HttpRequest) -> HttpResponse:
    """RFC 9116; 404 where no contact is known, since the file must name one."""
    contact = _contact()
    if not contact:
        raise Http404
    expires = (timezone.now() + SECURITY_TXT_LASTS).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.PORTAL_BASE_URL}{reverse('security-txt')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=TEXT)


def _contact() -> str:
    """The contact as a URI: SECURITY_CONTACT, else the support address."""
    contact: str = settings.SECURITY_CONTACT or brand.current().support_email
    if contact and not contact.startswith(CONTACT_SCHEMES):
        return f"mailto:{contact}"
    return contact


@require_safe
def change_password(request: HttpRequest) -> HttpResponse:
    """Where password managers send people (W3C, a well-known URL for it)."""
    return redirect("developers:password-change")


# --- Icons ---------------------------------------------------------------------------
@kept_for(DAY)
def favicon(request: HttpRequest) -> HttpResponse:
    """For what doesn't read the pages' own link: feed readers, bookmarks."""
    return HttpResponse(icon_ico(brand.current()), content_type="image/x-icon")


@kept_for(DAY)
def touch_icon(request: HttpRequest) -> HttpResponse:
    """For the home screen of a telephone, which takes no drawing in SVG."""
    return HttpResponse(
        icon_png(brand.current(), side=TOUCH_ICON), content_type="image/png"
    )


# --- Start-up ------------------------------------------------------------------------
def check(**_kwargs: object) -> list[CheckMessage]:
    """A Django system check: a contact nobody could write to stops the start."""
    contact: str = settings.SECURITY_CONTACT
    words = contact.split()
    if not words or (
        len(words) == 1 and (contact.startswith(CONTACT_SCHEMES) or "@" in contact)
    ):
        return []
    told = (
        "SECURITY_CONTACT must be a mail address or a mailto:, https: or tel: address."
    )
    return [Error(told, id="portal_site.E010")]
