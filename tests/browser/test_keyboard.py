"""The main job with a keyboard alone: Tab, Enter, Space and typing."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.people import PASSWORD, ask, mailed_link, sign_up, staff
from tests.services.portal import Run

pytestmark = pytest.mark.browser

# What the keyboard is on: its label or words, and whether one can see that it is.
HERE = """() => {
  const one = document.activeElement, look = getComputedStyle(one);
  const label = one.getAttribute("aria-label") || (one.labels && one.labels[0]
    ? one.labels[0].innerText : "") || one.innerText || one.value || "";
  const box = one.getBoundingClientRect();
  const ring = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2
    || look.boxShadow !== "none";
  return { words: label.trim().replace(/\\s+/g, " "), tag: one.tagName, name: one.name || "",
           seen: ring && box.width > 0 && box.height > 0 };
}"""
FAR = 60


def tab_to(person: Visitor, words: str, *, tag: str = "") -> None:
    """Press Tab until the focus is on `words`; every stop must be seen."""
    for _ in range(FAR):
        here = person.page.evaluate(HERE)
        if here["tag"] not in {"BODY", "MAIN"}:
            assert here["seen"], f"{person.page.url}: no focus to see on {here}"
            if here["words"].startswith(words) and (not tag or here["tag"] == tag):
                return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"{person.page.url}: no way to {words!r} with Tab")


def press(person: Visitor, words: str, *, tag: str = "") -> None:
    """Go to a link or a button with Tab, and press Enter."""
    tab_to(person, words, tag=tag)
    with person.page.expect_navigation():
        person.page.keyboard.press("Enter")
    person.look()


def type_into(person: Visitor, name: str, text: str) -> None:
    """Go to the input called so with Tab, and type."""
    for _ in range(FAR):
        here = person.page.evaluate(HERE)
        if here["name"] == name:
            assert here["words"], f"{name} has no label"
            assert here["seen"], f"no focus to see on {name}"
            person.page.keyboard.type(text)
            return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"{person.page.url}: no way to {name!r} with Tab")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "phone"])
def test_from_home_to_a_key(visitor: Callable[..., Visitor], site: Run, size):
    kim = visitor(size)
    kim.go("/")
    kim.page.keyboard.press("Tab")
    assert kim.page.evaluate(HERE)["words"] == "Skip to content"
    press(kim, "Sign up")
    type_into(kim, "email", f"kim.{size[0]}@tinfold.example")
    type_into(kim, "name", "Kim Keys")
    type_into(kim, "company", "Keyboards")
    press(kim, "Send me the link", tag="BUTTON")
    kim.go(mailed_link(site, "Confirm your address", to=f"kim.{size[0]}@"))
    type_into(kim, "password", PASSWORD)
    type_into(kim, "again", PASSWORD)
    press(kim, "Create my account", tag="BUTTON")

    kim.go("/catalogue/geocoding/")
    press(kim, "Request access to Geocoding")
    while "/request/" in kim.page.url:
        fill_what_is_asked(kim)
    # The page looks by itself until the key service knows of the approval.
    kim.page.get_by_role("button", name="Reveal my key").wait_for()
    press(kim, "Reveal my key", tag="BUTTON")
    assert kim.page.locator("code.key").count() == 1
    tab_to(kim, "Copy key")
    kim.page.keyboard.press("Enter")
    copied = kim.page.evaluate("navigator.clipboard.readText()")
    assert copied == kim.page.locator("code.key").inner_text().strip()
    assert "opied" in kim.page.locator("[data-status]").inner_text()
    press(kim, "I have saved it")


def fill_what_is_asked(kim: Visitor) -> None:
    """Tab through the form, type where one can, press the button that sends it."""
    sends = kim.page.locator("main form .btn-primary").inner_text().strip()
    for _ in range(FAR):
        kim.page.keyboard.press("Tab")
        here = kim.page.evaluate(HERE)
        if here["tag"] in {"INPUT", "TEXTAREA"}:
            kim.page.keyboard.type("By hand")
        if here["tag"] == "BUTTON" and here["words"] == sends:
            with kim.page.expect_navigation():
                kim.page.keyboard.press("Enter")
            kim.look()
            return
    raise AssertionError(f"no way to {sends!r}")


def test_a_review_with_the_keyboard(visitor: Callable[..., Visitor]):
    """From the queue to the decision, and on to the next case, without a mouse."""
    name = "Kit Cards"
    kit = visitor()
    sign_up(kit, "kit@tinfold.example", name=name)
    ask(kit, "Payments")
    asked = kit.page.url.removeprefix(kit.site.url)
    rita = visitor()
    staff(rita)
    rita.go("/admin/keyrequests/keyrequest/")
    press(rita, name, tag="A")
    type_into(rita, "reason", "Welcome.")
    press(rita, "Approve", tag="INPUT")
    if "/approve/" in rita.page.url:
        press(rita, "Approve", tag="INPUT")
    assert f"{name}" in rita.page.locator(".messagelist").inner_text()

    kit.go(asked)
    assert kit.says("Approved")
    assert kit.says("Welcome.")
