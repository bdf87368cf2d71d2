"""Fixtures for every test. Servers and environment: tests/services/plugin.py."""
