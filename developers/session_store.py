"""Sessions in the database, so that a person can list their own and end them.

As Django's own store, but the table holds a digest of the cookie and whose session
it is. The site is served by WSGI; Django's asynchronous methods are not covered.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from developers.models import BrowserSession
from tyk.seal import digest

SEEN_EVERY = timedelta(minutes=5)


def at_rest(session_key: str) -> str:
    """What the table calls the session of this cookie."""
    return digest(session_key)[:40]


class SessionStore(db.SessionStore):
    """The engine named in settings.SESSION_ENGINE."""

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def _get_session_from_db(self) -> BrowserSession | None:
        row = BrowserSession.objects.filter(
            session_key=at_rest(self.session_key or ""), expire_date__gt=timezone.now()
        ).first()
        if row is None:
            self._session_key = None
        else:
            _note_seen(row)
        return row

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.filter(session_key=at_rest(session_key)).exists()

    def create_model_instance(self, data: Mapping[str, Any]) -> BrowserSession:
        return BrowserSession(
            session_key=at_rest(self.session_key or ""),
            session_data=self.encode(dict(data)),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
            seen_at=timezone.now(),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            BrowserSession.objects.filter(session_key=at_rest(key)).delete()


def _note_seen(row: BrowserSession) -> None:
    """Written every five minutes, not with every page."""
    now = timezone.now()
    if row.user_id is not None and row.seen_at < now - SEEN_EVERY:
        BrowserSession.objects.filter(pk=row.pk).update(seen_at=now)
