"""Live means the process answers; ready means the database does, with every table."""

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client


def test_live_asks_nothing_of_the_database(client: Client) -> None:
    # Without the database mark a query would fail the test.
    response = client.get("/health/live")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_ready_with_the_dashboard_away(client: Client) -> None:
    # TYK_DASHBOARD_URL of the tests leads to a closed port.
    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "migrations": "ok"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready(client: Client) -> None:
    applied = MigrationRecorder(connections[DEFAULT_DB_ALIAS]).migration_qs
    applied.filter(app="keyrequests").delete()

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "database": "ok",
        "migrations": "missing",
    }


@pytest.mark.django_db
def test_a_database_that_is_away_is_not_ready(client: Client) -> None:
    wrapper = connections[DEFAULT_DB_ALIAS]
    away = wrapper.copy()
    away.settings_dict = {
        **wrapper.settings_dict,
        "NAME": "/nowhere/portal",
        "HOST": "127.0.0.1",
        "PORT": "9",
    }
    connections[DEFAULT_DB_ALIAS] = away
    try:
        response = client.get("/health/ready")
    finally:
        connections[DEFAULT_DB_ALIAS] = wrapper

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "database": "unreachable",
        "migrations": "unknown",
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_only_reads(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
