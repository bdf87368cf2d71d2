"""What staff see of the catalogue: read-only but for documents, since Tyk owns it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from catalogue import services, text, words
from catalogue.admin_documents import EntryPages
from catalogue.models import Document, Entry, Plan
from tyk.admin import ReadOnlyAdmin
from tyk.models import Organisation

ENTRY_SHOWN = (
    "name", "page", "on_the_shelf", "warnings", "document", "plan", "limits",
    "approval", "authentication", "questions", "description", "policy_id", "api_id",
    "documentation_id", "read_at", "gone_at",
)  # fmt: skip
PLAN_SHOWN = (
    "name", "warnings", "limits", "key_lasts", "api_names", "authentication",
    "entry_count", "oid", "ref", "read_at", "gone_at",
)  # fmt: skip


class Either(admin.SimpleListFilter):
    """Rows that meet a condition, or the others, each side in words of its own."""

    condition: Q
    words: tuple[str, str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(zip(("yes", "no"), self.words, strict=True))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        wanted = self.condition if self.value() == "yes" else ~self.condition
        return queryset.filter(wanted)


class VisibilityFilter(Either):
    title = parameter_name = "visibility"
    condition, words = Q(shown=True), ("Shown", "Hidden")


class KeyFilter(Either):
    title = parameter_name = "key"
    condition, words = Q(keyless=False), ("Called with a key", "Called without")


class PresenceFilter(Either):
    title = parameter_name = "presence"
    condition, words = Q(gone_at=None), ("In Tyk", "Gone from Tyk")


@admin.register(Entry)
class EntryAdmin(EntryPages):
    """The shelf as visitors see it, and why something is not on it."""

    change_form_template = "admin/catalogue/entry/change_form.html"
    list_display = [
        "name", "plan_named", "limits", "document", "on_the_shelf", "warnings",
    ]  # fmt: skip
    list_filter = [VisibilityFilter, KeyFilter, PresenceFilter]
    list_select_related = ["plan"]
    search_fields = ["name", "slug", "policy_id", "plan__name"]
    search_help_text = "Name, slug or policy id"
    ordering = ["position", "pk"]
    fields = ENTRY_SHOWN
    readonly_fields = ENTRY_SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        light = Document.objects.light().defer("body", "viewer", "outline", "words")
        documents = Prefetch("documents", light.in_order_of_trust())
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.prefetch_related(documents)

    @admin.display(description="Document")
    def document(self, entry: Entry) -> SafeString:
        """What readers get of it, or why they get nothing."""
        listed = [d for d in entry.documents.all() if d.state != Document.State.ABSENT]
        url = reverse("admin:catalogue_entry_documents", args=[entry.pk])
        return format_html('<a href="{}">{}</a>', url, _document_words(listed))

    @admin.display(description="Plan", ordering="plan__name")
    def plan_named(self, entry: Entry) -> str:
        return entry.plan.name if entry.plan else "—"

    @admin.display(description="Published", boolean=True)
    def on_the_shelf(self, entry: Entry) -> bool:
        return not services.warnings(entry)

    @admin.display(description="Warnings")
    def warnings(self, entry: Entry) -> str:
        return "; ".join(services.warnings(entry)) or "no warnings"

    @admin.display(description="Limits")
    def limits(self, entry: Entry) -> str:
        return entry.limits_words or "—"

    @admin.display(description="Page")
    def page(self, entry: Entry) -> SafeString:
        if services.warnings(entry):
            return format_html("{} (not on the shelf)", entry.get_absolute_url())
        url = entry.get_absolute_url()
        return format_html('<a href="{}">{}</a>', url, url)

    @admin.display(description="Approval")
    def approval(self, entry: Entry) -> str:
        needed = services.needs_approval(entry, Organisation.current())
        source = "the portal's" if entry.approval_override is None else "the entry's"
        return f"{words.approval_words(needed=needed)} ({source} setting)"

    @admin.display(description="Authentication")
    def authentication(self, entry: Entry) -> str:
        return words.auth_words(entry.kind)

    @admin.display(description="Request form asks for")
    def questions(self, entry: Entry) -> str:
        asked = services.ask_fields(entry, Organisation.current())
        return ", ".join(asked) or "nothing extra"

    @admin.display(description="Description")
    def description(self, entry: Entry) -> str:
        """Its beginning; the page shows the rest as developers read it."""
        return Truncator(text.plain(entry.long_text)).chars(400) or "—"


def _document_words(listed: list[Document]) -> str:
    """The first of `listed` is what readers get."""
    if not listed:
        return "none"
    first = listed[0]
    by_staff = ", uploaded" if first.source == Document.Source.STAFF else ""
    said = {
        Document.State.BROKEN.value: f"can't be shown: {first.problem}",
        Document.State.LINK.value: "a link to another site",
    }
    return said.get(first.state, f"{first.format}{by_staff}")


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    """Every policy of the organisation, in the catalogue or not."""

    list_display = ["name", "limits", "entry_count", "live", "warnings"]
    list_filter = ["live", PresenceFilter]
    search_fields = ["name", "oid", "ref"]
    search_help_text = "Name or policy id"
    ordering = ["name", "pk"]
    fields = PLAN_SHOWN
    readonly_fields = PLAN_SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        present = Q(entries__gone_at=None)
        plans: QuerySet[Plan] = super().get_queryset(request)
        return plans.annotate(entry_total=Count("entries", filter=present))

    @admin.display(description="Entries", ordering="entry_total")
    def entry_count(self, plan: Plan) -> int:
        return int(getattr(plan, "entry_total", 0))

    @admin.display(description="Limits")
    def limits(self, plan: Plan) -> str:
        return plan.limits_words

    @admin.display(description="Key lasts")
    def key_lasts(self, plan: Plan) -> str:
        return words.key_lasts_words(plan)

    @admin.display(description="Opens")
    def api_names(self, plan: Plan) -> str:
        return ", ".join(name or api_id for api_id, name in plan.apis) or "no API"

    @admin.display(description="Authentication")
    def authentication(self, plan: Plan) -> str:
        return words.auth_words(plan.auth_kind)

    @admin.display(description="Warnings")
    def warnings(self, plan: Plan) -> str:
        found = services.plan_warnings(plan, in_entries=self.entry_count(plan))
        return "; ".join(found) or "no warnings"
