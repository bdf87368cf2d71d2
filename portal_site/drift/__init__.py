"""Where the mirror and Tyk differ, field by field, and taking Tyk's values.

    differences    one difference, and what may be shown of it
    shelf          organisation, plans and entries: small, read whole
    people         developers and their keys, streamed
    asked          key requests, streamed
    mend           takes Tyk's values by the pulls' own means

Tyk owns nearly everything. The portal owns its markers and the wishes that are on
their way (ProfileEdit): those are listed, and never mended by taking Tyk's.
"""

from collections.abc import Iterator

from portal_site.drift import asked, people, shelf
from portal_site.drift.differences import OURS, TYKS, Difference

__all__ = ["OURS", "TYKS", "Difference", "differences"]


def differences() -> Iterator[Difference]:
    """All there are now; reads everything once. Raises DashboardError.

    A moment's look: what changes meanwhile may show and be gone the next time.
    """
    yield from shelf.organisation()
    yield from shelf.plans()
    yield from shelf.entries()
    yield from people.differences()
    yield from asked.differences()
