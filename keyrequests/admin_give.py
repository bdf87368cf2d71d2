"""A new key for a developer, given by staff: they choose the plan, nobody sees a key."""

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from catalogue.models import Entry, Plan
from developers.models import Developer
from keyrequests import staff
from keyrequests.admin_decisions import note_refusal, staff_of
from keyrequests.errors import AccessError, AlreadyAsked

if TYPE_CHECKING:
    from developers.admin import DeveloperAdmin

# Who may decide requests may decide this one, too.
GIVE = "keyrequests.change_keyrequest"


def give_view(
    desk: "DeveloperAdmin", request: HttpRequest, developer: Developer
) -> HttpResponse:
    """GET the choice of plans, POST the one that is given."""
    back = reverse("admin:developers_developer_change", args=[developer.pk])
    if not developer.may_enter:
        messages.warning(request, staff.Absent.sentence)
        return redirect(back)
    offers = staff.may_be_given()
    error = ""
    if request.method == "POST":
        error = _give(request, developer, offers)
        if not error:
            return redirect(back)
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "developer": developer,
        "title": f"New key for {developer}",
        "offers": offers,
        "chosen": request.POST.get("plan", ""),
        "reason": request.POST.get("reason", ""),
        "nonce": _nonce(request) or uuid4(),
        "error": error,
    }
    return TemplateResponse(
        request,
        "admin/developers/developer/new_key.html",
        context,
        status=400 if error else 200,
    )


def _give(
    request: HttpRequest,
    developer: Developer,
    offers: list[tuple[Plan, Entry | None]],
) -> str:
    """Give it and say so; why not, or ""."""
    chosen = request.POST.get("plan", "")
    offer = next((o for o in offers if str(o[0].pk) == chosen), None)
    if offer is None:
        return "Choose a plan."
    plan, entry = offer
    try:
        row = staff.grant(
            developer,
            plan=plan,
            entry=entry,
            by=staff_of(request),
            nonce=_nonce(request) or uuid4(),
            reason=request.POST.get("reason", "").strip(),
        )
    except AlreadyAsked as refusal:
        return (
            f"{refusal.request.number} is open for this plan already: decide that "
            "one, or wait until it is claimed."
        )
    except AccessError as refusal:
        note_refusal(refusal.code, by=staff_of(request))
        return str(refusal)
    messages.success(
        request,
        f"{row.number} is approved. {developer} gets the mail now and claims the key.",
    )
    return ""


def _nonce(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("nonce", ""))
    except ValueError:
        return None
