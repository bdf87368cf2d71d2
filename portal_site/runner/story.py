"""The order in which a run comes up, from an empty folder to an open door."""

import http.client
import os
import sys
from pathlib import Path

from portal_site.runner import keepsakes, ports, staff_login, surroundings, valkey
from portal_site.runner.announce import announce
from portal_site.runner.group import Group, Member
from portal_site.runner.log import LogFile
from portal_site.runner.plan import Plan
from portal_site.runner.staff_login import StaffLogin
from portal_site.runner.terminal import say

_WEB_WORKERS = 2
_START_SECONDS = 60


def run(plan: Plan) -> None:
    """Start everything and watch over it; ends by raising Stopped or Died."""
    for folder in (plan.logs, plan.mail_dir):
        keepsakes.private_dir(folder)
    valkey_port = ports.any_free()
    environment = surroundings.fill_in(plan, os.environ, valkey_port=valkey_port)
    surroundings.keep(plan, environment, os.environ)
    with Group(logs=plan.logs, environment=environment) as group:
        broker = start_valkey(group, plan, valkey_port)
        sandbox = start_sandbox(group, plan) if plan.sandbox else None
        group.wait_until(
            lambda: ports.answers(valkey_port), member=broker, seconds=_START_SECONDS
        )
        if sandbox is not None:
            group.wait_until(
                lambda: ports.answers(plan.sandbox_port),
                member=sandbox,
                seconds=_START_SECONDS,
            )
        login = staff_login.choose(os.environ, sandbox=plan.sandbox)
        prepare(group, plan, login)
        start_portal(group, plan)
        announce(
            plan,
            base_url=environment["PORTAL_BASE_URL"],
            dashboard_url=environment["TYK_DASHBOARD_URL"],
            staff=staff_login.words(login, _report(plan)),
        )
        group.watch()


def start_valkey(group: Group, plan: Plan, port: int) -> Member:
    """The broker."""
    log = LogFile(plan.logs / "valkey.log")
    log.begin().close()
    password = (plan.data_dir / "secrets" / "valkey_password").read_text()
    home = plan.data_dir / "valkey"
    process = valkey.start(home, log=log.path, password=password, port=port)
    return group.adopt("valkey", process, log=log)


def start_sandbox(group: Group, plan: Plan) -> Member:
    """The embedded Dashboard, with the demo's content on its first start."""
    secret_dir = plan.data_dir / "secrets"
    argv = _python("-m", "tyk.sandbox", "--seed", "demo")
    argv += ["--port", str(plan.sandbox_port)]
    argv += ["--state-dir", plan.data_dir / "sandbox"]
    argv += ["--api-key-file", secret_dir / "sandbox_api_key"]
    argv += ["--token-file", secret_dir / "sandbox_token"]
    return group.start("sandbox", argv)


def prepare(group: Group, plan: Plan, login: StaffLogin) -> None:
    """Check the Dashboard, make tables, files and staff, read Tyk once."""
    argv = _python("manage.py", "prepare", "--report", _report(plan), *login.flags)
    # It speaks to a person: log events would only be in the way.
    group.run(argv, also={**login.variables, "LOG_LEVEL": "ERROR"})


def _report(plan: Plan) -> Path:
    return plan.data_dir / "prepared.json"


def start_portal(group: Group, plan: Plan) -> None:
    """Web first, since people wait for it; the rest of the house follows."""
    say("Starting the portal")
    web = group.start("web", _granian(plan.port), patience=4)
    if plan.mail_page:
        group.start("mail-page", _mail_page(plan))
    group.wait_until(lambda: is_ready(plan), member=web, seconds=_START_SECONDS)
    celery = _python("-m", "celery", "-A", "portal_site", "--quiet")
    worker = ["worker", "--concurrency", "2", "--loglevel", "info"]
    group.start("worker", [*celery, *worker, *_LONELY], patience=6)
    group.start("beat", [*celery, "beat", "--loglevel", "info", "--pidfile="])


# One worker has nobody to gossip with.
_LONELY = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def _python(*words: str | Path) -> list[str | Path]:
    return [sys.executable, *words]


def _granian(port: int) -> list[str | Path]:
    argv = _python("-m", "granian", "--interface", "wsgi", "--no-ws")
    argv += ["--workers", str(_WEB_WORKERS), "--blocking-threads", "4"]
    argv += ["--workers-kill-timeout", "3"]
    argv += ["--host", ports.LOOPBACK, "--port", str(port)]
    return [*argv, "portal_site.wsgi:application"]


def _mail_page(plan: Plan) -> list[str | Path]:
    argv = _python("-m", "portal_site.runner.mailpage")
    return [*argv, "--port", str(plan.mail_port), "--dir", plan.mail_dir]


def is_ready(plan: Plan) -> bool:
    """Whether the portal says it is ready, asked by the name it goes by."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, plan.port, timeout=5)
    try:
        connection.request("GET", "/health/ready", headers={"Host": plan.host})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
