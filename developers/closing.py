"""A closed account: what ends here at once, and what is erased once Tyk has it gone.

Keys and requests are ended by keyrequests.closing, which calls this.
"""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from developers import links
from developers.models import (
    BrowserSession,
    Choices,
    Developer,
    HeldBefore,
    MailedLink,
    ProfileEdit,
    SignUp,
    User,
)
from tyk.outbox import enqueue

# What a closed account is called where somebody must still be named.
NOBODY = "Closed account"


@transaction.atomic
def close(developer: Developer) -> bool:
    """Nobody enters any more, and nothing is mailed but the farewell.

    In the caller's transaction. False if it is closed already.
    """
    closed = Developer.objects.filter(pk=developer.pk, closed_at=None).update(
        closed_at=timezone.now()
    )
    if not closed:
        return False
    developer.refresh_from_db()
    BrowserSession.objects.filter(user__developer=developer).delete()
    links.end(developer=developer)
    links.end(email_key=developer.email_key)
    ProfileEdit.objects.filter(developer=developer).exclude(
        state=ProfileEdit.State.DONE
    ).update(state=ProfileEdit.State.DROPPED)
    enqueue("mail.account_closed", developer.code)
    return True


@transaction.atomic
def erase(developer: Developer) -> None:
    """Forget who it was. The row stays, since keys and decisions name it.

    Once it is gone from Tyk and the farewell was sent: nothing needs the address
    any more, and pulls leave the row alone from here on.
    """
    MailedLink.objects.filter(developer=developer).delete()
    MailedLink.objects.filter(email_key=developer.email_key).delete()
    SignUp.objects.filter(email_key=developer.email_key).delete()
    SignUp.objects.filter(tyk_id=developer.tyk_id).delete()
    ProfileEdit.objects.filter(developer=developer).delete()
    HeldBefore.objects.filter(developer=developer).delete()
    Choices.objects.filter(developer=developer).delete()
    User.objects.filter(developer=developer).delete()
    # What staff did stays in their log, without the name.
    LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Developer),
        object_id=str(developer.pk),
    ).update(object_repr=NOBODY)
    # Whoever guesses a name and an address could prove both by the digests.
    Developer.objects.filter(pk=developer.pk).update(
        name=NOBODY,
        email="",
        email_key="",
        fields={},
        digest="",
        agreed="",
        erased_at=timezone.now(),
    )


def is_closed(tyk_id: str) -> bool:
    """Whether the owner of this record in Tyk closed the account."""
    return Developer.objects.filter(tyk_id=tyk_id).exclude(closed_at=None).exists()


def is_closing(address_key: str) -> bool:
    """Whether an account of this address is closed, and Tyk may hold it still."""
    rows = Developer.objects.filter(email_key=address_key, erased_at=None)
    return rows.exclude(closed_at=None).exists()
