"""Where somebody is signed in: their sessions, in words, and ending them.

No address of a network is kept: a browser, a system and two times are enough to know
one's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from developers.models import BrowserSession, User
from developers.session_store import at_rest

BROWSER, BEGAN = "browser", "signed_in_at"  # members of a session
UNKNOWN = "A browser we do not know"
MOST_SHOWN = 50
# In this order: most browsers name those they descend from, too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def in_words(user_agent: str) -> str:
    """ "Firefox on Linux", as far as the header tells."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else UNKNOWN)


def _first(names: tuple[tuple[str, str], ...], text: str) -> str:
    return next((word for sign, word in names if sign in text), "")


def note(request: HttpRequest) -> None:
    """Right after a login: which browser it was, and when."""
    request.session[BROWSER] = in_words(request.headers.get("User-Agent", ""))
    request.session[BEGAN] = timezone.now().isoformat()


@dataclass(frozen=True, slots=True)
class Browser:
    """One signed-in browser. `name` is what its row is called; it opens nothing."""

    name: str
    words: str
    began_at: datetime | None
    seen_at: datetime
    is_this: bool


def of(user: User, *, here: SessionBase) -> list[Browser]:
    """Where `user` is signed in, `here` first, then the latest seen; one query."""
    this = _name(here)
    rows = _live(user).order_by("-seen_at")[:MOST_SHOWN]
    found = list(_signed_in(user, rows, this))
    return sorted(found, key=lambda one: not one.is_this)


def _signed_in(
    user: User, rows: QuerySet[BrowserSession], this: str
) -> Iterator[Browser]:
    """Those whose proof still holds: a new password ends sessions by that alone."""
    proofs = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    for row in rows:
        held = row.get_decoded()
        if held.get(HASH_SESSION_KEY) not in proofs:
            continue
        yield Browser(
            name=row.session_key,
            words=str(held.get(BROWSER, UNKNOWN)),
            began_at=_moment(held.get(BEGAN)),
            seen_at=row.seen_at,
            is_this=row.session_key == this,
        )


def _live(user: User) -> QuerySet[BrowserSession]:
    return BrowserSession.objects.filter(user=user, expire_date__gt=timezone.now())


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _name(here: SessionBase) -> str:
    return at_rest(here.session_key or "")


def end(user: User, name: str) -> bool:
    """End one; it is over at that browser's next click. False if it was already."""
    ended, _ = BrowserSession.objects.filter(user=user, session_key=name).delete()
    return bool(ended)


def end_others(user: User, *, here: SessionBase) -> int:
    """End all but `here`; how many rows that were."""
    others = BrowserSession.objects.filter(user=user).exclude(session_key=_name(here))
    ended, _ = others.delete()
    return ended
