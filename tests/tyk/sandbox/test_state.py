"""State that survives: a restart, kill -9, and the command line around it."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.tyk.sandbox.caller import Caller
from tyk.sandbox import Sandbox


def test_everything_is_there_after_a_restart(tmp_path):
    with Sandbox(state_dir=tmp_path) as box:
        policy = box.add_policy("Gold")
        box.add_entry("Orders", policy)
        who = box.add_developer("a@example.test", password="long-enough")
        raw = box.issue_key(who, policy)
        gone = box.add_request(who, policy)
        box.decline(gone)
        box.record_usage(box.key_id(raw), hits=3)
        box.switch(page_size=7)
        new_key = box.rotate_api_key()
        token, truth = box.token, (box.developers(), box.policies(), box.entries())

    with Sandbox(state_dir=tmp_path, seed="demo") as box:
        assert (box.developers(), box.policies(), box.entries()) == truth
        assert box.password_is("a@example.test", "long-enough")
        assert box.gateway_accepts(raw)
        assert box.requests() == []
        assert box.switches.page_size == 7
        assert (box.api_key, box.token) == (new_key, token)


def test_a_reset_reaches_the_file(tmp_path):
    with Sandbox(state_dir=tmp_path) as box:
        box.add_developer("a@example.test")
        box.reset("demo")
        demo = box.developers()
    with Sandbox(state_dir=tmp_path) as box:
        assert box.developers() == demo
        box.reset()
    with Sandbox(state_dir=tmp_path) as box:
        assert box.developers() == []


def test_bulk_rows_reach_the_file(tmp_path):
    rows = [(f"{n:024x}", {"email": f"d{n}@example.test"}) for n in range(3_000)]
    with Sandbox(state_dir=tmp_path) as box:
        box.add_many("developers", rows)
    with Sandbox(state_dir=tmp_path) as box:
        assert [d["id"] for d in box.developers()] == [row[0] for row in rows]
        assert box.developer_by_email("d2999@example.test")["id"] == rows[-1][0]


def _command(state: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "tyk.sandbox", "--port", "0",
        "--state-dir", str(state), *more,
    ]  # fmt: skip


@contextmanager
def running(state: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own; gives the process and its address."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        _command(state, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("sandbox: listening on http://127.0.0.1:")
        yield process, line.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_kill_9_loses_no_answered_write(tmp_path):
    body = {"email": "a@example.test", "password": "long-enough"}
    with running(tmp_path, "--seed", "empty") as (process, url):
        headers = {"Authorization": (tmp_path / "api_key").read_text().strip()}
        answers = [
            requests.post(
                f"{url}/api/portal/developers", json=body, headers=headers, timeout=5
            )
            for _ in range(20)
        ]
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=5)

    with Sandbox(state_dir=tmp_path) as box:
        assert [d["id"] for d in box.developers()] == [
            answer.json()["Message"] for answer in answers
        ]
        assert box.password_is("a@example.test", "long-enough")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_stops_cleanly_on_a_signal(tmp_path, number):
    with running(tmp_path, "--seed", "empty") as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=5)

    assert process.returncode == 0
    assert (out, err) == ("", "")


def test_the_command_makes_secret_files_for_its_owner_only(tmp_path):
    key, token = tmp_path / "secrets" / "key", tmp_path / "secrets" / "token"
    files = ("--api-key-file", str(key), "--token-file", str(token))
    with running(tmp_path / "state", "--seed", "demo", *files) as (_, url):
        headers = {"Authorization": key.read_text().strip()}
        listed = requests.get(
            f"{url}/api/portal/policies?p=-1", headers=headers, timeout=5
        )
        control = {"X-Sandbox-Token": token.read_text().strip()}
        truth = requests.get(f"{url}/_sandbox/truth", headers=control, timeout=5)

    assert len(listed.json()["Data"]) == 11
    assert truth.status_code == 200
    for path in (key, token, tmp_path / "state" / "state.sqlite3"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_given_key_file_is_used_as_it_is(tmp_path):
    key = tmp_path / "key"
    key.write_text("given-by-somebody\n")

    with Sandbox(api_key_file=key) as box:
        assert box.api_key == "given-by-somebody"
        assert Caller(box).get("policies", key="given-by-somebody").status_code == 200


def test_a_taken_port_is_one_clear_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(  # noqa: S603 - our own command
            [*_command(tmp_path), "--port", port],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"sandbox: cannot listen on http://127.0.0.1:{port}: Address already in use\n"
    )


def test_a_command_whose_key_nobody_would_know_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "tyk.sandbox", "--port", "0"],
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "nobody knows the API key" in done.stderr
