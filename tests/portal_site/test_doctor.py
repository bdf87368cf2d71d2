"""Each thing the doctor finds, provoked once, and the sentence it says."""

import contextlib
import json
import re
import socketserver
import subprocess
import sys
import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal_site import doctor
from portal_site.celery import app
from portal_site.doctor import dashboard, machine
from portal_site.runner import ports
from tests import factories
from tests.keyrequests.scene import build
from tyk import connect
from tyk.models import Organisation, Outbox, PullState
from tyk.sandbox import PROFILES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Nobody answers in most tests: a second of waiting each adds up."""
    monkeypatch.setattr(machine, "PING_SECONDS", 0.05)


def examined(*, scratch: bool = False) -> dict[str, doctor.Finding]:
    return {found.name: found for found in doctor.examine(scratch=scratch)}


def wrong(found: dict[str, doctor.Finding]) -> dict[str, str]:
    """What is not well, but for the worker none of these tests has."""
    return {
        name: one.sentence
        for name, one in found.items()
        if not one.ok and name != "worker"
    }


def run(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


# --- All is well -----------------------------------------------------------------
@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"restricted", "chatty"}))
def test_nothing_is_wrong_with_a_healthy_portal(box, profile):
    box.switches = PROFILES[profile].changed(replica_lag=0)
    build(box)

    found = examined(scratch=True)

    assert wrong(found) == {}
    assert found["policies"].sentence == "Every live policy stands in an entry."
    assert found["clock"].sentence == "Our clock and the Dashboard's agree."
    assert "our marker survives" in found["markers"].sentence
    assert [one["email"] for one in box.developers()] == ["mira@tinfold.example"]


def test_without_scratch_it_only_reads(box):
    build(box)
    box.journal.clear()

    examined()

    assert {call.method for call in box.journal.calls()} == {"GET"}


# --- The machine -----------------------------------------------------------------
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


@contextlib.contextmanager
def worker():
    """A real worker of this run's broker, on a queue nobody writes to."""
    command = [sys.executable, "-m", "celery", "-A", "portal_site", "--quiet"]
    options = ["worker", "--pool", "solo", "--queues", "nobody", "--loglevel", "error"]
    with subprocess.Popen([*command, *options]) as process:  # noqa: S603  ours
        try:
            deadline = time.monotonic() + 20
            while not app.control.ping(timeout=0.3):
                assert time.monotonic() < deadline, "the worker never answered"
            yield
        finally:
            process.terminate()


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
        f"The mail server 127.0.0.1:{smtp.EMAIL_PORT} can not be used "
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


# --- Our rows ----------------------------------------------------------------------
def test_nothing_was_ever_read(box):
    assert wrong(examined())["beat"] == "Nothing was ever read from Tyk."


def test_the_beat_is_dead(box):
    build(box)
    PullState.objects.update(started_at=timezone.now() - timedelta(minutes=7))

    assert wrong(examined()) == {"beat": "The last pull began 7 minutes ago."}


def test_a_pull_that_failed_and_one_that_held_back(box):
    build(box)
    PullState.objects.filter(kind="developers").update(last_error="listDevelopers: x")
    PullState.objects.filter(kind="policies").update(held_back_reason="all would go")

    assert wrong(examined()) == {
        "pulls": "Not in step with Tyk: developers (listDevelopers: x) and policies "
        "(all would go)."
    }


def test_parked_work(box):
    build(box)
    for number in range(2):
        factories.OutboxFactory(subject=number, parked_reason="no such address")

    assert wrong(examined()) == {"parked": "Work waits for a person: 2 of mail.reset."}


def test_late_work(box):
    build(box)
    factories.OutboxFactory(next_at=timezone.now() - timedelta(minutes=30))
    assert wrong(examined()) == {"outbox": "Rows due: 1, the oldest for 30 minutes."}

    Outbox.objects.update(next_at=timezone.now())
    assert examined()["outbox"].sentence == "Rows due: 1, none of them late."


def test_a_seal_key_that_is_gone(box, settings, alice):
    key = alice.keys.get()
    settings.SEAL_KEYS = ["5a" * 32]

    assert examined()["seal keys"].sentence == (
        f"SEAL_KEYS do not open the id of a key of {key.created_at:%Y-%m-%d}: it can "
        "be neither revoked nor replaced here."
    )


def test_a_seal_key_behind_the_first(box, settings, alice):
    settings.SEAL_KEYS = ["5a" * 32, *settings.SEAL_KEYS]

    assert examined()["seal keys"].sentence == (
        "SEAL_KEYS open the oldest and the newest key id."
    )


def test_somebody_elses_database(box):
    build(box)
    Organisation.objects.update(base_url_seen="https://developers.example.com")

    assert wrong(examined()) == {
        "fence": "This database belongs to the portal at developers.example.com, and "
        "this is testserver. Nothing is sent."
    }


# --- The Dashboard -------------------------------------------------------------------
def test_nobody_at_the_address(settings, organisation):
    address = f"127.0.0.1:{ports.any_free()}"
    settings.TYK_DASHBOARD_URL = f"http://{address}"
    connect.close()

    found = examined()

    assert found["dashboard"].sentence == f"Nothing listens at http://{address}."
    assert found["dashboard"].fix.startswith("Start the Dashboard, or")
    assert "key" not in found


def test_a_refused_key(box):
    box.rotate_api_key()

    found = examined()

    assert found["key"].sentence == "The Dashboard refuses TYK_API_KEY."
    assert "rights" not in found


def test_two_refused_keys(box, settings):
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"
    box.rotate_api_key()

    found = examined()

    assert found["key"].sentence == (
        "The Dashboard refuses TYK_API_KEY and TYK_API_KEY_NEXT."
    )
    assert "canary" not in str(found)


def test_the_next_key_took_over(box, settings):
    build(box)
    settings.TYK_API_KEY_NEXT = box.rotate_api_key()

    found = examined()

    assert wrong(found) == {
        "key": "The Dashboard refuses TYK_API_KEY and takes TYK_API_KEY_NEXT."
    }
    assert found["next key"].sentence == "The Dashboard takes TYK_API_KEY_NEXT too."


def test_the_next_key_does_not_work(box, settings):
    build(box)
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"

    found = examined()

    assert wrong(found) == {"next key": "The Dashboard refuses TYK_API_KEY_NEXT."}
    assert "canary" not in str(found)


def test_rights_that_are_missing(box):
    build(box)
    box.switch(denied_rights=("policy", "keys"))

    assert wrong(examined()) == {"rights": "The key may not read policies and keys."}


def test_a_part_that_fails(box):
    build(box)
    box.faults.add("listKeyRequests", mode="status", status=500, message="store away")

    assert wrong(examined()) == {
        "rights": "Could not be read: key requests (listKeyRequests (GET "
        "/api/portal/requests): server_error, status 500)."
    }


def test_another_organisation(box, settings):
    build(box)
    settings.TYK_ORG_ID = "64a0c0ffee00000000009999"

    assert wrong(examined()) == {
        "organisation": f"The key belongs to organisation {box.org_id}, this portal "
        "to 64a0c0ffee00000000009999."
    }


def test_tyk_would_mail_keys(box, settings):
    build(box)
    box.set_configuration(
        secure_key_approval=True,
        mail_options={"email_copy": {"key_email": {"enabled": True}}},
    )
    assert wrong(examined()) == {
        "key mails": "Tyk mails keys to developers and sends a link to a page with the "
        "key (secure key approval). No key can be claimed here."
    }

    settings.CLAIM_ACCEPTS_KEY_MAIL = True
    assert wrong(examined()) == {}


def test_the_mirror_has_another_hash_mode(box):
    build(box)
    box.switch(hashing="off")
    assert wrong(examined()) == {
        "key hashing": "Key hashing is off in Tyk and on in the mirror."
    }

    Organisation.objects.update(hash_keys=False)
    assert examined()["key hashing"].sentence == (
        "Key hashing is off: Tyk itself keeps raw keys."
    )


def test_entries_nobody_can_ask_for(box):
    scene = build(box)
    box.add_entry("Returns", "")
    box.edit_policy(scene.policy, active=False)

    assert wrong(examined()) == {
        "catalogue": "Entries nobody can ask for. Returns: no policy; Orders: policy "
        "is switched off."
    }


def test_policies_in_no_entry_are_told_and_are_no_fault(box):
    build(box)
    box.add_policy("internal")

    found = examined()

    assert wrong(found) == {}
    assert found["policies"].sentence == "Live policies in no entry: internal."


@pytest.mark.parametrize(("ahead", "side"), [(500, "behind"), (-500, "ahead of")])
def test_clocks_that_differ(box, ahead, side):
    now = timezone.now()
    clocks = [(now + timedelta(seconds=ahead), now)]

    found = dashboard.clock(dashboard.Visit(connect.dashboard(), clocks))

    assert not found.ok
    assert found.sentence == f"Our clock is 500 seconds {side} the Dashboard's."


def test_a_dashboard_without_a_clock(box):
    found = dashboard.clock(dashboard.Visit(connect.dashboard()))

    assert found.sentence == "Not checked: the Dashboard sends no date."


# --- The scratch developer -----------------------------------------------------------
def test_a_dashboard_that_drops_markers(box):
    build(box)
    record = box.developer(box.developers()[0]["id"])
    box.faults.add(
        "getDeveloper",
        mode="status_plain",
        status=200,
        body=json.dumps({**record, "fields": {"Name": "no marker"}}),
    )

    found = examined(scratch=True)["markers"]

    assert re.fullmatch(
        r"The scratch developer portal-doctor-\w+@example.invalid was made, read back "
        r"and deleted: Tyk dropped our marker from its fields\.",
        found.sentence,
    )
    assert len(box.developers()) == 1


def test_a_key_that_may_not_write(box):
    build(box)
    box.switch(denied_rights=("portal:write",))

    assert wrong(examined(scratch=True)) == {
        "markers": "A scratch developer could not be made and read back "
        "(createDeveloper (POST /api/portal/developers): no_permission, status 403); "
        "none is left."
    }


def test_an_answer_lost_leaves_no_scratch_developer(box):
    build(box)
    box.faults.add("createDeveloper", mode="reset_after", times=1)

    found = examined(scratch=True)["markers"]

    assert not found.ok
    assert found.sentence.endswith("none is left.")
    assert len(box.developers()) == 1


def test_a_scratch_developer_that_stays_is_named(box):
    build(box)
    box.faults.add("deleteDeveloper", mode="status", status=500, message="no")

    found = examined(scratch=True)["markers"]

    [left] = [one for one in box.developers() if "doctor" in one["email"]]
    assert f"{left['email']} was made and could not be deleted" in found.sentence
    assert found.fix == f"Delete {left['email']} in the Dashboard."


# --- The command -----------------------------------------------------------------------
def test_command_tells_what_is_wrong_and_exits_with_1(box):
    build(box)
    box.set_configuration(secure_key_approval=True)

    code, told = run()

    assert code == 1
    assert (
        "WRONG key mails     Tyk sends a link to a page with the key (secure key "
        "approval). No key can be claimed here.\n"
        "                    In the Dashboard, Portal Settings, switch the key mail "
        "and secure key approval off.\n"
    ) in told
    assert "ok    debug         DEBUG is off.\n" in told
    assert "-     next key      Not checked: TYK_API_KEY_NEXT is not set.\n" in told


def test_command_exits_with_0_when_all_is_well(box, monkeypatch):
    monkeypatch.setattr(machine, "PING_SECONDS", 1.0)
    build(box)
    with worker():
        code, told = run("--json")

    assert (code, [one for one in json.loads(told) if not one["ok"]]) == (0, [])


def test_no_secret_is_ever_told(box, settings):
    scene = build(box)
    raw = box.issue_key(scene.developer.tyk_id, scene.policy)
    settings.TYK_API_KEY_NEXT = "canary-of-the-next-key"
    box.faults.add("listDevelopers", mode="status", status=500, message=raw)

    _, told = run("--json", "--scratch")

    secrets = [raw, box.api_key, *settings.SEAL_KEYS, settings.SECRET_KEY, "canary"]
    assert [secret for secret in secrets if secret in told] == []
