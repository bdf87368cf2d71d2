"""The review queue and what staff see of keys. No page of it ever holds a key."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from catalogue.words import NO_ENTRY
from keyrequests import admin_case, staff
from keyrequests.admin_decisions import CASE, MOST_AT_ONCE, Decisions
from keyrequests.admin_keys import KeyActs, may_change, may_revoke
from keyrequests.models import Event, Key, KeyRequest, Mint
from tyk.admin import CappedPaginator, ReadOnlyAdmin

# People write the number as they read it, R-1042, or without its letter.
NUMBER = re.compile(r"\s*(r-)?(\d{1,15})\s*", re.IGNORECASE)
ALL = ("all", "All")


class StatusFilter(admin.SimpleListFilter):
    """What waits for a decision, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approved", "Approved"),
            ("declined", "Declined"),
            ("ended", "Withdrawn or lapsed"),
            ALL,
        ]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Waiting"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> QuerySet[KeyRequest]:
        status = KeyRequest.Status
        # A number is found whatever became of it.
        if self.value() == ALL[0] or NUMBER.fullmatch(request.GET.get("q", "")):
            return queryset
        decided = {
            "approved": [status.APPROVED, status.GRANTED],
            "declined": [status.DECLINED],
            "ended": [status.WITHDRAWN, status.LAPSED],
        }
        statuses = decided.get(self.value() or "")
        if statuses:
            return queryset.filter(status__in=statuses)
        # Not IN: SQLite would pass over the partial index and sort a million rows.
        return queryset.filter(status=status.PENDING)


class ApiFilter(admin.RelatedFieldListFilter):
    """By entry, all of them: a DISTINCT over the requests would read every row."""

    include_empty_choice = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "API"


@admin.register(KeyRequest)
class KeyRequestAdmin(Decisions):
    """Longest waiting first; a decision is a page of its own and a POST."""

    list_display = ["waiting", "who", "plan_asked", "why"]
    list_display_links = None  # `who` links the name alone
    list_filter = [StatusFilter, ("entry", ApiFilter)]
    list_per_page = MOST_AT_ONCE
    list_max_show_all = MOST_AT_ONCE
    list_select_related = ["developer", "decided_by"]
    search_fields = ["developer__email_key", "developer__name"]
    search_help_text = "A part of the address or name, or a number such as R-1042"
    # A million rows: nothing here counts, sorts or reads them all.
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    actions = ["approve_selected", "decline_selected"]
    change_list_template = "admin/keyrequests/keyrequest/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyRequest]:
        earlier = KeyRequest.objects.filter(
            developer=OuterRef("developer"), created_at__lt=OuterRef("created_at")
        )
        return (
            super()
            .get_queryset(request)
            .annotate(asked_before=Exists(earlier))
            .prefetch_related("plans__plan")
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The queue by its partial index; what is decided newest first, by key."""
        waiting = not request.GET.get(StatusFilter.parameter_name)
        return ("created_at", "pk") if waiting else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest], search_term: str
    ) -> tuple[QuerySet[KeyRequest], bool]:
        found, repeats = super().get_search_results(request, queryset, search_term)
        number = NUMBER.fullmatch(search_term)
        if number is None:
            return found, repeats
        by_number = queryset.filter(pk=number[2])
        return (by_number if number[1] else found | by_number), repeats

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: KeyRequest | None = None
    ) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<int:pk>/approve/",
                self.admin_site.admin_view(self.approve_view),
                name="keyrequests_keyrequest_approve",
            ),
            path(
                "<int:pk>/decline/",
                self.admin_site.admin_view(self.decline_view),
                name="keyrequests_keyrequest_decline",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        waiting = not request.GET.get(StatusFilter.parameter_name)
        context = {
            "title": "Key requests to review" if waiting else "Key requests",
            "is_queue": waiting,
            "last_decision": last_decision,  # asked for by an empty queue only
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The case to read. Nothing is edited here: a POST is refused."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return self.case_page(request, found)

    @admin.display(description="waiting")
    def waiting(self, row: KeyRequest) -> SafeString:
        return admin_case.age(row)

    @admin.display(description="developer")
    def who(self, row: KeyRequest) -> SafeString:
        return format_html(
            '<a href="{}">{}</a><span class="sub">{}</span>',
            reverse(CASE, args=[row.pk]),
            row.developer,
            row.developer.email if row.developer.name else "no name given",
        )

    @admin.display(description="plan")
    def plan_asked(self, row: KeyRequest) -> SafeString:
        plans = (plan.name for plan in admin_case.plans_of(row))
        names = [row.number, *(name for name in plans if name != row.entry_name)]
        return format_html(
            '{}<span class="sub">{}</span>', row.entry_name, ", ".join(names)
        )

    @admin.display(description="what they build")
    def why(self, row: KeyRequest) -> SafeString:
        told = next((answer for _, answer in admin_case.reasons(row)), row.project)
        return format_html(
            "{}{}",
            Truncator(told).chars(90),
            format_html_join(
                "", '<span class="flag">{}</span>', [(flag,) for flag in _flags(row)]
            ),
        )


def _flags(row: KeyRequest) -> list[str]:
    """What a reviewer should know before opening it; annotated and prefetched."""
    marks = [
        (not getattr(row, "asked_before", True), "First request"),
        (row.origin == KeyRequest.Origin.TYK, "Made in Tyk"),
        (row.is_open and not admin_case.is_offered(row), "Plan no longer offered"),
    ]
    return [words for holds, words in marks if holds]


def last_decision() -> Event | None:
    """The newest one by staff or rule: read backwards by key, nothing is sorted."""
    decided = [Event.Verb.APPROVED, Event.Verb.DECLINED]
    events = Event.objects.filter(verb__in=decided, request__isnull=False)
    return events.select_related("request").order_by("-pk").first()


@admin.register(Key)
class KeyAdmin(KeyActs):
    """Which developer holds which plan. The fingerprint's end is all of a key."""

    list_display = ["called", "holder", "plan_names", "masked", "state", "created_at"]
    list_filter = ["state", "origin", "kind"]
    list_select_related = ["developer", "request"]
    search_fields = ["name", "developer__email_key", "developer__name"]
    search_help_text = "A part of the key's name, or of its owner's name or address"
    ordering = ["-pk"]
    sortable_by = ()
    change_form_template = "admin/keyrequests/key/change_form.html"
    fields = [
        "called",
        "holder",
        "plan_names",
        "masked",
        "kind",
        "origin",
        "state",
        "request",
        "created_at",
        "ends_at",
        "ended_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Key]:
        found: QuerySet[Key] = super().get_queryset(request)
        # The sealed id is not for staff: not even loaded.
        return found.defer("sealed_id").prefetch_related("policies__plan")

    def get_urls(self) -> list[URLPattern]:
        acts = {
            "revoke": self.revoke_view,
            "plans": self.plans_view,
            "quota": self.quota_view,
        }
        mine = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"keyrequests_key_{name}",
            )
            for name, view in acts.items()
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        context = {
            **(extra_context or {}),
            "title": str(key) if key else "",
            "subtitle": None,
            "may_revoke": key is not None
            and key.state == Key.State.LIVE
            and may_revoke(request),
            "may_change": key is not None and may_revoke(request) and may_change(key),
            "under_way": staff.under_way(key) if key else [],
            "events": admin_case.time_line(key) if key else [],
        }
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description="key")
    def called(self, key: Key) -> str:
        return key.name or "no name yet"

    @admin.display(description="developer")
    def holder(self, key: Key) -> SafeString:
        return format_html(
            '<a href="{}">{}</a><span class="sub">{}</span>',
            reverse("admin:developers_developer_change", args=[key.developer_id]),
            key.developer,
            key.developer.email,
        )

    @admin.display(description="plan")
    def plan_names(self, key: Key) -> SafeString:
        names = [
            (policy.plan.name if policy.plan else NO_ENTRY,)
            for policy in key.policies.all()
        ]
        return format_html_join(", ", "{}", names)

    @admin.display(description="fingerprint")
    def masked(self, key: Key) -> str:
        return key.masked


class MintFilter(admin.SimpleListFilter):
    """Claims whose answer was lost, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [state for state in Mint.State if state != Mint.State.UNSURE]
        return [*((state.value, state.label.capitalize()) for state in others), ALL]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": Mint.State.UNSURE.label.capitalize()}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Mint]
    ) -> QuerySet[Mint]:
        if self.value() == ALL[0]:
            return queryset
        return queryset.filter(state=self.value() or Mint.State.UNSURE)


@admin.register(Mint)
class MintAdmin(ReadOnlyAdmin):
    """Claims whose answer was lost, and what came of them."""

    list_display = ["started_at", "request", "state", "replaces", "ended_at"]
    list_filter = [MintFilter]
    list_select_related = ["request", "replaces"]
    ordering = ["-pk"]
    sortable_by = ()
    fields = ["request", "state", "replaces", "key", "started_at", "ended_at"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The audit trail, newest first."""

    list_display = ["at", "verb", "actor", "request", "key", "note"]
    list_filter = ["verb"]
    list_select_related = ["request", "key"]
    search_fields = ["actor"]
    search_help_text = "A part of the name of who did it"
    ordering = ["-pk"]
    sortable_by = ()
    fields = ["at", "verb", "actor", "request", "key", "note"]
