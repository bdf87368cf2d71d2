"""A real worker with events on (`celery worker -E`): neither they nor its log tell."""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery import current_app
from django.conf import settings as portal
from django.db import connection

from developers import live as accounts, services as people
from developers.models import MailedLink
from keyrequests import live, services
from portal_site.runner.plan import ROOT
from tests.keyrequests.scene import Scene, build
from tests.test_secrets import Haystack, broker, database
from tests.waiting import wait_until
from tyk.dashboard.secret import Secret
from tyk.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "an uncommon walrus"
NORA = "nora@tinfold.example"


def database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def worker(box: Any, *, log: Path, mails: Path) -> Iterator[None]:
    """A worker process on this test's database, broker and sandbox."""
    mails.mkdir()
    surroundings = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "TYK_DASHBOARD_URL": box.url,
        "TYK_API_KEY": box.api_key,
        "EMAIL_URL": f"filemail:///{mails}",
        "LOG_LEVEL": "DEBUG",
    }
    command = "-m celery -A portal_site worker -E -P solo -l DEBUG --without-gossip"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, *command.split()],
            cwd=ROOT,
            env=surroundings,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def listening() -> Iterator[list[dict[str, Any]]]:
    """Every event that goes over the broker meanwhile."""
    events: list[dict[str, Any]] = []
    with current_app.connection_for_read() as wire:
        receiver = current_app.events.Receiver(wire, handlers={"*": events.append})
        thread = threading.Thread(target=_capture, args=[receiver], daemon=True)
        thread.start()
        try:
            yield events
        finally:
            receiver.should_stop = True
            thread.join(10)


def _capture(receiver: Any) -> None:
    while not receiver.should_stop:
        with contextlib.suppress(TimeoutError):
            receiver.capture(limit=None, timeout=0.5, wakeup=False)


def served(kind: str) -> bool:
    row = Outbox.objects.filter(kind=kind).first()
    return row is not None and row.served == row.asked


def test_events_and_log_of_a_worker_hold_no_secret(box, valkey_client, tmp_path):
    scene = build(box)
    log, mails = tmp_path / "log", tmp_path / "mails"
    with listening() as events, worker(box, log=log, mails=mails):
        raw = make_a_developer_and_a_key(scene)
        wait_until(lambda: any(e["type"] == "task-succeeded" for e in events))

    [token] = set(re.findall(r"/confirm/([\w-]{20,})/", all_text(mails)))
    secrets = [PASSWORD, token, raw, "correct horse", box.api_key]
    secrets += [str.__str__(portal.SEAL_KEYS[0]), urlsplit(portal.REDIS_URL).password]
    left = Haystack(
        {
            **database(),
            "events": "\n".join(str(event) for event in events),
            "broker": broker(valkey_client),
            "log": log.read_text(),
        }
    )
    assert {place for one in secrets for place in left.found(one)} == set()
    # The worker did the work, and said so in both places that were searched.
    # A doorbell that rang last may lie in the broker still.
    assert set(left.found("tyk.tasks.drain_outbox")) - {"broker"} == {"events", "log"}
    assert Haystack({"mails": all_text(mails)}).found(token) == ["mails"]
    assert box.gateway_accepts(raw)


def make_a_developer_and_a_key(scene: Scene) -> str:
    """The raw key. The worker is only ever woken by the doorbell."""
    people.sign_up(NORA, fields={})
    wait_until(lambda: MailedLink.objects.exclude(digest=None).exists())
    accounts.confirm(MailedLink.objects.get(), Secret(PASSWORD))
    request = scene.ask()
    wait_until(lambda: served("request.create"))
    services.approve(request, by=scene.reviewer)
    request.refresh_from_db()
    [(_, secret)] = live.claim(request).pairs
    wait_until(lambda: served("mail.approved"))
    return secret.reveal()


def all_text(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.iterdir())
