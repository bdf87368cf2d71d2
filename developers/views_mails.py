"""Which mails a developer wants, and the link in a mail that ends its kind."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from developers import mail_choices
from developers.access import DeveloperRequest, developer_required
from developers.forms_account import MailsForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def mails(request: DeveloperRequest) -> HttpResponse:
    """Choose; what concerns safety or a decision is no choice, and the page says so."""
    form = MailsForm(
        request.POST or None, wanted=mail_choices.wanted(request.developer)
    )
    # A form without a single box ticked is a choice too.
    if request.method == "POST":
        form = MailsForm(request.POST, wanted=[])
        if form.is_valid():
            mail_choices.choose(request.developer, form.chosen)
            messages.success(request, "Saved.")
            return redirect("developers:mails")
    context = {"tab": "mails", "form": form, "always": mail_choices.ALWAYS}
    return render(request, "developers/mails.html", context)


@csrf_exempt  # mail programs post it without having been here (RFC 8058)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """One click in a mail. A GET only asks, since mail scanners follow links."""
    which = mail_choices.stop_of(token)
    if which is None:
        raise Http404
    if request.method == "POST":
        mail_choices.stop(which)
    context = {"which": which, "done": request.method == "POST"}
    return render(request, "developers/mail_stop.html", context)
