"""The account page: the profile and its edits, and what became of them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from developers import services
from developers.access import DeveloperRequest, developer_required
from developers.forms import ProfileForm
from developers.models import Developer, ProfileEdit

ON_ITS_WAY = "Saved here, and on its way to the key service."
NOTHING = "Nothing was changed: it is so already."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def account(request: DeveloperRequest) -> HttpResponse:
    """What we hold about the developer; a POST wishes the profile changed."""
    held = services.profile_of(request.developer)
    waiting = services.waiting_edits(request.developer)
    form = ProfileForm(
        request.POST or None, ask=list(held), held=_typed_last(held, waiting)
    )
    if request.method == "POST" and form.is_valid():
        edit = services.edit_profile(request.developer, fields=form.answers)
        _say(request, edit)
        return redirect("developers:account")
    context = {"form": form, "waiting": [_shown(edit, held) for edit in waiting]}
    return render(request, "developers/account.html", context)


def _say(request: HttpRequest, edit: ProfileEdit | None) -> None:
    if edit:
        messages.success(request, ON_ITS_WAY)
    else:
        messages.info(request, NOTHING)


def _typed_last(held: dict[str, str], waiting: list[ProfileEdit]) -> dict[str, str]:
    """What the inputs begin with: their own wish, unless others changed it."""
    shown = dict(held)
    for edit in waiting:
        if edit.state != ProfileEdit.State.CONFLICT:
            wish = {name: edit.after.get(services.member_of(name)) for name in held}
            shown |= {name: text for name, text in wish.items() if text is not None}
    return shown


def _shown(edit: ProfileEdit, held: dict[str, str]) -> dict[str, object]:
    """One wish for the page: each field with its value there and the one wished."""
    there = {services.member_of(name): text for name, text in held.items()}
    there |= edit.theirs
    rows = [
        (member.removeprefix(services.FIELD), there.get(member, ""), wished)
        for member, wished in edit.after.items()
        if member.startswith(services.FIELD)
    ]
    return {"edit": edit, "rows": [row for row in rows if row[1] != row[2]]}


@require_POST
@developer_required
def settle_profile(request: DeveloperRequest) -> HttpResponse:
    """Keep mine or take theirs, after the page showed both."""
    edit = _unsettled(request.developer, request.POST.get("edit", ""))
    if edit is None:
        messages.info(request, "That is settled already.")
    elif request.POST.get("choice") == "mine":
        _say(request, services.keep_mine(edit))
    else:
        services.take_theirs(edit)
        messages.success(request, "Your profile stays as it is.")
    return redirect("developers:account")


def _unsettled(developer: Developer, number: str) -> ProfileEdit | None:
    """The developer's own; Http404 for anybody else's."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404
    if not ProfileEdit.objects.filter(pk=number, developer=developer).exists():
        raise Http404
    return services.unsettled(developer).filter(pk=number).first()
