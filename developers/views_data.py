"""The account's page on data: take it along, or close the account."""

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)
from django.views.decorators.http import require_http_methods, require_safe

from developers import browsers, live_owner, throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import AccountError, InvalidCredentials
from developers.forms_account import CloseForm
from developers.views import tell
from keyrequests import closing, export
from tyk.dashboard.secret import Secret


@never_cache
@require_safe
@developer_required
def data(request: DeveloperRequest) -> HttpResponse:
    """Export and closing, with what closing would end."""
    context = {"tab": "data", "loss": closing.loss_of(request.developer)}
    return render(request, "developers/data.html", context)


@never_cache
@require_safe
@developer_required
def download(request: DeveloperRequest) -> HttpResponse:
    """Everything we hold about the developer, as a JSON file."""
    whole = export.everything(
        request.developer, browsers=browsers.of(request.user, here=request.session)
    )
    name = f"{slugify(settings.BRAND_NAME)}-{timezone.now():%Y-%m-%d}.json"
    return JsonResponse(
        whole,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@sensitive_post_parameters("current")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def close(request: DeveloperRequest) -> HttpResponse:
    """What will end, then the password and the address; there is no way back."""
    form = CloseForm(request.POST or None, address=request.developer.email)
    trouble = None
    if request.method == "POST" and form.is_valid():
        trouble = _try_close(request, form)
        if trouble is None and form.is_valid():
            logout(request)
            return redirect("developers:closed")
    context: dict[str, object] = {
        "form": form,
        "loss": closing.loss_of(request.developer),
    }
    return tell(request, "developers/close.html", context, trouble=trouble)


@sensitive_variables("current")
def _try_close(request: DeveloperRequest, form: CloseForm) -> AccountError | None:
    """Close it; what is wrong goes to the form or back."""
    current = Secret(form.cleaned_data["current"])
    developer, ip = request.developer, throttle.client_ip(request)
    try:
        live_owner.prove(developer, current, ip=ip)
    except InvalidCredentials:
        form.add_error("current", "The current password is not right")
    except AccountError as error:
        return error
    else:
        closing.close(developer)
    return None


@require_safe
def closed(request: HttpRequest) -> HttpResponse:
    """The farewell."""
    return render(request, "developers/closed.html")
