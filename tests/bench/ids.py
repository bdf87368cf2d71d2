"""Ids as Tyk makes them. Imports nothing, so that no Django is needed for it."""


def tyk_id(number: int, *, kind: int) -> str:
    """24 hex; `kind` keeps families apart."""
    return f"{0x5F0000000000 + kind:012x}{number:012x}"
