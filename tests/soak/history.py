"""What people did and were told: the one side that the checker compares."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

OK, FAIL, UNKNOWN = "ok", "fail", "unknown"


class Lost(Exception):
    """The answer was lost, or was no answer: nobody knows what came of it."""


class Refused(Exception):
    """The portal said no, or that nothing was done."""


@dataclass
class Act:
    """One thing somebody did. `outcome` is what they can know of it.

    `request` and `key` are codes of the portal, `old` the code of a key that ends
    with it, `raw` the key shown, `value` what was typed.
    """

    who: str
    what: str
    began: float
    ended: float = 0.0
    outcome: str = UNKNOWN
    request: str = ""
    key: str = ""
    old: str = ""
    raw: str = field(default="", repr=False)
    value: str = field(default="", repr=False)
    why: str = ""

    def told(self) -> dict[str, Any]:
        """For a file: no key and no password."""
        kept = asdict(self) | {"raw": ""}
        return kept | ({"value": ""} if self.what == "reset" else {})


class History:
    """All acts, in the order they began; safe between threads."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self._lock = threading.Lock()

    @contextmanager
    def act(self, who: str, what: str, **about: Any) -> Iterator[Act]:
        """Around one act: ok if nothing is raised, else what was raised says.

        Noted when it begins, so that one that never ends is unknown.
        """
        act = Act(who, what, time.monotonic(), **about)
        with self._lock:
            self.acts.append(act)
        try:
            yield act
            act.outcome = OK
        except Refused as error:
            act.outcome, act.why = FAIL, str(error)
        except Lost as error:
            act.outcome, act.why = UNKNOWN, str(error)
        finally:
            act.ended = time.monotonic()

    def counts(self) -> dict[str, dict[str, int]]:
        """How many of each act ended how."""
        with self._lock:
            counted = Counter((act.what, act.outcome) for act in self.acts)
        table: dict[str, dict[str, int]] = {}
        for (what, outcome), number in sorted(counted.items()):
            table.setdefault(what, {OK: 0, FAIL: 0, UNKNOWN: 0})[outcome] = number
        return table
