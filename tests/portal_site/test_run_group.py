"""One group: it ends together, in order, whatever ends it. Real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal_site.runner.group import Died, Group, Stopped
from portal_site.runner.refusal import Refusal

SLEEPER = "import time; time.sleep(60)"
# A process that has a child of its own, as web servers and workers do.
PARENT = (
    "import subprocess, sys, time; "
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); "
    "print(child.pid, flush=True); time.sleep(60)"
)


@pytest.fixture(autouse=True)
def _signals_back():
    """A group takes the signals of its process: give them back afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def group(tmp_path):
    with Group(logs=tmp_path, environment={"PATH": os.defpath}) as group:
        yield group


def program(text: str) -> list[str | Path]:
    return [sys.executable, "-c", text]


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int, *, within: float = 8) -> bool:
    deadline = time.monotonic() + within
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def first_line(path: Path) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if path.exists() and "\n" in (text := path.read_text()):
            return text.splitlines()[0]
        time.sleep(0.02)
    raise AssertionError(f"{path} stayed empty")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_every_member_and_their_children(number, tmp_path):
    with Group(logs=tmp_path, environment={}) as group:
        first = group.start("first", program(PARENT))
        second = group.start("second", program(SLEEPER))
        grandchild = int(first_line(tmp_path / "first.log"))
        os.kill(os.getpid(), number)
        with pytest.raises(Stopped):
            group.watch()

    assert first.process.returncode is not None
    assert second.process.returncode is not None
    assert gone(grandchild)


def test_last_started_ends_first(tmp_path):
    note = tmp_path / "order"
    noting = (
        "import signal, sys, time, pathlib\n"
        "def end(*_):\n"
        f"    with open({str(note)!r}, 'a') as f: f.write(sys.argv[1])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    with Group(logs=tmp_path, environment={}) as group:
        for name in ("a", "b", "c"):
            group.start(name, [*program(noting), name])
            first_line(tmp_path / f"{name}.log")

    assert note.read_text() == "cba"


def test_a_member_that_dies_is_named_with_the_end_of_its_log(group):
    group.start("steady", program(SLEEPER))
    group.start("shaky", program("print('out of paper'); raise SystemExit(3)"))

    with pytest.raises(Died) as died:
        group.watch()

    assert "shaky ended by itself (exit code 3)" in str(died.value)
    assert "    out of paper" in str(died.value)
    assert "shaky.log" in str(died.value)


def test_a_member_that_never_gets_ready_is_named(group):
    member = group.start(
        "slow", program("import time; print('hm', flush=True); time.sleep(60)")
    )

    with pytest.raises(Died, match="slow not ready after 0 s"):
        group.wait_until(lambda: False, member=member, seconds=0.3)


def test_a_deaf_member_is_killed_when_patience_ends(tmp_path):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    began = time.monotonic()
    with Group(logs=tmp_path, environment={}) as group:
        member = group.start("deaf", program(deaf), patience=0.5)
        first_line(tmp_path / "deaf.log")

    assert member.process.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 10


def test_errors_in_a_log_are_shown_once_and_nothing_else(group, capfd):
    lines = [
        "all is well",
        '{"level": "info", "event": "an ERROR of old"}',
        '{"level": "error", "event": "disk full"}',
        "[2026-11-21 10:00:00: ERROR/MainProcess] no broker",
    ]
    text = f"import time; print({chr(10).join(lines)!r}, flush=True); time.sleep(60)"
    member = group.start("talker", program(text))
    first_line(member.log.path)
    time.sleep(0.2)

    group.look()
    group.look()

    out = capfd.readouterr().out
    assert out.splitlines() == [f"talker: {line}" for line in lines[2:]]


def test_a_command_that_fails_ends_the_start(group):
    with pytest.raises(Refusal):
        group.run(program("raise SystemExit(1)"))


def test_a_command_sees_what_is_added_for_it_alone(group, tmp_path):
    note = tmp_path / "seen"
    text = f"import os; open({str(note)!r}, 'w').write(os.environ['EXTRA'])"
    group.run(program(text), also={"EXTRA": "for once"})

    member = group.start("after", program("import os; print(os.environ.get('EXTRA'))"))

    assert note.read_text() == "for once"
    assert first_line(member.log.path) == "None"


_RUNNER = """
import sys, time
from pathlib import Path
from portal_site.runner.group import Group
logs = Path(sys.argv[1])
with Group(logs=logs, environment={}) as group:
    group.start("parent", [sys.executable, "-c", sys.argv[2]])
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    group.start("deaf", [sys.executable, "-c", deaf + "import os; print(os.getpid(), flush=True); time.sleep(60)"])
    print("up", flush=True)
    group.watch()
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_kill_9_of_the_runner_leaves_nothing_alive(tmp_path):
    runner = subprocess.Popen(  # noqa: S603 -- our own program above
        [sys.executable, "-c", _RUNNER, tmp_path, PARENT], stdout=subprocess.PIPE
    )
    assert runner.stdout is not None
    assert runner.stdout.readline() == b"up\n"
    pids = [int(first_line(tmp_path / f"{n}.log")) for n in ("parent", "deaf")]

    runner.kill()
    runner.wait()
    runner.stdout.close()

    assert [pid for pid in pids if not gone(pid)] == []


def test_the_run_ends_when_make_is_gone(tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_PARENT", str(os.getppid() + 1))

    with (
        pytest.raises(Stopped, match="make is gone"),
        Group(logs=tmp_path, environment={}) as group,
    ):
        group.watch()
