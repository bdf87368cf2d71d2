"""Developers as staff see them: a page that says all, and acts that ask first.

The mirror is written by pulls alone, so nothing on a developer's page is a form;
what staff may do is a button, a page that says what will happen, and a POST. Nobody
sets or learns a developer's password, and no page shows a key.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from developers import admin_person
from developers.admin_acts import ACTS, CHANGE, Act
from developers.admin_edit import edit_view
from developers.admin_staff import StaffAdmin
from developers.models import Developer, ProfileEdit
from developers.pictures import initials
from keyrequests.admin_give import GIVE, give_view
from keyrequests.models import Key
from tyk.admin import CappedPaginator

__all__ = ["DeveloperAdmin", "StaffAdmin"]

PAGE = "admin:developers_developer_change"


class StateFilter(admin.SimpleListFilter):
    """Those Tyk still holds, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("inactive", "Switched off"),
            ("closed", "Closed by its owner"),
            ("gone", "Gone from Tyk"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Developer]
    ) -> QuerySet[Developer]:
        if self.value() == "inactive":
            return queryset.filter(gone_at=None, closed_at=None, inactive=True)
        if self.value() == "closed":
            return queryset.exclude(closed_at=None)
        if self.value() == "gone":
            return queryset.exclude(gone_at=None)
        return queryset


@admin.register(Developer)
class DeveloperAdmin(admin.ModelAdmin[Developer]):
    """Search, look, and confirmed buttons."""

    list_display = ["who", "state", "working_keys", "registered_at"]
    list_display_links = None  # `who` links the name alone
    list_filter = [StateFilter]
    list_per_page = 50
    list_max_show_all = 50
    search_fields = ["email_key", "name", "=tyk_id"]
    search_help_text = "A part of the address or of the name, or a whole id of Tyk"
    ordering = ["-pk"]
    sortable_by = ()
    # Counting a hundred thousand rows for "of 100,000" is not worth a second.
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_form_template = "admin/developers/developer/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Developer]:
        live = (
            Key.objects.filter(
                developer=OuterRef("pk"),
                state__in=[Key.State.LIVE, Key.State.REVOKING],
            )
            .order_by()
            .values("developer")
            .annotate(n=Count("pk"))
            .values("n")
        )
        due = ProfileEdit.objects.filter(
            developer=OuterRef("pk"), state=ProfileEdit.State.DUE
        )
        # Counted per row shown, not by grouping the whole table.
        return (
            super()
            .get_queryset(request)
            .annotate(key_count=Coalesce(Subquery(live), 0), is_changing=Exists(due))
        )

    # --- The list ------------------------------------------------------------------
    @admin.display(description="developer")
    def who(self, developer: Developer) -> SafeString:
        return format_html(
            '<span class="person"><span class="avatar" aria-hidden="true">{}</span>'
            '<span><a href="{}">{}</a><span class="sub">{}</span></span></span>',
            initials(str(developer)),
            reverse(PAGE, args=[developer.pk]),
            developer,
            developer.email,
        )

    @admin.display(description="state")
    def state(self, developer: Developer) -> SafeString:
        return format_html(
            '<span class="badge badge-{}">{}</span>',
            *admin_person.state_of(
                developer, changing=getattr(developer, "is_changing", False)
            ),
        )

    @admin.display(description="keys")
    def working_keys(self, developer: Developer) -> int:
        return int(getattr(developer, "key_count", 0))

    # --- Rights --------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Developer | None = None
    ) -> bool:
        """Never by form: that would write mirror columns. See `act_view`."""
        return False

    def has_view_permission(
        self, request: HttpRequest, obj: Developer | None = None
    ) -> bool:
        return request.user.has_perms(["developers.view_developer"]) or (
            request.user.has_perm(CHANGE)
        )

    def has_delete_permission(
        self, request: HttpRequest, obj: Developer | None = None
    ) -> bool:
        return False

    # --- One developer ---------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        views: dict[str, Callable[..., HttpResponse]] = {
            **{name: partial(self.act_view, name=name) for name in ACTS},
            "edit": partial(self.other_view, view=edit_view, right=CHANGE),
            "new-key": partial(self.other_view, view=give_view, right=GIVE),
        }
        mine = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"developers_developer_{name}",
            )
            for name, view in views.items()
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """All about one developer. Nothing is edited here: a POST is refused."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        if not self.has_view_permission(request):
            raise PermissionDenied
        developer = self._found(request, object_id)
        may = request.user.has_perm(CHANGE)
        context = {
            **self.admin_site.each_context(request),
            **admin_person.page(developer, request.user),
            "title": str(developer),
            "opts": self.opts,
            "original": developer,
            "acts": [act for act in ACTS.values() if may and act.fits(developer)],
            "may_edit": may
            and developer.gone_at is None
            and developer.closed_at is None,
            "may_give": request.user.has_perm(GIVE) and developer.may_enter,
        }
        return TemplateResponse(request, self.change_form_template, context)

    def _found(self, request: HttpRequest, object_id: str) -> Developer:
        developer = self.get_object(request, unquote(object_id))
        if developer is None:
            raise Http404
        return developer

    def other_view(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        view: Callable[..., HttpResponse],
        right: str,
    ) -> HttpResponse:
        """A page of its own about this developer, for who holds `right`."""
        if not request.user.has_perm(right):
            raise PermissionDenied
        return view(self, request, self._found(request, object_id))

    def act_view(
        self, request: HttpRequest, object_id: str, *, name: str
    ) -> HttpResponse:
        """Say what the button does; the POST does it and writes it down."""
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        act, developer = ACTS[name], self._found(request, object_id)
        back = reverse(PAGE, args=[developer.pk])
        if not act.fits(developer):
            self.message_user(
                request, "Nothing to do: it is so already.", messages.WARNING
            )
            return redirect(back)
        if request.method == "POST":
            act.do(developer)
            self.log_change(request, developer, act.button)
            self.message_user(request, act.done, messages.SUCCESS)
            return redirect(back)
        return self._act_page(request, developer, act)

    def _act_page(
        self, request: HttpRequest, developer: Developer, act: Act
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": act.question,
            "opts": self.opts,
            "developer": developer,
            "touched": admin_person.touched(developer),
            "act": act,
        }
        template = "admin/developers/developer/act.html"
        return TemplateResponse(request, template, context)
