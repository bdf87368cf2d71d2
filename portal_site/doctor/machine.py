"""The doctor looks around: settings, database, broker, worker, mail server."""

import smtplib
from collections.abc import Iterator

import redis
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import KombuError, OperationalError

from portal_site import presence
from portal_site.celery import app
from portal_site.doctor.findings import Finding, bad, good, skipped

PING_SECONDS = 1.0


def findings() -> Iterator[Finding]:
    """All but the migrations, which decide what else can be looked at."""
    yield debug()
    heard = broker()
    yield heard
    working = worker() if heard.ok else skipped("worker", "the broker is away.")
    yield working
    yield (
        processes()
        if working.ok and heard.ok
        else skipped("processes", "no worker answered.")
    )
    yield mail_server()


def debug() -> Finding:
    if settings.DEBUG:
        return bad(
            "debug",
            "DEBUG is on: error pages show settings and code to anybody.",
            "Unset DEBUG, or set it to false.",
        )
    return good("debug", "DEBUG is off.")


def migrations() -> Finding:
    """Whether the database answers and has the tables this code expects."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return bad(
            "database",
            "The database does not answer.",
            "Start it, or mend DATABASE_URL.",
        )
    if missing:
        return bad(
            "database",
            f"Migrations not applied: {len(missing)}; its rows were not looked at.",
            "Run manage.py migrate.",
        )
    return good("database", "The database answers and has every migration.")


def broker() -> Finding:
    try:
        with redis.Redis.from_url(
            str(settings.REDIS_URL), socket_connect_timeout=1, socket_timeout=1
        ) as client:
            client.ping()
    except redis.RedisError as error:
        return bad(
            "broker",
            f"The broker does not answer ({type(error).__name__}): nothing is lost, "
            "and nothing is quick.",
            "Start Redis or Valkey, or mend REDIS_URL; without one, run "
            "manage.py sync_once --every 60.",
        )
    return good("broker", "The broker answers.")


def worker() -> Finding:
    """Whether a worker answers within a second; one deep in a task may not."""
    try:
        answers = app.control.ping(timeout=PING_SECONDS)
    except (OSError, KombuError, OperationalError, redis.RedisError):
        answers = []
    if not answers:
        return bad(
            "worker",
            "No worker answered within 1 second.",
            "Start celery -A portal_site worker; if it runs, look at its log.",
        )
    count = (
        "A worker answers." if len(answers) == 1 else f"{len(answers)} workers answer."
    )
    return good("worker", count)


def processes() -> Finding:
    """Whether more processes run than share the cap on calls to the Dashboard.

    Worker processes are asked. Web processes said lately that they run, and there
    is one at least, since somebody must be answered.
    """
    try:
        told = app.control.inspect(timeout=PING_SECONDS).stats() or {}
    except (OSError, KombuError, OperationalError, redis.RedisError):
        told = {}
    if not told:
        return skipped("processes", "no worker told how many it has.")
    seen = sum(
        len(one.get("pool", {}).get("processes") or [0]) for one in told.values()
    )
    try:
        web = max(1, presence.count())
    except redis.RedisError:
        web = 1
    return sharing(web, seen)


def sharing(web: int, workers: int) -> Finding:
    """Whether so many processes were reckoned with."""
    counted = f"{web} web and {workers} worker processes run"
    if web + workers > settings.PORTAL_PROCESSES:
        return bad(
            "processes",
            f"PORTAL_PROCESSES is {settings.PORTAL_PROCESSES}, and {counted}: together "
            "they may call the Dashboard more than TYK_CALLS_IN_FLIGHT allows.",
            f"Set PORTAL_PROCESSES to {web + workers}, or to as many as may ever run. A "
            "process that ended is counted for up to 45 seconds.",
        )
    return good(
        "processes", f"{counted}; PORTAL_PROCESSES is {settings.PORTAL_PROCESSES}."
    )


def mail_server() -> Finding:
    """Opens a connection and sends nothing; only SMTP has a server to reach."""
    backend = get_connection()
    if not isinstance(backend, EmailBackend):
        name = type(backend).__module__.rpartition(".")[2]
        return skipped("mail", f"mails go to {name}, not to a server.")
    try:
        backend.open()
    except smtplib.SMTPAuthenticationError:
        return bad(
            "mail",
            f"The mail server {backend.host} refuses our login.",
            "Mend user and password in EMAIL_URL.",
        )
    except (OSError, smtplib.SMTPException) as error:
        return bad(
            "mail",
            f"The mail server {backend.host}:{backend.port} cannot be used "
            f"({type(error).__name__}).",
            "Mend host, port and TLS in EMAIL_URL; mails wait in the outbox.",
        )
    finally:
        backend.fail_silently = True  # how it says goodbye is no finding
        backend.close()
    return good("mail", f"The mail server {backend.host} takes our connection.")
