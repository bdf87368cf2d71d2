"""The picture beside a developer's name: whether there is one, and the copy itself."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from developers import pictures, throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import Throttled
from developers.models import Choices
from portal_site.views import too_many


@require_safe
@developer_required
def picture(request: DeveloperRequest) -> HttpResponse:
    """The developer's own; nobody else's can be asked for."""
    row = Choices.objects.filter(developer=request.developer).first()
    if row is None or not row.picture:
        raise Http404
    response = HttpResponse(bytes(row.picture), content_type="image/png")
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'"
    return response


@require_POST
@developer_required
def choose_picture(request: DeveloperRequest) -> HttpResponse:
    """Allow Gravatar, look there again, or take the consent back."""
    developer = request.developer
    if request.POST.get("choice") != "gravatar":
        pictures.refuse(developer)
        messages.success(request, "Gravatar is off, and our copy is deleted.")
        return redirect("developers:account")
    try:
        throttle.spend("picture", address=developer.email)
    except Throttled as throttled:
        return too_many(request, retry_after=throttled.retry_after)
    pictures.allow(developer)
    messages.success(
        request,
        "We are asking Gravatar. If there is a picture for your address, it shows "
        "here in a moment.",
    )
    return redirect("developers:account")
