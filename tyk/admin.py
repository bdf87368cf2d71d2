"""What operators see of the work owed to Tyk and of the last pulls."""

from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince

from tyk import outbox
from tyk.models import Organisation, Outbox, PullState


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


class OwedFilter(admin.SimpleListFilter):
    """What is still owed, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", "Parked"), ("all", "Everything")]

    def choices(self, changelist: Any) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Due and parked"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Outbox]
    ) -> QuerySet[Outbox]:
        if self.value() == "all":
            return queryset
        owed = queryset.filter(asked__gt=F("served"))
        return owed.exclude(parked_reason="") if self.value() == "parked" else owed


class KindFilter(admin.SimpleListFilter):
    """By kind, from the settings: a DISTINCT would read every row there is."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted(settings.OUTBOX_HANDLERS)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Outbox]
    ) -> QuerySet[Outbox]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """The outbox: due, sending, parked and why."""

    list_display = ["kind", "subject", "state", "age", "attempts", "last_outcome"]
    list_filter = [OwedFilter, KindFilter]
    search_fields = ["subject"]
    search_help_text = "The code of a request, key or sign-up"
    ordering = ["next_at", "pk"]
    actions = ["try_again"]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tyk.change_outbox")

    @admin.display(description="state")
    def state(self, row: Outbox) -> str:
        if row.parked_reason:
            return f"parked: {row.parked_reason}"
        if row.asked == row.served:
            return "done"
        leased = row.lease_until is not None and row.lease_until > timezone.now()
        return "being served" if leased else "due"

    @admin.display(description="asked", ordering="asked_at")
    def age(self, row: Outbox) -> str:
        return f"{timesince(row.asked_at)} ago"

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Outbox]) -> None:
        rows = list(queryset)
        hurried = [row for row in rows if outbox.try_again(row.pk)]
        for row in hurried:
            why = f" It was parked: {row.parked_reason}" if row.parked_reason else ""
            self.log_change(request, row, f"Tried again.{why}")
        self.message_user(
            request,
            f"{len(hurried)} of {len(rows)} rows are tried again now.",
            messages.SUCCESS if hurried else messages.WARNING,
        )


@admin.register(PullState)
class PullStateAdmin(ReadOnlyAdmin):
    """When each part of the mirror was last complete, and what went wrong since."""

    list_display = ["kind", "complete", "read", "in_step"]
    ordering = ["kind"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        owed = Outbox.objects.filter(asked__gt=F("served"))
        counts = owed.aggregate(
            parked=Count("pk", filter=~Q(parked_reason="")),
            due=Count("pk", filter=Q(parked_reason="")),
        )
        # What the page says of the outbox, to those who may look into it.
        may_look = request.user.has_perm("tyk.view_outbox")
        context = {"owed": counts if may_look else None, **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.display(description="last complete", ordering="completed_at")
    def complete(self, row: PullState) -> str:
        return f"{timesince(row.completed_at)} ago" if row.completed_at else "never"

    @admin.display(description="what it did")
    def read(self, row: PullState) -> str:
        """Counts of the last complete pull; zeros other than "read" are left out."""
        counts = {"changed": row.changed, "ended": row.retired, "unreadable": row.bad}
        told = [f"{number} {word}" for word, number in counts.items() if number]
        return ", ".join([f"{row.seen} read", *told])

    @admin.display(description="in step with Tyk")
    def in_step(self, row: PullState) -> str:
        wrong = []
        if row.last_error:
            wrong.append(f"the last try failed: {row.last_error}")
        if row.held_back_reason:
            wrong.append(f"held back: {row.held_back_reason}")
        if wrong:
            return f"no; {'; '.join(wrong)}"
        return "yes" if row.completed_at else "not read yet"


@admin.register(Organisation)
class OrganisationAdmin(ReadOnlyAdmin):
    """The settings read from Tyk; they are changed in the Tyk Dashboard."""

    list_display = [
        "org_id",
        "credential_state",
        "require_key_approval",
        "disable_signup",
        "key_mail_on",
        "read_at",
    ]
