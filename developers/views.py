"""Login, logout, changing the password. Mailed links: views_links.py."""

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
)

from developers import access, browsers, device, live_owner, throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import (
    AccountError,
    InvalidCredentials,
    PasswordRefused,
    Throttled,
    UpstreamUnavailable,
)
from developers.forms import ChangePasswordForm, LoginForm
from developers.models import User
from developers.passwords import Owner
from tyk.dashboard.secret import Secret

BACKEND = "developers.backends.TykBackend"


def status_of(trouble: AccountError | None) -> int:
    """The HTTP status of a page that tells this trouble."""
    if isinstance(trouble, Throttled):
        return 429
    return 503 if isinstance(trouble, UpstreamUnavailable) else 200


def tell(
    request: HttpRequest,
    template: str,
    context: dict[str, object],
    *,
    trouble: AccountError | None = None,
) -> HttpResponse:
    """Render a page with the trouble it has to tell, under the right status."""
    whole = {**context, "trouble": trouble}
    response = render(request, template, whole, status=status_of(trouble))
    if isinstance(trouble, Throttled | UpstreamUnavailable):
        response["Retry-After"] = str(trouble.retry_after)
    return response


# --- Login and logout ------------------------------------------------------------------
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The developers' login; staff log in at the admin."""
    wanted = request.POST.get("next") or request.GET.get("next")
    next_url = access.safe_next(request, wanted)
    if isinstance(request.user, User) and request.user.developer:
        return redirect(access.landing(request, next_url))
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _try_login(request, form, next_url)
    return _login_page(request, form, next_url)


def _login_page(
    request: HttpRequest,
    form: LoginForm,
    next_url: str,
    trouble: AccountError | None = None,
) -> HttpResponse:
    context: dict[str, object] = {"form": form, "next": next_url}
    return tell(request, "developers/login.html", context, trouble=trouble)


@sensitive_variables("typed")
def _try_login(request: HttpRequest, form: LoginForm, next_url: str) -> HttpResponse:
    typed = form.cleaned_data
    try:
        user = authenticate(
            request,
            developer_email=typed["email"],
            developer_password=typed["password"],
        )
    except AccountError as error:
        return _login_page(request, form, next_url, error)
    if user is None:
        form.add_error(None, InvalidCredentials.sentence)
        return _login_page(request, form, next_url)
    login(request, user)
    browsers.note(request)
    response = redirect(access.landing(request, next_url))
    device.remember(response, user)
    return response


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Ends the session on the server."""
    logout(request)
    return redirect("home")


# --- Password --------------------------------------------------------------------------
@sensitive_post_parameters("current", "password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def change_password(request: DeveloperRequest) -> HttpResponse:
    """A new password for somebody who proves the current one."""
    owner = Owner(request.developer.email, request.developer.name)
    form = ChangePasswordForm(request.POST or None, owner=owner)
    trouble = None
    if request.method == "POST" and form.is_valid():
        trouble = _try_change(request, form)
        if trouble is None and form.is_valid():
            messages.success(request, "Your password is changed.")
            response = redirect("developers:security")
            device.remember(response, request.user)
            return response
    context: dict[str, object] = {"form": form}
    template = "developers/password_change.html"
    return tell(request, template, context, trouble=trouble)


@sensitive_variables("typed")
def _try_change(
    request: DeveloperRequest, form: ChangePasswordForm
) -> AccountError | None:
    """Change it and keep this session; what is wrong goes to the form or back."""
    typed = form.cleaned_data
    try:
        live_owner.change_password(
            request.developer,
            current=Secret(typed["current"]),
            new=Secret(typed["password"]),
            ip=throttle.client_ip(request),
        )
    except InvalidCredentials:
        form.add_error("current", "The current password is not right")
        return None
    except PasswordRefused as refused:
        form.add_error("password", refused.reasons)
        return None
    except AccountError as error:
        return error
    request.user.refresh_from_db()
    update_session_auth_hash(request, request.user)
    return None
