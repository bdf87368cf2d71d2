"""`make run` itself: the real processes, on free ports and a folder of their own."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from portal_site.runner import ports
from tests.services import portal
from tests.services.portal import Run

pytestmark = pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="looks for left-over processes in /proc"
)


@pytest.fixture
def environment(tmp_path, database_url) -> dict[str, str]:
    """A clean environment with free ports; PostgreSQL in that leg of the suite."""
    variables = portal.surroundings(tmp_path / "data")
    return variables | ({"DATABASE_URL": database_url} if database_url else {})


@pytest.fixture
def database_url(on_postgres) -> Iterator[str]:
    """A database of this run's own, or "" for the SQLite file it makes itself."""
    if not on_postgres:
        yield ""
        return
    url = os.environ["DATABASE_URL"]
    name = f"run_{os.getpid()}"
    dsn = url.replace("postgres://", "postgresql://")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"'.encode())
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def start(environment, tmp_path):
    """Start a run; whatever is left of it afterwards is killed."""
    runs: list[Run] = []

    def begin(**variables: str) -> Run:
        said = tmp_path / f"said-{len(runs)}"
        runs.append(portal.start({**environment, **variables}, said=said))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.end()


def processes_of(data_dir: str) -> list[str]:
    """Command lines of live processes that name `data_dir` there or in their
    environment: members of a run, their children, and the server's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            variables = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if command and (data_dir in command or data_dir in variables):
            found.append(command)
    return found


def none_left(data_dir: str, *, within: float = 10) -> list[str]:
    deadline = time.monotonic() + within
    while (left := processes_of(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def test_from_nothing_to_open_doors_and_back_twice(start, environment):
    run = start()
    said = run.wait_until_ready()

    base = f"http://127.0.0.1:{environment['PORT']}"
    assert f"{base}/\n" in said
    assert f"{base}/admin/\n" in said
    assert "rita@northwind.example   northwind-demo-staff" in said
    assert "mira@tinfold.example   northwind-demo-2026" in said
    assert run.get("PORT", "/health/ready")[0] == 200
    assert run.get("PORT", "/")[0] == 200
    assert run.get("PORT", "/admin/login/")[0] == 200
    assert run.get("MAIL_PORT", "/")[0] == 200
    assert run.get("SANDBOX_PORT", "/_sandbox/")[0] == 200

    seconds = run.end(signal.SIGINT)

    assert run.process.returncode == 0
    assert run.output().endswith("Stopped.\n")
    assert seconds < 12
    assert none_left(environment["DATA_DIR"], within=0.5) == []

    # A second start goes on where the first ended.
    before = secrets_of(environment["DATA_DIR"])
    run = start()
    said = run.wait_until_ready()

    assert len(before) > 3
    assert secrets_of(environment["DATA_DIR"]) == before
    assert "rita@northwind.example   northwind-demo-staff" in said
    assert run.get("PORT", "/health/ready")[0] == 200

    # And a killed one leaves nothing alive.
    assert len(processes_of(environment["DATA_DIR"])) >= 9
    run.end(signal.SIGKILL)

    assert none_left(environment["DATA_DIR"]) == []


def secrets_of(data_dir: str) -> dict[str, str]:
    files = [path for path in Path(data_dir, "secrets").iterdir() if path.is_file()]
    return {path.name: path.read_text() for path in files}


def test_a_dead_worker_ends_the_run_and_is_named(start, environment):
    run = start()
    run.wait_until_ready()
    [worker] = [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/stat")
        if parent_of(entry) == run.process.pid
        and b"\0worker\0" in command_of(entry.parent)
    ]

    os.kill(worker, signal.SIGKILL)
    run.process.wait(20)

    assert run.process.returncode == 1
    assert "worker ended by itself (SIGKILL), so everything is stopped." in run.output()
    assert none_left(environment["DATA_DIR"]) == []


def parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_second_run_on_one_data_dir_is_one_line(start, environment):
    start()
    deadline = time.monotonic() + 30
    lock = Path(environment["DATA_DIR"], "secrets")
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    second = start(PORT=str(ports.any_free()), SANDBOX_PORT=str(ports.any_free()))
    second.process.wait(20)

    assert second.process.returncode == 2
    [line] = second.output().splitlines()
    assert line.startswith(f"A portal runs on {environment['DATA_DIR']} already.")


@pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT", "MAIL_PORT"])
def test_a_taken_port_is_one_line(variable, start, environment):
    with socket.create_server(("127.0.0.1", int(environment[variable]))):
        run = start()
        run.process.wait(20)

    assert run.process.returncode == 2
    [line] = run.output().splitlines()
    assert f"Port {environment[variable]} is taken" in line
    assert f"{variable}=" in line


def test_a_wrong_dashboard_key_is_told_and_nothing_stays(start, environment, box):
    run = start(TYK_DASHBOARD_URL=box.url, TYK_API_KEY="0" * 32)
    run.process.wait(40)

    assert run.process.returncode == 2
    assert "refuses TYK_API_KEY" in run.output()
    assert "Traceback" not in run.output()
    assert none_left(environment["DATA_DIR"], within=1) == []


def test_a_real_dashboard_gets_no_sandbox_and_no_demo_password(start, environment, box):
    box.add_developer("mira@tinfold.example", password="a long enough password")
    run = start(TYK_DASHBOARD_URL=box.url, TYK_API_KEY=box.api_key)

    said = run.wait_until_ready()

    assert not ports.answers(int(environment["SANDBOX_PORT"]))
    assert "northwind-demo" not in said
    assert re.search(r"staff@portal\.example   (\w{5}-){3}\w{5} ", said)
    assert box.journal.operations()


def test_environment_wins_over_dotenv(start, environment, tmp_path):
    dotenv = tmp_path / "dotenv"
    dotenv.write_text("PORT=not-a-port\nSANDBOX_PORT=neither\n")
    del environment["SANDBOX_PORT"]

    run = start(DOTENV=str(dotenv))
    run.process.wait(20)

    assert run.process.returncode == 2
    assert run.output() == (
        "SANDBOX_PORT must be a port number, 1 to 65535, not 'neither'.\n"
    )
