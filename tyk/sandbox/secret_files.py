"""Secrets in files only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path


def write_secret(path: Path, secret: str) -> None:
    """Write a one-line file with mode 0600, replacing it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")
    fresh.replace(path)


def kept_secret(path: Path | None, fresh: str) -> str:
    """What the file holds; a missing or empty one is made with `fresh`."""
    if path is None:
        return fresh
    held = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if not held:
        write_secret(path, fresh)
    return held or fresh
