"""Pytest plugin: real servers and a clean environment, before Django is set up.

Loaded by `-p tests.services.plugin` in pyproject.toml, since pytest-django reads
the settings before any conftest.py. Under pytest-xdist the controller starts the
servers and its workers inherit their addresses; each worker has its own database
and its own Valkey database number.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings

from portal_site.runner import ports, valkey
from tests.services import emptying, environment, postgres

_RUN_DIR = "TEST_RUN_DIR"
_VALKEY = "TEST_VALKEY"
_servers = contextlib.ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        action="store_true",
        help="run what touches the database on PostgreSQL: DATABASE_URL if that is "
        "one, else a fresh server",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Iterator[None]:
    """A wrapper runs before pytest-django's own hook, which loads the settings."""
    options = early_config.known_args_namespace
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _start_servers(on_postgres=options.postgres)
    environment.apply(
        run_dir=Path(os.environ[_RUN_DIR]),
        valkey_address=os.environ[_VALKEY],
        worker=os.environ.get("PYTEST_XDIST_WORKER", ""),
    )
    return (yield)


_DATABASE = {"db", "transactional_db", "on_postgres", "live_server"}


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """The PostgreSQL leg leaves out what can't tell one database from another.

    pytest-django blocks the database for a test without its mark or fixtures, so
    such a test does the same thing in the SQLite leg.
    """
    if not config.getoption("postgres"):
        return
    touching = [item for item in items if _touches_database(item)]
    left_out = [item for item in items if not _touches_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = touching


def _touches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(item.get_closest_marker("django_db") or fixtures & _DATABASE)


@pytest.fixture(scope="session", autouse=True)
def _tests_that_commit_empty_what_they_filled() -> None:
    emptying.apply()


def pytest_unconfigure() -> None:
    _servers.close()


def _start_servers(on_postgres: bool) -> None:
    run_dir = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    _servers.callback(shutil.rmtree, run_dir, ignore_errors=True)
    os.environ[_RUN_DIR] = str(run_dir)
    os.environ[_VALKEY] = _servers.enter_context(_valkey_server(run_dir))
    given = os.environ.pop("DATABASE_URL", "")
    if given.startswith(("postgres:", "postgresql:")):
        os.environ["DATABASE_URL"] = given
    elif on_postgres:
        os.environ["DATABASE_URL"] = _servers.enter_context(postgres.server())


@contextlib.contextmanager
def _valkey_server(run_dir: Path) -> Iterator[str]:
    """A running Valkey; its address lacks only the database number."""
    password, port = secrets.token_hex(16), ports.any_free()
    process = valkey.start(
        run_dir / "valkey",
        log=run_dir / "valkey.log",
        password=password,
        port=port,
        durable=False,
    )
    try:
        valkey.wait_until_up(process, port=port)
        yield valkey.url(port, password=password).removesuffix("0")
    finally:
        valkey.stop(process)


@pytest.fixture(scope="session", autouse=True)
def _settings_for_tests() -> Iterator[None]:
    """Hashing at full strength costs 0.1 s a user and proves nothing here; the
    manifest of static files exists only after collectstatic."""
    storages = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        },
    }
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    templates = [settings.TEMPLATES[0], {**settings.TEMPLATES[1]}]
    templates[1]["OPTIONS"] = {"string_if_invalid": Undefined()}
    with override_settings(
        PASSWORD_HASHERS=hashers, STORAGES=storages, TEMPLATES=templates
    ):
        yield


class Undefined(str):
    """Stands for what a mail's template names and nobody gave: an error, in tests.

    Django puts the name in by `%` where the text holds "%s" (Django docs, the
    DjangoTemplates option string_if_invalid).
    """

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True

    def __mod__(self, name: object) -> str:
        raise AssertionError(f"a mail names an undefined variable: {name}")


@pytest.fixture(scope="session")
def valkey_client() -> Iterator[redis.Redis]:
    """A client of this worker's own Valkey database."""
    client = redis.Redis.from_url(str(settings.REDIS_URL))
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _empty_valkey(valkey_client: redis.Redis) -> None:
    """Every test begins with no throttle counted and no message waiting."""
    valkey_client.flushdb()


@pytest.fixture(scope="session")
def on_postgres() -> bool:
    """Whether this run is the PostgreSQL leg."""
    return connection.vendor == "postgresql"
