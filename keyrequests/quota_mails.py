"""The mail about a quota that is nearly used; `nearing` says when."""

from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from catalogue.words import number
from developers import mail, mail_choices
from keyrequests import nearing, usage_words
from keyrequests.models import Key
from keyrequests.usage import Quota
from tyk.outbox import Job


def near(job: Job) -> None:
    """Subject: Key.code and percent. To the owner, if it is so still."""
    code, _, level = job.subject.partition(" ")
    now = timezone.now()
    key = Key.objects.select_related("developer").get(code=UUID(code))
    developer = key.developer
    quota = next((one.quota for one in nearing.known([key.pk], now=now)), None)
    if quota is None or nearing.level_of(quota) < int(level) or not developer.may_enter:
        return
    if not mail_choices.wants(developer, "quota"):
        return
    mail.send(
        "quota",
        to=developer.email,
        stop_url=mail_choices.stop_url(developer, "quota"),
        context={
            "title": usage_words.warning(key, quota),
            "preheader": f"By our count, {_used(quota)}.",
            "key": key,
            "developer": developer,
            "share": usage_words.share(quota),
            "used": _used(quota),
            "more": _more(quota, now=now),
            "button_label": "See its calls",
            "button_url": mail.url(reverse("keyrequests:usage-of-key", args=[code])),
            "reason": "You get this mail because the key is yours.",
        },
    )


def _used(quota: Quota) -> str:
    """ "8 000 of 10 000 calls"."""
    return f"{number(quota.used)} of {number(quota.most)} calls"


def _more(quota: Quota, *, now: datetime) -> str:
    forecast = usage_words.forecast(quota, now=now)
    basis = usage_words.basis(quota, now=now) if quota.left else ""
    return " ".join(words for words in (basis, forecast) if words)
