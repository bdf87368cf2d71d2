"""One wall clock for all calls of one story, such as a login or a claim."""

import time


class Budget:
    """Seconds from now that the calls of one request share.

    Where nothing is left, a call gets zero: the client then sends nothing and
    raises Unreachable, which is certain, instead of an answer that may be lost.
    """

    def __init__(self, seconds: float) -> None:
        self._whole = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never less than zero."""
        return max(0.0, self._ends - time.monotonic())

    def part(self, share: float = 1.0) -> float:
        """Seconds for the next call: `share` of the whole, or what is left.

        A share keeps time for a look after a lost answer.
        """
        return min(self.left(), self._whole * share)
