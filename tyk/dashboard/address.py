"""The Dashboard's address: checked once, before anything is sent to it."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests


def checked_base_url(base_url: str) -> str:
    """The Dashboard's address without a trailing slash or `/api`.

    Raises ValueError, without repeating the address, for anything but http or
    https with a host, or with a user name, a query or a fragment in it.
    """
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in base_url):
        raise ValueError("the Dashboard address contains a space or control character")
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the Dashboard address must be http(s)://host[:port][/prefix]")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the Dashboard address must not contain a user name")
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise ValueError("the Dashboard address must not contain a query or fragment")
    if parts.port == 0 or {".", ".."} & set(parts.path.split("/")):
        raise ValueError("the Dashboard address has an impossible port or path")
    prefix = parts.path.rstrip("/").removesuffix("/api").rstrip("/")
    return _as_sent(f"{parts.scheme}://{parts.netloc}{prefix}/").rstrip("/")


def _as_sent(url: str) -> str:
    """The address as requests will write it (IDNA, quoting)."""
    try:
        prepared = requests.Request("GET", url).prepare().url
    except requests.RequestException:
        prepared = None
    if prepared is None:
        raise ValueError("the Dashboard address has an impossible host or path")
    return prepared
