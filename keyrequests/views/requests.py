"""Asking for access, and following what became of it. Pages read the mirror."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from catalogue import waits
from catalogue.mine import my_states
from catalogue.models import Entry
from catalogue.services import ask_fields, needs_approval, requestable, shown_entries
from developers import throttle
from developers.access import DeveloperRequest, developer_required
from developers.errors import Throttled
from keyrequests import acts, reads, services, words
from keyrequests.errors import AccessError, AlreadyAsked, AlreadyDecided, NotOffered
from keyrequests.forms import AskForm
from keyrequests.models import Event, KeyRequest
from keyrequests.views.claim import kept_open
from tyk.models import Organisation

PAGE = 50  # requests on one page
ALTERNATIVES = 3
#: A delivery takes about a second; the page says nothing of shorter waits.
SLOW_DELIVERY = timedelta(seconds=30)


# --- Asking ------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def ask(request: DeveloperRequest, slug: str) -> HttpResponse:
    """The request form of one entry. A hidden entry does not exist."""
    shown = Entry.objects.filter(shown=True).select_related("plan")
    entry = get_object_or_404(shown, slug=slug)
    if entry.gone_at or not (entry.keyless or requestable(entry)):
        return _not_offered(request, entry)
    if entry.keyless:
        messages.info(request, f"Calls to {entry.name} need no key.")
        return redirect(entry)
    form = _ask_form(request, entry)
    if request.method == "POST":
        return _posted(request, entry, form)
    standing = my_states(request.developer, [entry]).get(entry.pk)
    if standing and standing.kind != "key":
        messages.info(request, str(AlreadyAsked.sentence))
        return redirect(standing.url)
    return _form_page(request, entry, form, key_url=standing.url if standing else "")


def _ask_form(request: DeveloperRequest, entry: Entry) -> AskForm:
    questions = ask_fields(entry, Organisation.current())
    redirects = entry.kind == "oauth"
    if request.method == "POST":
        return AskForm(request.POST, questions=questions, redirects=redirects)
    earlier = _earlier(request)
    if earlier is None:
        return AskForm(questions=questions, redirects=redirects)
    return AskForm(
        questions=questions,
        redirects=redirects,
        answers=earlier.answers,
        project=earlier.project,
        redirect_uri=earlier.redirect_uri,
    )


def _earlier(request: DeveloperRequest) -> KeyRequest | None:
    """The own request that "Ask again" starts from."""
    try:
        code = UUID(request.GET.get("again", ""))
    except ValueError:
        return None
    return KeyRequest.objects.of(request.developer).filter(code=code).first()


def _posted(request: DeveloperRequest, entry: Entry, form: AskForm) -> HttpResponse:
    """The form, then the same to read once more, then sent. Nothing is kept between."""
    step = request.POST.get("step", "send")
    if not form.is_valid() or step == "change":
        return _form_page(request, entry, form)
    if step == "review":
        return _review_page(request, entry, form)
    return _send(request, entry, form)


def _send(request: DeveloperRequest, entry: Entry, form: AskForm) -> HttpResponse:
    try:
        sent = _submit(request, entry, form)
    except Throttled as error:
        form.add_error(None, str(error))
        response = _form_page(request, entry, form, status=429)
        response["Retry-After"] = str(error.retry_after)
        return response
    except AlreadyAsked as error:
        messages.info(request, str(error))
        return redirect(error.request)
    except NotOffered:
        return _not_offered(request, entry)
    except AccessError as error:
        form.add_error(None, str(error))
        return _form_page(request, entry, form, status=409)
    if sent.status == KeyRequest.Status.APPROVED:
        return redirect("keyrequests:claim", code=sent.code)
    return redirect(sent)


def _count(request: DeveloperRequest) -> None:
    throttle.spend(
        "key_request",
        address=request.developer.email,
        ip=throttle.client_ip(request),
    )


def _submit(request: DeveloperRequest, entry: Entry, form: AskForm) -> KeyRequest:
    _count(request)
    return services.submit(
        request.developer,
        entry=entry,
        answers=form.answers,
        nonce=form.cleaned_data["nonce"],
        project=form.cleaned_data["project"],
        redirect_uri=form.cleaned_data.get("redirect_uri", ""),
    )


def _form_page(
    request: DeveloperRequest,
    entry: Entry,
    form: AskForm,
    *,
    key_url: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **_about(entry),
        "form": form,
        "fields": _questions(form),
        "left": reads.open_left(request.developer),
        "most": services.MOST_OPEN_REQUESTS,
        "key_url": key_url,
    }
    return render(request, "keyrequests/ask.html", context, status=status)


def _about(entry: Entry) -> dict[str, object]:
    """The plan that is asked for, beside the form."""
    needed = needs_approval(entry, Organisation.current())
    return {
        "entry": entry,
        "reviewed": needed,
        "facts": [*words.limits(entry.plan), ("Approval", waits.takes(entry, needed))],
    }


def _questions(form: AskForm) -> list[BoundField]:
    return [bound for bound in form.visible_fields() if bound.name != "project"]


def _review_page(request: HttpRequest, entry: Entry, form: AskForm) -> HttpResponse:
    context = {**_about(entry), "form": form}
    return render(request, "keyrequests/ask_review.html", context)


def _not_offered(request: HttpRequest, entry: Entry) -> HttpResponse:
    """410, with what else there is: the plan went while somebody read about it."""
    others = [e for e in shown_entries() if requestable(e)][:ALTERNATIVES]
    context = {"entry": entry, "others": others}
    return render(request, "keyrequests/not_offered.html", context, status=410)


# --- Following -----------------------------------------------------------------------
@require_safe
@developer_required
def listing(request: DeveloperRequest) -> HttpResponse:
    """All own requests, newest first."""
    pages = Paginator(reads.requests_of(request.developer), PAGE)
    page = pages.get_page(request.GET.get("page"))
    return render(request, "keyrequests/requests.html", {"page": page})


@require_safe
@developer_required
def detail(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """One request: where it stands, what was asked, what happened."""
    found = get_object_or_404(reads.requests_of(request.developer), code=code)
    events = list(found.events.all())
    claimed = [event.at for event in events if event.verb == Event.Verb.CLAIMED]
    plan = next((asked.plan for asked in found.plans.all()), None)
    takes = waits.takes(found.entry)
    context = {
        "key_request": found,
        "plan": plan,
        "facts": words.limits(plan),
        "track": words.track(found, claimed_at=min(claimed, default=None), takes=takes),
        "takes": takes,
        "history": words.history(events, request=found),
        "state": reads.claim_state(found),
        **kept_open(found),
        "may_amend": acts.may_amend(found),
        "slow": found.tyk_id is None and _old(found),
        "decider": words.decider(found),
        "again_url": _again_url(found),
    }
    return render(request, "keyrequests/request.html", context)


def _old(found: KeyRequest) -> bool:
    return timezone.now() - found.created_at > SLOW_DELIVERY


def _again_url(found: KeyRequest) -> str:
    """Where the same can be asked once more, or "" if it is no longer offered."""
    entry = found.entry
    offered = entry and entry.shown and not entry.gone_at and requestable(entry)
    if found.is_open or entry is None or not offered:
        return ""
    return f"{reverse('keyrequests:ask', args=[entry.slug])}?again={found.code}"


# --- Changing one's mind -----------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@developer_required
def change(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """Change what a request says, as long as nobody has decided."""
    found = get_object_or_404(reads.requests_of(request.developer), code=code)
    if not acts.may_amend(found):
        messages.warning(request, "Not changed: this request was decided already.")
        return redirect(found)
    form = _change_form(request, found)
    if request.method == "POST" and form.is_valid():
        try:
            return _changed(request, found, form)
        except Throttled as error:
            form.add_error(None, str(error))
    context = {"key_request": found, "form": form, "fields": _questions(form)}
    return render(request, "keyrequests/change.html", context)


def _change_form(request: DeveloperRequest, found: KeyRequest) -> AskForm:
    organisation, entry = Organisation.current(), found.entry
    asked = ask_fields(entry, organisation) if entry else list(found.answers)
    return AskForm(
        request.POST if request.method == "POST" else None,
        questions=asked,
        redirects=bool(found.redirect_uri) or (entry and entry.kind) == "oauth",
        answers=found.answers,
        project=found.project,
        redirect_uri=found.redirect_uri,
    )


def _changed(
    request: DeveloperRequest, found: KeyRequest, form: AskForm
) -> HttpResponse:
    """Counted like a request: each change makes one in Tyk. Raises Throttled."""
    _count(request)
    try:
        if acts.amend(
            found,
            answers=form.answers,
            project=form.cleaned_data["project"],
            redirect_uri=form.cleaned_data.get("redirect_uri", ""),
        ):
            messages.success(request, "Changed. Whoever reviews it sees what changed.")
    except AlreadyDecided:
        messages.warning(request, "Not changed: this request was decided already.")
    return redirect(found)


@require_POST
@developer_required
def withdraw(request: DeveloperRequest, code: UUID) -> HttpResponse:
    """Take back what nobody has decided yet."""
    found = get_object_or_404(KeyRequest.objects.of(request.developer), code=code)
    try:
        services.withdraw(found)
    except AlreadyDecided:
        # Its sentence is for staff: it may name a colleague by address.
        if found.status == KeyRequest.Status.WITHDRAWN:
            messages.success(request, "This request is withdrawn.")
        else:
            messages.warning(
                request, "Not withdrawn: this request was decided already."
            )
    else:
        messages.success(request, "Withdrawn. You can send a new request.")
    return redirect(found)
