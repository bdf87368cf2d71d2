"""Fixtures for every test. Servers and environment: tests/services/plugin.py."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

# `box`: an embedded Dashboard. `alice`, `bob`, … and rows: the cast.
pytest_plugins = ["tests.sandbox", "tests.cast"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A database for each worker; SQLite in a file, for locks and WAL as in use.

    Stands in for pytest-django's fixture, which keeps SQLite in memory.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if connection.vendor == "sqlite":
        name = str(Path(settings.DATA_DIR) / "test.sqlite3")
    else:
        name = f"test_portal_{worker}"
    connection.settings_dict["TEST"]["NAME"] = name
