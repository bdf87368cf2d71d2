"""One look that many rows of the outbox wait for.

Whose answer was lost waits out its quarantine, then looks for what may have arrived.
A list of all that Tyk holds says of every such row what a list of its own would say,
if it was asked for when that row's quarantine was over. So whoever lists asks before
(`awaited`) who else waits for it, and tells them after it: without that, a thousand
lost answers were a thousand lists, each as long as all that was ever asked for.

Nothing depends on it: a row that was not told looks for itself. One that somebody
leased or gave up meanwhile, or that is parked, is left as it is.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from tyk import outbox
from tyk.models import Outbox


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A row that waits for a look, as it was before that."""

    pk: int
    subject: str
    epoch: int
    asked: int

    def found(self) -> None:
        """What it is about stands in Tyk, and is known here now: it is served."""
        self._row().update(
            served=self.asked,
            sending_since=None,
            unsure_since=None,
            attempts=0,
            waits=0,
            last_outcome="found by another's look",
        )

    def not_found(self) -> None:
        """Its write had no effect: the next try may send it again."""
        self._row().update(sending_since=None, unsure_since=None)

    def _row(self) -> models.QuerySet[Outbox]:
        return outbox.due().filter(outbox.free(), pk=self.pk, epoch=self.epoch)


def awaited(kind: str) -> list[Awaiting]:
    """Rows of this kind for which a look that begins now is late enough.

    Their answers were lost. Not those whose writer died, nor those whose answer bore
    no marker: what a look of their own finds decides whether they are sent again.
    """
    over = Now() - timedelta(seconds=settings.OUTBOX_QUARANTINE)
    rows = outbox.due().filter(outbox.free(), kind=kind, unsure_since__lte=over)
    return [
        Awaiting(*row) for row in rows.values_list("pk", "subject", "epoch", "asked")
    ]
