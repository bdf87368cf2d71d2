"""Initials by default; Gravatar's picture only for somebody who allowed it."""

import hashlib
import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from PIL import Image

from developers import pictures
from developers.models import Choices
from tests.developers.steps import words
from tyk import outbox

pytestmark = pytest.mark.django_db

CHOOSE, PICTURE = "/account/picture/choose/", "/account/picture/"


def _image(kind: str = "JPEG", side: int = 192) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 30)).save(held, kind)
    return held.getvalue()


class Avatars(BaseHTTPRequestHandler):
    """A service of avatars on this machine; `answer` is what it gives out."""

    answer: tuple[int, bytes] = (200, b"")
    slow: float = 0
    asked: list[str] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        time.sleep(self.slow)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def avatars(settings) -> Iterator[type[Avatars]]:
    handler = type("Fresh", (Avatars,), {"asked": [], "answer": (200, _image())})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.GRAVATAR_URL = f"http://127.0.0.1:{server.server_port}/avatar"
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(bob, signed_in):
    return signed_in(bob)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Mira Tal", "MT"),
        ("Ana Maria de la Cruz", "AC"),
        ("mira@tinfold.example", "M"),
        ("mira.tal@tinfold.example", "MT"),
        ("Åsa Öberg", "ÅÖ"),
        ("(?)", "?"),
        ("", "?"),
    ],
)
def test_initials(name, shown):
    assert pictures.initials(name) == shown


def test_nothing_is_asked_before_somebody_says_so(browser, avatars):
    page = browser.get("/account/")
    outbox.drain()

    assert "BB" in words(page)
    assert avatars.asked == []
    assert browser.get(PICTURE).status_code == 404
    assert "img-src 'self'" in page.headers["Content-Security-Policy"]


def test_with_consent_the_portal_asks_and_keeps_a_copy(browser, bob, avatars):
    browser.post(CHOOSE, {"choice": "gravatar"})
    assert avatars.asked == [], "no page waits for it"
    outbox.drain()

    [path] = avatars.asked
    assert path.startswith(f"/avatar/{hashlib.sha256(bob.email.encode()).hexdigest()}?")
    assert bob.email not in path
    page = browser.get("/account/")
    assert 'src="/account/picture/"' in page.content.decode()
    assert "gravatar.com" not in page.content.decode()
    kept = browser.get(PICTURE)
    assert kept.headers["Content-Type"] == "image/png"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in kept.headers["Cache-Control"]
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (192, 192))


def test_consent_taken_back_deletes_the_copy(browser, bob, avatars):
    browser.post(CHOOSE, {"choice": "gravatar"})
    outbox.drain()

    browser.post(CHOOSE, {"choice": "none"})

    row = Choices.objects.get(developer=bob)
    assert (row.picture, row.gravatar_since) == (None, None)
    assert browser.get(PICTURE).status_code == 404
    outbox.drain()
    assert len(avatars.asked) == 1


def test_taken_back_before_it_was_asked_asks_nobody(browser, avatars):
    browser.post(CHOOSE, {"choice": "gravatar"})
    browser.post(CHOOSE, {"choice": "none"})

    outbox.drain()

    assert avatars.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        (404, b""),
        (500, b"no"),
        (302, b""),
        (200, b""),
        (200, b"<svg onload='alert(1)'/>"),
        (200, b"\x89PNG\r\n\x1a\n broken"),
        (200, _image()[:200]),
        (200, _image("PNG", 3000)),
        (200, b"x" * (pictures.MOST_BYTES + 1)),
        (200, _image("BMP")),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:12]!r}",
)
def test_what_is_no_picture_leaves_the_initials(browser, avatars, answer):
    avatars.answer = answer
    browser.post(CHOOSE, {"choice": "gravatar"})

    assert outbox.drain() == {"done": 1}

    page = browser.get("/account/")
    assert "your initials are shown" in words(page)
    assert browser.get(PICTURE).status_code == 404


def test_without_internet_nothing_waits_and_nothing_is_owed(browser, settings):
    settings.GRAVATAR_URL = "http://127.0.0.1:9/avatar"
    browser.post(CHOOSE, {"choice": "gravatar"})

    assert outbox.drain() == {"done": 1}
    assert "your initials are shown" in words(browser.get("/account/"))


def test_a_slow_answer_is_given_up(browser, avatars, monkeypatch):
    monkeypatch.setattr(pictures, "SECONDS", 0.1)
    avatars.slow = 0.3
    browser.post(CHOOSE, {"choice": "gravatar"})

    outbox.drain()

    assert browser.get(PICTURE).status_code == 404


def test_looking_again_has_a_limit(browser, avatars):
    answers = [
        browser.post(CHOOSE, {"choice": "gravatar"}).status_code for _ in range(6)
    ]

    assert answers == [302] * 5 + [429]


def test_each_sees_their_own_only(browser, avatars, charlie, signed_in):
    browser.post(CHOOSE, {"choice": "gravatar"})
    outbox.drain()

    assert signed_in(charlie).get(PICTURE).status_code == 404
    assert Client().get(PICTURE).status_code == 302
