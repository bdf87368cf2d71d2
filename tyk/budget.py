"""One wall-clock budget shared by the calls of one web request."""

import time


class Budget:
    """`seconds` from now, of which each call may take what is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never less than a tenth: a deadline of zero means none."""
        return max(0.1, self._end - time.monotonic())
