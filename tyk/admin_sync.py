"""The sync page: when each part of the mirror was last complete, and what to do."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from tyk import alarms, doorbell
from tyk.admin_readonly import ReadOnlyAdmin
from tyk.models import Outbox, PullState

ASK = "tyk.change_pullstate"
PAGE = "admin:tyk_pullstate_changelist"
# A second click, or a colleague's, within this time asks for nothing more.
ASKED_JUST_NOW = timedelta(seconds=30)
# A pull that missed so many turns is late.
TURNS = 3

#: Each kind in words, and how much of Tyk it reads.
WORDS = {
    "configuration": ("Settings of the organisation", "all of them"),
    "policies": ("Plans", "every policy"),
    "catalogue": ("Catalogue", "every entry"),
    "documents": ("Catalogue", "documents that changed"),
    "developers": ("Developers", "all of them, with their keys"),
    "requests": ("Key requests", "all of them"),
    "pending": ("Key requests", "those not approved yet"),
    "recent": ("Developers", "those who are here now"),
    "usage": ("Usage", "keys whose turn it is"),
}


def words_of(kind: str) -> str:
    """A kind in words, for messages."""
    name, part = WORDS.get(kind, (kind, ""))
    return f"{name} ({part})" if part else name


class PullStateAdmin(ReadOnlyAdmin):
    """When each part of the mirror was last complete, and what went wrong since."""

    list_display = ["pull", "complete", "read", "in_step", "to_do"]
    list_display_links = None
    ordering = ["kind"]
    sortable_by = ()
    change_list_template = "admin/tyk/pullstate/change_list.html"

    def has_view_permission(
        self, request: HttpRequest, obj: PullState | None = None
    ) -> bool:
        return request.user.has_perm("tyk.view_pullstate") or request.user.has_perm(ASK)

    def get_list_display(self, request: HttpRequest) -> Any:
        asks = ["ask"] if request.user.has_perm(ASK) else []
        return [*self.list_display, *asks]

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<str:kind>/ask/",
                self.admin_site.admin_view(self.ask_view),
                name="tyk_pullstate_ask",
            ),
            *super().get_urls(),
        ]

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
        known = set(PullState.objects.values_list("kind", flat=True))
        context = {
            "owed": counts if may_look else None,
            "never": [words_of(kind) for kind in settings.PULLS if kind not in known],
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    # --- The columns ---------------------------------------------------------------
    @admin.display(description="what")
    def pull(self, row: PullState) -> SafeString:
        name, part = WORDS.get(row.kind, (row.kind, ""))
        return format_html('{}<span class="sub">{}</span>', name, part)

    @admin.display(description="last complete")
    def complete(self, row: PullState) -> SafeString | str:
        if row.completed_at is None:
            return "never"
        kind, what = _urgency(row)
        return format_html(
            '<span class="age age-{}">{}<span class="what">{}</span></span>',
            kind,
            _ago(row.completed_at),
            what,
        )

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
        return "in step" if row.completed_at else "not read yet"

    @admin.display(description="what to do")
    def to_do(self, row: PullState) -> str:
        return to_do(row)

    @admin.display(description="")
    def ask(self, row: PullState) -> SafeString:
        return format_html(
            '<button class="button" formaction="{}" aria-label="Ask now: {}">Ask now'
            "</button>",
            reverse("admin:tyk_pullstate_ask", args=[row.kind]),
            words_of(row.kind),
        )

    # --- Asking out of turn ----------------------------------------------------------
    def ask_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Ring for a pull; a worker makes it. No Dashboard call is made here."""
        if not request.user.has_perm(ASK):
            raise PermissionDenied
        if kind not in settings.PULLS:
            raise Http404
        if request.method == "POST":
            self._ask(request, kind)
        return redirect(PAGE)

    def _ask(self, request: HttpRequest, kind: str) -> None:
        row, _ = PullState.objects.get_or_create(kind=kind)
        now = timezone.now()
        free = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_JUST_NOW)
        if not PullState.objects.filter(free, kind=kind).update(asked_at=now):
            messages.warning(request, f"{words_of(kind)}: asked for just now already.")
            return
        if doorbell.ring("tyk.tasks.pull", kind):
            self.log_change(request, row, "Asked for a pull out of turn.")
            messages.success(
                request,
                f"{words_of(kind)}: a worker reads it now. This page shows it when it "
                "is complete.",
            )
            return
        PullState.objects.filter(kind=kind, asked_at=now).update(asked_at=None)
        messages.error(
            request,
            "No worker could be called: the broker does not answer. "
            "manage.py sync_once reads everything without it.",
        )


def _urgency(row: PullState) -> tuple[str, str]:
    """Class and words for the age of what is mirrored."""
    often = alarms.interval(row.kind)
    if often is None or row.completed_at is None:
        return "fresh", ""
    missed = timezone.now() - row.completed_at
    if missed > 2 * TURNS * often:
        return "late", "far too old"
    return ("soon", "a turn was missed") if missed > TURNS * often else ("fresh", "")


def to_do(row: PullState) -> str:
    """What a person does about this pull."""
    if row.last_error:
        return (
            "It is tried again by itself. If it stays so, manage.py doctor says whether "
            "Tyk answers and takes our key."
        )
    if row.held_back_reason:
        return (
            "Look in Tyk whether it really went. If not, mend Tyk: the next pull is in "
            "step again. If it did, the Drift page or manage.py drift shows what it is."
        )
    if row.completed_at is None:
        return "Ask now, or look whether a worker and the beat run."
    if _urgency(row)[1]:
        return "Look whether a worker and the beat run, then ask now."
    return f"{row.bad} could not be read: see the log." if row.bad else "nothing to do"


def _ago(moment: datetime) -> str:
    if timezone.now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago".replace("\xa0", " ")
