"""What holds for every mail the portal sends. `tests/conftest.py` asks it of each."""

import html
import re
from collections.abc import Iterable
from email.message import Message

from django.core.mail import EmailMessage, EmailMultiAlternatives

LONGEST_SUBJECT = 60  # more is cut off in the lists of most programs
_UNSEEN = re.compile(
    r"<style>.*?</style>|<title>.*?</title>|<div style=\"display:none.*?</div>",
    re.DOTALL,
)
_LINK = re.compile(r'<a href="([^"]+)"[^>]*>')
_WORD = re.compile(r"[^\s\u202f]+")
# Said in one of the two alone: the second way to press a button.
ONLY_HTML = {"button", "not", "working", "copy", "this", "address"}


def parts(message: EmailMessage) -> tuple[str, str]:
    """Text and HTML of a mail; HTML "" where it has none."""
    bodies = getattr(message, "alternatives", [])
    return str(message.body), str(bodies[0][0]) if bodies else ""


def words(text: str) -> set[str]:
    """Words in small letters, without what stands around them."""
    found = (word.strip(".,:;!?()“”\"'·-").lower() for word in _WORD.findall(text))
    return {word for word in found if word}


def seen(page: str) -> str:
    """The words of an HTML mail below the company's name, and where links lead."""
    visible = _UNSEEN.sub(" ", page)
    visible = visible[max(0, visible.find("<h1")) :]
    visible = _LINK.sub(lambda link: f" {link[1].removeprefix('mailto:')} ", visible)
    return html.unescape(re.sub(r"<[^>]+>", " ", visible))


def faults(message: EmailMessage) -> Iterable[str]:
    """What is wrong with this mail, as sentences."""
    text, page = parts(message)
    headers = message.message()
    if not isinstance(message, EmailMultiAlternatives) or not page:
        yield "it has no HTML"
    if len(message.subject) > LONGEST_SUBJECT:
        yield f"a subject of {len(message.subject)} characters: {message.subject}"
    if len(message.to) != 1 or message.cc or message.bcc:
        yield "it goes to more than one address"
    yield from _header_faults(headers)
    yield from _twin_faults(text, page)
    if "You get this mail because" not in text:
        yield "it does not say why it came"
    if re.search(r"\bNone\b|\{\{|\{%|\n\n\n\n", text):
        yield "its text has a hole"
    if re.search(r"<img|<script|<link|url\(", page):
        yield "its HTML loads something"


def _header_faults(headers: Message) -> Iterable[str]:
    for name in ("Message-ID", "Date", "From"):
        if len(headers.get_all(name, [])) != 1:
            yield f"not one {name}"
    if headers["Auto-Submitted"] != "auto-generated":
        yield "it does not say that no person wrote it"
    one_click = headers["List-Unsubscribe-Post"]
    if bool(headers["List-Unsubscribe"]) != bool(one_click):
        yield "one of the two headers of RFC 8058 is missing"


def _twin_faults(text: str, page: str) -> Iterable[str]:
    shown, read = words(seen(page)), words(text)
    only_html = shown - read - ONLY_HTML
    if only_html:
        yield f"only in HTML: {sorted(only_html)}"
    if read - shown:
        yield f"only in the text: {sorted(read - shown)}"
