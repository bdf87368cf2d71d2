"""The review queue and what staff see of keys. No page of it ever holds a key."""

import re
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince

from catalogue.words import limits
from keyrequests.admin_decisions import Decisions, KeyActs
from keyrequests.models import Event, Key, KeyRequest, Mint
from tyk.admin import ReadOnlyAdmin

# The target is one working day; from half of it on a request is due soon.
DUE_SOON, OVER_TARGET = timedelta(hours=12), timedelta(hours=24)
NO_ENTRY = "(No Catalog Entry)"


class StatusFilter(admin.SimpleListFilter):
    """What waits for a decision, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approved", "Approved"),
            ("declined", "Declined"),
            ("ended", "Withdrawn or lapsed"),
            ("all", "All"),
        ]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Waiting"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> QuerySet[KeyRequest]:
        status = KeyRequest.Status
        if self.value() == "all":
            return queryset
        chosen = {
            "approved": [status.APPROVED, status.GRANTED],
            "declined": [status.DECLINED],
            "ended": [status.WITHDRAWN, status.LAPSED],
        }.get(self.value() or "", [status.PENDING])
        return queryset.filter(status__in=chosen)


@admin.register(KeyRequest)
class KeyRequestAdmin(Decisions):
    """Longest waiting first; a decision is a page of its own and a POST."""

    list_display = ["waiting", "who", "plan_asked", "why"]
    list_display_links = ["who"]
    list_filter = [StatusFilter, ("entry", admin.RelatedOnlyFieldListFilter)]
    list_per_page = 50
    search_fields = ["developer__email_key", "developer__name"]
    search_help_text = "A part of the address or name, or a number such as R-1042"
    show_full_result_count = False
    ordering = ["created_at", "pk"]
    list_select_related = ["developer", "decided_by"]
    actions = ["approve_selected", "decline_selected"]
    change_list_template = "admin/keyrequests/keyrequest/change_list.html"
    change_form_template = "admin/keyrequests/keyrequest/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyRequest]:
        earlier = KeyRequest.objects.filter(
            developer=OuterRef("developer"), created_at__lt=OuterRef("created_at")
        )
        return super().get_queryset(request).annotate(asked_before=Exists(earlier))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest], search_term: str
    ) -> tuple[QuerySet[KeyRequest], bool]:
        # People write the number as they read it: R-1042.
        number = re.fullmatch(r"\s*[Rr]-(\d{1,15})\s*", search_term)
        if number:
            return queryset.filter(pk=int(number[1])), False
        return super().get_search_results(request, queryset, search_term)

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
        last = (
            KeyRequest.objects.exclude(decided_at=None)
            .select_related("decided_by")
            .order_by("-decided_at")
            .first()
        )
        context = {"title": "Key requests", "last_decision": last}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The case to read. Nothing is edited here: a POST changes nothing."""
        found = self.get_object(request, object_id)
        if found is None or request.method != "GET":
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, found):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **_case(found),
            "title": f"{found.developer} asks for {found.entry_name}",
            "opts": self.opts,
            "original": found,
            "case": found,
            "may_decide": self.has_change_permission(request, found)
            and found.status == KeyRequest.Status.PENDING,
        }
        return TemplateResponse(request, self.change_form_template, context)

    @admin.display(description="waiting", ordering="created_at")
    def waiting(self, row: KeyRequest) -> SafeString:
        return age(row)

    @admin.display(description="developer", ordering="developer__name")
    def who(self, row: KeyRequest) -> SafeString:
        return format_html(
            '{}<span class="sub">{}</span>', row.developer, row.developer.email
        )

    @admin.display(description="plan", ordering="entry_name")
    def plan_asked(self, row: KeyRequest) -> SafeString:
        made = ", made in Tyk" if row.origin == KeyRequest.Origin.TYK else ""
        return format_html(
            '{}<span class="sub">{}{}</span>', row.entry_name, row.number, made
        )

    @admin.display(description="what they build")
    def why(self, row: KeyRequest) -> SafeString:
        told = next((str(a) for n, a in row.answers.items() if _asked(n)), "")
        flag = "" if getattr(row, "asked_before", True) else "First request"
        return format_html(
            '{}<span class="flag">{}</span>', Truncator(told).chars(90), flag
        )


def age(row: KeyRequest) -> SafeString:
    """How long it waits in words, shape and colour; or what became of it."""
    if row.status != KeyRequest.Status.PENDING:
        by = row.decided_by or ""
        return format_html(
            '{}<span class="sub">{}</span>', row.get_status_display().capitalize(), by
        )
    waited = timezone.now() - row.created_at
    kind, what = "fresh", ""
    if waited > OVER_TARGET:
        kind, what = "late", "over target"
    elif waited > DUE_SOON:
        kind, what = "soon", "due soon"
    words = timesince(row.created_at, depth=1)
    if waited < timedelta(minutes=1):
        words = "just now"
    return format_html(
        '<span class="age age-{}">{}<span class="what">{}</span></span>',
        kind,
        words,
        what,
    )


def _asked(name: str) -> bool:
    return not name.startswith("portal_")


def _case(row: KeyRequest) -> dict[str, Any]:
    """The four parts of a request: reasons, plan, developer, time line."""
    plans = [asked.plan for asked in row.plans.select_related("plan") if asked.plan]
    standing = KeyRequest.objects.of(row.developer).aggregate(
        asked=Count("pk"),
        approved=Count("pk", filter=Q(status__in=["approved", "granted"])),
        declined=Count("pk", filter=Q(status="declined")),
    )
    keys = Key.objects.filter(developer=row.developer).prefetch_related(
        "policies__plan"
    )
    others = (
        Key.objects.filter(policies__plan__in=plans, state=Key.State.LIVE)
        .values("developer")
        .distinct()
        .count()
    )
    return {
        "reasons": [(n, a) for n, a in row.answers.items() if _asked(n)],
        "plans": [(plan, limits(plan)) for plan in plans],
        "standing": standing,
        "keys": [key for key in keys if key.works][:20],
        "on_it": others,
        "events": row.events.all(),
        "age": age(row),
        "unsure": row.mints.filter(state=Mint.State.UNSURE).exists(),
    }


@admin.register(Key)
class KeyAdmin(KeyActs):
    """Which developer holds which plan. The fingerprint's end is all of a key."""

    list_display = ["called", "holder", "plan_names", "masked", "state", "created_at"]
    list_filter = ["state", "origin", "kind"]
    list_per_page = 50
    list_select_related = ["developer", "request"]
    search_fields = ["name", "developer__email_key", "developer__name"]
    search_help_text = "A part of the key's name, or of its owner's name or address"
    show_full_result_count = False
    ordering = ["-pk"]
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
        # Neither column is for staff: not even loaded.
        return found.defer("sealed_id").prefetch_related("policies__plan")

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<int:pk>/revoke/",
                self.admin_site.admin_view(self.revoke_view),
                name="keyrequests_key_revoke",
            ),
            *super().get_urls(),
        ]

    @admin.display(description="key", ordering="name")
    def called(self, key: Key) -> str:
        return str(key)

    @admin.display(description="developer", ordering="developer__name")
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


@admin.register(Mint)
class MintAdmin(ReadOnlyAdmin):
    """Claims whose answer was lost, and what came of them."""

    list_display = ["started_at", "request", "state", "replaces", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["request", "replaces"]
    show_full_result_count = False
    ordering = ["-pk"]
    fields = ["request", "state", "replaces", "key", "started_at", "ended_at"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The audit trail."""

    list_display = ["at", "verb", "actor", "request", "key", "note"]
    list_filter = ["verb"]
    list_select_related = ["request", "key"]
    search_fields = ["actor"]
    show_full_result_count = False
    fields = ["at", "verb", "actor", "request", "key", "note"]
