"""Staff: the review queue, and a developer's page with its acts."""

import re
import time
from collections.abc import Callable

import pytest

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import ask, confirm, open_case, sign_up, staff
from tests.services.portal import Run

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param(WIDE, True, False, id="wide"),
    pytest.param(NARROW, True, True, id="phone, dark"),
    pytest.param(WIDE, False, False, id="no scripts"),
]


@pytest.mark.parametrize(("size", "scripts", "dark"), LOOKS)
def test_the_review_queue(
    visitor: Callable[..., Visitor], site: Run, size, scripts, dark
):
    """The four parts on one page; decline with a reason; a colleague comes too late."""
    name = f"Otto {size[0]} {scripts:d}"
    otto = visitor()
    sign_up(otto, f"otto.{size[0]}.{scripts:d}@tinfold.example", name=name)
    ask(otto, "Payments")
    asked = otto.page.url.removeprefix(site.url)
    rita, sam = (visitor(size, scripts=scripts, dark=dark) for _ in range(2))
    staff(rita)
    staff(sam)
    open_case(rita, name)
    for part in ("Reasons", "Plan", "Developer", "Time line", "Decision"):
        assert rita.page.get_by_role("heading", name=re.compile(part)).count()
    open_case(sam, name)

    reason = "Please say what you are going to pay for."
    rita.page.locator("textarea[name=reason]").fill(reason)
    rita.page.get_by_role("button", name="Decline", exact=True).click()
    rita.page.wait_for_load_state()
    confirm(rita)
    rita.look()

    sam.page.get_by_role("button", name="Approve").click()
    sam.page.wait_for_load_state()
    assert re.search("(?i)already|declined by", sam.page.locator("main").inner_text())
    sam.look("admin-too-late")
    otto.go(asked)
    assert otto.says("Declined")
    assert otto.says(reason)
    sam.complaints.clear()


@pytest.mark.parametrize(("size", "scripts", "dark"), LOOKS)
def test_a_developer_is_found_and_switched_off_and_on(
    visitor: Callable[..., Visitor], size, scripts, dark
):
    rita = visitor(size, scripts=scripts, dark=dark)
    staff(rita)
    rita.go("/admin/developers/developer/?q=LARS")
    rita.look("admin-developers")
    rita.page.get_by_role("link", name="Lars Ek").first.click()
    rita.page.wait_for_load_state()
    rita.look("admin-developer")
    page = rita.page.url.removeprefix(rita.site.url)
    assert rita.says("Weather")

    for act in ("deactivate", "activate"):
        # Offered once the mirror has what Tyk says of the act before.
        give_up = time.monotonic() + 20
        while not rita.page.locator(f"a[href$='/{act}/']").count():
            assert time.monotonic() < give_up, f"{act} is not offered"
            rita.page.wait_for_timeout(200)
            rita.go(page)
        rita.go(page.replace("change/", f"{act}/"))
        rita.look(f"admin-{act}")
        button = rita.page.locator("#content form [type=submit]").last
        button.click()
        rita.page.wait_for_load_state()
        rita.look()
        assert rita.page.locator(".messagelist").count()
