"""The people of the visits, each logged in once, and what they have done before."""

import contextlib
import sqlite3
import time

from playwright.sync_api import Browser

from tests.browser.conftest import Visitor, arrive
from tests.browser.people import (
    approve,
    ask,
    decline,
    log_in,
    mira,
    open_key,
    revoke,
    shown_key,
    sign_up,
    staff,
)
from tests.browser.visits import ROWS, found
from tests.services.portal import Run

#: What the draft says, and what the other company's pages then show.
HALCYON = {
    "name": "Halcyon APIs",
    "company": "Halcyon AG",
    "tagline": "Ship it with Halcyon.",
    "lead": "Parcels, labels and tracking for your own shop.",
    "colour": "#e2502a",
    "radius": "10",
    "support_email": "dev@halcyon.example",
    "api_url": "https://api.halcyon.example/v2",
}
PARKED = """
    update tyk_outbox set asked = served + 1, next_at = '2099-01-01',
      parked_reason = 'Tyk answered: Failure saving data' where id = 1"""
ALARM = """
    insert into tyk_alarm (cause, subject, note, raised_at)
    values ('held_back', 'developers', 'half of them would go', datetime('now', '-20 minutes'))"""


class Cast:
    """Visitors by name; each has one browser, kept from visit to visit."""

    def __init__(self, chromium: Browser, site: Run) -> None:
        self.chromium, self.site = chromium, site
        self.people: dict[str, Visitor] = {}
        self.enter("nobody")
        log_in(self.enter("mira"), *mira(site))
        staff(self.enter("rita"))
        sign_up(self.enter("fresh"), "fia@fresh.example", name="Fia Fresh")
        sign_up(self.enter("nora"), "nora@cast.example", name="Nora Nash")
        self._requests_of_nora()
        self._desks()

    def enter(self, name: str) -> Visitor:
        one = arrive(self.chromium, self.site)
        one.strict = False
        self.people[name] = one
        return one

    def _requests_of_nora(self) -> None:
        """One request of each fate, a key she has and one she revoked."""
        nora, rita = self.people["nora"], self.people["rita"]
        for entry in ("Orders Standard", "Geocoding"):
            ask(nora, entry)
            self._claim()
        open_key(nora, "Geocoding")
        revoke(nora)
        ask(nora, "Payments")
        decline(rita, "Nora Nash", "Please write us what you are going to pay for.")
        ask(nora, "Shipping")
        nora.page.get_by_role("button", name="Withdraw").first.click()
        ask(nora, "Orders Partner")
        approve(rita, "Nora Nash")
        ask(nora, "Connect")

    def _claim(self) -> None:
        nora = self.people["nora"]
        if nora.says("In review"):
            request = nora.page.url.removeprefix(self.site.url)
            approve(self.people["rita"], "Nora Nash")
            nora.go(f"{request}claim/")
        nora.page.get_by_role("button", name="Reveal my key").click()
        assert shown_key(nora)

    def _desks(self) -> None:
        """Something on each desk of staff: a difference, a decision, a colleague, a
        draft, a stop.

        What only a long outage makes is written into the site's own database.
        """
        rita, drift = self.people["rita"], "/admin/portal_site/driftfinding/"
        self._write("update catalogue_plan set rate = rate + 1")
        rita.go(drift)
        rita.page.get_by_role("button", name="Compare now").click()
        self._wait_for("select id from portal_site_driftfinding")
        self._write("update catalogue_plan set rate = rate - 1")
        last = found(self.site, "select max(id) from portal_site_driftfinding")[0]
        rita.go(f"{drift}{last}/ignore/")
        rita.page.locator("#content form [type=submit]").last.click()
        rita.go("/admin/developers/user/add/")
        rita.page.locator("[name=email]").fill("olga@northwind.example")
        rita.page.locator("[name=usable_password][value=false]").check()
        rita.page.locator("[name=_save]").first.click()
        self._wait_for(ROWS["never-here-pk"])
        rita.go("/admin/portal_site/brandversion/edit/")
        for name, typed in HALCYON.items():
            rita.page.locator(f"[name={name}]").last.fill(typed)
        rita.page.get_by_role("button", name="Save and show").click()
        rita.page.wait_for_load_state()
        self._write(PARKED, ALARM)

    def publish_the_draft(self) -> None:
        """The portal becomes Halcyon's."""
        rita = self.people["rita"]
        draft = found(self.site, "select max(id) from portal_site_brandversion")[0]
        rita.go(f"/admin/portal_site/brandversion/{draft}/")
        rita.page.get_by_role("button", name="Publish").first.click()
        rita.page.wait_for_load_state()
        rita.page.wait_for_timeout(1500)  # each process looks once a second

    def _wait_for(self, query: str, *, within: float = 30) -> None:
        deadline = time.monotonic() + within
        while not found(self.site, query):
            assert time.monotonic() < deadline, f"nothing came of: {query}"
            time.sleep(0.2)

    def _write(self, *statements: str) -> None:
        database = sqlite3.connect(self.site.data_dir / "portal.sqlite3", timeout=20)
        with contextlib.closing(database), database:
            for statement in statements:
                database.execute(statement)

    def leave(self) -> None:
        for one in self.people.values():
            one.page.context.close()
