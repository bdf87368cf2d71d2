"""Changing or ending one key for its owner, in the admin. Staff never see the key.

Each act is a page that says whom it touches, and a POST.
"""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from keyrequests import admin_case, services, staff, usage
from keyrequests.admin_decisions import note_refusal, refuse_without_right, staff_of
from keyrequests.errors import AccessError, NotLive
from keyrequests.models import Key
from tyk.admin import ReadOnlyAdmin

CHANGE_KEY = "keyrequests.change_key"


def may_revoke(request: HttpRequest) -> bool:
    """Keys are read-only for everybody; this right is for changing and ending them."""
    return request.user.has_perm(CHANGE_KEY)


def may_change(key: Key) -> bool:
    """Whether its plans and quota can be changed now."""
    return not _refusal(key)


class KeyActs(ReadOnlyAdmin):
    """The pages that ask before a key is changed or ended, and their POSTs."""

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = _key_for(request, pk)
        if request.method == "POST":
            return _done(
                request,
                key,
                lambda: services.revoke(key, actor=str(staff_of(request))),
                f"{key} is being revoked; it is live until Tyk has it. "
                "Its owner gets a mail.",
            )
        if key.state != Key.State.LIVE:
            messages.warning(request, NotLive.sentence)
            return redirect(_page(key))
        return self._ask(request, key, "revoke", f"Revoke {key}")

    def quota_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = _key_for(request, pk)
        if request.method == "POST":
            return _done(
                request,
                key,
                lambda: staff.reset_quota(key, by=staff_of(request)),
                f"The quota of {key} is being reset. Tyk has it in a moment.",
            )
        refusal = _refusal(key)
        if refusal:
            messages.warning(request, refusal)
            return redirect(_page(key))
        return self._ask(request, key, "quota", f"Reset the quota of {key}")

    def plans_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tick the plans the key is to have; the key itself stays the same."""
        key = _key_for(request, pk)
        refusal = _refusal(key)
        if refusal:
            messages.warning(request, refusal)
            return redirect(_page(key))
        error = self._change(request, key) if request.method == "POST" else ""
        if request.method == "POST" and not error:
            messages.success(
                request,
                f"The plan of {key} is being changed. The key stays the same; calls "
                "follow the new limits once Tyk has it.",
            )
            return redirect(_page(key))
        return self._ask(request, key, "plans", f"Change the plan of {key}", error)

    def _change(self, request: HttpRequest, key: Key) -> str:
        """Wish it; why not, or ""."""
        ticked = set(request.POST.getlist("plan"))
        plans = [plan for plan in staff.fitting(key) if str(plan.pk) in ticked]
        seen = [one for one in request.POST.get("seen", "").split(" ") if one]
        try:
            staff.change_plans(key, plans=plans, seen=seen, by=staff_of(request))
        except AccessError as refusal:
            note_refusal(refusal.code, by=staff_of(request), key=key)
            return str(refusal)
        return ""

    def _ask(
        self, request: HttpRequest, key: Key, act: str, title: str, error: str = ""
    ) -> HttpResponse:
        """The page that says what would happen, and to how many calls."""
        [used] = admin_case.used([key])
        known = usage.summary([key], now=timezone.now())[key.pk]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "key": key,
            "back": _page(key),
            "title": title,
            "act": act,
            "used": used.words,
            "quota": known.quota,
            "today": known.today,
            "last_hit": known.last_hit,
            "error": error,
        }
        if act == "plans":
            context |= _choice(request, key)
        template = f"admin/keyrequests/key/{act}.html"
        return TemplateResponse(
            request, template, context, status=400 if error else 200
        )


def _key_for(request: HttpRequest, pk: int) -> Key:
    """The key, for who may change it; PermissionDenied or Http404."""
    rows = Key.objects.select_related("developer", "request").defer("sealed_id")
    key = get_object_or_404(rows.prefetch_related("policies__plan"), pk=pk)
    refuse_without_right(request, may=may_revoke(request), about=key)
    return key


def _refusal(key: Key) -> str:
    try:
        staff.refuse_change(key)
    except AccessError as refusal:
        return str(refusal)
    return ""


def _choice(request: HttpRequest, key: Key) -> dict[str, object]:
    """The plans to tick, and what stands there now."""
    has = {policy.plan_id for policy in key.policies.all()}
    ticked = request.POST.getlist("plan") if request.method == "POST" else None
    return {
        "offers": [
            (
                plan,
                plan.pk in has,
                plan.pk in has if ticked is None else str(plan.pk) in ticked,
            )
            for plan in staff.fitting(key)
        ],
        "seen": " ".join(staff.policies_of(key)),
        "unknown": [p.policy_id for p in key.policies.all() if p.plan is None],
    }


def _done(
    request: HttpRequest, key: Key, act: Callable[[], object], told: str
) -> HttpResponse:
    """Do it and say so, or say why not and leave a trace."""
    try:
        act()
    except AccessError as refusal:
        note_refusal(refusal.code, by=staff_of(request), key=key)
        messages.warning(request, str(refusal))
    else:
        messages.success(request, told)
    return redirect(_page(key))


def _page(key: Key) -> str:
    return reverse("admin:keyrequests_key_change", args=[key.pk])
