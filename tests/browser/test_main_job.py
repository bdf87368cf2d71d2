"""The main job in a browser: sign up, ask, approve, claim, replace, revoke."""

import re
import time
from collections.abc import Callable

import pytest
import requests

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.services.portal import Run

pytestmark = pytest.mark.browser

PASSWORD = "an uncommon walrus"


def mailed_link(site: Run, subject: str, *, within: float = 20) -> str:
    """The link in the newest mail of that subject, read from the mail page."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        _, listing = site.get("MAIL_PORT", "/")
        found = re.search(rf'<a href="(/mail/\d+)">{re.escape(subject)}', listing)
        if found:
            _, mail = site.get("MAIL_PORT", found[1])
            return matched(rf'href="{re.escape(site.url)}([^"]+)"', mail)[1]
        time.sleep(0.2)
    raise AssertionError(f"no mail {subject!r} in: {listing}")


def matched(pattern: str, text: str) -> re.Match[str]:
    """The first match of `pattern`, which must be there."""
    found = re.search(pattern, text)
    assert found, f"no {pattern} in: {text}"
    return found


def gateway_accepts(site: Run, key: str) -> bool:
    """Whether the embedded gateway serves a call with `key`."""
    token = (site.data_dir / "secrets" / "sandbox_token").read_text().strip()
    answer = requests.post(
        f"{site.sandbox_url}/_sandbox/gateway",
        json={"key": key},
        headers={"X-Sandbox-Token": token},
        timeout=10,
    )
    live: bool = answer.json()["live"]
    return live


def sign_up(person: Visitor, email: str) -> None:
    person.go("/")
    person.look("home")
    person.go("/sign-up/")
    person.page.locator("input[name=email]").fill(email)
    for field in ("name", "company"):
        person.page.locator(f"input[name={field}]").fill("Nora Nash")
    person.page.locator("main form button").first.click()
    assert person.says("Check your mail")
    person.look()
    person.go(mailed_link(person.site, "Confirm your address"))
    person.page.locator("input[name=password]").fill(PASSWORD)
    person.page.locator("input[name=again]").fill(PASSWORD)
    person.page.locator("main form button").first.click()
    assert person.says("does not yet give access to an API")
    person.look("signed-up")


def ask(person: Visitor, entry: str) -> None:
    person.go("/catalogue/")
    person.look("catalogue")
    person.page.get_by_role("link", name=entry, exact=True).first.click()
    person.look("entry")
    person.page.get_by_role(
        "link", name=re.compile(f"^Request access to {entry}")
    ).first.click()
    person.look()
    for box in person.page.locator("main textarea, main form input[type=text]").all():
        box.fill("A checkout for eleven bakeries")
    person.page.get_by_role("button", name="Request access").click()
    person.look("asked")


def staff(person: Visitor) -> None:
    """Log the reviewer of `make run` into the admin."""
    email, password = matched(r"staff +(\S+) +(\S+)", person.site.output()).groups()
    person.go("/admin/")
    person.page.locator("input[name=username]").fill(email)
    person.page.locator("input[name=password]").fill(password)
    person.page.locator("input[type=submit], button[type=submit]").last.click()
    person.look("admin-home")


def shown_key(person: Visitor) -> str:
    return person.page.locator("code.key").first.inner_text().strip()


@pytest.mark.parametrize(
    ("size", "scripts", "dark"),
    [
        pytest.param(WIDE, True, False, id="wide"),
        pytest.param(NARROW, True, True, id="phone, dark"),
        pytest.param(WIDE, False, False, id="no scripts"),
    ],
)
def test_from_sign_up_to_a_revoked_key(
    visitor: Callable[..., Visitor], site: Run, size, scripts, dark
):
    nora = visitor(size, scripts=scripts, dark=dark)
    email = f"nora.{size[0]}.{scripts:d}.{dark:d}@tinfold.example"

    sign_up(nora, email)
    ask(nora, "Orders Standard")
    assert nora.says("In review")

    rita = visitor(size, dark=dark)
    staff(rita)
    rita.go("/admin/keyrequests/keyrequest/")
    rita.look("admin-queue")
    rita.page.get_by_role("link", name="Nora Nash").last.click()
    rita.look("admin-request")
    rita.page.get_by_role("button", name="Approve").click()
    rita.look("admin-approve")
    rita.page.locator(
        "main form [type=submit], #content form [type=submit]"
    ).last.click()
    rita.look("admin-approved")

    nora.go(mailed_link(site, "Your access to Orders Standard is approved"))
    nora.page.get_by_role("button", name="Reveal my key").click()
    first = shown_key(nora)
    assert gateway_accepts(site, first)
    nora.look("claimed")
    if scripts:
        nora.page.get_by_role("button", name="Copy key").click()
        assert nora.page.evaluate("navigator.clipboard.readText()") == first

    nora.page.get_by_role("link", name="I have saved it").click()
    assert first not in nora.page.content()
    nora.look()
    nora.page.locator("select").first.select_option(index=0)
    nora.page.get_by_role("button", name="Replace key").click()
    second = shown_key(nora)
    assert second != first
    assert gateway_accepts(site, second)
    nora.look("replaced")

    nora.go("/keys/")
    nora.page.locator("main table a").first.click()
    nora.page.get_by_role("link", name="Revoke key").click()
    nora.look()
    name = nora.page.locator("h1").inner_text()
    nora.page.locator("input[name=confirm]").fill(matched("“(.+)”", name)[1])
    nora.page.get_by_role("button", name="Revoke key").click()
    nora.look("revoked")
    assert mailed_link(site, "Your key")
    assert not gateway_accepts(site, second)

    nora.page.locator("details.menu summary").click()
    nora.page.get_by_role("button", name="Log out").click()
    nora.go("/keys/")
    assert "/login/" in nora.page.url


def test_the_demo_developer_logs_in_and_sees_what_is_theirs(
    visitor: Callable[..., Visitor], site: Run
):
    email, password = matched(r"developer +(\S+) +(\S+)", site.output()).groups()
    for size, dark in ((WIDE, False), (NARROW, False), (WIDE, True)):
        mira = visitor(size, dark=dark)
        mira.go("/login/")
        mira.page.locator("input[name=email]").fill(email)
        mira.page.locator("input[name=password]").fill(password)
        mira.page.get_by_role("button", name="Log in").click()
        for path in ("/", "/catalogue/", "/requests/", "/keys/", "/account/"):
            mira.go(path)
            assert mira.page.locator("h1").count() == 1
        mira.go("/nothing-here/")
        mira.complaints.clear()  # the browser notes the 404 we asked for


def test_a_wrong_password_is_told_and_the_address_stays(
    visitor: Callable[..., Visitor],
):
    person = visitor(NARROW)
    person.go("/login/")
    person.page.locator("input[name=email]").fill("mira@tinfold.example")
    person.page.locator("input[name=password]").fill("not the password")
    person.page.get_by_role("button", name="Log in").click()

    assert person.says("E-mail or password is not right")
    assert (
        person.page.locator("input[name=email]").input_value() == "mira@tinfold.example"
    )
    person.look("login-wrong")
    person.complaints.clear()
