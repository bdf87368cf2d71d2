"""Outbox handlers: mails of account events, and profile edits to Tyk.

Each may run again at any time. Mails with a link make a new token when they run
and keep its digest: a repeat makes another token, and the newest one works.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from developers import closing, links, mail, pull, push_look, services, vanished
from developers.errors import EditsOff
from developers.models import Developer, MailedLink, ProfileEdit, SignUp
from developers.refusals import profile_words
from tyk import connect
from tyk.dashboard import records
from tyk.dashboard.errors import DashboardError, Refused
from tyk.dashboard.exact import RawDeveloper
from tyk.models import Organisation
from tyk.outbox import Job, Later, Park, enqueue

log = logging.getLogger(__name__)

# A look whose answer mostly chooses between two mails is not waited for long.
LOOK_SECONDS = 5.0


# --- Mails -----------------------------------------------------------------------------
def mail_sign_up(job: Job) -> None:
    """Subject: SignUp.code. The link to a password, or "you have an account".

    Which of the two is decided here, so that the page answers alike for both.
    """
    signup = SignUp.objects.filter(code=job.subject).first()
    if signup is None or _is_over(signup):
        return
    if closing.is_closing(signup.email_key):
        raise Later(60, "the account that had this address is still being deleted")
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
    try:
        record = push_look.look_up(signup.email, deadline=LOOK_SECONDS)
    except DashboardError as error:
        if push_look.needs_list(signup.email):
            raise  # the page would not find it, and a second account would be made
        # The mail need not wait for Tyk: the page its link opens looks again, and
        # tells the owner of an account what it is.
        log.info("signed up while Tyk is away", extra={"why": str(error)})
        return False
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
    link.developer = developer = link.developer or _developer_to_reset(link)
    if developer is None or not developer.may_enter:
        return
    if not (token := links.renew(link)):
        return
    path = reverse("developers:password-reset-link", args=[token])
    mail.send(
        "reset",
        to=developer.email,
        context={
            "title": "Choose a new password",
            "preheader": "The link works once.",
            "button_label": "Choose a new password",
            "button_url": mail.url(path),
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
    record = push_look.look_up_for(link)
    return pull.mirror(record) if record else None


def mail_password_changed(job: Job) -> None:
    """Subject: Developer.code. After the farewell of a closed account, nothing."""
    developer = Developer.objects.filter(code=job.subject, closed_at=None).first()
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


def mail_new_address(job: Job) -> None:
    """Subject: MailedLink.code. To the new mailbox: the link, or that it is taken."""
    link = MailedLink.objects.filter(code=job.subject).first()
    if link is None or link.used_at or link.expires_at < timezone.now():
        return
    developer = link.developer
    if developer is None or not developer.may_enter:
        return
    context: dict[str, object] = {
        "title": "Your new address",
        "preheader": "Somebody, probably you, asked for it.",
        "reason": "You get this mail because your address was typed into the form "
        "for a new e-mail address.",
    }
    if _is_taken(link, developer):
        context["title"] = "This address already has an account"
        context["preheader"] = "Nothing was changed."
        mail.send("new_address_taken", to=link.email, context=context)
        links.end(pk=link.pk)
        return
    if not (token := links.renew(link)):
        return
    path = reverse("developers:email-link", args=[token])
    context |= {
        "button_label": "Use this address",
        "button_url": mail.url(path),
        "name": developer.name,
        "until": link.expires_at,
    }
    mail.send("new_address", to=link.email, context=context)


def _is_taken(link: MailedLink, developer: Developer) -> bool:
    if services.others_with(link.email, but=developer):
        return True
    record = push_look.look_up(link.email)
    return record is not None and record.id != developer.tyk_id


def mail_address_changed(job: Job) -> None:
    """Subject: MailedLink.code. To the old mailbox, which the record forgot."""
    link = MailedLink.objects.filter(code=job.subject).first()
    if link is None or link.developer is None:
        return
    context: dict[str, object] = {
        "title": "Your e-mail address was changed",
        "preheader": "If it was not you, act now.",
        "name": link.developer.name,
        "when": link.used_at,
        # Nobody was ever sent this link: the change was seen in Tyk.
        "by_staff": link.digest is None,
        "reason": "You get this mail because this was the address of your account.",
    }
    mail.send("address_changed", to=link.old_email, context=context)


# --- Profile edits -----------------------------------------------------------------------
_ROUNDS = 3
SOON = 10.0  # seconds until Tyk is asked again whether it shows what it took
EMPTIED_PAUSE = 60.0  # seconds: the mirror's own looks are so far apart
PATIENCE = timedelta(hours=2)  # then a person looks: longer than any replica lags


def profile(job: Job) -> None:
    """Subject: Developer.code. Read, merge, write, in the developer's lane.

    Only members of the wish change; the rest goes back as it came, and no
    password goes along. What Tyk holds otherwise than anybody here knew, and what
    it refuses, is set aside for the developer to decide. Keys that are missing
    afterwards are put before staff; later wishes don't wait for that. Raises Later,
    and in the end Park, if Tyk shows something else than was written, or a record
    without the keys the mirror knows.
    """
    developer = Developer.objects.filter(code=job.subject).first()
    if developer is None:
        return
    for _ in range(_ROUNDS):
        edit = ProfileEdit.objects.filter(
            developer=developer, state=ProfileEdit.State.DUE
        ).first()
        if edit is None:
            _look_after_a_write(developer)
            return
        if _carry_out(job, edit):
            return
    raise Later(1, "the wish changed while it was carried out")


def _look_after_a_write(developer: Developer) -> None:
    """Whoever wrote the record last did not read it back, or died before.

    Raises Later for a record without any of the keys the mirror knows: an answer may
    be spoiled. If they are really gone a pull sees that at two looks, and then so
    does this.
    """
    if not vanished.is_kept(developer):
        return
    try:
        raw = pull.read_whole(developer.tyk_id)
    except pull.Emptied as emptied:
        raise Later(EMPTIED_PAUSE, f"not believed: {emptied.where}") from None
    if raw is not None:
        pull.apply([raw.record])
    vanished.check(developer, pull.holdings(raw.record) if raw else None)


def _carry_out(job: Job, edit: ProfileEdit) -> bool:
    """Make both sides agree; False if the wish is another one now: look again."""
    if _fields(edit.after) and Organisation.current().refuses_edits:
        # Wished before the doctor found out.
        return _set_aside(edit, ProfileEdit.State.REFUSED, note=EditsOff.sentence)
    if not _note_sent(edit):
        return False
    try:
        # Committed before the read, so that nothing lies between read and write.
        with job.sending():
            raw = pull.read_whole(edit.developer.tyk_id)
            if raw is None:
                vanished.check(edit.developer, None)
                _end(edit, ProfileEdit.State.DROPPED)
                return True
            held = {member: _held(raw.record, member) for member in edit.after}
            if _is_anothers(edit, held):
                pull.apply([raw.record])
                return _set_aside(edit, ProfileEdit.State.CONFLICT, theirs=held)
            _write(job, edit, raw, held)
    except Refused as refused:
        if pull.says_absent(refused) or not _fields(edit.after):
            raise
        note = " ".join(profile_words(refused.errors))
        return _set_aside(edit, ProfileEdit.State.REFUSED, note=note)
    except pull.Emptied as emptied:
        why = f"not written: {emptied.where}"
        raise _later_or_never(edit, EMPTIED_PAUSE, why) from None
    _verify(job, edit)
    return True


def _later_or_never(edit: ProfileEdit, seconds: float, why: str) -> Later | Park:
    """Nobody's fault while replicas lag; what lasts longer is for a person."""
    young = timezone.now() - edit.created_at < PATIENCE
    return Later(seconds, why) if young else Park(why)


def _note_sent(edit: ProfileEdit) -> bool:
    """Commit what Tyk may hold from now on; False if the wish changed meanwhile."""
    sent = {m: [*edit.sent.get(m, []), value] for m, value in edit.after.items()}
    edit.sent = {m: list(dict.fromkeys(v)) for m, v in {**edit.sent, **sent}.items()}
    return bool(_as_it_was(edit).update(sent=edit.sent))


def _as_it_was(edit: ProfileEdit) -> QuerySet[ProfileEdit]:
    return ProfileEdit.objects.filter(
        pk=edit.pk, state=ProfileEdit.State.DUE, after=edit.after
    )


def _held(record: records.Developer, member: str) -> bool | str:
    if member == services.INACTIVE:
        return record.inactive
    return record.fields.get(member.removeprefix(services.FIELD), "")


def _fields(members: services.Members) -> services.Members:
    """Those a person typed; switching an account off waits for nobody's decision."""
    return {m: v for m, v in members.items() if m.startswith(services.FIELD)}


def _is_anothers(edit: ProfileEdit, held: services.Members) -> bool:
    """Whether a field holds what neither was there before nor came from us."""
    return any(
        held[member] not in [edit.before[member], *edit.sent[member]]
        for member in _fields(edit.after)
    )


@transaction.atomic
def _set_aside(
    edit: ProfileEdit,
    state: ProfileEdit.State,
    *,
    theirs: services.Members | None = None,
    note: str = "",
) -> bool:
    """Take the typed fields out of the wish; always False: the rest goes on."""
    fields = _fields(edit.after)
    rest = {m: v for m, v in edit.after.items() if m not in fields}
    reduced = _as_it_was(edit).update(after=rest)
    if reduced:
        ProfileEdit.objects.create(
            developer=edit.developer,
            before=_fields(edit.before),
            after=fields,
            theirs=_fields(theirs or {}),
            note=note[:300],
            state=state,
        )
    if reduced and not rest:
        ProfileEdit.objects.filter(pk=edit.pk).delete()
    log.info("profile edit set aside", extra={"state": state.value})
    return False


def _write(
    job: Job, edit: ProfileEdit, raw: RawDeveloper, held: services.Members
) -> None:
    """Put the record back with what differs; nothing is sent if nothing does."""
    wanted = {m: v for m, v in edit.after.items() if v != held[m]}
    if not wanted:
        return
    fields = {
        member.removeprefix(services.FIELD): str(value) or None
        for member, value in _fields(wanted).items()
    }
    inactive = wanted.get(services.INACTIVE)
    merged = raw.merged(
        fields=fields or None,
        inactive=None if inactive is None else bool(inactive),
    )
    vanished.keep(edit.developer, pull.holdings(raw.record))
    with job.whole_record():
        connect.dashboard().update_developer(raw.record.id, merged)


def _end(edit: ProfileEdit, state: ProfileEdit.State) -> bool:
    """Unless the wish was changed meanwhile: then it stays due, and this is False."""
    return bool(_as_it_was(edit).update(state=state))


def _verify(job: Job, edit: ProfileEdit) -> None:
    """Read back: the wish is there, and nothing else went with the write."""
    today = pull.read(edit.developer.tyk_id)
    if today is None:
        vanished.check(edit.developer, None)
        _end(edit, ProfileEdit.State.DROPPED)
        return
    pull.apply([today])
    held = {member: _held(today, member) for member in edit.after}
    if held != edit.after:
        job.settled()  # it was answered: nothing is under way any more
        others = ", ".join(sorted(m for m, v in edit.after.items() if v != held[m]))
        raise _later_or_never(edit, SOON, f"Tyk does not show the new {others}")
    with transaction.atomic():
        vanished.check(edit.developer, pull.holdings(today))
        ended = _end(edit, ProfileEdit.State.DONE)
        if ended and edit.before.get(services.INACTIVE) is True:
            enqueue("mail.account_active", edit.developer.code)


def keys_lost(job: Job) -> None:
    """Subject: Developer.code. A person looked: nothing is owed to Tyk.

    The row is parked from the start (vanished.check), and comes here when staff say
    "Try again".
    """
    log.info("vanished keys were looked at", extra={"developer": job.subject})
