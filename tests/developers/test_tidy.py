"""What ran out is forgotten; what still counts stays."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from developers.models import MailedLink, SignUp, ThrottleCount
from developers.tasks import tidy
from tests.factories import MailedLinkFactory, SignUpFactory

pytestmark = pytest.mark.django_db


def test_only_what_ran_out_is_forgotten():
    now = timezone.now()
    long_ago, soon = now - timedelta(days=8), now + timedelta(hours=1)
    for moment in (long_ago, soon):
        SignUpFactory(expires_at=moment)
        MailedLinkFactory(expires_at=moment)
        ThrottleCount.objects.create(key=str(moment), count=1, expires_at=moment)
        Session.objects.create(
            session_key=str(moment.timestamp()), session_data="", expire_date=moment
        )

    tidy()

    assert [row.expires_at for row in ThrottleCount.objects.all()] == [soon]
    assert [row.expire_date for row in Session.objects.all()] == [soon]
    assert not SignUp.objects.filter(expires_at__lt=now).exists()
    assert not MailedLink.objects.filter(expires_at__lt=now).exists()
    assert SignUp.objects.filter(expires_at=soon).exists()
    assert MailedLink.objects.filter(expires_at=soon).exists()
