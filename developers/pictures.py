"""The picture beside a name: initials, or Gravatar's for somebody who allows it.

The portal asks, once, and keeps a small copy made anew: no visitor's browser ever
calls Gravatar, and nothing is sent before its owner says so.
"""

import hashlib
import io
import logging
import time

import requests
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from PIL import Image

from developers.models import Choices, Developer
from tyk.outbox import enqueue

log = logging.getLogger(__name__)

SIDE = 192  # pixels
MOST_BYTES = 256 * 1024
SECONDS = 8.0  # for the whole answer
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def initials(name: str) -> str:
    """One or two letters: of the first and the last word of a name or an address."""
    words = [word for word in name.partition("@")[0].replace(".", " ").split() if word]
    letters = [next((c for c in word if c.isalnum()), "") for word in words]
    found = [letter for letter in letters if letter]
    return "".join(found[:1] + found[1:][-1:]).upper() or "?"


# --- Consent ---------------------------------------------------------------------------
@transaction.atomic
def allow(developer: Developer) -> None:
    """Consent is kept with its time; also "look again"."""
    now = timezone.now()
    row, _ = Choices.objects.get_or_create(developer=developer)
    row.gravatar_since = row.gravatar_since or now
    row.picture_asked_at = now
    row.save(update_fields=["gravatar_since", "picture_asked_at"])
    enqueue("developer.picture", developer.code)


def refuse(developer: Developer) -> None:
    """Consent taken back: the copy goes, and nothing is asked any more."""
    Choices.objects.filter(developer=developer).update(
        gravatar_since=None, picture=None, picture_asked_at=None
    )


# --- Asking ----------------------------------------------------------------------------
def fetch(email: str) -> bytes | None:
    """Gravatar's picture of this address as a small PNG; None if there is none.

    An address goes out as a SHA-256 digest, as Gravatar wants it (Gravatar docs,
    Avatars). Whatever goes wrong is no error here.
    """
    name = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    try:
        return _small(_read(f"{settings.GRAVATAR_URL}/{name}?s={SIDE}&d=404&r=g"))
    except (requests.RequestException, OSError, ValueError, SyntaxError) as error:
        log.info("no picture", extra={"why": type(error).__name__})
    except Image.DecompressionBombError:
        log.warning("picture too large to open")
    return None


def _read(url: str) -> bytes:
    """The body of an answer 200, of at most MOST_BYTES; ValueError otherwise."""
    give_up = time.monotonic() + SECONDS
    with requests.get(
        url, timeout=(3, 3), allow_redirects=False, stream=True
    ) as response:
        if response.status_code != requests.codes.ok:
            raise ValueError("no picture there")
        body = b""
        for part in response.iter_content(16 * 1024):
            body += part
            if len(body) > MOST_BYTES or time.monotonic() > give_up:
                raise ValueError("too large or too slow")
    return body


def _small(body: bytes) -> bytes:
    """A PNG of our own making: nothing they sent but its pixels is served."""
    with Image.open(io.BytesIO(body), formats=_FORMATS) as picture:
        if max(picture.size) > 2048:
            raise ValueError("too many pixels")
        square = picture.convert("RGB").resize((SIDE, SIDE))
    kept = io.BytesIO()
    square.save(kept, "PNG", optimize=True)
    return kept.getvalue()
