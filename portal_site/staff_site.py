"""The staff area: one site, grouped by what people do and not by Django's apps."""

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from developers import device
from developers.forms_staff import OwnPasswordForm
from developers.models import User
from portal_site import staff_home

#: Groups in the order of the day, and in each its lists. What is named nowhere
#: stands at the end of its app's group.
GROUPS = {
    "Access": (
        "keyrequests.keyrequest", "keyrequests.key", "keyrequests.mint",
        "keyrequests.event",
    ),
    "People": ("developers.developer", "developers.user", "auth.group"),
    "Catalogue": ("catalogue.entry", "catalogue.plan", "catalogue.document"),
    "Operation": (
        "tyk.pullstate", "tyk.outbox", "tyk.alarm", "portal_site.driftfinding",
        "portal_site.doctor", "tyk.organisation", "portal_site.brandversion", "portal_site.act",
    ),
}  # fmt: skip
OF_APP = {
    "keyrequests": "Access",
    "developers": "People",
    "auth": "People",
    "catalogue": "Catalogue",
}
LAST = "Operation"
#: In the navigation, where the table's own name says too little.
NAMES = {
    "keyrequests.mint": "Lost claims",
    "keyrequests.event": "What happened",
    "tyk.pullstate": "Sync",
    "tyk.outbox": "Outbox",
    "tyk.organisation": "Organisation in Tyk",
    "portal_site.act": "Audit trail",
}
Group_ = dict[str, Any]  # as Django's templates want an app


class StaffSite(admin.AdminSite):
    """Django's admin with the portal's own front page, groups and words."""

    index_title = "Overview"
    site_header = "Staff area"
    enable_nav_sidebar = True

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """Groups of lists this colleague may open; of one app's, its whole group."""
        found = [
            (f"{app['app_label']}.{model['object_name'].lower()}", app, model)
            for app in self._build_app_dict(request).values()
            for model in app["models"]
        ]
        groups: dict[str, Group_] = {}
        for name, app, model in sorted(found, key=lambda one: _place(one[0])):
            group = groups.setdefault(_group_of(name), _empty(_group_of(name), app))
            group["models"].append({**model, "name": NAMES.get(name, model["name"])})
        return [
            group
            for group in groups.values()
            if app_label is None or group["name"] == OF_APP.get(app_label, LAST)
        ]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer = super().login(request, extra_context)
        _remember(request, answer)
        return answer

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        # Django's own, which knows no other form than its own.
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        # Typed as what Django says of its own, which may be a redirect.
        answer = cast(TemplateResponse, view(request))
        _remember(request, answer)
        return answer

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        home = staff_home.of(request.user) if isinstance(request.user, User) else None
        context = {"home": home, **(extra_context or {})}
        return super().index(request, context)

    def app_index(
        self,
        request: HttpRequest,
        app_label: str,
        extra_context: dict[str, Any] | None = None,
    ) -> TemplateResponse:
        groups = self.get_app_list(request, app_label)
        if not groups or app_label not in set(_labels(self)):
            raise Http404
        context = {"title": groups[0]["name"], **(extra_context or {})}
        return super().app_index(request, app_label, context)


def _remember(request: HttpRequest, answer: HttpResponse) -> None:
    """Make this browser a known one if a password was proved in it just now.

    Django leads on only then: whatever was wrong is told on the same page, also to
    somebody who has a session already.
    """
    is_proved = request.method == "POST" and answer.status_code == 302
    if is_proved and isinstance(request.user, User) and request.user.is_staff:
        device.remember(answer, request.user)


def _labels(site: admin.AdminSite) -> Iterator[str]:
    return (model._meta.app_label for model in site._registry)


def _group_of(name: str) -> str:
    return OF_APP.get(name.partition(".")[0], LAST)


def _place(name: str) -> tuple[int, int, str]:
    group = _group_of(name)
    listed = GROUPS[group]
    place = listed.index(name) if name in listed else len(listed)
    return list(GROUPS).index(group), place, name


def _empty(name: str, app: Group_) -> Group_:
    return {**app, "name": name, "models": []}
