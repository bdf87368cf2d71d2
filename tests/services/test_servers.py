"""The servers behind the tests are what they claim to be, and leave nothing."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from portal_site.runner import ports, valkey
from tests.services import postgres


def test_settings_point_at_a_real_valkey_server(valkey_client):
    valkey_client.set("greeting", "hello")

    assert valkey_client.get("greeting") == b"hello"
    assert valkey_client.info("server")["server_name"] == "valkey"


@pytest.mark.parametrize("_case", ["first", "second"])
def test_valkey_is_empty_when_a_test_begins(_case, valkey_client):
    assert valkey_client.dbsize() == 0
    valkey_client.set("left behind", "by the other case")


def test_valkey_refuses_who_does_not_know_the_password():
    address = str(settings.REDIS_URL)
    host_and_port = address.rpartition("@")[2]

    with (
        redis.Redis.from_url(f"redis://{host_and_port}") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


@pytest.mark.django_db
def test_database_is_the_one_this_leg_asked_for(on_postgres):
    with connection.cursor() as cursor:
        if on_postgres:
            cursor.execute("SHOW server_version_num")
            assert int(cursor.fetchone()[0]) >= 180_000
        else:
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)


def test_postgres_runs_and_leaves_nothing_behind():
    with postgres.server() as url:
        home = Path(url.partition("host=")[2])
        dsn = url.replace("postgres://", "postgresql://")
        with psycopg.connect(dsn) as session:
            row = session.execute("SELECT pg_backend_pid(), version()").fetchone()

    assert row is not None
    assert row[1].startswith("PostgreSQL 18")
    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(row[0], 0)


_KILLED_AT_WORK = """
import os, signal
from tests.services import postgres
with postgres.server() as url:
    print(url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PDEATHSIG is Linux")
def test_postgres_dies_with_a_killed_test_run():
    killed = subprocess.run(  # noqa: S603 -- our own program above
        [sys.executable, "-c", _KILLED_AT_WORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    dsn = killed.stdout.strip().replace("postgres://", "postgresql://")
    assert dsn.startswith("postgresql://")
    deadline = time.monotonic() + 10
    while _accepts(dsn) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _accepts(dsn)
    # Its helpers may still be going and take files of their own with them.
    shutil.rmtree(dsn.partition("host=")[2], ignore_errors=True)


def _accepts(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_valkey_keeps_its_queue_over_kill_9(tmp_path):
    password, port = secrets.token_hex(8), ports.any_free()
    start = {"log": tmp_path / "log", "password": password, "port": port}

    first = valkey.start(tmp_path / "home", **start)
    valkey.wait_until_up(first, port=port)
    with redis.Redis.from_url(valkey.url(port, password=password)) as client:
        client.rpush("queue", "one", "two")
        time.sleep(1.2)  # the file is written out every second
    first.kill()
    first.wait()
    second = valkey.start(tmp_path / "home", **start)
    try:
        valkey.wait_until_up(second, port=port)
        with redis.Redis.from_url(valkey.url(port, password=password)) as client:
            kept = client.lrange("queue", 0, -1)
    finally:
        valkey.stop(second)

    assert kept == [b"one", b"two"]


def test_no_secret_of_valkey_is_on_its_command_line(tmp_path):
    port = ports.any_free()
    server = valkey.start(
        tmp_path, log=tmp_path / "log", password="very-secret", port=port
    )
    try:
        valkey.wait_until_up(server, port=port)
        assert "very-secret" not in str(server.args)
        assert (tmp_path / "valkey.conf").stat().st_mode & 0o077 == 0
    finally:
        valkey.stop(server)
