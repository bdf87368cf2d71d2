"""A developer who uses the portal: asks, claims, replaces, revokes, edits, resets.

What is told to them goes into the history. Whose answer is lost looks what became of
it and goes on, as people do.
"""

import html
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.box import AUTOMATIC, REVIEWED
from tests.soak.browser import Browser, Mailbox, Page
from tests.soak.history import History, Lost, Refused

ENTRIES = [name.lower() for name in (*AUTOMATIC, *REVIEWED)]
MOST_OPEN = 3
LOOK_AGAIN = 4.0  # seconds until an unclaimed request is looked at again
MAIL_WITHIN = 60.0
_CODE = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_REQUEST = re.compile(rf"/requests/{_CODE}/")
_KEY = re.compile(rf"/keys/{_CODE}/")
_MADE = re.compile(
    rf'href="/keys/{_CODE}/">I have saved it'
)  # the old one is named, too
_SHOWN = re.compile(r'<code class="key" id="key-1"[^>]*>([^<]+)</code>')
_DECLINED = re.compile(r'class="badge[^"]*">Declined')
_NOT_MADE = "No key was made and none was used up"


@dataclass
class Held:
    """A key in the developer's hands."""

    code: str
    request: str
    raw: str = field(repr=False)


@dataclass
class Developer:
    """One person; driven by one thread at a time."""

    number: int
    email: str
    password: str = field(repr=False)
    browser: Browser = field(repr=False)
    history: History = field(repr=False)
    mailbox: Mailbox = field(repr=False)
    ports: Callable[[], list[int]] = field(repr=False)
    draw: random.Random = field(repr=False)
    signed_in: bool = False
    #: Requests not claimed yet, and when to look at each again.
    open: dict[str, float] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    #: Passwords that may have been set by a reset whose answer was lost.
    maybe: list[str] = field(default_factory=list, repr=False)
    #: A request form that was sent and not answered: path and what was typed.
    unsent: tuple[str, dict[str, str]] | None = None
    reset_since: float = 0.0
    resets_seen: int = 0
    counter: int = 0

    @property
    def who(self) -> str:
        return self.email

    # --- Signing in ---------------------------------------------------------------
    def sign_in(self) -> bool:
        """Whether they are in now; tries each password that may be theirs."""
        self.browser.get("/login/")
        for password in [*reversed(self.maybe), self.password]:
            with self.history.act(self.who, "log in") as act:
                page = self.browser.post("/login/", email=self.email, password=password)
                _demand(page, 302)
            if act.outcome == "ok":
                self.signed_in = True
                return True
        return False

    def _seen(self, page: Page) -> Page:
        """Notice that a session has ended. Raises Refused."""
        if page.status == 302 and page.goes_to == "/login/":
            self.signed_in = False
            raise Refused("signed out")
        return page

    # --- Asking ---------------------------------------------------------------------
    def may_ask(self) -> bool:
        return len(self.open) < MOST_OPEN and self.unsent is None

    def ask(self) -> bool:
        """Ask for a plan; True if a new request was accepted."""
        path = f"/catalogue/{self.draw.choice(ENTRIES)}/request/"
        with self.history.act(self.who, "ask") as act:
            page = self._seen(self.browser.get(path))
            if page.status != 200:
                raise Refused(f"form: {page.status}")
            names = re.findall(
                r'<(?:input|textarea)[^>]* name="(ask[\w-]*)"', page.text
            )
            typed = {**page.hidden(), **dict.fromkeys(names, "A shop in eleven towns")}
            self.unsent = (path, typed)
            act.request = self._send_form()
        return act.outcome == "ok"

    def ask_again(self) -> bool:
        """The same form once more: it may have arrived."""
        with self.history.act(self.who, "ask") as act:
            act.request = self._send_form()
        return act.outcome == "ok"

    def _send_form(self) -> str:
        """Code of the request that was accepted. Raises Lost, Refused."""
        if self.unsent is None:
            raise Refused("no form")
        path, typed = self.unsent
        page = self._seen(self.browser.post(path, **typed, step="send"))
        if page.status >= 500:
            raise Lost(f"status {page.status}")
        self.unsent = None
        found = _REQUEST.search(page.goes_to)
        if page.status != 302 or found is None:
            raise Refused(f"status {page.status} {page.goes_to}")
        if found[1] in self.open:
            raise Refused("asked already")
        self.open[found[1]] = time.monotonic() + self.draw.uniform(0, LOOK_AGAIN)
        return found[1]

    # --- Claiming -------------------------------------------------------------------
    def to_claim(self) -> str:
        """A request worth a look now, or "": its mail came, or it is a while ago."""
        for code, again in self.open.items():
            if again <= time.monotonic():
                return code
        return ""

    def claim(self, code: str) -> None:
        """Look at the claim page, and make the key if that is offered."""
        self.open[code] = time.monotonic() + LOOK_AGAIN
        path = f"/requests/{code}/claim/"
        try:
            page = self._seen(self.browser.get(path))
        except (Lost, Refused):
            return
        if page.status == 302:  # not decided, or it has ended
            self._look_at(code)
        elif 'data-state="shown"' in page.text:
            self._take_over(code, page)
        elif 'data-state="ready"' in page.text or 'data-state="elsewhere"' in page.text:
            with self.history.act(self.who, "claim", request=code) as act:
                shown = self._shown(self.browser.post(path), code)
                act.key, act.raw = shown.code, shown.raw
                del self.open[code]

    def _look_at(self, code: str) -> None:
        page = self.browser.get(f"/requests/{code}/")
        if page.status == 200 and _DECLINED.search(page.text):
            self.open.pop(code, None)

    def _take_over(self, code: str, page: Page) -> None:
        """It was shown on a page that never arrived: have it replaced."""
        found = _KEY.search(page.text)
        if found is None:
            return
        old = Held(found[1], code, "")
        if self.replace(old):
            self.open.pop(code, None)

    def _shown(self, page: Page, request: str) -> Held:
        """The key on a page. Raises Lost or Refused if there is none."""
        self._seen(page)
        raw, key = _SHOWN.search(page.text), _MADE.search(page.text)
        if page.status == 200 and raw and key:
            held = Held(key[1], request, html.unescape(raw[1]))
            self.held.append(held)
            return held
        if _NOT_MADE in page.text:
            raise Refused("away")
        if page.status >= 500:
            raise Lost(f"status {page.status}")
        raise Refused(f"status {page.status} {page.goes_to}")

    # --- Holding ----------------------------------------------------------------------
    def replace(self, old: Held) -> bool:
        """A new key for an old one, which ends at once; whether there is one."""
        path = f"/keys/{old.code}/replace/"
        about = {"request": old.request, "old": old.code}
        with self.history.act(self.who, "replace", **about) as act:
            page = self.browser.post(path, overlap="0", reason="")
            shown = self._shown(page, old.request)
            act.key, act.raw = shown.code, shown.raw
        if act.outcome == "ok":
            self.held = [one for one in self.held if one.code != old.code]
        return act.outcome == "ok"

    def revoke(self, key: Held) -> None:
        """End a key for good."""
        path = f"/keys/{key.code}/revoke/"
        with self.history.act(self.who, "revoke", key=key.code) as act:
            page = self._seen(self.browser.get(path))
            wanted = re.search(r'name="confirm"', page.text)
            name = re.search(r"Revoke “([^”]+)”\?", page.text)
            if page.status != 200 or not wanted or not name:
                raise Refused(f"status {page.status}")
            page = self._seen(self.browser.post(path, confirm=html.unescape(name[1])))
            _demand(page, 302)
        if act.outcome != "fail":
            self.held = [one for one in self.held if one.code != key.code]

    def edit(self) -> None:
        """Another telephone number."""
        self.counter += 1
        number = f"+49 {self.number:04d} {self.counter:05d}"
        with self.history.act(self.who, "edit", value=number):
            page = self._seen(self.browser.get("/account/"))
            inputs = re.findall(
                r'<input type="text" name="(\w+)"(?: value="([^"]*)")?', page.text
            )
            typed = {name: html.unescape(value) for name, value in inputs}
            if page.status != 200 or "phone" not in typed:
                raise Refused(f"status {page.status}")
            page = self._seen(
                self.browser.post("/account/", **{**typed, "phone": number})
            )
            _demand(page, 302)

    # --- A forgotten password -----------------------------------------------------------
    def ask_for_reset(self) -> None:
        with self.history.act(self.who, "ask for reset"):
            stranger = Browser(self.ports, f"{self.email} forgot {self.counter}")
            stranger.get("/password/reset/")
            self.resets_seen = len(self.mailbox.links(self.email, "/password/reset/"))
            _demand(stranger.post("/password/reset/", email=self.email), 302)
            self.reset_since = time.monotonic()

    def reset(self) -> None:
        """Follow the mailed link, if it came, and choose a new password."""
        links = self.mailbox.links(self.email, "/password/reset/")
        if len(links) <= self.resets_seen:
            if time.monotonic() - self.reset_since > MAIL_WITHIN:
                self.reset_since = 0.0
            return
        self.reset_since = 0.0
        self.counter += 1
        new = f"another-password-{self.number}-{self.counter}"
        stranger = Browser(self.ports, f"{self.email} resets {self.counter}")
        with self.history.act(self.who, "reset", value=new) as act:
            stranger.get(links[-1])
            if stranger.get("/password/reset/choose/").status != 200:
                raise Refused("the link is over")
            path = "/password/reset/choose/"
            _demand(stranger.post(path, password=new, again=new), 302)
        if act.outcome == "ok":
            self.password, self.maybe = new, []
            self.signed_in = False
        elif act.outcome == "unknown":
            self.maybe.append(new)
            self.signed_in = False


def _demand(page: Page, status: int) -> None:
    """Raise Lost for a broken answer, Refused for any other than `status`."""
    if page.status >= 500:
        raise Lost(f"status {page.status}")
    if page.status != status:
        raise Refused(f"status {page.status}")
