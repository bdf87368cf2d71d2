"""The documentation page in a browser: the viewer under the strict policy."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import staff
from tests.catalogue import hostile

pytestmark = pytest.mark.browser

DOCS = "/catalogue/{}/documentation/"
# Nothing may be blocked either: a page that asks for what is forbidden is wrong.
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture
def reader(visitor: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """A visitor whose browser notes what the policy blocks, and any dialog."""

    def make(size: tuple[int, int] = WIDE, **looks: bool) -> Visitor:
        one = visitor(size, **looks)
        one.page.add_init_script(LISTEN)
        one.page.on("dialog", lambda dialog: one.complaints.append(dialog.message))
        return one

    return make


def open_documentation(one: Visitor, slug: str) -> None:
    one.go(DOCS.format(slug))
    one.page.locator(".swagger-ui .opblock").first.wait_for()


def violations(one: Visitor) -> list[str]:
    found: list[str] = one.page.evaluate("window.violations")
    return found


@pytest.mark.parametrize(
    ("size", "dark"),
    [
        pytest.param(WIDE, False, id="wide"),
        pytest.param(NARROW, True, id="phone, dark"),
    ],
)
@pytest.mark.parametrize("slug", ["orders-standard", "payments", "service-status"])
def test_a_document_is_drawn_and_asks_nobody_else(
    reader: Callable[..., Visitor], slug, size, dark
):
    one = reader(size, dark=dark)
    open_documentation(one, slug)
    for summary in one.page.locator(".opblock-summary-control").all()[:3]:
        summary.click()
    one.page.locator(".opblock-body .responses-inner").first.wait_for()
    one.look(f"documentation-{slug}")

    assert violations(one) == []
    assert one.page.locator("[data-outline]").is_hidden()
    # Trying calls out is off: no button that sends one, and no field for a key.
    assert (
        one.page.locator(".try-out:visible, .authorize:visible, .execute").count() == 0
    )


def test_the_list_at_the_side_opens_the_call(reader: Callable[..., Visitor]):
    one = reader()
    open_documentation(one, "orders-standard")

    one.page.get_by_role("link", name="PATCH Change an open order").click()
    opened = one.page.locator(".opblock.is-open")
    opened.wait_for()

    assert opened.locator(".opblock-summary-path").inner_text().strip().replace(
        "\u200b", ""
    ) == ("/orders/{id}")
    assert one.page.url.endswith("#call-4")


def test_an_address_of_one_call_opens_it(reader: Callable[..., Visitor]):
    one = reader()
    one.go("/catalogue/orders-standard/")
    one.page.locator(".calls a").nth(1).click()

    opened = one.page.locator(".opblock.is-open")
    opened.wait_for()
    assert "Create an order" in opened.inner_text()


def test_without_scripts_every_call_is_there_to_read(reader: Callable[..., Visitor]):
    one = reader(scripts=False)
    one.go(DOCS.format("orders-standard"))
    one.look("documentation")

    assert one.says("Only orders in this state.")
    assert one.page.locator("article.call").count() == 11


@pytest.fixture
def documents_of_partner(visitor: Callable[..., Visitor]) -> Iterator[Visitor]:
    """A member of staff at the upload of one entry, which is taken back at the end."""
    rita = visitor()
    staff(rita)
    rita.go("/admin/catalogue/entry/?q=orders-partner")
    rita.page.locator("#result_list tbody th a").first.click()
    rita.page.locator(".object-tools a", has_text="Documents").click()
    yield rita
    rita.page.get_by_role("button", name="Take the upload back").click()
    assert "Readers see Tyk" in rita.page.locator(".messagelist").inner_text()


@pytest.mark.parametrize("case", [*hostile.SHOWN])
def test_a_hostile_document_harms_nobody(
    documents_of_partner: Visitor, reader: Callable[..., Visitor], case, tmp_path: Path
):
    rita = documents_of_partner
    file = tmp_path / "hostile.json"
    file.write_bytes(hostile.SHOWN[case])
    rita.page.locator("input[type=file]").set_input_files(file)
    rita.click("Upload")
    assert "Readers see it now" in rita.page.locator(".messagelist").inner_text()

    one = reader()
    one.go(DOCS.format("orders-partner"))
    one.page.wait_for_load_state("networkidle")
    for summary in one.page.locator(".opblock-summary-control:visible").all():
        summary.click()
    one.look()

    assert violations(one) == []
    assert one.page.evaluate("getComputedStyle(document.body).display") != "none"
    bad = re.compile(r"^\s*(javascript|data):", re.IGNORECASE)
    links = one.page.evaluate("[...document.links].map((a) => a.getAttribute('href'))")
    assert [link for link in links if bad.match(link or "")] == []
    one.go("/catalogue/orders-partner/")
    assert one.page.locator("h1").inner_text() == "Orders Partner"
    # What the viewer says of a part it can't draw is no fault of the page; it may say
    # it late, so only a page further on.
    one.complaints = [line for line in one.complaints if "foreign" in line]


def test_languages_of_a_sample_change_in_place(reader: Callable[..., Visitor]):
    one = reader()
    one.go("/catalogue/orders-standard/")
    one.page.get_by_role("link", name="Python", exact=True).click()
    sample = one.page.locator("#sample-python")

    assert "import requests" in sample.inner_text()
    assert one.page.locator("#sample-curl").is_hidden()
    assert "?code" not in one.page.url
    sample.get_by_role("button", name="Copy").click()
    copied = one.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import os")
    assert violations(one) == []


def test_narrowing_works_without_scripts(reader: Callable[..., Visitor]):
    one = reader(NARROW, scripts=False)
    one.go("/catalogue/")
    one.page.get_by_role("link", name=re.compile("^No key needed")).click()
    assert one.says("Service status")
    assert not one.says("Orders Standard")
    one.page.get_by_label("Search APIs").fill("weather")
    one.page.get_by_role("button", name="Search").click()
    assert one.says("Nothing matches “weather”")
    one.look("catalogue-no-hit")
    one.page.get_by_role("link", name="Clear search").click()
    assert one.says("9 APIs")
