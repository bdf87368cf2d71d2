"""Outbox handlers of the account pages: the farewell, and the picture."""

from developers import mail, pictures
from developers.models import Choices, Developer
from tyk.outbox import Job


def mail_account_closed(job: Job) -> None:
    """Subject: Developer.code. The last mail; after it the address is erased."""
    developer = Developer.objects.filter(code=job.subject).first()
    if developer is None or developer.closed_at is None or not developer.email:
        return
    mail.send(
        "account_closed",
        to=developer.email,
        context={
            "title": "Your account is closed",
            "preheader": "This cannot be undone.",
            "name": developer.name,
            "when": developer.closed_at,
            "reason": "You get this mail because this was the address of your account.",
        },
    )


def picture(job: Job) -> None:
    """Subject: Developer.code. Ask Gravatar once, for somebody who allowed it.

    No picture, or no answer, leaves the initials: nobody waits for a picture, so
    it is tried again only when its owner says so.
    """
    choices = (
        Choices.objects.select_related("developer")
        .filter(developer__code=job.subject)
        .exclude(gravatar_since=None)
        .first()
    )
    if choices is None or not choices.developer.may_enter:
        return
    found = pictures.fetch(choices.developer.email)
    # Unless the consent was taken back meanwhile.
    Choices.objects.filter(pk=choices.pk).exclude(gravatar_since=None).update(
        picture=found
    )
