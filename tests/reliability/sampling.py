"""What a short run leaves out: chosen by a seed, so that two runs do the same.

With SOAK=1 nothing is left out. Another SOAK_SEED chooses otherwise.
"""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
SOAK = os.environ.get("SOAK") == "1"
SEED = os.environ.get("SOAK_SEED", "1")


def some(items: Sequence[T], *, share: float, least: int, of: str) -> list[T]:
    """A `share` of the items in their order, `least` of them or all there are.

    `of` names what they are of: each name has a choice of its own.
    """
    number = max(least, round(len(items) * share))
    if SOAK or number >= len(items):
        return list(items)
    draw = random.Random(f"{SEED} {of}")  # noqa: S311  not a secret
    return [items[n] for n in sorted(draw.sample(range(len(items)), number))]
