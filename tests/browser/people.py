"""What people do on the portal's pages, in their words."""

import re
import time

import requests

from tests.browser.conftest import Visitor
from tests.browser.visits import answer_all
from tests.services.portal import Run

PASSWORD = "an uncommon walrus"


def mailed_link(site: Run, subject: str, *, to: str = "", within: float = 30) -> str:
    """The link in the newest mail of that subject (and to that address)."""
    wanted = re.compile(
        rf'<a href="(/mail/\d+)">{re.escape(subject)}.*?</li>', re.DOTALL
    )
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        _, listing = site.get("MAIL_PORT", "/")
        for found in wanted.finditer(listing):
            if to in found[0]:
                _, mail = site.get("MAIL_PORT", found[1])
                return matched(rf'href="{re.escape(site.url)}([^"]+)"', mail)[1]
        time.sleep(0.2)
    raise AssertionError(f"no mail {subject!r} to {to!r} in: {listing}")


def matched(pattern: str, text: str) -> re.Match[str]:
    """The first match of `pattern`, which must be there."""
    found = re.search(pattern, text)
    assert found, f"no {pattern} in: {text}"
    return found


def gateway_accepts(site: Run, key: str) -> bool:
    """Whether the embedded gateway serves a call with `key`."""
    live: bool = ask_sandbox(site, "gateway", key=key)["live"]
    return live


def ask_sandbox(site: Run, what: str, **said: object) -> dict[str, bool]:
    """POST to the embedded Dashboard's control: "gateway", "faults", "heal" …"""
    token = (site.data_dir / "secrets" / "sandbox_token").read_text().strip()
    answer = requests.post(
        f"{site.sandbox_url}/_sandbox/{what}",
        json=said,
        headers={"X-Sandbox-Token": token},
        timeout=10,
    )
    assert answer.ok, answer.text
    found: dict[str, bool] = answer.json()
    return found


def sign_up(person: Visitor, email: str, *, name: str = "Nora Nash") -> None:
    person.go("/")
    person.look("home")
    person.go("/sign-up/")
    person.page.locator("input[name=email]").fill(email)
    for field in ("name", "company"):
        person.page.locator(f"input[name={field}]").fill(name)
    person.page.locator("main form button").first.click()
    assert person.says("Check your mail")
    person.look()
    person.go(mailed_link(person.site, "Confirm your address", to=email))
    person.page.locator("input[name=password]").fill(PASSWORD)
    person.page.locator("input[name=again]").fill(PASSWORD)
    person.page.locator("main form button.btn-primary").first.click()
    assert person.says("does not yet give access to an API")
    person.look("signed-up")


def log_in(person: Visitor, email: str, password: str = PASSWORD) -> None:
    person.go("/login/")
    person.page.locator("input[name=email]").fill(email)
    person.page.locator("input[name=password]").fill(password)
    person.page.get_by_role("button", name="Log in").click()
    person.look()


def log_out(person: Visitor) -> None:
    person.page.locator("details.menu summary").click()
    person.page.get_by_role("button", name="Log out").click()
    person.look()


def mira(site: Run) -> tuple[str, str]:
    """E-mail and password of the developer of `make run`."""
    email, password = matched(r"developer +(\S+) +(\S+)", site.output()).groups()
    return email, password


def ask(person: Visitor, entry: str) -> None:
    person.go("/catalogue/")
    person.look("catalogue")
    person.page.get_by_role("link", name=entry, exact=True).first.click()
    person.look("entry")
    person.page.get_by_role(
        "link", name=re.compile(f"^Request access to {entry}")
    ).first.click()
    person.look()
    answer_all(person)
    for box in person.page.locator("main form input[name=project]").all():
        box.fill(f"{entry} for bakeries")
    for box in person.page.locator("main form input[type=url]").all():
        box.fill("https://nora.example/back")
    send(person)
    person.look("asked")


def send(person: Visitor) -> None:
    """Press the form's main button, and once more where it is read again first."""
    asking = person.page.url
    for _ in range(2):
        if person.page.url == asking:
            person.page.locator("main form .btn-primary").first.click()
            person.page.wait_for_load_state()
            person.look()


def staff(person: Visitor) -> None:
    """Log the reviewer of `make run` into the admin."""
    email, password = matched(r"staff +(\S+) +(\S+)", person.site.output()).groups()
    person.go("/admin/")
    person.page.locator("input[name=username]").fill(email)
    person.page.locator("input[name=password]").fill(password)
    person.page.locator("input[type=submit], button[type=submit]").last.click()
    person.look("admin-home")


def open_case(rita: Visitor, name: str) -> None:
    """Open the newest request of the developer called `name`."""
    rita.go("/admin/keyrequests/keyrequest/")
    rita.look("admin-queue")
    rita.page.get_by_role("link", name=name).last.click()
    rita.look("admin-request")


def approve(rita: Visitor, name: str) -> None:
    open_case(rita, name)
    rita.page.get_by_role("button", name="Approve").click()
    rita.look("admin-approve")
    confirm(rita)
    rita.look("admin-approved")


def decline(rita: Visitor, name: str, reason: str) -> None:
    open_case(rita, name)
    rita.page.locator("textarea[name=reason]").fill(reason)
    rita.page.get_by_role("button", name="Decline", exact=True).click()
    rita.look("admin-decline")
    confirm(rita)


def confirm(rita: Visitor) -> None:
    """The button on the page that says what will happen, if there is one."""
    button = rita.page.locator(".submit-row input.default, .submit-row input.decline")
    if re.search("/(approve|decline)/", rita.page.url):
        button.last.click()
        rita.page.wait_for_load_state()


def shown_key(person: Visitor) -> str:
    """The key this page shows, once."""
    return person.page.locator("code.key").first.inner_text().strip()


def open_key(person: Visitor, name: str) -> None:
    """Open the newest key of the API called `name`."""
    person.go("/keys/")
    shelf = person.page.locator("section.panel", has_text=name)
    shelf.locator("tbody a").first.click()
    person.page.wait_for_load_state()
    person.look()


def revoke(person: Visitor) -> None:
    """From the page of a key: type its name, and it ends."""
    person.page.get_by_role("link", name="Revoke key").click()
    person.look()
    name = matched("“(.+)”", person.page.locator("h1").inner_text())[1]
    person.page.locator("input[name=confirm]").fill(name)
    person.page.get_by_role("button", name="Revoke key").click()
    person.look("revoked")
