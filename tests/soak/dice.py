"""Which calls of the Dashboard go wrong, drawn anew for each call."""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tyk.sandbox.faults import Fault, FaultPlan, Strike, _Planned

#: How a call goes wrong, with its weight. Left out is what a protocol can't survive,
#: or only by waiting longer than a soak lasts: a Dashboard that says "no such record"
#: or "refused" of what it holds, and one that rejects our key.
FAULTS: list[tuple[int, Mapping[str, Any]]] = [
    (4, {"mode": "refuse_connection"}),
    (5, {"mode": "reset_after"}),
    (2, {"mode": "timeout_before"}),
    (3, {"mode": "timeout_after"}),
    (6, {"mode": "commit_late"}),
    (3, {"mode": "latency"}),
    (2, {"mode": "status", "status": 500}),
    (2, {"mode": "status", "status": 500, "commit": True}),
    (2, {"mode": "status_plain", "status": 502}),
    (2, {"mode": "status_plain", "status": 504, "commit": True}),
    (1, {"mode": "status", "status": 429, "headers": {"Retry-After": "1"}}),
    (1, {"mode": "html_200"}),
    (1, {"mode": "html_200", "commit": True}),
    (2, {"mode": "truncated"}),
    (1, {"mode": "wrong_types"}),
    (1, {"mode": "null_lists"}),
]
#: Seconds, drawn between: a wait, how late a write lands, how long its caller hangs.
#: The latest write lands before the portal's quarantine is over (house.TIMES).
WAITS = {"timeout_before": (0.2, 3.0), "timeout_after": (0.2, 3.0)}
LANDS, HOLDS, SLOW = (0.2, 4.0), (0.0, 2.0), (0.05, 0.8)


class Dice(FaultPlan):
    """A plan under which each call goes wrong with the chance `chance`."""

    def __init__(self, seed: int, chance: float) -> None:
        super().__init__()
        self.chance = chance
        self.thrown = 0
        self.struck: Counter[str] = Counter()
        self._draw = random.Random(seed)  # noqa: S311  not a secret
        self._alone = threading.Lock()

    def begin(self, chance: float) -> None:
        """Throw with this chance from now on, and count anew."""
        with self._alone:
            self.chance, self.thrown = chance, 0
            self.struck.clear()

    def take(self, operation: str) -> Strike | None:
        with self._alone:
            self.thrown += 1
            if self._draw.random() >= self.chance:
                return None
            fault = self._fault()
            self.struck[fault.mode] += 1
        return Strike(fault, _Planned(fault))

    def _fault(self) -> Fault:
        weights = [weight for weight, _ in FAULTS]
        [(_, drawn)] = self._draw.choices(FAULTS, weights)
        plan: dict[str, Any] = {**drawn}
        mode = plan["mode"]
        if mode in WAITS:
            plan["seconds"] = self._draw.uniform(*WAITS[mode])
        elif mode == "latency":
            plan["seconds"] = self._draw.uniform(*SLOW)
        elif mode == "commit_late":
            plan["seconds"] = self._draw.uniform(*LANDS)
            plan["hold"] = self._draw.uniform(*HOLDS)
        return Fault(operation="*", **plan)
