"""What a new sandbox holds: nothing, or the demo of a company called Northwind."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from tyk.sandbox import clock
from tyk.sandbox.seed_catalogue import shelf
from tyk.sandbox.seed_register import people
from tyk.sandbox.shapes import Json
from tyk.sandbox.switches import DEFAULT, Switches

SEEDS = ("empty", "demo")


@lru_cache(maxsize=1)
def _demo(_today: date) -> dict[str, dict[str, Json]]:
    """Built once a day and process, so that a reset is quick."""
    return {**shelf(), **people(clock.now())}


def records(name: str) -> dict[str, dict[str, Json]]:
    """The records of a seed by kind and id. Raises `ValueError` for unknown names."""
    if name not in SEEDS:
        message = f"no seed is called {name!r}; there are {SEEDS}"
        raise ValueError(message)
    return _demo(clock.now().date()) if name == "demo" else {}


def habits(name: str) -> Switches:
    """The switches a seed starts with, unless others are given.

    The demo has documents to show, so its Dashboard is one that hands them out.
    """
    return DEFAULT.changed(get_documentation="object") if name == "demo" else DEFAULT
