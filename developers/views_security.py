"""The account's page on signing in: the password, and browsers signed in."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from developers import browsers
from developers.access import DeveloperRequest, developer_required


@never_cache
@require_safe
@developer_required
def security(request: DeveloperRequest) -> HttpResponse:
    """When the password was changed, and where the developer is signed in."""
    signed_in = browsers.of(request.user, here=request.session)
    context = {"tab": "security", "browsers": signed_in}
    return render(request, "developers/security.html", context)


@require_POST
@developer_required
def end_browsers(request: DeveloperRequest) -> HttpResponse:
    """End one session, by the name of its row, or all but this one."""
    name = request.POST.get("browser", "")
    if name == "others":
        browsers.end_others(request.user, here=request.session)
        messages.success(request, "You are logged out everywhere else.")
    elif browsers.end(request.user, name):
        messages.success(request, "That browser is logged out.")
    else:
        messages.info(request, "That browser was logged out already.")
    return redirect("developers:security")
