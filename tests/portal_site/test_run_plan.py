"""What `make run` is asked to be, what it fills in, and what it refuses."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from portal_site.runner import keepsakes, plan, ports, staff_login, surroundings
from portal_site.runner.__main__ import locked
from portal_site.runner.refusal import Refusal


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def make(tmp_path: Path, **variables: str) -> plan.Plan:
    return plan.from_environment({"DATA_DIR": str(tmp_path), **variables})


def filled(tmp_path: Path, **variables: str) -> dict[str, str]:
    return surroundings.fill_in(make(tmp_path, **variables), variables, valkey_port=7)


def test_without_a_dashboard_it_is_the_sandbox(tmp_path):
    chosen = make(tmp_path)

    assert chosen.sandbox
    assert (chosen.port, chosen.sandbox_port) == (8000, 3000)
    assert chosen.data_dir == tmp_path


def test_a_named_dashboard_starts_no_sandbox(tmp_path):
    chosen = make(tmp_path, TYK_DASHBOARD_URL="http://tyk.example", TYK_API_KEY="k")

    assert not chosen.sandbox


@pytest.mark.parametrize(
    ("given", "missing"),
    [("TYK_DASHBOARD_URL", "TYK_API_KEY"), ("TYK_API_KEY", "TYK_DASHBOARD_URL")],
)
def test_half_a_dashboard_is_refused(given, missing, tmp_path):
    with pytest.raises(Refusal, match=f"{given} is set, but {missing} is not"):
        make(tmp_path, **{given: "x"})


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1", "80 "])
def test_a_port_that_is_none_is_refused(value, tmp_path):
    with pytest.raises(Refusal, match="PORT must be a port number"):
        make(tmp_path, PORT=value)


@pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT", "MAIL_PORT"])
def test_a_taken_port_names_the_variable_to_change(variable, tmp_path, taken_port):
    free = {
        name: str(ports.any_free()) for name in ("PORT", "SANDBOX_PORT", "MAIL_PORT")
    }
    chosen = make(tmp_path, **{**free, variable: str(taken_port)})

    with pytest.raises(Refusal) as refusal:
        plan.check_ports(chosen)

    assert f"Port {taken_port} is taken" in str(refusal.value)
    assert f" {variable}=" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_two_names_for_one_port_are_refused(tmp_path):
    port = str(ports.any_free())
    chosen = make(tmp_path, PORT=port, SANDBOX_PORT=port)

    with pytest.raises(Refusal, match=f"PORT and SANDBOX_PORT are both {port}"):
        plan.check_ports(chosen)


def test_the_sandbox_port_is_not_looked_at_with_a_real_dashboard(tmp_path, taken_port):
    chosen = make(
        tmp_path,
        PORT=str(ports.any_free()),
        SANDBOX_PORT=str(taken_port),
        TYK_DASHBOARD_URL="http://tyk.example",
        TYK_API_KEY="k",
    )

    plan.check_ports(chosen)


def test_mail_page_takes_the_next_port_unless_one_is_named(taken_port):
    assert ports.first_free(taken_port) > taken_port


def test_after_the_last_port_any_free_one_will_do():
    assert ports.is_free(ports.first_free(65536))


def test_a_second_run_on_one_data_dir_is_refused(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(Refusal, match=f"runs on {tmp_path} already"),
        locked(tmp_path),
    ):
        pass


def test_secrets_are_made_once_and_for_nobody_else(tmp_path):
    first = filled(tmp_path)
    second = filled(tmp_path)

    names = ("SECRET_KEY", "SEAL_KEYS", "TYK_API_KEY", "REDIS_URL")
    assert [first[n] for n in names] == [second[n] for n in names]
    assert len({first[n] for n in names}) == 4
    secret_dir = tmp_path / "secrets"
    assert stat.S_IMODE(secret_dir.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(f.stat().st_mode) for f in secret_dir.iterdir()}
    assert modes == {0o600}


def test_two_data_dirs_have_different_secrets(tmp_path):
    assert filled(tmp_path / "a")["SECRET_KEY"] != filled(tmp_path / "b")["SECRET_KEY"]


def test_what_is_set_is_not_changed_and_empty_counts_as_unset(tmp_path):
    found = filled(tmp_path, SECRET_KEY="mine", SEAL_KEYS="", BRAND_NAME="Halcyon")

    assert found["SECRET_KEY"] == "mine"
    assert found["BRAND_NAME"] == "Halcyon"
    assert len(found["SEAL_KEYS"]) == 64


def test_mail_goes_to_an_absolute_folder(tmp_path):
    config = environ.Env.email_url_config(filled(tmp_path)["EMAIL_URL"])

    assert config["EMAIL_FILE_PATH"] == str(tmp_path / "mail")


def test_mail_sent_elsewhere_needs_no_mail_page(tmp_path, taken_port):
    chosen = make(
        tmp_path,
        PORT=str(ports.any_free()),
        SANDBOX_PORT=str(ports.any_free()),
        MAIL_PORT=str(taken_port),
        EMAIL_URL="smtp+tls://portal:x@mail.example.com:587",
    )

    plan.check_ports(chosen)

    assert not chosen.mail_page


def test_a_real_dashboard_gets_a_database_of_its_own(tmp_path):
    demo = filled(tmp_path)
    real = filled(tmp_path, TYK_DASHBOARD_URL="http://tyk.example", TYK_API_KEY="k")

    assert real["TYK_API_KEY"] == "k"
    assert real["DATABASE_URL"] != demo["DATABASE_URL"]


def test_manage_py_can_join_a_run_by_its_environment_file(tmp_path):
    chosen = make(tmp_path)
    given = dict(os.environ)
    found = surroundings.fill_in(chosen, given, valkey_port=7)
    surroundings.keep(chosen, found, given)

    kept = tmp_path / "environment"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    joined = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={"PATH": os.defpath, "DOTENV": str(kept)},
        cwd=plan.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert joined.returncode == 0, joined.stderr


def test_demo_password_is_for_the_sandbox_only():
    demo = staff_login.choose({}, sandbox=True)
    first, second = (staff_login.choose({}, sandbox=False) for _ in range(2))

    assert (demo.email, demo.password) == (
        staff_login.DEMO_EMAIL,
        staff_login.DEMO_PASSWORD,
    )
    assert first.password != second.password
    assert len(first.password) == 23
    assert "--lock-out" in first.flags
    assert "--lock-out" not in demo.flags


def test_staff_from_the_environment_is_taken_and_its_password_not_printed(tmp_path):
    given = {
        "DJANGO_SUPERUSER_EMAIL": "ops@company.example",
        "DJANGO_SUPERUSER_PASSWORD": "from-the-environment",
    }
    login = staff_login.choose(given, sandbox=False)
    report = tmp_path / "report"
    report.write_text('{"staff": "made"}')

    assert login.variables["DJANGO_SUPERUSER_PASSWORD"] == "from-the-environment"
    words = staff_login.words(login, report)
    assert words == "ops@company.example, password as in DJANGO_SUPERUSER_PASSWORD"


def test_a_secret_file_is_replaced_whole(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old and readable by all")
    path.chmod(0o644)

    keepsakes.private_file(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
