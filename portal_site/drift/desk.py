"""The drift desk: what the last look found, and deciding about it.

The page reads stored findings only. "Compare now" and every decision are asked
for by POST and done by a worker.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from portal_site import looks
from portal_site.drift import decisions, findings, told
from portal_site.models import Act, DriftFinding, Look
from tyk.admin import ReadOnlyAdmin

LIST = "admin:portal_site_driftfinding_changelist"
VERBS = [Act.Verb.TAKE, Act.Verb.PUSH, Act.Verb.IGNORE, Act.Verb.NOTICE]
MOST_AT_ONCE = 50
LOOK_AGAIN = "These were compared again meanwhile. Look at the list as it is now."
REFRESH = 5  # seconds until a page that waits asks again


class StateFilter(admin.SimpleListFilter):
    """What nobody ignores, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ignored", "Ignored"), ("all", "Everything")]

    def choices(self, changelist: Any) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "To decide"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> QuerySet[DriftFinding]:
        if self.value() == "all":
            return queryset
        return queryset.filter(ignored=self.value() == "ignored")


class _Choice(admin.SimpleListFilter):
    """By one column whose values we know: a DISTINCT would read every row."""

    column = ""
    values: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value.capitalize()) for value in self.values]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> QuerySet[DriftFinding]:
        value = self.value()
        return queryset.filter(**{self.column: value}) if value else queryset


class KindFilter(_Choice):
    title = parameter_name = column = "kind"
    values = told.KINDS


class OwnerFilter(_Choice):
    title = parameter_name = column = "owner"
    values = told.OWNERS


class Rows(ChangeList):
    """A page of findings with what was decided about them: two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = told.with_words(list(self.result_list), request.user)


class DriftAdmin(ReadOnlyAdmin):
    """Differences between mirror and Tyk; operators decide, others may look."""

    counted = "differences"  # below the list
    change_list_template = "admin/portal_site/driftfinding/change_list.html"
    list_display = ["what", "which", "mirror", "in_tyk", "decision"]
    list_display_links = None
    list_filter = [StateFilter, KindFilter, OwnerFilter]
    search_fields = ["record", "within"]
    search_help_text = "An id of Tyk, or an entry's address"
    ordering = ["pk"]
    sortable_by = ()
    actions = ["take_selected", "push_selected", "ignore_selected", "notice_selected"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DriftFinding]:
        return findings.shown()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Rows

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portal_site.change_driftfinding")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        mine = [
            path(
                "compare/",
                view(require_POST(self.compare_view)),
                name="portal_site_driftfinding_compare",
            ),
            path(
                "<int:pk>/<str:verb>/",
                view(self.decide_view),
                name="portal_site_driftfinding_decide",
            ),
        ]
        own = [url for url in super().get_urls() if url.name == LIST.split(":")[1]]
        return [*mine, *own]

    # --- The list ----------------------------------------------------------------
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        look = looks.row_of(Look.Kind.DRIFT)
        context = {
            "look": look,
            "is_capped": look.found > findings.MOST_KEPT,
            "most_kept": findings.MOST_KEPT,
            "counts": findings.counts(),
            "may_decide": self.has_decide_permission(request),
            "decided": told.lately() if request.method == "GET" else [],
            **(extra_context or {}),
        }
        response = super().changelist_view(request, context)
        if request.method == "GET" and look.is_due:
            response["Refresh"] = str(REFRESH)
        return response

    @admin.display(description="record")
    def what(self, row: DriftFinding) -> SafeString:
        return told.record(row)

    @admin.display(description="field, owner")
    def which(self, row: DriftFinding) -> SafeString:
        return told.field(row)

    @admin.display(description="in the mirror")
    def mirror(self, row: DriftFinding) -> str:
        return row.here

    @admin.display(description="in Tyk")
    def in_tyk(self, row: DriftFinding) -> str:
        return row.there

    @admin.display(description="decision")
    def decision(self, row: DriftFinding) -> SafeString:
        return told.decision(row)

    # --- Compare now -------------------------------------------------------------
    def compare_view(self, request: HttpRequest) -> HttpResponse:
        self._refuse_viewers(request)
        if looks.ask(Look.Kind.DRIFT, by=str(request.user)):
            messages.success(request, "A worker compares mirror and Tyk.")
        else:
            messages.warning(request, "That was asked for already.")
        return redirect(LIST)

    # --- Decisions ---------------------------------------------------------------
    def decide_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """One difference: what will happen, then a POST."""
        self._refuse_viewers(request)
        row = findings.shown().filter(pk=pk).first()
        if verb not in VERBS or row is None:
            messages.warning(request, LOOK_AGAIN)
            return redirect(LIST)
        chosen = Act.Verb(verb)
        if request.method == "POST":
            self._decide(request, [row], chosen)
            return redirect(LIST)
        reason = told.why_not(row, chosen)
        if reason:
            messages.warning(request, reason)
            return redirect(LIST)
        return self._ask(request, [row], chosen)

    def _refuse_viewers(self, request: HttpRequest) -> None:
        if not self.has_decide_permission(request):
            raise PermissionDenied

    def _ask(
        self,
        request: HttpRequest,
        rows: list[DriftFinding],
        verb: Act.Verb,
        *,
        several: bool = False,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "rows": told.with_words(rows, request.user),
            "several": several,
            "verb": verb.value,
            "words": told.WORDS[verb],
            "title": told.WORDS[verb].question(len(rows)),
        }
        template = "admin/portal_site/driftfinding/decide.html"
        return TemplateResponse(request, template, context)

    def _decide(
        self, request: HttpRequest, rows: list[DriftFinding], verb: Act.Verb
    ) -> None:
        by, done, refused = str(request.user), 0, []
        for row in rows:
            try:
                if verb == Act.Verb.NOTICE:
                    decisions.notice(row, actor=by)
                else:
                    decisions.decide(row, verb, actor=by)
                done += 1
            except decisions.DecisionRefused as refusal:
                refused.append(f"{row}: {refusal}")
        if done:
            messages.success(request, told.WORDS[verb].done(done))
        for sentence in refused[:5]:
            messages.warning(request, sentence)
        if len(refused) > 5:
            messages.warning(request, f"{len(refused) - 5} more were not done either.")

    def _several(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding], verb: Act.Verb
    ) -> HttpResponse | None:
        rows = list(queryset.order_by("pk")[:MOST_AT_ONCE])
        ticked = len(request.POST.getlist(ACTION_CHECKBOX_NAME))
        if len(rows) < min(ticked, MOST_AT_ONCE):
            messages.warning(request, LOOK_AGAIN)
        fit = [row for row in rows if not told.why_not(row, verb)]
        if rows and not fit:
            messages.warning(request, told.why_not(rows[0], verb))
        if not fit:
            return None
        if "confirmed" not in request.POST:
            return self._ask(request, fit, verb, several=True)
        self._decide(request, fit, verb)
        return None

    @admin.action(description="Take Tyk's values", permissions=["decide"])
    def take_selected(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> HttpResponse | None:
        return self._several(request, queryset, Act.Verb.TAKE)

    @admin.action(description="Push ours to Tyk", permissions=["decide"])
    def push_selected(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> HttpResponse | None:
        return self._several(request, queryset, Act.Verb.PUSH)

    @admin.action(description="Ignore until a value moves", permissions=["decide"])
    def ignore_selected(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> HttpResponse | None:
        return self._several(request, queryset, Act.Verb.IGNORE)

    @admin.action(description="Ignore no longer", permissions=["decide"])
    def notice_selected(
        self, request: HttpRequest, queryset: QuerySet[DriftFinding]
    ) -> HttpResponse | None:
        return self._several(request, queryset, Act.Verb.NOTICE)
