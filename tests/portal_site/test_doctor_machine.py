"""What the doctor sees around the portal: settings, broker, worker, mail server."""

import contextlib
import socketserver
import threading

import pytest
from django.db import connection

from portal_site import doctor, presence
from portal_site.doctor import machine
from portal_site.runner import ports
from tests.portal_site.ward import examined, worker, wrong

pytestmark = pytest.mark.django_db(transaction=True)


def test_debug(box, settings):
    settings.DEBUG = True

    assert wrong(examined())["debug"] == (
        "DEBUG is on: error pages show settings and code to anybody."
    )


def test_a_missing_migration_ends_the_look_at_rows(box):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET name = 'gone' WHERE app = 'sessions'"
        )
    try:
        found = examined()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_migrations SET name = '0001_initial' "
                "WHERE app = 'sessions'"
            )

    assert found["database"].sentence == (
        "Migrations not applied: 1; its rows were not looked at."
    )
    assert found["database"].fix == "Run manage.py migrate."
    assert "beat" not in found


def test_no_broker(box, settings):
    settings.REDIS_URL = f"redis://:canary-of-redis@127.0.0.1:{ports.any_free()}/0"

    found = examined()

    assert found["broker"].sentence == (
        "The broker does not answer (ConnectionError): nothing is lost, and nothing "
        "is quick."
    )
    assert found["worker"].sentence == "Not checked: the broker is away."
    assert "canary" not in str(found)


def test_no_worker(box):
    assert examined()["worker"].sentence == "No worker answered within 1 second."


def test_processes_that_share_the_cap(settings, monkeypatch, valkey_client):
    """One worker of one process, and three of the web that said they run."""
    monkeypatch.setattr(machine, "PING_SECONDS", 3)
    settings.PORTAL_PROCESSES = 3
    for name in ("web-1:76", "web-2:77", "web-3:78"):
        valkey_client.set(f"{presence.PREFIX}{name}", 1)

    with worker():
        one_more = machine.processes()

    assert one_more == machine.sharing(web=3, workers=1)
    assert one_more.sentence.startswith(
        "PORTAL_PROCESSES is 3, and 3 web and 1 worker processes run: together"
    )
    assert (one_more.ok, one_more.fix.partition(",")[0]) == (
        False,
        "Set PORTAL_PROCESSES to 4",
    )


def test_as_many_processes_as_were_reckoned_with(settings):
    settings.PORTAL_PROCESSES = 4

    enough = machine.sharing(web=3, workers=1)

    assert (enough.ok, enough.sentence) == (
        True,
        "3 web and 1 worker processes run; PORTAL_PROCESSES is 4.",
    )


def test_a_web_process_says_that_it_runs_for_a_while(settings, valkey_client):
    presence.say()
    presence.say()

    (name,) = valkey_client.keys(f"{presence.PREFIX}*")
    assert 40 < valkey_client.ttl(name) <= 45
    settings.REDIS_URL = f"redis://127.0.0.1:{ports.any_free()}/0"
    presence.say()  # nobody hears it, and nothing is wrong


def test_nobody_to_count(box):
    assert examined()["processes"].skipped


def test_a_worker_that_answers(monkeypatch):
    monkeypatch.setattr(machine, "PING_SECONDS", 1.0)
    with worker():
        found = machine.worker()

    assert found == doctor.Finding("worker", ok=True, sentence="A worker answers.")


class _SmtpServer(socketserver.StreamRequestHandler):
    """As much of a mail server as a connection without mail needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 mail.example ready\r\n")
        while line := self.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            if verb == b"EHLO":
                self.wfile.write(b"250-mail.example\r\n250 AUTH PLAIN\r\n")
            else:  # AUTH, and whatever it tries after it
                self.wfile.write(b"535 5.7.8 refused, canary-of-smtp\r\n")


@contextlib.contextmanager
def smtp_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _SmtpServer) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def smtp(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = ports.any_free()
    return settings


def test_mail_without_a_server():
    assert machine.mail_server().sentence == (
        "Not checked: mails go to locmem, not to a server."
    )


def test_no_mail_server(smtp):
    assert machine.mail_server().sentence == (
        f"The mail server 127.0.0.1:{smtp.EMAIL_PORT} cannot be used "
        "(ConnectionRefusedError)."
    )


def test_a_mail_server_that_answers(smtp):
    with smtp_server() as smtp.EMAIL_PORT:
        assert machine.mail_server().sentence == (
            "The mail server 127.0.0.1 takes our connection."
        )


def test_a_mail_server_that_refuses_us(smtp):
    smtp.EMAIL_HOST_USER, smtp.EMAIL_HOST_PASSWORD = "portal", "canary-of-smtp"
    with smtp_server() as smtp.EMAIL_PORT:
        found = machine.mail_server()

    assert found.sentence == "The mail server 127.0.0.1 refuses our login."
    assert "canary" not in str(found)
