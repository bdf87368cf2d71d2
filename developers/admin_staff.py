"""The staff themselves: who may log in here, and with which rights."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from developers.backends import rights_of
from developers.forms_staff import StaffAddForm, StaffForm
from developers.models import User


def _has_all_rights(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _holds_no_more(person: User, request: HttpRequest) -> bool:
    """Whether the rights of `person` are among those of who asks.

    Who sets somebody's password or address can log in as them, so a superuser is
    changed by superusers alone, and a colleague by those who hold the same rights or
    more. Somebody switched off counts with what they hold once they are on again.
    """
    if _has_all_rights(request):
        return True
    if person.is_superuser or not isinstance(request.user, User):
        return False
    return rights_of(person) <= rights_of(request.user)


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

    def has_change_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        """Asked by the password page, too."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or _holds_no_more(obj, request))

    def has_delete_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        """Asked once more for each of several that are deleted together.

        What somebody did here is told by their row: with it the trail would go, so
        who was ever logged in is switched off instead.
        """
        may = super().has_delete_permission(request, obj)
        return may and (
            obj is None or (_holds_no_more(obj, request) and obj.last_login is None)
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str]:
        """Rights are given by those who have them all."""
        dates = ["last_login", "date_joined"]
        if _has_all_rights(request):
            return dates
        return [*dates, "is_superuser", "groups", "user_permissions"]

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        obj.is_staff = True
        super().save_model(request, obj, form, change)


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Whoever could edit a group they are in could give themselves every right."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _has_all_rights(request)

    def has_change_permission(
        self, request: HttpRequest, obj: Group | None = None
    ) -> bool:
        return _has_all_rights(request)

    def has_delete_permission(
        self, request: HttpRequest, obj: Group | None = None
    ) -> bool:
        return _has_all_rights(request)
