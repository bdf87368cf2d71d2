"""The outbox desk: what is owed, where it stands, and what a person may do.

Trying again and looking are done at once, since both may be repeated. Abandoning
is a page of its own that says what it leaves behind, then a POST with a reason.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from tyk import desk, outbox
from tyk.admin_abandon import (
    MEND,
    ROW,
    Abandoning,
    only_first,
    selected,
    told_to,
    was_parked,
)
from tyk.models import Outbox

MAIL = "mail."
MOST_LINES = 50

#: The shape beside a state, by the look of ages.
SHAPES = {"parked": "late", "unsure": "soon", "sending": "fresh", "due": "fresh"}


class OwedFilter(admin.SimpleListFilter):
    """What is still owed, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("parked", "Parked"),
            ("unsure", "Unsure"),
            ("abandoned", "Abandoned"),
            ("all", "Everything"),
        ]

    def choices(self, changelist: Any) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Due and parked"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Outbox]
    ) -> QuerySet[Outbox]:
        if self.value() == "all":
            return queryset
        if self.value() == "abandoned":
            return queryset.filter(abandoned__gt=0, abandoned=F("served"))
        owed = queryset.filter(asked__gt=F("served"))
        if self.value() == "unsure":
            return owed.filter(parked_reason="", sending_since__isnull=False)
        return owed.exclude(parked_reason="") if self.value() == "parked" else owed


class KindFilter(admin.SimpleListFilter):
    """By kind, from the settings: a DISTINCT would read every row there is."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = [
            (kind, desk.words_of(kind))
            for kind in settings.OUTBOX_HANDLERS
            if not kind.startswith(MAIL)
        ]
        return [("mail", "Mails"), *sorted(kinds, key=lambda kind: kind[1])]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Outbox]
    ) -> QuerySet[Outbox]:
        kind = self.value()
        if kind == "mail":
            return queryset.filter(kind__startswith=MAIL)
        return queryset.filter(kind=kind) if kind else queryset


class DeskList(ChangeList):
    """Finds what the rows of a page are about all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        found = desk.about(rows)
        for row in rows:
            row.told = told_to(found.get(row.pk), request.user.has_perm)
        self.result_list = rows


class OutboxAdmin(Abandoning):
    """The outbox: due, sending, unsure, parked and why."""

    list_display = ["waited", "work", "stands", "failed"]
    list_display_links = None  # `work` links the row and what it is about
    list_filter = [OwedFilter, KindFilter]
    search_fields = ["subject"]
    search_help_text = "The code of a request, key or sign-up"
    empty_value_display = ""
    ordering = ["next_at", "pk"]
    sortable_by = ()
    actions = ["try_again", "look_first", "abandon_selected"]
    change_list_template = "admin/tyk/outbox/change_list.html"
    change_form_template = "admin/tyk/outbox/change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DeskList

    def has_view_permission(
        self, request: HttpRequest, obj: Outbox | None = None
    ) -> bool:
        return request.user.has_perm("tyk.view_outbox") or request.user.has_perm(MEND)

    def get_urls(self) -> list[URLPattern]:
        mine = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"tyk_outbox_{name}",
            )
            for name, view in (
                ("try-again", self.try_again_view),
                ("look", self.look_view),
                ("abandon", self.abandon_view),
            )
        ]
        return [*mine, *super().get_urls()]

    # --- The list ----------------------------------------------------------------
    @admin.display(description="asked for")
    def waited(self, row: Outbox) -> SafeString | str:
        return age(row)

    @admin.display(description="work")
    def work(self, row: Outbox) -> SafeString:
        words, url = getattr(row, "told", None) or (row.subject, "")
        about = format_html('<a href="{}">{}</a>', url, words) if url else words
        return format_html(
            '<a href="{}">{}</a><span class="sub">{}</span>',
            reverse(ROW, args=[row.pk]),
            desk.words_of(row.kind),
            about,
        )

    @admin.display(description="attempts")
    def failed(self, row: Outbox) -> str:
        return f"{row.attempts} failed" if row.attempts else ""

    @admin.display(description="state")
    def stands(self, row: Outbox) -> SafeString:
        standing = desk.standing(row)
        return format_html(
            '<span class="age age-{}">{}</span><span class="sub">{}</span>',
            SHAPES.get(standing.name, "over"),
            standing.words,
            _why(row, standing),
        )

    # --- Acts on several -----------------------------------------------------------
    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Outbox]) -> None:
        rows = selected(request, queryset)
        hurried = [row for row in rows if self._try_again(request, row)]
        self._say_how_many(request, hurried, rows, "are tried again now.")

    @admin.action(description="Look in Tyk first", permissions=["retry"])
    def look_first(self, request: HttpRequest, queryset: QuerySet[Outbox]) -> None:
        rows = selected(request, queryset)
        hurried = [row for row in rows if self._look(request, row)]
        self._say_how_many(request, hurried, rows, "look in Tyk before they go on.")

    def _say_how_many(
        self, request: HttpRequest, done: list[Outbox], of: list[Outbox], what: str
    ) -> None:
        level = messages.SUCCESS if done else messages.WARNING
        said = f"{len(done)} of {len(of)} rows{only_first(request, of)} {what}"
        self.message_user(request, said, level)

    def _try_again(self, request: HttpRequest, row: Outbox) -> bool:
        hurried = outbox.try_again(row.pk)
        if hurried:
            self.log_change(request, row, f"Tried again.{was_parked(row)}")
        return hurried

    def _look(self, request: HttpRequest, row: Outbox) -> bool:
        hurried = desk.look(row.pk)
        if hurried:
            self.log_change(request, row, f"Asked to look first.{was_parked(row)}")
        return hurried

    # --- One row -------------------------------------------------------------------
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What the row is, what was tried and what is next. Nothing is edited."""
        if request.method not in {"GET", "HEAD"} or not self.has_view_permission(
            request
        ):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return TemplateResponse(
            request, self.change_form_template, self._page(request, row)
        )

    def _page(self, request: HttpRequest, row: Outbox) -> dict[str, Any]:
        work, standing = desk.work_of(row.kind), desk.standing(row)
        about = desk.about([row]).get(row.pk)
        owed = row.asked > row.served
        may = owed and self.has_retry_permission(request)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "row": row,
            "title": desk.words_of(row.kind),
            "work": work,
            "told": told_to(about, request.user.has_perm),
            "standing": standing,
            "age": age(row),
            "shape": SHAPES.get(standing.name, "over"),
            "left": row.asked - row.served,
            "may_try": may and standing.name != "sending",
            "may_look": may and desk.may_look(row) and standing.name != "sending",
            "why_not": desk.why_not(row) if may else "",
            "may_abandon": may,
            "trail": self._trail(row),
        }

    def _trail(self, row: Outbox) -> list[LogEntry]:
        """What people did with it, newest first."""
        kind = ContentType.objects.get_for_model(Outbox)
        entries = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
        newest = entries.select_related("user").order_by("-action_time", "-pk")
        return list(newest[:MOST_LINES])

    def try_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._hurry(
            request, pk, self._try_again, "It is tried again now, by the next worker."
        )

    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._hurry(
            request, pk, self._look, "A worker looks in Tyk now, before it goes on."
        )

    def _hurry(
        self,
        request: HttpRequest,
        pk: int,
        act: Callable[[HttpRequest, Outbox], bool],
        done: str,
    ) -> HttpResponse:
        row = self.to_mend(request, pk)
        if request.method == "POST" and act(request, row):
            messages.success(request, done)
        elif request.method == "POST":
            row.refresh_from_db()
            standing = desk.standing(row)
            messages.warning(
                request, f"Nothing was changed. {standing.words}: {standing.next}"
            )
        return redirect(ROW, pk)


def _why(row: Outbox, standing: desk.Standing) -> str:
    """Beside a state: what stands in the way, or who gave it up."""
    if standing.name == "abandoned":
        return f"by {row.abandoned_by}: {row.abandoned_reason}"
    return row.parked_reason or row.last_outcome


def age(row: Outbox) -> SafeString | str:
    """How long it is owed in words, shape and colour; when it was asked, if over."""
    waited = timezone.now() - row.asked_at
    # An ordinary space: figure and unit may stand on two lines.
    words = timesince(row.asked_at, depth=1).replace("\xa0", " ")
    if waited < timedelta(minutes=1):
        words = "just now"
    if row.asked == row.served:
        return words if waited < timedelta(minutes=1) else f"{words} ago"
    kind, what = desk.urgency(waited)
    return format_html(
        '<span class="age age-{}">{}<span class="what">{}</span></span>',
        kind,
        words,
        what,
    )
