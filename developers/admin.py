"""Developers as staff see them, and the staff themselves.

The mirror is written by pulls alone, so a developer's page is read-only; what
staff may do is a button, a page that says what will happen, and a POST. Nobody
sets or learns a developer's password.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from developers import services
from developers.forms_staff import StaffAddForm, StaffForm
from developers.models import Developer, ProfileEdit, User
from keyrequests.models import Key


@dataclass(frozen=True, slots=True)
class Act:
    """One thing staff may do for a developer, after a page that says what it does."""

    name: str
    button: str
    question: str
    effect: str
    done: str
    do: Callable[[Developer], object]
    fits: Callable[[Developer], bool]


ACTS = {
    act.name: act
    for act in (
        Act(
            name="activate",
            button="Activate account",
            question="Activate this account?",
            effect="They can sign in as soon as Tyk has it, and get a mail that says so.",
            done="The account is being activated. Tyk has it in a moment.",
            do=partial(services.set_active, active=True),
            fits=lambda developer: developer.inactive and developer.gone_at is None,
        ),
        Act(
            name="deactivate",
            button="Deactivate account",
            question="Deactivate this account?",
            effect="They are signed out at once and can't sign in any more. Their keys "
            "go on working: revoke those one by one.",
            done="The account is being deactivated. Tyk has it in a moment.",
            do=partial(services.set_active, active=False),
            fits=lambda developer: developer.may_enter,
        ),
        Act(
            name="password-link",
            button="Send a password link",
            question="Send a link to choose a new password?",
            effect="The link goes to their address and nowhere else. Their password "
            "stays as it is until they use it.",
            done="The link is on its way to the developer's mailbox.",
            do=services.send_reset_link,
            fits=lambda developer: developer.may_enter,
        ),
        Act(
            name="end-sessions",
            button="End sessions",
            question="End every session of this developer?",
            effect="They are signed out in every browser at once and can sign in again "
            "with their password. Their keys go on working.",
            done="Every session of the developer has ended.",
            do=services.end_sessions,
            fits=lambda developer: developer.may_enter,
        ),
    )
}
CHANGE = "developers.change_developer"


class StateFilter(admin.SimpleListFilter):
    """Those Tyk still holds, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("inactive", "Switched off"), ("gone", "Gone from Tyk")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Developer]
    ) -> QuerySet[Developer]:
        if self.value() == "inactive":
            return queryset.filter(gone_at=None, inactive=True)
        if self.value() == "gone":
            return queryset.exclude(gone_at=None)
        return queryset


@admin.register(Developer)
class DeveloperAdmin(admin.ModelAdmin[Developer]):
    """Search, look, and some confirmed buttons."""

    list_display = ["who", "email", "state", "working_keys", "registered_at"]
    list_display_links = ["who"]
    list_filter = [StateFilter]
    list_per_page = 50
    search_fields = ["email_key", "name"]
    search_help_text = "A part of the address or of the name"
    ordering = ["-pk"]
    # Counting a hundred thousand rows for "of 100,000" is not worth a second.
    show_full_result_count = False
    change_form_template = "admin/developers/developer/change_form.html"
    fields = [
        "name",
        "email",
        "state",
        "told",
        "working_keys",
        "registered_at",
        "password_updated",
        "tyk_id",
        "read_at",
        "seen_here_at",
    ]

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

    @admin.display(description="developer", ordering="name")
    def who(self, developer: Developer) -> str:
        return str(developer)

    @admin.display(description="state")
    def state(self, developer: Developer) -> str:
        if developer.gone_at is not None:
            return "Gone from Tyk"
        word = "Switched off" if developer.inactive else "Active"
        waits = getattr(developer, "is_changing", False)
        return f"{word}, change on its way to Tyk" if waits else word

    @admin.display(description="keys")
    def working_keys(self, developer: Developer) -> int:
        return int(getattr(developer, "key_count", 0))

    @admin.display(description="sign-up fields")
    def told(self, developer: Developer) -> str:
        return ", ".join(f"{name}: {value}" for name, value in developer.fields.items())

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

    def get_urls(self) -> list[URLPattern]:
        mine = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self.act_view, name=name)),
                name=f"developers_developer_{name}",
            )
            for name in ACTS
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        developer = self.get_object(request, unquote(object_id))
        may = developer is not None and request.user.has_perm(CHANGE)
        acts = [act for act in ACTS.values() if may and act.fits(developer)]  # type: ignore[arg-type]  # `may` says it is one
        context = {**(extra_context or {}), "acts": acts}
        return super().change_view(request, object_id, form_url, context)

    def act_view(
        self, request: HttpRequest, object_id: str, *, name: str
    ) -> HttpResponse:
        """Say what the button does; the POST does it and writes it down."""
        act, developer = ACTS[name], self.get_object(request, unquote(object_id))
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        if developer is None:
            raise Http404
        back = reverse("admin:developers_developer_change", args=[developer.pk])
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
            "act": act,
        }
        template = "admin/developers/developer/act.html"
        return TemplateResponse(request, template, context)


@admin.register(User)
class StaffAdmin(UserAdmin[User]):
    """Staff only: developers' login rows are made by signing in."""

    add_form = StaffAddForm
    form = StaffForm
    list_display = ["email", "name", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "groups"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    filter_horizontal = ["groups", "user_permissions"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        (
            "Rights",
            {"fields": ["is_active", "is_superuser", "groups", "user_permissions"]},
        ),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": [
                    "email",
                    "name",
                    "usable_password",
                    "password1",
                    "password2",
                ],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(is_staff=True)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str]:
        """Rights are given by those who have them all."""
        dates = ["last_login", "date_joined"]
        user = request.user
        if isinstance(user, User) and user.is_superuser:
            return dates
        return [*dates, "is_superuser", "groups", "user_permissions"]

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        obj.is_staff = True
        super().save_model(request, obj, form, change)
