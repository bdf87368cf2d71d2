"""What ran out is forgotten; what still counts stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from developers.models import (
    BrowserSession,
    MailedLink,
    ProfileEdit,
    SignUp,
    ThrottleCount,
)
from developers.tasks import tidy
from tests.factories import (
    DeveloperFactory,
    MailedLinkFactory,
    ProfileEditFactory,
    SignUpFactory,
)

pytestmark = pytest.mark.django_db


def test_only_what_ran_out_is_forgotten():
    now = timezone.now()
    long_ago, soon = now - timedelta(days=8), now + timedelta(hours=1)
    for moment in (long_ago, soon):
        SignUpFactory(expires_at=moment)
        MailedLinkFactory(expires_at=moment)
        ThrottleCount.objects.create(key=str(moment), count=1, expires_at=moment)
        BrowserSession.objects.create(
            session_key=str(moment.timestamp()),
            session_data="",
            expire_date=moment,
            seen_at=moment,
        )

    tidy()

    assert [row.expires_at for row in ThrottleCount.objects.all()] == [soon]
    assert [row.expire_date for row in BrowserSession.objects.all()] == [soon]
    assert not SignUp.objects.filter(expires_at__lt=now).exists()
    assert not MailedLink.objects.filter(expires_at__lt=now).exists()
    assert SignUp.objects.filter(expires_at=soon).exists()
    assert MailedLink.objects.filter(expires_at=soon).exists()


def test_finished_profile_edits_are_forgotten_after_thirty_days(db):
    developer = DeveloperFactory()
    for state in ProfileEdit.State.values:
        for days in (29, 31):
            if (state, days) != ("due", 29):  # one due edit each
                edit = ProfileEditFactory(developer=developer, state=state)
                made = timezone.now() - timedelta(days=days)
                ProfileEdit.objects.filter(pk=edit.pk).update(created_at=made)

    tidy()

    left = ProfileEdit.objects.order_by("state", "created_at")
    assert [edit.state for edit in left] == [
        "conflict",
        "conflict",
        "done",
        "dropped",
        "due",
        "refused",
        "refused",
    ]


def test_used_links_and_done_sign_ups_go_too(db):
    long_ago = timezone.now() - timedelta(days=8)
    signup = SignUpFactory(state=SignUp.State.DONE, expires_at=long_ago)
    MailedLinkFactory(signup=signup, expires_at=long_ago, used_at=long_ago)
    MailedLinkFactory(used_at=long_ago, expires_at=long_ago)

    tidy()

    assert not SignUp.objects.exists()
    assert not MailedLink.objects.exists()
