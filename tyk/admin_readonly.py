"""Lists that staff look at and don't edit; used by the admin of every app."""

from functools import cached_property
from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


class CappedPaginator(Paginator[Any]):
    """Counts no further than anybody pages: COUNT(*) of a million rows is slow.

    `capped` says that there are more rows than `count`.
    """

    most = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def capped(self) -> bool:
        return self._counted > self.most

    @cached_property
    def _counted(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[: self.most + 1].count()


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows the portal writes by itself; staff with the right to view may look."""

    list_per_page = 50
    list_max_show_all = 50
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False
