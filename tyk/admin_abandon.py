"""Giving work up: a page that says what it leaves behind, then a POST with a reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from tyk import admin_chosen, desk
from tyk.admin_readonly import ReadOnlyAdmin
from tyk.models import Outbox

MEND = "tyk.change_outbox"
ROW = "admin:tyk_outbox_change"
MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row on the page that asks, and what giving it up would mean."""

    row: Outbox
    words: str
    told: tuple[str, str] | None
    leaves: str
    why_not: str


class Abandoning(ReadOnlyAdmin):
    """The part of the desk that ends work without doing it; one row or several."""

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MEND)

    def to_mend(self, request: HttpRequest, pk: int) -> Outbox:
        """The row, for who may mend it; PermissionDenied or Http404."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        return get_object_or_404(Outbox, pk=pk)

    def abandon_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.to_mend(request, pk)
        if request.method == "POST":
            return self._abandon_one(request, row)
        refusal = desk.why_not(row)
        if refusal:
            messages.warning(request, refusal)
            return redirect(ROW, pk)
        return self._ask(request, [row])

    def _abandon_one(self, request: HttpRequest, row: Outbox) -> HttpResponse:
        reason = request.POST.get("reason", "").strip()
        error = _wrong(reason)
        if error:
            return self._ask(request, [row], reason=reason, error=error)
        refusal = self._abandon(request, row, reason)
        if refusal:
            messages.warning(request, refusal)
        else:
            messages.success(request, "Abandoned. It is not sent unless asked again.")
        return redirect(ROW, row.pk)

    @admin.action(description="Abandon", permissions=["retry"])
    def abandon_selected(
        self, request: HttpRequest, queryset: QuerySet[Outbox]
    ) -> HttpResponse | None:
        """Ask once for all of them; each is then given up, or not, by itself."""
        rows = selected(request, queryset)
        reason = request.POST.get("reason", "").strip()
        confirmed = "confirmed" in request.POST
        error = _wrong(reason) if confirmed else ""
        if error or not confirmed:
            return self._ask(request, rows, reason=reason, error=error, several=True)
        refusals = [(row, self._abandon(request, row, reason)) for row in rows]
        refused = [f"Row {row.pk}: {words}" for row, words in refusals if words]
        done = len(rows) - len(refused)
        self.message_user(
            request,
            " ".join([f"{done} of {len(rows)} rows abandoned.", *refused]),
            messages.WARNING if refused else messages.SUCCESS,
        )
        return None

    def _abandon(self, request: HttpRequest, row: Outbox, reason: str) -> str:
        """Give it up and leave a trace; why not, or ""."""
        seen = request.POST.get(f"asked_{row.pk}", "")
        try:
            with transaction.atomic():
                desk.abandon(
                    row.pk,
                    seen=int(seen) if seen.isdecimal() else -1,
                    reason=reason,
                    by=_staff(request),
                )
                self.log_change(request, row, f"Abandoned: {reason}{was_parked(row)}")
        except desk.CannotAbandon as refusal:
            return str(refusal)
        return ""

    def _ask(
        self,
        request: HttpRequest,
        rows: list[Outbox],
        *,
        reason: str = "",
        error: str = "",
        several: bool = False,
    ) -> HttpResponse:
        """The page that says what giving up leaves behind."""
        found = _candidates(rows, request.user.has_perm)
        count = f"{len(rows)} rows{only_first(request, rows)}"
        what = count if several else found[0].words
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Abandon: {what}",
            "candidates": found,
            "first": found[0] if found else None,
            "several": several,
            "possible": any(not one.why_not for one in found),
            "reason": reason,
            "error": error,
            "longest": desk.LONGEST_REASON,
        }
        return TemplateResponse(
            request,
            "admin/tyk/outbox/abandon.html",
            context,
            status=400 if error else 200,
        )


def selected(request: HttpRequest, queryset: QuerySet[Outbox]) -> list[Outbox]:
    """What was chosen, also what a colleague ended meanwhile: that is told."""
    pks = admin_chosen.pks(request, queryset.order_by("pk"), most=MOST_AT_ONCE)
    return list(Outbox.objects.filter(pk__in=pks).order_by("pk")[:MOST_AT_ONCE])


def only_first(request: HttpRequest, rows: list[Outbox]) -> str:
    """Says that there may be more; "" where there are not."""
    full = admin_chosen.all_of_them(request) and len(rows) == MOST_AT_ONCE
    return ", the first of those selected" if full else ""


def _candidates(rows: Iterable[Outbox], may: Callable[[str], bool]) -> list[Candidate]:
    rows = list(rows)
    found = desk.about(rows)
    candidates = []
    for row in rows:
        work, why_not = desk.work_of(row.kind), desk.why_not(row)
        leaves = work.leaves(row.subject) if work and not why_not else ""
        told = told_to(found.get(row.pk), may)
        words = desk.words_of(row.kind)
        candidates.append(Candidate(row, words, told, leaves, why_not))
    return candidates


def told_to(
    about: desk.About | None, may: Callable[[str], bool]
) -> tuple[str, str] | None:
    """What a row is about, in words and as an address, to whom `may` stands for."""
    return about.told_to(may) if about else None


def was_parked(row: Outbox) -> str:
    """For the trail: why it had stopped."""
    return f" It was parked: {row.parked_reason}" if row.parked_reason else ""


def _wrong(reason: str) -> str:
    if not reason:
        return "Say in a sentence why it is given up. It stays on the trail."
    if len(reason) > desk.LONGEST_REASON:
        return f"Say it in at most {desk.LONGEST_REASON} characters."
    return ""


def _staff(request: HttpRequest) -> AbstractBaseUser:
    if not isinstance(request.user, AbstractBaseUser):
        raise PermissionDenied
    return request.user
