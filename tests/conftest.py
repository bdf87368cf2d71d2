"""Fixtures for every test. Servers and environment: tests/services/plugin.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection

from tests import mails

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


@pytest.fixture(autouse=True)
def _brand_as_configured() -> None:
    """Rows are rolled back after each test; what a process knows of them is not."""
    from portal_site import brand_versions

    brand_versions.kept.as_configured()


@pytest.fixture(autouse=True)
def _every_mail_is_well_made() -> Iterator[None]:
    """Whatever a test sends, by whichever way: see `tests.mails`.

    But for Django's reports of an error to ADMINS, which have a form of their own.
    """
    yield
    ours = [
        message
        for message in getattr(mail, "outbox", [])
        if not message.subject.startswith(settings.EMAIL_SUBJECT_PREFIX)
    ]
    for message in ours:
        found = list(mails.faults(message))
        assert found == [], f"{message.subject}: {found}"
