"""One mail of one event, as text and HTML, to one address.

Templates: `emails/<event>.subject.txt`, `.txt` and `.html`. A mail never holds a
key or a password; the only secret in one is the token of its link. Also used by
keyrequests.
"""

import logging
import re
import smtplib
from collections.abc import Iterable
from email.utils import make_msgid
from textwrap import shorten
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from tyk.outbox import Later

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
LONGEST_SUBJECT = 60  # lists of mails show hardly more
_GAP = re.compile(r"\n{3,}")  # what a branch that was not taken leaves


def send(
    event: str, *, to: str, context: dict[str, object], stop_url: str = ""
) -> None:
    """Render and send the mail of `event`; raises Later if the server is away.

    `stop_url` is where one click ends this kind of mail (RFC 8058), for those that
    people may do without; see mail_choices.

    An address the mail server refuses for good is logged without the address and
    not tried again: anybody can type one into a form.
    """
    message = _message(event, to=to, context={**context, "stop_url": stop_url})
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


def send_each(event: str, *, to: Iterable[str], context: dict[str, object]) -> None:
    """The mail of `event` to each of staff; raises Later if nobody got it.

    One full mailbox must not send the mail to all others again and again.
    """
    reached, put_off = 0, None
    for address in to:
        try:
            send(event, to=address, context=context)
            reached += 1
        except Later as later:
            put_off = later
    if put_off is not None and not reached:
        raise put_off


def text_of(event: str, *, to: str, context: dict[str, object]) -> tuple[str, str]:
    """Subject and plain text as `send` would send them; nothing is sent."""
    message = _message(event, to=to, context=context)
    return str(message.subject), str(message.body).strip()


def url(path: str) -> str:
    """The full address of `path`: from the setting, never from a Host header."""
    return f"{settings.PORTAL_BASE_URL}{path}"


def _message(
    event: str, *, to: str, context: dict[str, object]
) -> EmailMultiAlternatives:
    whole = {"site_url": settings.PORTAL_BASE_URL, **context}
    subject = _rendered(f"{event}.subject.txt", whole)
    host = urlsplit(settings.PORTAL_BASE_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        # One line: names from outside must not add headers. Whole in the body.
        subject=shorten(subject, LONGEST_SUBJECT, placeholder="…"),
        body=_GAP.sub("\n\n", _rendered(f"{event}.txt", whole)),
        from_email=_rendered("_from.txt", {}).strip(),
        to=[_one_line(to)],
        headers={
            "Message-ID": make_msgid(domain=host),
            "Auto-Submitted": "auto-generated",
        },
    )
    if whole.get("stop_url"):
        message.extra_headers["List-Unsubscribe"] = f"<{whole['stop_url']}>"
        message.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.attach_alternative(_rendered(f"{event}.html", whole), "text/html")
    return message


def _rendered(name: str, context: dict[str, object]) -> str:
    return render_to_string(f"emails/{name}", context, using="mails")


def _one_line(address: str) -> str:
    if len(address.split()) != 1 or "," in address:
        raise ValueError("a mail goes to one address")
    return address
