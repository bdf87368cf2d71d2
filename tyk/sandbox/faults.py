"""The fault plan: which calls go wrong, how, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tyk.sandbox.routes import OPERATIONS

ANY = "*"
MODES = frozenset(
    {
        "refuse_connection",
        "reset_after",
        "timeout_before",
        "timeout_after",
        "commit_late",
        "hang",
        "latency",
        "status",
        "status_plain",
        "html_200",
        "empty_204",
        "redirect",
        "truncated",
        "wrong_types",
        "null_lists",
        "drip",
        "huge",
        "gzip_bomb",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the plan; see `docs` of each mode in `delivery`.

    `times` None means for ever; `after` lets that many calls pass first. `seconds` is
    the wait of the timeouts, of a late commit, of latency, and between two bytes of a
    drip. `commit` overrides whether the call takes effect.
    """

    operation: str
    mode: str
    times: int | None = None
    after: int = 0
    seconds: float = 1.0
    hold: float = 0.0
    status: int = 500
    message: str = "Failure saving data, please contact your administrator."
    body: str = ""
    url: str = ""
    size: int = 16 * 1024 * 1024
    commit: bool | None = None
    members: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            message = f"fault mode {self.mode!r} is not one of {sorted(MODES)}"
            raise ValueError(message)
        if self.operation != ANY and self.operation not in OPERATIONS:
            message = f"no operation is called {self.operation!r}"
            raise ValueError(message)

    def commits(self, *, usually: bool) -> bool:
        """Whether the call takes effect; `usually` is the mode's own habit."""
        return usually if self.commit is None else self.commit


@dataclass(slots=True, eq=False)
class _Planned:
    fault: Fault
    used: int = 0
    passed: int = 0
    lifted: bool = False

    def hits(self, operation: str) -> bool:
        """Count one call; whether the fault strikes it."""
        if self.fault.operation not in (ANY, operation):
            return False
        if self.passed < self.fault.after:
            self.passed += 1
            return False
        if self.fault.times is not None and self.used >= self.fault.times:
            return False
        self.used += 1
        return True


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that hit one call, and whether it has been lifted since."""

    fault: Fault
    _planned: _Planned

    @property
    def lifted(self) -> bool:
        return self._planned.lifted


class FaultPlan:
    """Thread-safe list of faults; the first one that matches strikes."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def add(self, operation: str, *, mode: str, **options: Any) -> Fault:
        """Plan a fault for an operation (or `*`). Raises `ValueError`/`TypeError`."""
        fault = Fault(operation=operation, mode=mode, **options)
        with self._lock:
            self._planned.append(_Planned(fault))
        return fault

    def add_from(self, wanted: Mapping[str, Any]) -> Fault:
        """Plan a fault from JSON. Raises `ValueError` for unknown members."""
        known = {f.name for f in fields(Fault)}
        unknown = set(wanted) - known
        if unknown or not {"operation", "mode"} <= set(wanted):
            message = f"a fault has operation, mode and some of {sorted(known)}"
            raise ValueError(message)
        options = {**wanted, "members": tuple(wanted.get("members", ()))}
        return self.add(options.pop("operation"), mode=options.pop("mode"), **options)

    def take(self, operation: str) -> Strike | None:
        """The fault that strikes this call, if any."""
        with self._lock:
            struck = next((p for p in self._planned if p.hits(operation)), None)
        return None if struck is None else Strike(struck.fault, struck)

    def clear(self) -> None:
        """Forget all faults; calls that hang let go."""
        with self._lock:
            for planned in self._planned:
                planned.lifted = True
            self._planned.clear()

    def as_list(self) -> list[dict[str, Any]]:
        """The plan with how often each fault struck, ready for JSON."""
        with self._lock:
            rows = [(asdict(p.fault), p.used) for p in self._planned]
        return [{**fault, "struck": used} for fault, used in rows]
