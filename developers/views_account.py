"""The account page: the profile and its edits, and another e-mail address."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from developers import device, links, live_address, pictures, services, throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import AccountError, EditsOff, InvalidCredentials, LinkDead
from developers.forms import NewAddressForm, ProfileForm
from developers.models import Choices, Developer, MailedLink, ProfileEdit, User
from developers.views import tell
from tyk.dashboard.secret import Secret
from tyk.seal import digest

EMAIL_LINK = "email_link"  # session: digest of the token

ON_ITS_WAY = "Saved here, and on its way to the key service."
NOTHING = "Nothing was changed: it is so already."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def account(request: DeveloperRequest) -> HttpResponse:
    """What we hold about the developer; a POST wishes the profile changed."""
    held = services.profile_of(request.developer)
    waiting = services.waiting_edits(request.developer)
    shown = _typed_last(held, waiting)
    form = ProfileForm(
        request.POST or None, ask=list(held), held=shown, wished=_wished(held, waiting)
    )
    if request.method == "POST" and form.is_valid():
        try:
            edit = services.edit_profile(
                request.developer, fields=form.answers, seen=form.seen
            )
            _say(request, edit)
        except EditsOff as off:
            messages.error(request, str(off))
        return redirect("developers:account")
    context = {
        "form": form,
        "waiting": [_shown(edit, held) for edit in waiting],
        "parked": bool(waiting) and services.is_parked(request.developer),
        "tab": "profile",
        "choices": Choices.objects.filter(developer=request.developer).first(),
        "initials": pictures.initials(str(request.developer)),
    }
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


def _wished(held: dict[str, str], waiting: list[ProfileEdit]) -> set[str]:
    """The fields that a wish of theirs is about."""
    about = {member for edit in waiting for member in edit.after}
    return {name for name in held if services.member_of(name) in about}


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


# --- E-mail address --------------------------------------------------------------------
@sensitive_post_parameters("current")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def change_email(request: DeveloperRequest) -> HttpResponse:
    """Ask for another address; the answer is the same whoever has it."""
    form = NewAddressForm(request.POST or None, old=request.developer.email)
    trouble = None
    if request.method == "POST" and form.is_valid():
        trouble = _try_ask(request, form)
        if trouble is None and form.is_valid():
            messages.success(
                request,
                f"We sent a link to {form.cleaned_data['email']}. Open it to use that "
                "address. Until then nothing changes.",
            )
            return redirect("developers:account")
    template = "developers/email_change.html"
    return tell(request, template, {"form": form}, trouble=trouble)


@sensitive_variables("typed")
def _try_ask(request: DeveloperRequest, form: NewAddressForm) -> AccountError | None:
    """Ask for the mail; what is wrong goes to the form or back."""
    typed = form.cleaned_data
    try:
        live_address.ask(
            request.developer,
            current=Secret(typed["current"]),
            address=typed["email"],
            ip=throttle.client_ip(request),
        )
    except InvalidCredentials:
        form.add_error("current", "The current password is not right")
    except AccountError as error:
        return error
    return None


@require_safe
def open_email_link(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the token out of the address bar."""
    request.session[EMAIL_LINK] = digest(token)
    return redirect("developers:email-confirm")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest) -> HttpResponse:
    """The new mailbox is proved; the POST changes the address in Tyk.

    Whoever opens the link need not be signed in: mail is often read elsewhere.
    """
    purpose = MailedLink.Purpose.NEW_ADDRESS
    link = links.find(request.session.get(EMAIL_LINK, ""), purpose=purpose)
    if link is None or link.developer is None or not links.is_open(link):
        return _email_over(request)
    trouble = None
    if request.method == "POST":
        # Who they are is read before their sessions end, this one among them.
        person = request.user if isinstance(request.user, User) else None
        try:
            developer = live_address.change(link, ip=throttle.client_ip(request))
        except LinkDead:
            return _email_over(request)
        except AccountError as error:
            trouble = error
        else:
            return _email_changed(request, developer, person)
    template = "developers/email_confirm.html"
    return tell(request, template, {"link": link}, trouble=trouble)


def _email_over(request: HttpRequest) -> HttpResponse:
    return render(request, "developers/email_over.html", status=410)


def _email_changed(
    request: HttpRequest, developer: Developer, person: User | None
) -> HttpResponse:
    """This session goes on if it is the developer's; every other one has ended."""
    request.session.pop(EMAIL_LINK, None)
    messages.success(request, "Your e-mail address is changed.")
    if person is None or person.developer_id != developer.pk:
        return redirect("developers:login")
    person.refresh_from_db()
    update_session_auth_hash(request, person)
    response = redirect("developers:account")
    device.remember(response, person)
    return response
