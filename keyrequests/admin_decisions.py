"""Deciding in the admin: a page that says what will happen, then a POST.

`admin_view` only checks for active staff, so each view here checks the right to
change again. What a service refuses is told, changes nothing and leaves a trace.
"""

from typing import cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from developers.models import User
from keyrequests import services
from keyrequests.errors import AccessError, AlreadyDecided, ReasonNeeded
from keyrequests.models import Event, Key, KeyRequest
from tyk.admin import ReadOnlyAdmin

QUEUE = "admin:keyrequests_keyrequest_changelist"
MOST_AT_ONCE = 50


class Decisions(admin.ModelAdmin[KeyRequest]):
    """Approve and decline, one by one and several at once."""

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "approve")

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "decline")

    def _decide(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = get_object_or_404(
            KeyRequest.objects.select_related("developer", "decided_by"), pk=pk
        )
        reason = request.POST.get("reason", "")
        if request.method != "POST":
            return self._ask(request, [row], verb, reason="")
        try:
            decide(row, verb, by=staff_of(request), reason=reason)
        except ReasonNeeded as refusal:
            return self._ask(request, [row], verb, reason=reason, error=str(refusal))
        except AccessError as refusal:
            note_refusal(row, refusal, by=staff_of(request))
            messages.warning(request, str(refusal))
            return redirect("admin:keyrequests_keyrequest_change", pk)
        messages.success(request, decided_words(row, verb))
        return redirect(QUEUE)

    def _ask(
        self,
        request: HttpRequest,
        rows: list[KeyRequest],
        verb: str,
        *,
        reason: str,
        error: str = "",
    ) -> HttpResponse:
        """The page that says what will happen."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "rows": rows,
            "verb": verb,
            "reason": reason,
            "error": error,
            "several": len(rows) > 1 or "action" in request.POST,
            "title": f"{verb.capitalize()} {_what(rows)}",
        }
        return TemplateResponse(
            request,
            "admin/keyrequests/keyrequest/decide.html",
            context,
            status=400 if error else 200,
        )

    @admin.action(description="Approve selected", permissions=["change"])
    def approve_selected(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> HttpResponse | None:
        plans = set(queryset.values_list("plans__policy_id", flat=True))
        if len(plans) > 1:
            messages.error(request, "Approve several only for one and the same plan.")
            return None
        return self._several(request, queryset, "approve")

    @admin.action(description="Decline selected", permissions=["change"])
    def decline_selected(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> HttpResponse | None:
        return self._several(request, queryset, "decline")

    def _several(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest], verb: str
    ) -> HttpResponse | None:
        rows = list(queryset.select_related("developer", "decided_by")[:MOST_AT_ONCE])
        reason = request.POST.get("reason", "")
        if "confirmed" not in request.POST:
            return self._ask(request, rows, verb, reason="")
        if verb == "decline" and not reason.strip():
            return self._ask(
                request, rows, verb, reason=reason, error=ReasonNeeded.sentence
            )
        tell_results(request, rows, verb, reason=reason)
        return None


def tell_results(
    request: HttpRequest, rows: list[KeyRequest], verb: str, *, reason: str
) -> None:
    """Decide each row; one sentence for those done, one for each refused."""
    done = 0
    by = staff_of(request)
    for row in rows:
        try:
            decide(row, verb, by=by, reason=reason)
        except AccessError as refusal:
            note_refusal(row, refusal, by=by)
            messages.warning(request, f"{row.number}: {refusal}")
        else:
            done += 1
    if done:
        past = "approved" if verb == "approve" else "declined"
        plural = "request" if done == 1 else "requests"
        messages.success(request, f"{done} {plural} {past}.")


def decide(row: KeyRequest, verb: str, *, by: User, reason: str) -> None:
    """Approve or decline; raises AccessError."""
    if verb == "approve":
        services.approve(row, by=by, reason=reason.strip())
    else:
        services.decline(row, by=by, reason=reason)


def note_refusal(row: KeyRequest, refusal: AccessError, *, by: User) -> None:
    """A refused decision is on the trail too, but not that a colleague was quicker."""
    if not isinstance(refusal, AlreadyDecided):
        services.note(Event.Verb.REFUSED, request=row, actor=str(by), text=refusal.code)


def decided_words(row: KeyRequest, verb: str) -> str:
    who = row.developer
    if verb == "approve":
        return f"{row.number} approved. {who} gets the mail now and claims the key."
    return f"{row.number} declined. {who} gets the mail with your reason now."


def staff_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def _what(rows: list[KeyRequest]) -> str:
    return str(rows[0]) if len(rows) == 1 else f"{len(rows)} requests"


class KeyActs(ReadOnlyAdmin):
    """Ending one key for its owner."""

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm("keyrequests.change_key"):
            raise PermissionDenied
        key = get_object_or_404(Key.objects.select_related("developer"), pk=pk)
        back = reverse("admin:keyrequests_key_change", args=[pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "key": key,
                "back": back,
                "title": f"Revoke {key}",
            }
            return TemplateResponse(
                request, "admin/keyrequests/key/revoke.html", context
            )
        try:
            services.revoke(key, actor=str(staff_of(request)))
        except AccessError as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, f"{key} is being revoked. Its owner gets a mail.")
        return redirect(back)
