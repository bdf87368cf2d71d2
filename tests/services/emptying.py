"""Emptying the database after a test that commits, by what the test left there.

Django's own way truncates every table and makes permissions and content types anew:
50 ms of CPU a test on SQLite, a quarter of a second on PostgreSQL, for some hundreds
of tests. Here only tables that hold a row are emptied, and those two are kept, since
no test writes them.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

_KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def apply() -> None:
    """Let every test that commits end this way."""
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[attr-defined]  # not in the stubs


def _teardown(_case: TransactionTestCase) -> None:
    tables = set(connection.introspection.django_table_names(only_existing=True))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_those_with_rows(sorted(tables - _KEPT)))
        # Foreign keys are looked at when the transaction ends, so the order is free.
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {_quoted(table)}")  # noqa: S608 -- our tables


def _those_with_rows(tables: list[str]) -> str:
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {_quoted(table)})"  # noqa: S608
        for table in tables
    )


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)
