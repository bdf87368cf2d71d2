"""The mail page shows what the portal sent, and nothing in a mail gets out of it."""

import http.client
import threading
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from portal_site.runner import mailbox, mailpage


def send(folder: Path, subject: str, text: str = "Hello", html: str = "") -> None:
    """Send through Django's own file backend, as the portal does."""
    backend = "django.core.mail.backends.filebased.EmailBackend"
    mail = EmailMultiAlternatives(
        subject,
        text,
        "Northwind APIs <no-reply@northwind.example>",
        ["mira@tinfold.example"],
        connection=get_connection(backend, file_path=str(folder)),
    )
    if html:
        mail.attach_alternative(html, "text/html")
    mail.send()


@pytest.fixture
def page(tmp_path):
    """A function that GETs from a running mail page over `tmp_path`."""
    server = mailpage.server(0, tmp_path)
    port = server.server_address[1]
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()

    def get(path: str, host: str = "127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    yield get
    server.shutdown()
    thread.join()
    server.server_close()


def test_empty_box_says_so(page):
    answer, body = page("/")

    assert answer.status == 200
    assert "No mail yet" in body


def test_list_shows_the_newest_mail_first(page, tmp_path):
    send(tmp_path, "Confirm your address")
    send(tmp_path, "Your access is approved")

    _, body = page("/")

    assert body.index("Your access is approved") < body.index("Confirm your address")
    assert "mira@tinfold.example" in body
    assert 'http-equiv="refresh"' in body


def test_mails_of_one_connection_are_all_found(tmp_path):
    backend = get_connection(
        "django.core.mail.backends.filebased.EmailBackend", file_path=str(tmp_path)
    )
    mails = [
        EmailMultiAlternatives(f"Mail {n}", "text", "a@b.example", ["c@d.example"])
        for n in (1, 2, 3)
    ]
    backend.send_messages(mails)

    assert [m.subject for m in mailbox.read(tmp_path)] == ["Mail 3", "Mail 2", "Mail 1"]
    assert [m.number for m in mailbox.read(tmp_path)] == [3, 2, 1]


def test_non_ascii_text_and_subject_are_read(tmp_path):
    send(tmp_path, "Zugang für Müller", "10 000 Aufrufe")

    [mail] = mailbox.read(tmp_path)

    assert mail.subject == "Zugang für Müller"
    assert mail.text.strip() == "10 000 Aufrufe"


def test_links_in_the_text_can_be_followed(page, tmp_path):
    send(tmp_path, "Confirm", "Go to http://127.0.0.1:8000/sign-up/x?a=1&b=2.\n")

    _, body = page("/mail/1")

    link = "http://127.0.0.1:8000/sign-up/x?a=1&amp;b=2"
    assert f'<a href="{link}">{link}</a>.' in body


@pytest.mark.parametrize(
    ("_case", "text"),
    [
        ("a script", "<script>alert(1)</script>"),
        ("a script link", "javascript:alert(1)"),
        ("an attribute", 'http://x.example/"onmouseover="alert(1)'),
    ],
)
def test_text_of_a_mail_is_only_text(_case, text, page, tmp_path):
    send(tmp_path, text, text)

    _, listed = page("/")
    _, shown = page("/mail/1")

    for body in (listed, shown):
        assert "<script" not in body
        assert 'href="javascript' not in body
        assert '"onmouseover' not in body


def test_html_part_is_framed_and_may_run_nothing(page, tmp_path):
    send(tmp_path, "Approved", html="<p>Hello</p><script>alert(1)</script>")

    _, around = page("/mail/1")
    answer, inside = page("/mail/1/html")

    assert '<iframe src="/mail/1/html" sandbox="allow-popups ' in around
    assert "<script" not in around
    assert "<p>Hello</p>" in inside
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("sandbox allow-popups allow-popups-to-escape-sandbox")
    assert "allow-scripts" not in policy


@pytest.mark.parametrize("path", ["/mail/7", "/mail/x", "/../secrets/secret_key", "/a"])
def test_other_addresses_are_not_found(path, page):
    answer, _ = page(path)

    assert answer.status == 404


def test_a_foreign_host_name_is_refused(page, tmp_path):
    send(tmp_path, "Confirm your address")

    answer, body = page("/", host="evil.example")

    assert answer.status == 403
    assert "Confirm" not in body
