"""Deciding in the admin: a page that says what will happen, then a POST.

`admin_view` only checks for active staff, so each view here checks the right to
change again. What is refused is told, changes nothing and leaves a trace.
"""

from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from developers.models import User
from keyrequests import admin_case, services, words as said
from keyrequests.admin_preview import preview
from keyrequests.errors import AccessError, ReasonNeeded
from keyrequests.models import Event, Key, KeyRequest
from tyk import admin_chosen

QUEUE = "admin:keyrequests_keyrequest_changelist"
CASE = "admin:keyrequests_keyrequest_change"
MOST_AT_ONCE = 50
CHANGED = (
    "The developer changed this request since you opened it. Nothing was decided: "
    "read it again."
)

PAST = {"approve": "approved", "decline": "declined"}


class Decisions(admin.ModelAdmin[KeyRequest]):
    """Approve and decline, one by one and several at once."""

    def case_page(
        self,
        request: HttpRequest,
        row: KeyRequest,
        *,
        reason: str = "",
        status: int = 200,
    ) -> HttpResponse:
        """All that is known of `row`, with what was typed for its developer."""
        context = {
            **self.admin_site.each_context(request),
            **admin_case.case(row, staff_of(request)),
            "title": f"{row.developer} asks for {row.entry_name}",
            "opts": self.opts,
            "original": row,
            "case": row,
            "may_decide": self.has_change_permission(request, row)
            and row.status == KeyRequest.Status.PENDING,
            "reason": reason,
        }
        return TemplateResponse(
            request,
            "admin/keyrequests/keyrequest/change_form.html",
            context,
            status=status,
        )

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "approve")

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._decide(request, pk, "decline")

    def _decide(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        row = get_object_or_404(_cases(), pk=pk)
        refuse_without_right(
            request, may=self.has_change_permission(request), about=row
        )
        if request.method != "POST" or "preview" in request.POST:
            return self._ask_if_open(request, row, verb)
        reason = request.POST.get("reason", "")
        if request.POST.get("seen", admin_case.seen(row)) != admin_case.seen(row):
            messages.warning(request, CHANGED)
            return self.case_page(request, row, reason=reason, status=409)
        try:
            decide(row, verb, by=staff_of(request), reason=reason)
        except ReasonNeeded as refusal:
            return self._ask(request, [row], verb, reason=reason, error=str(refusal))
        except AccessError as refusal:
            note_refusal(refusal.code, by=staff_of(request), request=row)
            messages.warning(request, str(refusal))
            return redirect(CASE, pk)
        following = admin_case.after(row, staff_of(request))
        messages.success(request, told(row, verb, following))
        return redirect(CASE, following.pk) if following else redirect(QUEUE)

    def _ask_if_open(
        self, request: HttpRequest, row: KeyRequest, verb: str
    ) -> HttpResponse:
        if row.status == KeyRequest.Status.PENDING:
            # What was typed on the request's own page comes along to the preview.
            reason = request.POST.get("reason", "")
            return self._ask(request, [row], verb, reason=reason)
        messages.warning(request, said.decided(row))
        return redirect(CASE, row.pk)

    def _ask(
        self,
        request: HttpRequest,
        rows: list[KeyRequest],
        verb: str,
        *,
        reason: str = "",
        error: str = "",
        several: bool = False,
        more: bool = False,
    ) -> HttpResponse:
        """The page that says what will happen."""
        what = f"{len(rows)} requests" if several and len(rows) > 1 else str(rows[0])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "rows": rows,
            "each": [(row, _read_of(request, row)) for row in rows],
            "first": rows[0],
            "verb": verb,
            "reason": reason,
            "error": error,
            "several": several,
            "more": more,
            "warnings": _warnings(rows, staff_of(request), several=several),
            # A preview shows nothing newer than what was read before it.
            "seen": request.POST.get("seen", admin_case.seen(rows[0])),
            "preview": preview(rows[0], verb, reason=reason),
            "claim_until": timezone.now() + timedelta(days=settings.APPROVAL_DAYS),
            "title": f"{verb.capitalize()} {what}",
        }
        return TemplateResponse(
            request,
            "admin/keyrequests/keyrequest/decide.html",
            context,
            status=400 if error else 200,
        )

    # --- Several at once ---------------------------------------------------------
    @admin.action(
        description="Approve selected (one plan only)", permissions=["change"]
    )
    def approve_selected(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> HttpResponse | None:
        return self._several(request, queryset, "approve")

    @admin.action(description="Decline selected", permissions=["change"])
    def decline_selected(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest]
    ) -> HttpResponse | None:
        return self._several(request, queryset, "decline")

    def _several(
        self, request: HttpRequest, queryset: QuerySet[KeyRequest], verb: str
    ) -> HttpResponse | None:
        selected = _selected(request, queryset)
        rows = selected[:MOST_AT_ONCE]
        if not rows:
            messages.warning(request, "None of these requests is there any more.")
            return None
        if verb == "approve" and len({_asks_for(row) for row in rows}) > 1:
            messages.error(
                request,
                "Approve several only for one and the same plan. Nothing was changed.",
            )
            return None
        reason = request.POST.get("reason", "")
        confirmed = "confirmed" in request.POST
        error = ""
        if confirmed and verb == "decline" and not reason.strip():
            error = ReasonNeeded.sentence
        if error or not confirmed:
            return self._ask(
                request,
                rows,
                verb,
                reason=reason,
                error=error,
                several=True,
                more=len(selected) > MOST_AT_ONCE,
            )
        decide_each(request, rows, verb, reason=reason)
        return None


def _cases() -> QuerySet[KeyRequest]:
    return KeyRequest.objects.select_related(
        "developer", "decided_by"
    ).prefetch_related("plans__plan")


def _selected(request: HttpRequest, queryset: QuerySet[KeyRequest]) -> list[KeyRequest]:
    """What was chosen; one more than is done at once, to know that there are more."""
    pks = admin_chosen.pks(request, queryset, most=MOST_AT_ONCE + 1)
    return list(_cases().filter(pk__in=pks).order_by("created_at", "pk"))


def _asks_for(row: KeyRequest) -> frozenset[str]:
    return frozenset(asked.policy_id for asked in row.plans.all())


def _warnings(rows: list[KeyRequest], by: User, *, several: bool) -> list[str]:
    """What stands in the way, with the number in front when there are several."""
    return [
        f"{row.number}: {words}" if several else words
        for row in rows
        for words in admin_case.warnings(row, by)
    ]


def _read_of(request: HttpRequest, row: KeyRequest) -> str:
    """Names what was read of one of several: the page that asks for the reason once
    more shows nothing newer."""
    return request.POST.get(f"seen-{row.pk}", admin_case.seen(row))


def decide_each(
    request: HttpRequest, rows: list[KeyRequest], verb: str, *, reason: str
) -> None:
    """Decide each row by itself and say in one message what came of each."""
    by, done, refused = staff_of(request), 0, []
    for row in rows:
        # Fifty take a while, and a developer may amend the last one meanwhile.
        row.refresh_from_db(fields=["project", "answers", "redirect_uri"])
        if _read_of(request, row) != admin_case.seen(row):
            refused.append(f"{row.number}: {CHANGED}")
            continue
        try:
            decide(row, verb, by=by, reason=reason)
        except AccessError as refusal:
            note_refusal(refusal.code, by=by, request=row)
            refused.append(f"{row.number}: {refusal}")
        else:
            done += 1
    plural = "request" if done == 1 else "requests"
    words = " ".join([f"{done or 'No'} {plural} {PAST[verb]}.", *refused])
    messages.add_message(
        request, messages.WARNING if refused else messages.SUCCESS, words
    )


# --- One decision ------------------------------------------------------------------
def decide(row: KeyRequest, verb: str, *, by: User, reason: str) -> None:
    """Approve or decline; raises AccessError."""
    if verb == "approve":
        services.approve(row, by=by, reason=reason.strip())
    else:
        services.decline(row, by=by, reason=reason)


def note_refusal(code: str, *, by: User, **about: Any) -> None:
    """A refused decision is on the trail too: who tried, and why not."""
    services.note(Event.Verb.REFUSED, actor=str(by), text=code, **about)


def refuse_without_right(
    request: HttpRequest, *, may: bool, about: KeyRequest | Key
) -> None:
    """Raise PermissionDenied unless `may`; a POST leaves a trace."""
    if may:
        return
    if request.method == "POST":
        kind = "key" if isinstance(about, Key) else "request"
        note_refusal("not_allowed", by=staff_of(request), **{kind: about})
    raise PermissionDenied


def told(row: KeyRequest, verb: str, following: KeyRequest | None) -> str:
    """What was done, and what opened by itself."""
    who = row.developer
    done = {
        "approve": f"{row.number} approved. {who} gets the mail now and {_claim(row)}",
        "decline": f"{row.number} declined. {who} gets the mail with your reason now.",
    }[verb]
    if following is None:
        return f"{done} Nothing else waits."
    return f"{done} This is the next one."


def _claim(row: KeyRequest) -> str:
    if row.tyk_id is None:
        return "claims the key. Tyk hears of it later: the key can be claimed then."
    return "claims the key."


def staff_of(request: HttpRequest) -> User:
    return cast(User, request.user)
