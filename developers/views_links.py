"""Sign-up and forgotten passwords: everything that goes by a mailed link.

A GET never uses a link up, since mail scanners follow links. The token leaves the
address bar at once: its digest goes into the session, and the page that follows
has a URL that can be shown.
"""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)
from django.views.decorators.http import require_http_methods, require_safe

from developers import access, browsers, device, links, live, services, throttle
from developers.errors import (
    AccountError,
    AlreadyRegistered,
    FieldsRefused,
    LinkDead,
    PasswordRefused,
    SignUpClosed,
    Throttled,
)
from developers.forms import NewPasswordForm, ResetForm, SignUpForm
from developers.models import Developer, MailedLink, SignUp
from developers.passwords import Owner
from developers.views import BACKEND, tell
from portal_site.views import too_many
from tyk.dashboard.secret import Secret
from tyk.models import Organisation
from tyk.seal import digest

SENT = "sign_up_sent"  # session: {"email": as typed, "code": of the SignUp or ""}
CONFIRM_LINK = "confirm_link"  # session: digest of the token
RESET_LINK = "reset_link"


# --- Sign-up ---------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Address and fields; the password comes after the mailed link."""
    organisation = Organisation.current()
    if organisation.disable_signup:
        return render(request, "developers/sign_up_closed.html")
    wanted = request.POST.get("next") or request.GET.get("next")
    next_url = access.safe_next(request, wanted)
    ask = services.sign_up_fields(organisation)
    form = SignUpForm(request.POST or None, ask=ask)
    if request.method == "POST" and form.is_valid():
        return _keep_sign_up(request, form, next_url)
    context = {"form": form, "next": next_url}
    return render(request, "developers/sign_up.html", context)


def _keep_sign_up(
    request: HttpRequest, form: SignUpForm, next_url: str
) -> HttpResponse:
    """The same answer whoever has the address, and for programs."""
    email, row = form.cleaned_data["email"], None
    if not form.is_from_a_program:
        try:
            row = services.sign_up(
                email,
                fields=form.answers,
                next_url=next_url,
                ip=throttle.client_ip(request),
            )
        except Throttled as throttled:
            return too_many(request, retry_after=throttled.retry_after)
        except SignUpClosed:
            return redirect("developers:sign-up")
    request.session[SENT] = {"email": email, "code": str(row.code) if row else ""}
    return redirect("developers:sign-up-sent")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """Check your mail; a POST sends the link again."""
    sent = request.session.get(SENT)
    if sent is None:
        return redirect("developers:sign-up")
    if request.method != "POST":
        return render(request, "developers/sign_up_sent.html", {"email": sent["email"]})
    try:
        services.sign_up_again(
            UUID(sent["code"]) if sent["code"] else None,
            sent["email"],
            ip=throttle.client_ip(request),
        )
    except Throttled as throttled:
        return too_many(request, retry_after=throttled.retry_after)
    messages.success(request, "Sent again. The newest link is the one that works.")
    return redirect("developers:sign-up-sent")


@require_safe
def open_confirm_link(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the token out of the address bar."""
    request.session[CONFIRM_LINK] = digest(token)
    return redirect("developers:confirm")


@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Choose a password; the POST makes the account."""
    purpose = MailedLink.Purpose.CONFIRM
    link = links.find(request.session.get(CONFIRM_LINK, ""), purpose=purpose)
    if link is None or link.signup is None or not links.is_open(link):
        return _confirm_is_over(request, link)
    form = NewPasswordForm(request.POST or None, owner=_owner_to_be(link.signup))
    if request.method == "POST" and form.is_valid():
        return _try_confirm(request, link, form)
    return _confirm_page(request, link, form)


def _owner_to_be(signup: SignUp) -> Owner:
    return Owner(signup.email, str(signup.fields.get("Name", "")))


def _confirm_page(
    request: HttpRequest,
    link: MailedLink,
    form: NewPasswordForm,
    trouble: AccountError | None = None,
) -> HttpResponse:
    # Once somebody was told that the account exists, the next POST takes it over.
    known = isinstance(trouble, AlreadyRegistered) or "take_over" in request.POST
    context: dict[str, object] = {"form": form, "link": link, "known": known}
    return tell(request, "developers/confirm.html", context, trouble=trouble)


@sensitive_variables("password")
def _try_confirm(
    request: HttpRequest, link: MailedLink, form: NewPasswordForm
) -> HttpResponse:
    password = Secret(form.cleaned_data["password"])
    try:
        done = live.confirm(
            link,
            password,
            ip=throttle.client_ip(request),
            take_over="take_over" in request.POST,
        )
    except LinkDead:
        return _confirm_is_over(request, link)
    except AccountError as error:
        return _confirm_page(request, link, form, _into_form(form, error))
    if done.awaiting_review:
        return redirect("developers:confirm")
    return _enter(request, link, done.developer)


def _into_form(form: NewPasswordForm, error: AccountError) -> AccountError | None:
    """Put what Tyk said about a field next to it; give anything else back."""
    if isinstance(error, FieldsRefused):
        form.add_error(None, error.reasons)
    elif isinstance(error, PasswordRefused):
        form.add_error("password", error.reasons)
    else:
        return error
    return None


def _enter(
    request: HttpRequest, link: MailedLink, developer: Developer | None
) -> HttpResponse:
    next_url = link.signup.next_url if link.signup else ""
    request.session.pop(CONFIRM_LINK, None)
    request.session.pop(SENT, None)
    if developer is None:
        messages.success(request, "Your account is made. Log in with your password.")
        return redirect("developers:login")
    user = services.user_of(developer)
    login(request, user, backend=BACKEND)
    browsers.note(request)
    messages.info(
        request,
        "Your account is ready. An account does not yet give access to an API: "
        "choose one and ask for it.",
    )
    response = redirect(access.landing(request, next_url))
    device.remember(response, user)
    return response


def _confirm_is_over(request: HttpRequest, link: MailedLink | None) -> HttpResponse:
    """Used, expired or unknown: what it means, and the way on."""
    signup = link.signup if link else None
    if signup and signup.state == SignUp.State.DONE:
        owner = Developer.objects.filter(tyk_id=signup.tyk_id).first()
        if owner and owner.inactive:
            return render(request, "developers/awaiting_review.html")
    elif signup:
        request.session[SENT] = {"email": signup.email, "code": str(signup.code)}
    context = {"link": link, "signup": signup}
    return render(request, "developers/confirm_over.html", context, status=410)


# --- Forgotten password ----------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Whose password; the answer is the same for every address."""
    form = ResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ip = throttle.client_ip(request)
        try:
            services.ask_for_reset(form.cleaned_data["email"], ip=ip)
        except Throttled as throttled:
            return too_many(request, retry_after=throttled.retry_after)
        return redirect("developers:password-reset-sent")
    return render(request, "developers/password_reset.html", {"form": form})


@require_safe
def reset_sent(request: HttpRequest) -> HttpResponse:
    """If there is an account, we sent a link."""
    return render(request, "developers/password_reset_sent.html")


@require_safe
def open_reset_link(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the token out of the address bar."""
    request.session[RESET_LINK] = digest(token)
    return redirect("developers:password-reset-choose")


@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reset_choose(request: HttpRequest) -> HttpResponse:
    """Choose a new password; the POST sets it in Tyk and ends every session."""
    purpose = MailedLink.Purpose.RESET
    link = links.find(request.session.get(RESET_LINK, ""), purpose=purpose)
    if link is None or link.developer is None or not links.is_open(link):
        return render(request, "developers/password_reset_over.html", status=410)
    owner = Owner(link.developer.email, link.developer.name)
    form = NewPasswordForm(request.POST or None, owner=owner)
    if request.method == "POST" and form.is_valid():
        return _try_reset(request, link, form)
    context: dict[str, object] = {"form": form, "link": link}
    return tell(request, "developers/password_reset_choose.html", context)


@sensitive_variables("password")
def _try_reset(
    request: HttpRequest, link: MailedLink, form: NewPasswordForm
) -> HttpResponse:
    password = Secret(form.cleaned_data["password"])
    try:
        live.reset(link, password, ip=throttle.client_ip(request))
    except LinkDead:
        return render(request, "developers/password_reset_over.html", status=410)
    except AccountError as error:
        context: dict[str, object] = {"form": form, "link": link}
        template = "developers/password_reset_choose.html"
        return tell(request, template, context, trouble=_into_form(form, error))
    request.session.pop(RESET_LINK, None)
    messages.success(request, "Your password is changed. Log in with your new one.")
    response = redirect("developers:login")
    if link.developer is not None:
        device.remember(response, services.user_of(link.developer))
    return response
