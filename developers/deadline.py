"""One wall clock for all calls of one story."""

import time

from developers.errors import UpstreamUnavailable


class Deadline:
    """Wall-clock seconds for all calls of one story."""

    def __init__(self, seconds: float) -> None:
        self._whole = seconds
        self._ends = time.monotonic() + seconds

    def part(self, share: float = 1.0) -> float:
        """Seconds for the next call: `share` of the whole, or what is left.

        The share keeps time for a look after a lost answer. Raises
        UpstreamUnavailable when nothing is left.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise UpstreamUnavailable
        return min(left, self._whole * share)
