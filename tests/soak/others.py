"""Staff who decide, and a stranger who works at the Dashboard itself."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from tests.soak.browser import Browser
from tests.soak.history import History, Lost, Refused

QUEUE = "/admin/keyrequests/keyrequest/"
_CASE = re.compile(r"/admin/keyrequests/keyrequest/(\d+)/change/")
DECLINED = 0.12  # of all decisions


@dataclass
class Reviewer:
    """A member of staff at the review queue."""

    email: str
    password: str = field(repr=False)
    browser: Browser = field(repr=False)
    history: History = field(repr=False)
    draw: random.Random = field(repr=False)
    signed_in: bool = False

    def sign_in(self) -> None:
        self.browser.get("/admin/login/")
        with self.history.act(self.email, "staff log in") as act:
            page = self.browser.post(
                "/admin/login/", username=self.email, password=self.password
            )
            if page.status >= 500:
                raise Lost(f"status {page.status}")
            if page.status != 302:
                raise Refused(f"status {page.status}")
        self.signed_in = act.outcome == "ok"

    def decide_all(self) -> int:
        """Decide what the first page of the queue shows; how many were there."""
        page = self.browser.get(QUEUE)
        if page.status != 200:
            self.signed_in = False
            return 0
        waiting = list(dict.fromkeys(_CASE.findall(page.text)))
        for number in waiting:
            self._decide(number)
        return len(waiting)

    def _decide(self, number: str) -> None:
        verb = "decline" if self.draw.random() < DECLINED else "approve"
        with self.history.act(self.email, verb, request=number):
            page = self.browser.post(
                f"{QUEUE}{number}/{verb}/", reason="Not for this plan."
            )
            if page.status >= 500:
                raise Lost(f"status {page.status}")
            if page.status != 302 or page.goes_to == f"{QUEUE}{number}/change/":
                raise Refused(f"status {page.status}")


@dataclass
class Stranger:
    """Somebody who issues keys and edits developers by hand.

    Keys through the Dashboard's API, where calls go wrong for them too. Edits change
    one field in one moment: Tyk has no lock, so that a program that reads a record
    and puts it back whole may undo what the portal did in between.
    """

    url: str
    api_key: str = field(repr=False)
    edit: Callable[[str, str], None] = field(repr=False)
    developers: list[str]
    policies: list[str]
    history: History = field(repr=False)
    draw: random.Random = field(repr=False)
    counter: int = 0

    def act(self) -> None:
        does: Callable[[str], None] = self.draw.choice([self._issue, self._edit])
        does(self.draw.choice(self.developers))

    def _issue(self, developer: str) -> None:
        with self.history.act("stranger", "issue by hand", request=developer) as act:
            answer = self._send(
                "POST",
                f"/api/portal/developers/{developer}/keys",
                {"apply_policies": [self.draw.choice(self.policies)]},
                {"Authorization": self.api_key},
            )
            raw = answer.get("RawKey")
            if not isinstance(raw, str) or not raw:
                raise Lost("no key in the answer")
            act.raw = raw

    def _edit(self, developer: str) -> None:
        self.counter += 1
        name = f"Company {self.counter}"
        with self.history.act(
            "stranger", "edit by hand", request=developer, value=name
        ):
            self.edit(developer, name)

    def _send(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> dict[str, object]:
        try:
            answer = requests.request(
                method, self.url + path, json=body, headers=headers, timeout=10
            )
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Lost(type(error).__name__) from None
        if answer.status_code != 200 or not isinstance(found, dict):
            raise Lost(f"status {answer.status_code}")
        return found
