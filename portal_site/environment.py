"""Reading settings from the environment, with secrets that don't print."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

SHORTEST_KEY = 32


class Redacted(str):
    """A setting that may hold a secret: its `repr` shows stars.

    Django's error page and `diffsettings` print settings by `repr`, and hide by
    name only: a broker URL with a password in it would be shown.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


class Environment:
    """The process environment over `.env`; missing required values are sentences."""

    def __init__(self, dotenv: Path) -> None:
        self._env = environ.Env()
        if dotenv.is_file():
            environ.Env.read_env(dotenv)  # never overwrites the environment

    def text(self, name: str, default: str = "") -> str:
        return str(self._env.str(name, default=default)).strip()

    def needed(self, name: str, fix: str) -> str:
        """The value of `name`; ImproperlyConfigured with `fix` when empty."""
        value = self.text(name)
        if not value:
            raise ImproperlyConfigured(f"{name} is not set. {fix}")
        return value

    def secret(self, name: str, default: str = "") -> Redacted:
        return Redacted(self.text(name, default))

    def whole(self, name: str, default: int) -> int:
        value: int = self._env.int(name, default=default)
        return value

    def number(self, name: str, default: float) -> float:
        value: float = self._env.float(name, default=default)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or False; anything but a known word is refused, never guessed."""
        value = self.text(name, str(default)).lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")

    def words(self, name: str, default: str = "") -> list[str]:
        return [w.strip() for w in self.text(name, default).split(",") if w.strip()]

    def addresses(self, name: str) -> list[str]:
        """Comma-separated e-mail addresses, without names."""
        found = self.words(name)
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise ImproperlyConfigured(
                    f"{name} holds “{address}”, which is no plain e-mail address. "
                    "Write rita@example.com, sam@example.com."
                ) from None
        return found

    def keys(self, name: str, fix: str) -> list[Redacted]:
        """Comma-separated keys, none empty or short: an empty one is no secret."""
        keys = [key.strip() for key in self.needed(name, fix).split(",")]
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise ImproperlyConfigured(
                f"Every key of {name} must have {SHORTEST_KEY} characters or more. "
                f"{fix}"
            )
        return [Redacted(key) for key in keys]

    def database(self, name: str, default: str) -> dict[str, Any]:
        """A Django DATABASES entry; SQLite gets the modes that survive writers."""
        config: dict[str, Any] = self._env.db_url(name, default=default)
        if config.get("PASSWORD"):
            config["PASSWORD"] = Redacted(config["PASSWORD"])
        # Opening SQLite and setting its modes takes four times what the cheapest page
        # takes; PostgreSQL adds a round trip and a password.
        config.setdefault("CONN_MAX_AGE", 60)
        if config["ENGINE"] == "django.db.backends.sqlite3":
            config["OPTIONS"] = {
                # A transaction that reads and then writes takes the write lock at
                # once: upgrading later fails with "database is locked" at once.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": ("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"),
                **config.get("OPTIONS", {}),
            }
        else:
            config.setdefault("CONN_HEALTH_CHECKS", True)
        return config

    def email(self, name: str, fix: str) -> dict[str, Any]:
        """Django's EMAIL_* settings from one URL (`filemail:////abs/dir`, four slashes)."""
        self.needed(name, fix)
        config: dict[str, Any] = self._env.email_url(name)
        if config.get("EMAIL_HOST_PASSWORD"):
            config["EMAIL_HOST_PASSWORD"] = Redacted(config["EMAIL_HOST_PASSWORD"])
        return config


def host_of(url: str) -> str:
    """The host name of an absolute http(s) URL; ImproperlyConfigured otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(
            "PORTAL_BASE_URL must be the portal's full address, such as "
            "https://developers.example.com"
        )
    return parts.hostname
