"""Steps that several tests of accounts take."""

import re
from typing import Any

from django.core import mail
from django.test import Client

from tests.factories import PASSWORD
from tyk import outbox
from tyk.models import Lane

NEW = "nora@tinfold.example"
OTHER_PASSWORD = "copper-meadow-violin-2"


def link_in(message: Any) -> str:
    """The path of a mail's link."""
    found = re.search(r"http://testserver(/\S+)", message.body)
    assert found
    return found[1]


def words(response: Any) -> str:
    """The text of a page as a reader sees it."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'").replace("&amp;", "&"))


def log_in(browser: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/login/", {"email": email, "password": password, **more})


def is_signed_in(browser: Client) -> bool:
    """Whether the account page opens; asks the portal, not the session."""
    return bool(browser.get("/account/").status_code == 200)


def ask_to_sign_up(browser: Client, email: str = NEW, **more: str) -> Any:
    """Type the sign-up form and let the worker mail the link."""
    typed = {"email": email, "name": "Nora", "company": "Tinfold", **more}
    response = browser.post("/sign-up/", typed)
    outbox.drain()
    return response


def open_confirm_page(browser: Client, email: str = NEW, **more: str) -> Any:
    """Sign up and open the mailed link; the page that asks for a password."""
    ask_to_sign_up(browser, email, **more)
    return browser.get(link_in(mail.outbox[-1]), follow=True)


def choose_password(
    browser: Client, path: str = "/confirm/", password: str = PASSWORD, **more: str
) -> Any:
    return browser.post(path, {"password": password, "again": password, **more})


def open_reset_page(browser: Client, email: str) -> Any:
    """Ask for a reset and open the mailed link."""
    browser.post("/password/reset/", {"email": email})
    outbox.drain()
    return browser.get(link_in(mail.outbox[-1]), follow=True)


def let_the_quarantine_pass() -> None:
    """What was sent can't land any more."""
    Lane.objects.update(until="2020-01-01T00:00Z")


RESET = "/password/reset/choose/"
