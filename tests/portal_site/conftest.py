import pytest

from portal_site.doctor import machine


@pytest.fixture(autouse=True)
def _impatient_doctor(monkeypatch):
    """No worker answers in most tests: a second of waiting each adds up."""
    monkeypatch.setattr(machine, "PING_SECONDS", 0.05)
