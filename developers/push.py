"""Outbox handlers: mails of account events, and profile edits to Tyk.

Each may run again at any time. Mails with a link make a new token when they run
and keep its digest: a repeat makes another token, and the newest one works.
"""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from developers import links, mail, pull, services
from developers.models import Developer, MailedLink, ProfileEdit, SignUp
from tyk import connect
from tyk.dashboard.errors import NotFound
from tyk.dashboard.exact import RawDeveloper
from tyk.outbox import Job, enqueue


# --- Mails -----------------------------------------------------------------------------
def mail_sign_up(job: Job) -> None:
    """Subject: SignUp.code. The link to a password, or "you have an account".

    Which of the two is decided here, so that the page answers alike for both.
    """
    signup = SignUp.objects.filter(code=job.subject).first()
    if signup is None or _is_over(signup):
        return
    if _has_account(signup):
        SignUp.objects.filter(pk=signup.pk).update(state=SignUp.State.CANCELLED)
        _mail_account_exists(signup)
    else:
        _mail_confirmation(signup)


def _is_over(signup: SignUp) -> bool:
    finished = {SignUp.State.DONE, SignUp.State.CANCELLED}
    return signup.state in finished or signup.expires_at < timezone.now()


def _has_account(signup: SignUp) -> bool:
    """Here or in Tyk; not one that an unfinished sign-up of this address began."""
    found = services.who_has(signup.email)
    if found.exact or found.several:
        return True
    record = pull.look_up(signup.email, scan=True)
    if record is None:
        return False
    marker = record.fields.get(services.MARKER_FIELD, "")
    return marker not in services.unfinished_markers(signup)


def _mail_confirmation(signup: SignUp) -> None:
    link, _ = MailedLink.objects.get_or_create(
        purpose=MailedLink.Purpose.CONFIRM,
        signup=signup,
        defaults={
            "email": signup.email,
            "email_key": signup.email_key,
            "expires_at": signup.expires_at,
        },
    )
    token = links.renew(link)
    mail.send(
        "confirm",
        to=signup.email,
        context={
            "title": "Confirm your address",
            "preheader": "Then choose a password.",
            "button_label": "Choose a password",
            "button_url": mail.url(reverse("developers:confirm-link", args=[token])),
            "until": link.expires_at,
            "reason": "You get this mail because your address was typed into "
            "the sign-up form.",
        },
    )


def _mail_account_exists(signup: SignUp) -> None:
    mail.send(
        "account_exists",
        to=signup.email,
        context={
            "title": "You already have an account",
            "preheader": "Log in, or choose a new password.",
            "button_label": "Log in",
            "button_url": mail.url(reverse("developers:login")),
            "reset_url": mail.url(reverse("developers:password-reset")),
            "reason": "You get this mail because your address was typed into "
            "the sign-up form.",
        },
    )


def mail_reset(job: Job) -> None:
    """Subject: MailedLink.code. To the address in Tyk's own spelling, or nobody."""
    link = MailedLink.objects.filter(code=job.subject).first()
    if link is None or link.used_at or link.expires_at < timezone.now():
        return
    developer = link.developer or _developer_to_reset(link)
    if developer is None or not developer.may_enter:
        return
    link.developer = developer
    token = links.renew(link)
    mail.send(
        "reset",
        to=developer.email,
        context={
            "title": "Choose a new password",
            "preheader": "The link works once.",
            "button_label": "Choose a new password",
            "button_url": mail.url(
                reverse("developers:password-reset-link", args=[token])
            ),
            "name": developer.name,
            "until": link.expires_at,
            "reason": "You get this mail because your address was typed into "
            "the form for a forgotten password.",
        },
    )


def _developer_to_reset(link: MailedLink) -> Developer | None:
    found = services.who_has(link.email)
    if found.several:
        services.report_ambiguous(found)
        return None
    if found.exact:
        return found.exact
    record = pull.look_up(link.email, scan=True)
    return pull.mirror(record) if record else None


def mail_password_changed(job: Job) -> None:
    """Subject: Developer.code."""
    developer = Developer.objects.filter(code=job.subject).first()
    if developer is None:
        return
    mail.send(
        "password_changed",
        to=developer.email,
        context={
            "title": "Your password was changed",
            "preheader": "If it was not you, act now.",
            "button_label": "This was not me",
            "button_url": mail.url(reverse("developers:password-reset")),
            "name": developer.name,
            "when": developer.written_here_at,
            "reason": "You get this mail because the password of your account was "
            "changed.",
        },
    )


def mail_account_active(job: Job) -> None:
    """Subject: Developer.code. Not sent if the account is switched off again."""
    developer = Developer.objects.filter(code=job.subject).first()
    if developer is None or not developer.may_enter:
        return
    mail.send(
        "account_active",
        to=developer.email,
        context={
            "title": "Your account is ready",
            "preheader": "Log in with the password you chose.",
            "button_label": "Log in",
            "button_url": mail.url(reverse("developers:login")),
            "name": developer.name,
            "reason": "You get this mail because you have an account with us.",
        },
    )


# --- Profile edits -----------------------------------------------------------------------
def profile(job: Job) -> None:
    """Subject: Developer.code. Read, merge, write, in the developer's lane.

    Only members of the wish change; the rest goes back as it came, and no
    password goes along. If Tyk holds neither the old nor the new value, somebody
    else was here: the wish becomes a conflict and nothing is written.
    """
    developer = Developer.objects.filter(code=job.subject).first()
    if developer is None:
        return
    edit = ProfileEdit.objects.filter(
        developer=developer, state=ProfileEdit.State.DUE
    ).first()
    if edit is None:
        return
    raw = _read_whole(developer)
    if raw is None:
        _end(edit, ProfileEdit.State.DROPPED)
        return
    _make_agree(job, edit, raw)
    _read_back(developer, was_inactive=raw.record.inactive)


def _read_whole(developer: Developer) -> RawDeveloper | None:
    try:
        return connect.dashboard().raw_developer(developer.tyk_id)
    except NotFound:
        pull.mark_gone(developer.tyk_id)
        return None


def _make_agree(job: Job, edit: ProfileEdit, raw: RawDeveloper) -> None:
    wanted, now = edit.after["inactive"], raw.record.inactive
    if now not in {wanted, edit.before["inactive"]}:
        _end(edit, ProfileEdit.State.CONFLICT)
        return
    if now != wanted:
        job.sending()
        connect.dashboard().update_developer(raw.record.id, raw.merged(inactive=wanted))
    _end(edit, ProfileEdit.State.DONE)


def _end(edit: ProfileEdit, state: ProfileEdit.State) -> None:
    """Unless the wish was changed meanwhile: then it stays due."""
    ProfileEdit.objects.filter(
        pk=edit.pk, state=ProfileEdit.State.DUE, after=edit.after
    ).update(state=state)


def _read_back(developer: Developer, *, was_inactive: bool) -> None:
    today = pull.pull_one(developer.tyk_id)
    if today is not None and was_inactive and not today.inactive:
        with transaction.atomic():
            enqueue("mail.account_active", developer.code)
