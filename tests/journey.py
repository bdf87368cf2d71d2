"""A developer's browser and a reviewer's, clicking through the real site."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from django.core.mail import EmailMessage
from django.test import Client

from catalogue.models import Entry
from developers.models import User
from keyrequests.models import Key, KeyRequest
from tyk import outbox
from tyk.sandbox import Sandbox


@dataclass
class ShownOnce:
    """A page that showed a key, and the key on it."""

    key: str
    page: str


@dataclass
class Journey:
    """A developer's browser and a reviewer's, on the real site and sandbox."""

    box: Sandbox
    mails: list[EmailMessage]
    reviewer: User
    developer: Client = field(default_factory=Client)
    staff: Client = field(default_factory=Client)
    other_pages: list[str] = field(default_factory=list)
    address: str = ""
    password: str = ""

    def __post_init__(self) -> None:
        self.staff.force_login(self.reviewer, "developers.backends.StaffBackend")

    def get(self, path: str) -> str:
        return self._seen(self.developer.get(path, follow=True))

    def post(self, path: str, **typed: str) -> str:
        return self._seen(self.developer.post(path, typed, follow=True))

    def _seen(self, response: Any) -> str:
        assert response.status_code == 200, response.status_code
        page: str = response.content.decode()
        self.other_pages.append(page)
        return page

    def mail_link(self, part: str) -> str:
        """The path of the newest mailed link that holds `part`."""
        outbox.drain()
        for mail in reversed(self.mails):
            for path in re.findall(r"http://testserver(/\S+)", str(mail.body)):
                if part in path:
                    return str(path)
        raise AssertionError(f"no mail has a link with {part}")

    def sign_up(self, email: str, password: str) -> None:
        self.address, self.password = email, password
        self.post("/sign-up/", email=email)
        self.get(self.mail_link("/confirm/"))
        self.post("/confirm/", password=password, again=password)

    def ask(self, name: str) -> KeyRequest:
        slug = Entry.objects.get(name=name).slug
        page = self.get(f"/catalogue/{slug}/request/")
        typed = {
            field_name: html.unescape(value)
            for field_name, value in re.findall(
                r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page
            )
            if field_name != "csrfmiddlewaretoken"
        }
        for field_name in re.findall(
            r'<(?:input|textarea)[^>]* name="(ask[\w-]*)"', page
        ):
            typed[field_name] = "A checkout for eleven bakeries"
        self.post(f"/catalogue/{slug}/request/", **typed)
        return KeyRequest.objects.get(developer__email=self.address, entry_name=name)

    def approve(self, request: KeyRequest) -> None:
        path = f"/admin/keyrequests/keyrequest/{request.pk}/approve/"
        assert self.staff.get(path).status_code == 200
        assert self.staff.post(path).status_code == 302
        outbox.drain()

    def ask_and_claim(self, name: str) -> ShownOnce:
        request = self.ask(name)
        outbox.drain()
        self.approve(request)
        return self.claim()

    def claim(self) -> ShownOnce:
        """Follow the mail's link and make the key."""
        claim = self.mail_link("/claim/")
        self.get(claim)
        return self._shown(self.developer.post(claim))

    def replace(self) -> ShownOnce:
        key = Key.objects.get(developer__email=self.address, state=Key.State.LIVE)
        path = f"/keys/{key.code}/replace/"
        shown = self._shown(self.developer.post(path, {"overlap": "0"}))
        outbox.drain()
        return shown

    def _shown(self, response: Any) -> ShownOnce:
        """The key on the page; it is not among the other pages."""
        assert response.status_code == 200
        page = response.content.decode()
        [key] = re.findall(r'<code class="key"[^>]*>([^<]+)</code>', page)
        return ShownOnce(key=html.unescape(key), page=page)

    def change_password(self, new: str) -> None:
        self.post("/password/change/", current=self.password, password=new, again=new)
        self.password = new

    def reset_password(self, new: str) -> None:
        self.post("/password/reset/", email=self.address)
        self.get(self.mail_link("/password/reset/"))
        self.post("/password/reset/choose/", password=new, again=new)
        self.password = new
