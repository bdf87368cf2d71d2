"""Take Tyk's, push ours, ignore: decided by a person, done by a worker.

A decision is an Act and an outbox row. The worker looks at the difference again
and acts only if it stands as it was shown; else the Act says what had become of it.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from portal_site import trail
from portal_site.drift import again, mend, push
from portal_site.drift.differences import Difference
from portal_site.drift.owners import OURS
from portal_site.models import Act, DriftFinding
from tyk import outbox
from tyk.models import Outbox

log = logging.getLogger(__name__)

KIND = "drift.decision"
# The pulls' guards want two looks a minute apart before something ends.
NEXT_LOOK = 61.0
PATIENCE = timedelta(minutes=10)


class DecisionRefused(Exception):
    """Nothing was changed; `code` is stable and the text is for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def why_not(finding: DriftFinding | Difference, verb: Act.Verb) -> str:
    """Why `verb` is not offered for this difference; "" if it is."""
    if verb == Act.Verb.TAKE and finding.owner == OURS:
        return "The portal owns this: Tyk's value is not taken."
    if verb == Act.Verb.PUSH:
        return push.why_not(finding.kind, finding.field, finding.owner)
    return ""


@transaction.atomic
def decide(finding: DriftFinding | Difference, verb: Act.Verb, *, actor: str) -> Act:
    """Take it down as decided; a worker does the rest. Raises DecisionRefused."""
    reason = why_not(finding, verb)
    if reason:
        raise DecisionRefused("not_offered", reason)
    _end_abandoned(finding.fingerprint)
    ignores = verb == Act.Verb.IGNORE
    try:
        with transaction.atomic():
            act = Act.objects.create(
                verb=verb,
                actor=actor,
                kind=finding.kind,
                record=finding.record,
                within=finding.within,
                field=finding.field,
                fingerprint=finding.fingerprint,
                state=Act.State.STANDING if ignores else Act.State.DUE,
            )
    except IntegrityError:
        raise _decided_already(finding.fingerprint) from None
    if ignores:
        _rows(act).update(ignored=True)
    else:
        outbox.enqueue(KIND, act.code)
    log.info("drift decided", extra={"verb": verb.value, "kind": finding.kind})
    return act


def _decided_already(fingerprint: str) -> DecisionRefused:
    first = _open(fingerprint).first()
    if first is None:
        return DecisionRefused("decided", "That was decided a moment ago.")
    what = {
        Act.Verb.TAKE: "takes Tyk's value",
        Act.Verb.PUSH: "pushes ours",
        Act.Verb.IGNORE: "ignores it",
    }[Act.Verb(first.verb)]
    return DecisionRefused("decided", f"{first.actor} decided already: {what}.")


@transaction.atomic
def notice(finding: DriftFinding, *, actor: str) -> None:
    """Ignore it no longer. Raises DecisionRefused if nobody does."""
    standing = _open(finding.fingerprint).filter(verb=Act.Verb.IGNORE)
    if not trail.end(standing, Act.State.OVER, text=f"{actor} noticed it again."):
        raise DecisionRefused("not_ignored", "Nobody ignores this difference.")
    now = timezone.now()
    act = Act.objects.create(
        verb=Act.Verb.NOTICE,
        actor=actor,
        kind=finding.kind,
        record=finding.record,
        within=finding.within,
        field=finding.field,
        fingerprint=finding.fingerprint,
        at=now,
        ended_at=now,
    )
    _rows(act).update(ignored=False)


def _open(fingerprint: str) -> QuerySet[Act]:
    states = [Act.State.DUE, Act.State.STANDING]
    return Act.objects.filter(fingerprint=fingerprint, state__in=states)


def _rows(act: Act) -> QuerySet[DriftFinding]:
    return DriftFinding.objects.filter(fingerprint=act.fingerprint)


def _end_abandoned(fingerprint: str) -> None:
    """An act whose outbox row somebody gave up would stand in the way for ever."""
    for act in _open(fingerprint).filter(state=Act.State.DUE):
        owed = Outbox.objects.filter(
            kind=KIND, subject=str(act.code), asked__gt=F("served")
        )
        if not owed.exists():
            _end(act, Act.State.STUCK, "Given up in the outbox.")


# --- The worker's part -----------------------------------------------------------------
def carry_out(job: outbox.Job) -> None:
    """Subject: Act.code. Look again, and act if it stands as it was shown.

    Raises DashboardError and Later, for the outbox to wait.
    """
    act = Act.objects.filter(code=job.subject, state=Act.State.DUE).first()
    if act is None:
        return
    found = again.seen(act)
    if found.same is None:
        _gone(act, moved=found.moved)
    elif act.verb == Act.Verb.TAKE:
        _take(act, found.same)
    else:
        _push(act, found.same)


def _gone(act: Act, *, moved: bool) -> None:
    if moved:
        _end(act, Act.State.CHANGED, "Compare again to see what it is now.")
        return
    _end(act, Act.State.VANISHED)
    _rows(act).delete()


def _take(act: Act, one: Difference) -> None:
    taken = mend.take_tyks([one])
    if again.seen(act).same is None:
        _end(act, Act.State.DONE)
        _rows(act).delete()
    elif taken.held_back:
        _end(act, Act.State.STUCK, _held_back(taken.held_back[0]))
    elif timezone.now() - act.at < PATIENCE:
        raise outbox.Later(NEXT_LOOK, "Tyk must say so twice, a minute apart")
    else:
        _end(act, Act.State.STUCK, "Read anew, and it still differs: see the logs.")


def _held_back(why: str) -> str:
    return (
        f"Held back: {why}. If Tyk is right: manage.py drift --mend --apply "
        "--accept-removals."
    )


def _push(act: Act, one: Difference) -> None:
    try:
        done = push.push(act, one)
    except push.CannotPush as reason:
        _end(act, Act.State.STUCK, str(reason))
    except push.MovedOn:
        _gone(act, moved=True)
    else:
        _end(act, Act.State.DONE, done)
        _rows(act).delete()


def _end(act: Act, state: Act.State, text: str = "") -> None:
    trail.end(Act.objects.filter(pk=act.pk), state, text=text)


# --- Telling ------------------------------------------------------------------------------
def latest(fingerprints: Iterable[str]) -> dict[str, Act]:
    """What was decided last about each of these differences."""
    acts = Act.objects.filter(fingerprint__in=list(fingerprints)).order_by("pk")
    return {act.fingerprint: act for act in acts}
