"""Every mail's three templates, rendered with everything they name.

That each mail which is really sent is well made is asked after every test, see
`tests.mails`; here nothing is left out because a branch was not taken.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.core import mail as sent

from developers import mail
from developers.models import Developer
from keyrequests.models import Key, KeyRequest
from tests import mails
from tests.factories import EntryFactory, KeyFactory, KeyRequestFactory

pytestmark = pytest.mark.django_db

FOLDER = Path(site_settings.BASE_DIR) / "templates/emails"
EVENTS = sorted({p.name.split(".")[0] for p in FOLDER.glob("[a-z]*")})
UNTIL = datetime(2026, 2, 19, 10, 42, tzinfo=UTC)


@pytest.fixture
def request_of_alice(alice: Developer) -> KeyRequest:
    """Long names, answers of several lines, a reason with what HTML would eat."""
    entry = EntryFactory(name="Warehouse stock levels & reservations, Europe")
    made: KeyRequest = KeyRequestFactory(developer=alice, entry=entry)
    made.answers = {"Use case": "A shop <window>\nand a till", "Calls a month": "20"}
    made.reason = "Please say which shop:\n5 > 3 & that is all."
    return made


@pytest.fixture
def whole(request_of_alice: KeyRequest) -> dict[str, object]:
    """Every variable a mail may name. A template that names another one fails."""
    key: Key = KeyFactory(developer=request_of_alice.developer, name="Till <3>")
    return {
        "title": "What happened",
        "preheader": "In a line, for the list of mails.",
        "reason": "You get this mail because you asked for it.",
        "button_label": "See it",
        "button_url": "https://portal.example/it/",
        "stop_url": "https://portal.example/stop/abc/",
        "reset_url": "https://portal.example/password/reset/",
        "name": "Alice & Co",
        "developer": request_of_alice.developer,
        "request": request_of_alice,
        "key": key,
        "takes": "about 1 working day",
        "why": "owner",
        "limits": "60 calls a minute, 10 000 a day",
        "until": UNTIL,
        "when": UNTIL,
        "since": UNTIL,
        "by_staff": True,
        "given": True,
        "share": "80\u202f%",
        "used": "8\u202f000 of 10\u202f000 calls",
        "more": "Counted over the last 24 hours.",
        "what": "The Dashboard rejects the key.",
        "do": "Make a new one.",
    }


# What a branch may be taken without: {% if %} has another side too.
OPTIONAL = (
    "stop_url", "name", "limits", "until", "when", "by_staff", "given", "button_url",
)  # fmt: skip


def send(event: str, context: dict[str, object]) -> sent.EmailMessage:
    mail.send(event, to="alice@shop.example", context=context)
    return sent.outbox[-1]


def test_every_event_has_its_three_parts() -> None:
    assert len(EVENTS) > 12
    for event in EVENTS:
        for kind in ("subject.txt", "txt", "html"):
            assert (FOLDER / f"{event}.{kind}").is_file(), f"{event}.{kind}"


@pytest.mark.parametrize("event", EVENTS)
def test_it_names_nothing_that_is_not_given(event: str, whole) -> None:
    message = send(event, whole)
    text, page = mails.parts(message)

    # Escaped once in HTML, not at all in the text.
    assert "&amp;amp;" not in page
    assert not re.search(r"&(lt|gt|amp|quot|#)", text)
    assert "<window>" not in page
    assert "<3>" not in page
    assert "https://portal.example/it/" in text


@pytest.mark.parametrize("event", EVENTS)
def test_it_reads_well_with_what_may_be_missing(event: str, whole) -> None:
    whole["request"].reason = ""
    whole["developer"].name = ""

    message = send(event, {**whole, **dict.fromkeys(OPTIONAL)})

    text, _ = mails.parts(message)
    assert "Hello ," not in text
    assert "  ." not in text


@pytest.mark.parametrize("event", EVENTS)
def test_its_subject_is_short_and_one_line(event: str, whole, settings) -> None:
    settings.BRAND_NAME = "Northwind Traders Europe APIs"
    whole["title"] = "Your request for Warehouse stock levels was declined"

    subject = send(event, whole).subject

    assert 8 < len(subject) <= mails.LONGEST_SUBJECT
    assert "\n" not in subject


def test_a_template_that_names_something_unknown_is_found(whole) -> None:
    del whole["what"]

    with pytest.raises(AssertionError, match="undefined variable: what"):
        send("alarm", whole)


# --- The law itself ------------------------------------------------------------------
def made(**changed: str) -> sent.EmailMultiAlternatives:
    """A mail without a fault, but for what is changed."""
    text = changed.get("text", "Hello\n-- \nYou get this mail because you asked.")
    page = changed.get(
        "page", "<p>Hello</p><p>You get this mail because you asked.</p>"
    )
    message = sent.EmailMultiAlternatives(
        changed.get("subject", "Hello"),
        text,
        to=["a@x.example"],
        headers={"Auto-Submitted": changed.get("auto", "auto-generated")},
    )
    message.attach_alternative(page, "text/html")
    return message


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"text": "You get this mail because you asked."}, "only in HTML: ['hello']"),
        ({"page": "<p>You get this mail because you asked.</p>"}, "only in the text"),
        ({"subject": "S" * 61}, "61 characters"),
        ({"auto": ""}, "no person wrote it"),
        ({"text": "Hello", "page": "<p>Hello</p>"}, "why it came"),
        (
            {"page": '<p>Hello You get this mail because you asked.<img src="x"></p>'},
            "loads something",
        ),
    ],
)
def test_the_law_for_mails_finds(changed: dict[str, str], fault: str) -> None:
    found = list(mails.faults(made(**changed)))

    assert bool(found) == bool(fault)
    assert fault in "; ".join(found)
