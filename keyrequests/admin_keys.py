"""Ending one key for its owner, in the admin. Staff never see the key."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from keyrequests import services
from keyrequests.admin_decisions import note_refusal, refuse_without_right, staff_of
from keyrequests.errors import AccessError, NotLive
from keyrequests.models import Key
from tyk.admin import ReadOnlyAdmin


def may_revoke(request: HttpRequest) -> bool:
    """Keys are read-only for everybody; this right is for ending them."""
    return request.user.has_perm("keyrequests.change_key")


class KeyActs(ReadOnlyAdmin):
    """The page that asks before a key is ended, and its POST."""

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        keys = Key.objects.select_related("developer").defer("sealed_id")
        key = get_object_or_404(keys, pk=pk)
        refuse_without_right(request, may=may_revoke(request), about=key)
        if request.method == "POST":
            return self._revoke(request, key)
        if key.state != Key.State.LIVE:
            messages.warning(request, NotLive.sentence)
            return redirect(_page(key))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "key": key,
            "back": _page(key),
            "title": f"Revoke {key}",
        }
        template = "admin/keyrequests/key/revoke.html"
        return TemplateResponse(request, template, context)

    def _revoke(self, request: HttpRequest, key: Key) -> HttpResponse:
        by = staff_of(request)
        try:
            services.revoke(key, actor=str(by))
        except AccessError as refusal:
            note_refusal(refusal.code, by=by, key=key)
            messages.warning(request, str(refusal))
        else:
            messages.success(
                request,
                f"{key} is being revoked; it is live until Tyk has it. "
                "Its owner gets a mail.",
            )
        return redirect(_page(key))


def _page(key: Key) -> str:
    return reverse("admin:keyrequests_key_change", args=[key.pk])
