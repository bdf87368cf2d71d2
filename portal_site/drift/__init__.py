"""Where the mirror and Tyk differ, field by field, and what staff decide about it.

    owners         whose a field is: Tyk's, the portal's, both's
    differences    one difference, and what may be shown of it
    shelf          organisation, plans and entries: small, read whole
    people         developers and their keys, streamed
    asked          key requests, streamed
    again          one record compared now, at the moment of acting
    mend           takes Tyk's values by the pulls' own means
    push           pushes ours by the outbox
    findings       a whole look, kept for the page and the command
    decisions      take, push, ignore: decided by a person, done by a worker
    desk           the pages

Tyk owns nearly everything. What the portal owns, its markers and the wishes that
are on their way (ProfileEdit), is never mended by taking Tyk's.
"""

from collections.abc import Callable, Iterator

from portal_site.drift import asked, people, shelf
from portal_site.drift.differences import Difference
from portal_site.drift.owners import BOTH, OURS, TYKS

__all__ = ["BOTH", "OURS", "TYKS", "Difference", "Tell", "differences"]

Tell = Callable[[str, int], None]


def differences(tell: Tell = lambda _step, _read: None) -> Iterator[Difference]:
    """All there are now; reads everything once. Raises DashboardError.

    `tell` hears what is being read, and how many records of it were. A moment's
    look: what changes meanwhile may show and be gone the next time.
    """
    tell("the organisation's settings", 0)
    yield from shelf.organisation()
    tell("policies", 0)
    yield from shelf.plans()
    tell("the catalogue", 0)
    yield from shelf.entries()
    yield from people.differences(lambda read: tell("developers and keys", read))
    yield from asked.differences(lambda read: tell("key requests", read))
