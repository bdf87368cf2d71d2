"""Alarms and decisions about drift on the operators' desk: words and giving up."""

from collections.abc import Collection, Mapping

from django.urls import reverse

from portal_site import trail
from portal_site.models import Act
from tyk.desk import Abandonment, About, Work, always, codes


def alarms(subjects: Collection[str]) -> Mapping[str, About]:
    """Alarms by their pks. Their own page tells the cause; no query."""
    return {
        subject: About(
            words=f"alarm {subject}",
            right="tyk.view_alarm",
            otherwise="an alarm",
            url=reverse("admin:tyk_alarm_change", args=[subject]),
        )
        for subject in subjects
        if subject.isdecimal()
    }


def acts(subjects: Collection[str]) -> Mapping[str, About]:
    """Decisions about drift by their codes; one query."""
    rows = Act.objects.filter(code__in=codes(subjects))
    return {
        str(row.code): About(
            words=f"{row.get_verb_display()} ({row.kind})",
            right="portal_site.view_act",
            otherwise="a decision",
        )
        for row in rows
    }


def undo_decision(act: Abandonment) -> None:
    """A decision that nobody carries out must not stand in the way of another."""
    due = Act.objects.filter(code__in=codes([act.subject]), state=Act.State.DUE)
    trail.end(due, Act.State.STUCK, text=f"{act.by} gave it up: {act.reason}")


def _alarm(words: str) -> Work:
    return Work(
        words=f"Mail: {words}",
        does="Writes to ALARM_MAIL_TO, or to all staff who may mend the outbox.",
        about=alarms,
        leaves=always("Nobody is told by mail. The page of alarms says it."),
    )


WORK = {
    "mail.alarm": _alarm("an alarm to operators"),
    "mail.alarm_over": _alarm("an alarm is over"),
    "drift.decision": Work(
        words="Carry out a decision about drift",
        does="Looks at the difference again, and acts only if it stands as it was "
        "shown.",
        about=acts,
        leaves=always(
            "The difference stays as it is. The audit trail says that the decision "
            "was not carried out, and another can be taken."
        ),
        undo=undo_decision,
        looks=True,
    ),
}
