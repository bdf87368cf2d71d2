"""The doctor's page: every finding, its verdict, and how to mend it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from portal_site import looks
from portal_site.doctor import kept
from portal_site.models import Look
from tyk.admin import ReadOnlyAdmin

PAGE = "admin:portal_site_doctor_changelist"
REFRESH = 5  # seconds until a page that waits asks again


@dataclass(frozen=True, slots=True)
class Desk:
    """A staff page that shows what a check counts."""

    page: str
    right: str
    words: str
    narrowed: str = ""

    @property
    def url(self) -> str:
        return reverse(self.page) + self.narrowed


_OUTBOX, _VIEW_OUTBOX = "admin:tyk_outbox_changelist", "tyk.view_outbox"
DESKS = {
    "parked": Desk(_OUTBOX, _VIEW_OUTBOX, "See what is parked", "?state=parked"),
    "outbox": Desk(_OUTBOX, _VIEW_OUTBOX, "See what is due"),
    "pulls": Desk(
        "admin:tyk_pullstate_changelist", "tyk.view_pullstate", "See each pull"
    ),
}


class DoctorAdmin(ReadOnlyAdmin):
    """One page. Operators have the doctor look; others may read."""

    def has_examine_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal_site.change_doctor")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name=PAGE.split(":")[1]),
            path(
                "examine/",
                view(require_POST(self.examine_view)),
                name="portal_site_doctor_examine",
            ),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        look = looks.row_of(Look.Kind.DOCTOR)
        rows = kept.shown(look)
        context = {
            **self.admin_site.each_context(request),
            "title": "Doctor",
            "opts": self.opts,
            "look": look,
            "rows": [(row, _desk(row, request)) for row in rows],
            "wrong": sum(not row.finding.ok for row in rows),
            "may_examine": self.has_examine_permission(request),
            **(extra_context or {}),
        }
        response = TemplateResponse(
            request, "admin/portal_site/doctor/page.html", context
        )
        if look.is_due:
            response["Refresh"] = str(REFRESH)
        return response

    def examine_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_examine_permission(request):
            raise PermissionDenied
        scratch = "scratch" in request.POST
        if looks.ask(Look.Kind.DOCTOR, by=str(request.user), scratch=scratch):
            messages.success(request, "The doctor is on the way.")
        else:
            messages.warning(request, "That was asked for already.")
        return redirect(PAGE)


def _desk(row: kept.Row, request: HttpRequest) -> Desk | None:
    """Where this colleague may look into what is not well."""
    desk = DESKS.get(row.finding.name)
    if desk is None or row.finding.ok or not request.user.has_perm(desk.right):
        return None
    return desk
