"""One mail of one event, as text and HTML, to one address.

Templates: `emails/<event>.subject.txt`, `.txt` and `.html`. A mail never holds a
key or a password; the only secret in one is the token of its link. Also used by
keyrequests.
"""

import logging
import smtplib
from email.utils import make_msgid
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from tyk.outbox import Later

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0


def send(event: str, *, to: str, context: dict[str, object]) -> None:
    """Render and send the mail of `event`; raises Later if the server is away.

    An address the mail server refuses for good is logged without the address and
    not tried again: anybody can type one into a form.
    """
    message = _message(event, to=to, context=context)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = {code for code, _ in refused.recipients.values()}
        if any(code < 500 for code in codes):
            raise Later(RETRY_SECONDS, "the mail server put it off") from None
        log.warning("mail refused", extra={"mail": event, "codes": sorted(codes)})
        return
    except (smtplib.SMTPException, OSError) as error:
        why = f"mail server: {type(error).__name__}"
        raise Later(RETRY_SECONDS, why) from None
    log.info("mail sent", extra={"mail": event})


def url(path: str) -> str:
    """The full address of `path`: from the setting, never from a Host header."""
    return f"{settings.PORTAL_BASE_URL}{path}"


def _message(
    event: str, *, to: str, context: dict[str, object]
) -> EmailMultiAlternatives:
    whole = {"site_url": settings.PORTAL_BASE_URL, **context}
    subject = render_to_string(f"emails/{event}.subject.txt", whole)
    host = urlsplit(settings.PORTAL_BASE_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        # One line: names from outside must not add headers.
        subject=" ".join(subject.split()),
        body=render_to_string(f"emails/{event}.txt", whole),
        to=[_one_line(to)],
        headers={
            "Message-ID": make_msgid(domain=host),
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(
        render_to_string(f"emails/{event}.html", whole), "text/html"
    )
    return message


def _one_line(address: str) -> str:
    if len(address.split()) != 1 or "," in address:
        raise ValueError("a mail goes to one address")
    return address
