"""What about accounts is over, and how long it is kept."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from developers.models import (
    BrowserSession,
    MailedLink,
    ProfileEdit,
    SignUp,
    ThrottleCount,
)
from tyk.tidy import delete_in_chunks

# So long a link that ran out still says so, instead of "nothing at this address".
KEPT_AFTER_EXPIRY = timedelta(days=7)
# So long staff can see what a developer changed.
EDITS_KEPT = timedelta(days=30)


def forget_what_ran_out() -> dict[str, int]:
    """Delete what is over, 500 rows a transaction; how many of each.

    Links, used or not, and sign-ups, done or not, a week after they ran out;
    profile edits that were done or dropped after 30 days; throttle counts and
    sessions at once.
    """
    now = timezone.now()
    ran_out = now - KEPT_AFTER_EXPIRY
    over = [ProfileEdit.State.DONE, ProfileEdit.State.DROPPED]
    rows: dict[str, models.QuerySet[Any]] = {
        "links": MailedLink.objects.filter(expires_at__lt=ran_out),
        "sign_ups": SignUp.objects.filter(expires_at__lt=ran_out),
        "profile_edits": ProfileEdit.objects.filter(
            state__in=over, created_at__lt=now - EDITS_KEPT
        ),
        "counts": ThrottleCount.objects.filter(expires_at__lt=now),
        "sessions": BrowserSession.objects.filter(expire_date__lt=now),
    }
    return {what: delete_in_chunks(some) for what, some in rows.items()}
