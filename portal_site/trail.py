"""The audit trail of the desks: who looked at what, and who decided what."""

from django.db.models import QuerySet
from django.utils import timezone

from portal_site.models import Act

COMMAND_LINE = "command line"


def note(verb: Act.Verb, *, actor: str, text: str = "") -> Act:
    """Add something that is done. `text` never holds a value or a secret."""
    now = timezone.now()
    return Act.objects.create(
        verb=verb, actor=actor, at=now, ended_at=now, note=text[:500]
    )


def end(rows: QuerySet[Act], state: Act.State, *, text: str = "") -> int:
    """End what is open of these; how many were."""
    open_now = rows.filter(state__in=[Act.State.DUE, Act.State.STANDING])
    return open_now.update(state=state, ended_at=timezone.now(), note=text[:500])
