"""Secrets made on the first start and kept in DATA_DIR for the next ones."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def private_dir(path: Path) -> Path:
    """`path` as a folder only this user can enter, made if it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def private_file(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all, readable by this user alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    new.replace(path)


def kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; made and written there the first time."""
    if path.is_file() and (text := path.read_text().strip()):
        return text
    private_file(path, made := make())
    return made


def long_secret() -> str:
    """Enough for Django's SECRET_KEY: 64 characters, 384 bits."""
    return secrets.token_urlsafe(48)


def key_256() -> str:
    """32 random bytes as hex: a sealing key."""
    return secrets.token_hex(32)


def readable_password() -> str:
    """Four groups of five: typed once by a person, 100 bits."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
