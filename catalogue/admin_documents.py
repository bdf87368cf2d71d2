"""The documents of one entry, for staff: upload, take back, download, preview."""

from collections.abc import Callable
from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from catalogue import documents, services, standing, views
from catalogue.loading import MAX_BYTES, MiB, Unreadable
from catalogue.models import Document, Entry
from catalogue.views_documents import as_file
from tyk.admin import ReadOnlyAdmin

CHANGE = "catalogue.change_document"


class UploadForm(forms.Form):
    """One file; what it holds is judged by `documents.upload`."""

    file = forms.FileField(
        label="OpenAPI document",
        help_text=f"JSON or YAML: OpenAPI 3.1, 3.0 or Swagger 2.0, up to "
        f"{MAX_BYTES // MiB} MiB. Everything in one file: nothing is fetched.",
        error_messages={"required": "Choose a file."},
    )

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(f"It is larger than {MAX_BYTES // MiB} MiB.")
        return file


class EntryPages(ReadOnlyAdmin):
    """What an entry's admin has beside Django's own pages."""

    def get_urls(self) -> list[URLPattern]:
        own: dict[str, tuple[Callable[..., HttpResponseBase], str]] = {
            "<int:pk>/documents/": (self.documents_view, "documents"),
            "<int:pk>/documents/<str:source>/": (self.download_view, "download"),
            "<int:pk>/preview/": (self.preview_view, "preview"),
        }
        mine = [
            path(
                address,
                self.admin_site.admin_view(view),
                name=f"catalogue_entry_{name}",
            )
            for address, (view, name) in own.items()
        ]
        return [*mine, *super().get_urls()]

    def _entry(self, request: HttpRequest, pk: int) -> Entry:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Entry.objects.select_related("plan"), pk=pk)

    # --- Documents -----------------------------------------------------------
    def documents_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Both documents of the entry, and the form for an upload."""
        entry = self._entry(request, pk)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST":
            if not request.user.has_perm(CHANGE):
                raise PermissionDenied
            done = self._act(request, entry, form)
            if done:
                return redirect("admin:catalogue_entry_documents", entry.pk)
        listed = list(entry.documents.light().in_order_of_trust())
        context = {
            **self.admin_site.each_context(request),
            "title": f"Documents of {entry}",
            "opts": self.opts,
            "entry": entry,
            "form": form,
            "documents": listed,
            "uploaded": any(d.source == Document.Source.STAFF for d in listed),
            "may_change": request.user.has_perm(CHANGE),
            "off_the_shelf": services.warnings(entry),
        }
        template = "admin/catalogue/entry/documents.html"
        return TemplateResponse(request, template, context)

    def _act(self, request: HttpRequest, entry: Entry, form: UploadForm) -> bool:
        """Whether it was done; False leaves the reason in the form."""
        if "take_back" in request.POST:
            return self._take_back(request, entry)
        if not form.is_valid():
            return False
        file = form.cleaned_data["file"]
        try:
            document = documents.upload(entry, file.read())
        except Unreadable as why:
            form.add_error("file", f"This document can't be shown. {why}")
            return False
        said = f"{document.format}, “{document.title}” {document.version}".strip()
        self.log_change(request, entry, f"Uploaded a document: {said}.")
        messages.success(request, f"Readers see it now: {said}.")
        return True

    def _take_back(self, request: HttpRequest, entry: Entry) -> bool:
        uploaded = entry.documents.filter(source=Document.Source.STAFF).first()
        if uploaded is None:
            messages.warning(request, "There is no upload any more.")
            return True
        documents.take_back(uploaded)
        self.log_change(request, entry, f"Took back the document “{uploaded.title}”.")
        left = documents.shown(entry)
        now = "Tyk's document again" if left else "no document"
        messages.success(request, f"Readers see {now}.")
        return True

    def download_view(
        self, request: HttpRequest, pk: int, source: str
    ) -> HttpResponseBase:
        """One of the two as it came, broken ones too."""
        entry = self._entry(request, pk)
        return as_file(request, get_object_or_404(entry.documents, source=source))

    # --- Preview -------------------------------------------------------------
    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The entry's page as a visitor gets it, also while it is off the shelf."""
        entry = self._entry(request, pk)
        if entry.gone_at is not None:
            raise Http404
        visitor = copy(request)
        visitor.user = AnonymousUser()
        why = services.warnings(entry)
        beside = [entry] if why else services.ledger(entry.slug)[1]
        return views.entry_page(
            visitor,
            standing.now(),
            entry,
            beside,
            preview={
                "off_the_shelf": why,
                "back": reverse("admin:catalogue_entry_change", args=[entry.pk]),
            },
        )


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Every document there is: which are broken, and which Tyk withholds."""

    list_display = ["entry", "source", "state", "kind", "title", "problem"]
    list_display_links = None
    list_filter = ["state", "source"]
    search_fields = ["entry__name", "title"]
    search_help_text = "Entry or title"
    ordering = ["entry__position", "source"]

    def get_queryset(self, request: HttpRequest) -> Any:
        heavy = ("body", "viewer", "outline", "words")
        return super().get_queryset(request).select_related("entry").defer(*heavy)

    @admin.display(description="Format", ordering="format")
    def kind(self, document: Document) -> str:
        return document.format or "—"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list alone: one document is seen, and changed, at its entry."""
        return obj is None and super().has_view_permission(request)
