"""Which mails a developer wants. What concerns safety or a decision always comes."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core import signing
from django.db import transaction
from django.urls import reverse

from developers.mail import url
from developers.models import Choices, Developer

_SALT = "developers.mail_choices"


@dataclass(frozen=True, slots=True)
class Mail:
    """An event somebody may do without."""

    label: str
    hint: str


OPTIONAL = {
    "request_received": Mail(
        "A receipt for each request",
        "At once, when you asked for access and a person looks at it.",
    ),
    "approval_reminder": Mail(
        "Reminders of access you have not claimed",
        "3 and 14 days after an approval, as long as no key was made.",
    ),
    "quota": Mail(
        "A quota that is nearly used",
        "When a key has used 80\u202f% and 100\u202f% of a quota that lasts a day or longer.",
    ),
}
ALWAYS = (
    "A decision on your request, with its reason",
    "A key of yours was revoked",
    "Your password or your e-mail address was changed",
    "Links you asked for: a new password, a new address",
)


def wants(developer: Developer, event: str) -> bool:
    """Whether the mail of `event` is to be sent to `developer`; one query."""
    return event not in OPTIONAL or event not in _unwanted(developer)


def wanted(developer: Developer) -> list[str]:
    """The optional ones that `developer` gets."""
    unwanted = _unwanted(developer)
    return [event for event in OPTIONAL if event not in unwanted]


def _unwanted(developer: Developer) -> list[str]:
    row = Choices.objects.filter(developer=developer).first()
    return row.unwanted_mails if row else []


@transaction.atomic
def choose(developer: Developer, events: Collection[str]) -> None:
    """From now on these optional mails, and no other optional one."""
    _keep(developer, [event for event in OPTIONAL if event not in events])


def _keep(developer: Developer, unwanted: list[str]) -> None:
    Choices.objects.update_or_create(
        developer=developer, defaults={"unwanted_mails": unwanted}
    )


# --- One click in a mail ---------------------------------------------------------------
def stop_url(developer: Developer, event: str) -> str:
    """The address that ends this kind of mail, without logging in; "" if it always
    comes."""
    if event not in OPTIONAL:
        return ""
    token = signing.dumps([str(developer.code), event], salt=_SALT)
    return url(reverse("developers:mail-stop", args=[token]))


@dataclass(frozen=True, slots=True)
class Stop:
    """What a stop link is for."""

    developer: Developer
    event: str

    @property
    def mail(self) -> Mail:
        return OPTIONAL[self.event]


def stop_of(token: str) -> Stop | None:
    """Whose mails of which kind; None for what we never signed, or closed accounts.

    It proves no person: it can do nothing but end this kind of mail.
    """
    try:
        code, event = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError):
        return None
    developer = Developer.objects.filter(code=code, closed_at=None).first()
    return Stop(developer, event) if developer and event in OPTIONAL else None


@transaction.atomic
def stop(which: Stop) -> None:
    """No more of these."""
    unwanted = {*_unwanted(which.developer), which.event}
    _keep(which.developer, [event for event in OPTIONAL if event in unwanted])
