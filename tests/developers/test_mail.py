"""One mail to one address; a sick mail server loses nothing."""

import socketserver
import threading
from collections.abc import Iterator

import pytest
from django.core import mail as sent
from django.test import Client

from developers import mail
from tests.developers.steps import ask_to_sign_up, link_in
from tyk.models import Outbox
from tyk.outbox import Later

CONTEXT: dict[str, object] = {
    "title": "Title",
    "preheader": "In a line.",
    "button_label": "Go",
    "button_url": "http://testserver/x",
    "name": "Eve\nBcc: everybody@shop.example",
    "until": None,
    "reason": "You get this mail because you are Eve.",
}


class Answers(socketserver.StreamRequestHandler):
    """A mail server that takes everything but one kind of recipient."""

    def handle(self) -> None:
        self.wfile.write(b"220 mail.test\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            code = b"250 ok"
            if word == b"RCPT" and b"full@" in line:
                code = b"452 try later"
            elif word == b"RCPT" and b"nobody@" in line:
                code = b"550 no such user"
            self.wfile.write(code + b"\r\n")


@pytest.fixture
def smtp(settings) -> Iterator[None]:
    """Real SMTP to a server of this test; nothing goes into `sent.outbox`."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = False
        yield
        server.shutdown()


def test_text_and_html_and_no_added_header():
    mail.send("reset", to="eve@shop.example", context=CONTEXT)

    (message,) = sent.outbox
    assert isinstance(message, sent.EmailMultiAlternatives)
    assert message.to == ["eve@shop.example"]
    assert message.subject == "Choose a new password for Northwind APIs"
    assert message.from_email == "Northwind APIs <no-reply@testserver>"
    assert "http://testserver/x" in str(message.body)
    html, kind = message.alternatives[0]
    assert kind == "text/html"
    assert 'href="http://testserver/x"' in str(html)
    headers = message.message()
    assert headers["Bcc"] is None
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"].endswith("@testserver>")


@pytest.mark.parametrize(
    "address", ["a@x.example\nBcc: b@x.example", "a@x.example,b@x.example", ""]
)
def test_two_addresses_are_none(address):
    with pytest.raises(ValueError, match="one address"):
        mail.send("reset", to=address, context=CONTEXT)
    assert sent.outbox == []


def test_server_away_is_later(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with pytest.raises(Later):
        mail.send("reset", to="eve@shop.example", context=CONTEXT)


def test_full_mailbox_is_later(smtp):
    with pytest.raises(Later):
        mail.send("reset", to="full@shop.example", context=CONTEXT)


def test_mailbox_that_does_not_exist_is_not_tried_again(smtp, caplog):
    caplog.set_level("INFO")
    mail.send("reset", to="nobody@shop.example", context=CONTEXT)
    assert "mail refused" in caplog.text
    assert "nobody@" not in caplog.text


@pytest.mark.django_db
def test_token_mail_waits_for_the_mail_server(box, organisation, settings):
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    ask_to_sign_up(Client())
    row = Outbox.objects.get()
    assert (row.served, row.attempts, row.parked_reason) == (0, 0, "")

    settings.EMAIL_BACKEND = backend
    Outbox.objects.update(next_at=row.asked_at)
    ask_to_sign_up(Client(), "other@tinfold.example")

    assert {message.to[0] for message in sent.outbox} == {
        "nora@tinfold.example",
        "other@tinfold.example",
    }
    page = Client().get(link_in(sent.outbox[0]), follow=True)
    assert page.status_code == 200
