"""Editing what a developer told of themselves: type, see the difference, then save."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from developers import services
from developers.errors import EditsOff
from developers.models import Developer

if TYPE_CHECKING:
    from developers.admin import DeveloperAdmin

LONGEST = 500


@dataclass(frozen=True, slots=True)
class Box:
    """One field of the form, and what it would change."""

    name: str
    member: str
    now: str
    typed: str

    @property
    def changes(self) -> bool:
        return self.now != self.typed


def edit_view(
    desk: "DeveloperAdmin", request: HttpRequest, developer: Developer
) -> HttpResponse:
    """GET the form, POST the difference, POST once more to save it."""
    back = reverse("admin:developers_developer_change", args=[developer.pk])
    if developer.gone_at is not None or developer.closed_at is not None:
        messages.warning(request, "This account is over: nothing is left to edit.")
        return redirect(back)
    boxes = _boxes(developer, request)
    changed = [box for box in boxes if box.changes]
    error = _wrong(request, boxes)
    if request.method == "POST" and not error and "confirmed" in request.POST:
        _save(desk, request, developer, changed)
        return redirect(back)
    again = "again" in request.POST
    asks = request.method == "POST" and not (error or again) and bool(changed)
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "developer": developer,
        "title": f"Save these changes for {developer}?"
        if asks
        else f"Edit the fields of {developer}",
        "boxes": boxes,
        "changed": changed,
        "asks": asks,
        "error": error,
        "longest": LONGEST,
    }
    return TemplateResponse(
        request,
        "admin/developers/developer/edit.html",
        context,
        status=400 if error else 200,
    )


def _boxes(developer: Developer, request: HttpRequest) -> list[Box]:
    held = services.profile_of(developer)
    return [
        Box(name, f"field_{number}", text, _typed(request, f"field_{number}", text))
        for number, (name, text) in enumerate(held.items())
    ]


def _typed(request: HttpRequest, member: str, text: str) -> str:
    """What a form only trimmed is no change."""
    return request.POST.get(member, text).strip() if request.POST else text


def _wrong(request: HttpRequest, boxes: list[Box]) -> str:
    """Why it can't be saved so; "" if it can, or nobody tries to."""
    if request.method != "POST" or "again" in request.POST:
        return ""
    long = [box.name for box in boxes if len(box.typed) > LONGEST]
    if long:
        return f"{long[0]}: at most {LONGEST} characters."
    if any(request.POST.get(f"was_{box.member}", box.now) != box.now for box in boxes):
        return "The developer changed these fields since you opened the page. Look."
    if not any(box.changes for box in boxes):
        return "Nothing is different yet."
    return ""


def _save(
    desk: "DeveloperAdmin",
    request: HttpRequest,
    developer: Developer,
    changed: list[Box],
) -> None:
    try:
        services.edit_profile(
            developer, fields={box.name: box.typed for box in changed}
        )
    except EditsOff as off:
        messages.error(request, str(off))
        return
    names = ", ".join(box.name for box in changed)
    # Which fields, not what they say: the log outlives the account.
    desk.log_change(request, developer, f"Edited {names}")
    messages.success(request, f"{names}: on its way to Tyk. Keys are not affected.")
