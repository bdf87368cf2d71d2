"""Accounts on the operators' desk: words, links, and giving up."""

from collections.abc import Collection, Mapping

from django.urls import reverse

from developers import services
from developers.models import Developer, MailedLink, ProfileEdit, SignUp
from tyk.desk import Abandonment, About, Work, always, codes

SEE = "developers.view_developer"
# Read by the developer, on the account page.
NOT_SAVED = "It could not be saved, and we stopped trying."


# --- What rows are about -------------------------------------------------------------
def people(subjects: Collection[str]) -> Mapping[str, About]:
    """Developers, sign-ups and mailed links, whichever has the code.

    At most three queries.
    """
    known: dict[str, About] = {}
    for find in (_developers, _sign_ups, _links):
        left = set(subjects) - known.keys()
        known |= find(left) if left else {}
    return known


def _developers(subjects: Collection[str]) -> dict[str, About]:
    rows = Developer.objects.filter(code__in=codes(subjects))
    return {str(row.code): _developer(row) for row in rows}


def _sign_ups(subjects: Collection[str]) -> dict[str, About]:
    """They have no page."""
    rows = SignUp.objects.filter(code__in=codes(subjects))
    return {
        str(row.code): About(
            words=f"sign-up of {row.email}", right=SEE, otherwise="a sign-up"
        )
        for row in rows
    }


def _links(subjects: Collection[str]) -> dict[str, About]:
    """Whose they are, as far as known."""
    rows = MailedLink.objects.filter(code__in=codes(subjects))
    return {
        str(row.code): _developer(row.developer)
        if row.developer
        else About(words=f"link for {row.email}", right=SEE, otherwise="a link")
        for row in rows.select_related("developer")
    }


def _developer(row: Developer) -> About:
    return About(
        words=str(row),
        right=SEE,
        otherwise="a developer",
        url=reverse("admin:developers_developer_change", args=[row.pk]),
    )


# --- Profile edits ---------------------------------------------------------------------
def leaves_profile(subject: str) -> str:
    edit = _waiting(subject)
    if edit is None:
        return "The change is made or gone already. Nothing changes."
    told = (
        "The developer's change of the profile is not made. Their account page says "
        "that it could not be saved, with what they typed."
        if _typed(edit)
        else ""
    )
    switch = (
        "The account is not switched on or off: it stays as Tyk has it."
        if services.INACTIVE in edit.after
        else ""
    )
    return " ".join(part for part in (told, switch) if part)


def undo_profile(act: Abandonment) -> None:
    """What was typed is the developer's to send again; a switch by staff is dropped."""
    edit = _waiting(act.subject)
    if edit is None:
        return
    typed = _typed(edit)
    state = ProfileEdit.State.REFUSED if typed else ProfileEdit.State.DROPPED
    before = {member: edit.before[member] for member in typed}
    ProfileEdit.objects.filter(pk=edit.pk, state=ProfileEdit.State.DUE).update(
        state=state,
        after=typed or edit.after,
        before=before or edit.before,
        note=NOT_SAVED if typed else act.reason[:300],
    )


def _waiting(subject: str) -> ProfileEdit | None:
    return ProfileEdit.objects.filter(
        developer__code__in=codes([subject]), state=ProfileEdit.State.DUE
    ).first()


def _typed(edit: ProfileEdit) -> dict[str, bool | str]:
    return {m: v for m, v in edit.after.items() if m.startswith(services.FIELD)}


# --- The table -------------------------------------------------------------------------
def _mail(words: str, leaves: str) -> Work:
    return Work(
        words=f"Mail: {words}",
        does="Writes the mail from today's rows and hands it to the mail server. A "
        "link in it is made anew each time, and the newest one works.",
        about=people,
        leaves=always(leaves),
    )


WORK = {
    "developer.profile": Work(
        words="Save a profile in Tyk",
        does="Reads the developer in Tyk, changes what was wished, and writes the rest "
        "back as it was.",
        about=people,
        leaves=leaves_profile,
        undo=undo_profile,
        looks=True,
    ),
    "developer.close": Work(
        words="Delete a closed account in Tyk",
        does="Waits until its keys are revoked and its requests deleted, deletes the "
        "developer in Tyk, and erases what the portal holds about them. What is done "
        "already is not done again.",
        about=people,
        leaves=always(
            "The account stays closed here and nobody can log in. In Tyk the developer "
            "stays, with every key that is not revoked yet, and what we hold about them "
            "is not erased: do both by hand."
        ),
    ),
    "developer.picture": Work(
        words="Ask for a picture",
        does="Asks Gravatar once, for a developer who allowed it.",
        about=people,
        leaves=always("The developer's initials are shown."),
    ),
    "developer.keys_lost": Work(
        words="Look after keys that vanished",
        does="Changes nothing: it says that somebody looked, and takes the row off the "
        "list.",
        about=people,
        leaves=always("Nobody looked whether the developer's calls still work."),
    ),
    "developer.twin": Work(
        words="Look at a second account of one address",
        does="Reads both accounts in Tyk, and deletes the one a lost sign-up made, if "
        "it holds no key and was never used.",
        about=people,
        leaves=always(
            "Both accounts stay in Tyk, and nobody can log in with this address until "
            "one of them is deleted there."
        ),
    ),
    "mail.sign_up": _mail(
        "confirm your address",
        "Nobody gets the link, and the sign-up runs out by itself. They can sign up "
        "again.",
    ),
    "mail.reset": _mail(
        "choose a new password",
        "Nobody gets the link; the password stays as it is. They can ask again.",
    ),
    "mail.password_changed": _mail(
        "your password was changed",
        "The developer is not warned by mail that the password was changed.",
    ),
    "mail.account_active": _mail(
        "your account is ready",
        "The developer gets no mail that the account is ready. They can log in.",
    ),
    "mail.account_closed": _mail(
        "your account is closed",
        "The developer gets no farewell. The account is deleted all the same.",
    ),
    "mail.new_address": _mail(
        "confirm a new address",
        "Nobody gets the link; the address stays as it is. They can ask again.",
    ),
    "mail.address_changed": _mail(
        "your address was changed",
        "The old mailbox is not warned that the address was changed.",
    ),
}
