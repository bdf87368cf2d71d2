"""A browser over HTTP that meets whichever web process a balancer would give it."""

import contextlib
import html
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from pathlib import Path

import requests
from urllib3.exceptions import NewConnectionError

from tests.soak.history import Lost

HOST = "testserver"  # the portal's name, PORTAL_BASE_URL
READ_WITHIN = 8.0  # seconds a person waits for a page
TRIES, PAUSE = 60, 0.1  # while nobody listens: nothing was sent
UNSURE_FROM = 500
SETTLED = 1.5  # seconds: two processes may write into one file of the same second


class Page:
    """What came back."""

    def __init__(self, answer: requests.Response) -> None:
        self.status = answer.status_code
        self.text = answer.text
        self.goes_to = answer.headers.get("Location", "").partition("?")[0]

    def hidden(self) -> dict[str, str]:
        """The hidden inputs of its forms, but the token."""
        found = re.findall(
            r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', self.text
        )
        return {
            name: html.unescape(value)
            for name, value in found
            if name != "csrfmiddlewaretoken"
        }


#: Seconds of each page that came, of everybody.
page_seconds: list[float] = []


class Browser:
    """One person's cookies."""

    def __init__(self, ports: Callable[[], list[int]], seed: str) -> None:
        self._ports = ports
        self._draw = random.Random(seed)  # noqa: S311  not a secret
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> Page:
        """Read a page; a lost answer is asked for again. Raises Lost."""
        for _ in range(5):
            with contextlib.suppress(Lost):
                page = self._send("GET", path, {})
                if page.status < UNSURE_FROM:
                    return page
        raise Lost(f"GET {path.split('/')[1]}")

    def post(self, path: str, **typed: str) -> Page:
        """Send a form once. Raises Lost, if nobody can know what came of it."""
        token = self._session.cookies.get("csrftoken") or ""
        return self._send("POST", path, {**typed, "csrfmiddlewaretoken": token})

    def _send(self, method: str, path: str, form: Mapping[str, str]) -> Page:
        for _ in range(TRIES):
            port = self._draw.choice(self._ports())
            began = time.monotonic()
            try:
                answer = self._session.request(
                    method,
                    f"http://127.0.0.1:{port}{path}",
                    data=form or None,
                    headers={"Host": HOST, "Connection": "close"},
                    timeout=READ_WITHIN,
                    allow_redirects=False,
                )
            except requests.ConnectionError as error:
                if not _nobody_there(error):
                    raise Lost(type(error).__name__) from None
                time.sleep(PAUSE)
            except requests.RequestException as error:
                raise Lost(type(error).__name__) from None
            else:
                page_seconds.append(time.monotonic() - began)
                return Page(answer)
        raise Lost("nobody listens")


def _nobody_there(error: requests.ConnectionError) -> bool:
    """Whether the connection was refused, so that certainly nothing was sent."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)


class Mailbox:
    """The mails of everybody, as links by address; read from the folder they land in."""

    LINK = re.compile(rf"http://{HOST}(/\S+)")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: dict[str, list[str]] = {}
        self._alone = threading.Lock()
        self.read = 0

    def look(self) -> None:
        """Take in what arrived."""
        with self._alone:
            for path in sorted(self._folder.glob("*.log")):
                if time.time() - path.stat().st_mtime < SETTLED:
                    continue
                data = path.read_bytes()
                path.unlink()
                self.read += 1
                for part in data.split(b"-" * 79):
                    if part.strip():
                        self._take(part.lstrip())

    def _take(self, data: bytes) -> None:
        mail = message_from_bytes(data, policy=policy.default)
        body = mail.get_body(("plain",))
        if body is None or mail["To"] is None:
            return
        held = self._links.setdefault(str(mail["To"]), [])
        held += self.LINK.findall(body.get_content())

    def links(self, address: str, part: str) -> list[str]:
        """Paths of the links to `address` that hold `part`, oldest first."""
        return [link for link in self._links.get(address, []) if part in link]
