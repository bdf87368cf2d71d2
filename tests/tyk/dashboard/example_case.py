"""One example and what the client must make of it: see test_examples.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tyk.dashboard import errors
from tyk.dashboard.client import Dashboard

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass
class Case:
    """What to call, what to expect, and where our body differs from the example's."""

    act: Callable[[Dashboard], Any]
    expected: Any = None
    error: type[errors.DashboardError] | None = None
    # Of the example's call: False where it is one the client never makes, so
    # that only its answer matters.
    same_call: bool = True
    path: str | None = None  # ours, where the example's is spelt another way
    query_we_omit: set[str] = field(default_factory=set)
    we_add: dict[str, Any] = field(default_factory=dict)
    we_omit: set[str] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)


REJECTED = {"reason": "key_rejected", "status": 401}
