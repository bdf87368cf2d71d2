"""Mails to the operators: what stands still until a person mends it.

No secret and nobody's address is in one: it says what, why, and where to look.
"""

import logging

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.urls import reverse

from developers import mail
from developers.models import User
from tyk import desk
from tyk.models import Alarm
from tyk.outbox import Job

log = logging.getLogger(__name__)

Cause = Alarm.Cause
SYNC, DESK = "admin:tyk_pullstate_changelist", "admin:tyk_outbox_changelist"


# --- The two handlers --------------------------------------------------------------
def raised(job: Job) -> None:
    """Subject: Alarm.pk. What is over before the mail could go is not mailed."""
    alarm = Alarm.objects.filter(pk=job.subject, over_at=None).first()
    if alarm is not None:
        _send(_told(alarm))


def over(job: Job) -> None:
    """Subject: Alarm.pk. It works again."""
    alarm = Alarm.objects.filter(pk=job.subject).exclude(over_at=None).first()
    if alarm is not None:
        _send(_told_over(alarm))


def _send(context: dict[str, object]) -> None:
    readers = operators()
    if not readers:
        log.error("alarm without a reader: set ALARM_MAIL_TO")
    mail.send_each("alarm", to=readers, context=context)


def operators() -> list[str]:
    """The addresses set for it, else all staff who may mend the outbox."""
    if settings.ALARM_MAIL_TO:
        return list(settings.ALARM_MAIL_TO)
    may_mend = Permission.objects.filter(
        content_type__app_label="tyk", codename="change_outbox"
    )
    staff = User.objects.filter(
        Q(is_superuser=True)
        | Q(user_permissions__in=may_mend)
        | Q(groups__permissions__in=may_mend),
        is_staff=True,
        is_active=True,
    )
    return sorted({email for email in staff.values_list("email", flat=True) if email})


# --- What they say ------------------------------------------------------------------
def _told(alarm: Alarm) -> dict[str, object]:
    words = {
        Cause.KEY_REJECTED: _key_rejected,
        Cause.KEY_MOVED: _key_moved,
        Cause.HELD_BACK: _held_back,
        Cause.STALE: _stale,
        Cause.PARKED: _parked,
        Cause.KEYS_LOST: _keys_lost,
    }[Cause(alarm.cause)]
    return {"since": alarm.raised_at, "reason": _WHY_YOU, **words(alarm)}


_WHY_YOU = "You get this mail because you look after the portal. One mail per cause."


def _key_rejected(alarm: Alarm) -> dict[str, object]:
    return {
        "title": "Tyk rejects the portal's key",
        "preheader": "Nobody can log in or claim a key until it is replaced.",
        "what": "The Tyk Dashboard rejects the key the portal signs in with. Pages go "
        "on from what was read before. Nobody can log in, confirm or claim a key. "
        "What is owed to Tyk waits, and nothing is lost.",
        "do": "Make a new key in the Dashboard, set it as TYK_API_KEY and restart the "
        "portal. Set TYK_API_KEY_NEXT before you rotate the next time.",
        **_button("See the organisation", reverse("admin:tyk_organisation_changelist")),
    }


def _key_moved(alarm: Alarm) -> dict[str, object]:
    return {
        "title": "The portal moved to TYK_API_KEY_NEXT",
        "preheader": "TYK_API_KEY is rejected, the next one is taken.",
        "what": "The Tyk Dashboard rejects TYK_API_KEY and accepts TYK_API_KEY_NEXT. "
        "The portal goes on with that. Nobody noticed anything.",
        "do": "Set the new key as TYK_API_KEY, empty TYK_API_KEY_NEXT and restart the "
        "portal when it suits you.",
        **_button("See the pulls", reverse(SYNC)),
    }


def _held_back(alarm: Alarm) -> dict[str, object]:
    return {
        "title": f"The pull of {alarm.subject} is held back",
        "preheader": "It would have removed too much at once.",
        "what": f"The portal read {alarm.subject} from Tyk and did not believe all of "
        f"it: {alarm.note}. What would have ended here was kept.",
        "do": "Look in Tyk whether that really went. The page of the pulls says what "
        "to do in either case.",
        **_button("See the pulls", reverse(SYNC)),
    }


def _stale(alarm: Alarm) -> dict[str, object]:
    return {
        "title": "The portal no longer reads Tyk",
        "preheader": "Pages show what was read before.",
        "what": f"What pages show was not read from Tyk for too long: {alarm.note}. "
        "Each try fails. Pages say how old they are; requests are accepted and wait.",
        "do": "Run manage.py doctor: it says whether the Dashboard answers, and what to "
        "mend.",
        **_button("See the pulls", reverse(SYNC)),
    }


def _parked(alarm: Alarm) -> dict[str, object]:
    kind = alarm.subject.partition(":")[0]
    words = desk.words_of(kind)
    return {
        "title": f"Parked: {words}",
        "preheader": "It waits for a person.",
        "what": f"Work of this kind was tried and can't go on by itself: {alarm.note}. "
        "Others that park for the same reason make no further mail.",
        "do": "Read the reason, mend it, then try again, or abandon it with a reason.",
        **_button("See what is parked", f"{reverse(DESK)}?state=parked&kind={kind}"),
    }


def _keys_lost(alarm: Alarm) -> dict[str, object]:
    return {
        "title": "Keys vanished beside a write of the portal",
        "preheader": "A developer's keys may have stopped working.",
        "what": "The portal changed a developer's record in Tyk by reading, changing "
        "and writing it back, and read afterwards that keys were missing from it. "
        "Another program, or somebody in the Dashboard, wrote the record in the same "
        f"moment: {alarm.note}.",
        "do": "Open the row, look at the developer's keys in the Tyk Dashboard, and ask "
        "the developer whether calls still work.",
        **_button(
            "See the row", reverse("admin:tyk_outbox_change", args=[alarm.subject])
        ),
    }


def _told_over(alarm: Alarm) -> dict[str, object]:
    if alarm.cause == Cause.STALE:
        return {
            "title": "The portal reads Tyk again",
            "preheader": "Pages are up to date.",
            "what": "What pages show is read from Tyk again.",
            "do": "Nothing is left to do.",
            "since": alarm.well_since,
            "reason": _WHY_YOU,
            **_button("See the pulls", reverse(SYNC)),
        }
    return {
        "title": "Tyk accepts the portal's key again",
        "preheader": "What was waiting drains by itself.",
        "what": "The Tyk Dashboard accepts the portal's key again. What waited is sent "
        "now, by itself.",
        "do": "Nothing is left to do.",
        "since": alarm.well_since,
        "reason": _WHY_YOU,
        **_button("See what is owed", reverse(DESK)),
    }


def _button(label: str, path: str) -> dict[str, object]:
    return {"button_label": label, "button_url": mail.url(path)}
