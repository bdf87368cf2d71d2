"""Every page of the portal, and how to come to each: by whom, where, in which state.

`test_every_page.py` compares the names with the resolver, so a new address needs a
line here: a visit, or the reason why it is no page.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from tests.browser.conftest import Visitor
from tests.services.portal import Run

Act = Callable[[Visitor], None]


@dataclass(frozen=True, slots=True)
class Visit:
    """One page in one state. `{word}` in the path is a row of `ROWS`."""

    name: str  # of the address, as the resolver has it
    path: str
    who: str = "nobody"  # nobody, mira, nora, fresh or rita
    state: str = ""  # what is special about it
    act: Act | None = None  # what the person does there first
    status: int = 200

    @property
    def id(self) -> str:
        """Its name in a test report and of its picture."""
        words = f"{self.name} {self.state}".replace("admin:", "admin ")
        return "-".join(words.replace(":", " ").replace("_", " ").split()).lower()


def _of(person: str, table: str, *, key: str = "code", **having: str) -> str:
    """The query for a row of the developer called `person`."""
    also = "".join(f" and {column} = '{value}'" for column, value in having.items())
    who = f"select id from developers_developer where name = '{person}'"  # noqa: S608  ours
    return f"select {key} from {table} where developer_id = ({who}){also}"  # noqa: S608  ours


REQUEST, KEY = "keyrequests_keyrequest", "keyrequests_key"
MIRA, NORA = "Mira Tal", "Nora Nash"
#: Words in paths, and the query that finds each in the site's own database.
ROWS = {
    "open": _of(MIRA, REQUEST, status="pending"),
    "granted": _of(MIRA, REQUEST, status="granted"),
    "ready": _of(NORA, REQUEST, status="approved"),
    "declined": _of(NORA, REQUEST, status="declined"),
    "withdrawn": _of(NORA, REQUEST, status="withdrawn"),
    "waiting": _of(NORA, REQUEST, status="pending"),
    "claimed": _of(NORA, REQUEST, status="granted"),
    "found": _of(MIRA, KEY, name="Orders Standard"),
    "uncatalogued": _of(MIRA, KEY, name="Legacy beta"),
    "own": _of(NORA, KEY, state="live"),
    "revoked": _of(NORA, KEY, state="revoked"),
    "request-pk": "select id from keyrequests_keyrequest"
    " where status = 'pending' and entry_name = 'Payments'",
    "decided-pk": _of(NORA, REQUEST, key="id", status="declined"),
    "own-key-pk": _of(NORA, KEY, key="id", state="live"),
    "developer-pk": "select id from developers_developer where name = 'Mira Tal'",
    "inactive-pk": "select id from developers_developer where inactive",
    "entry-pk": "select id from catalogue_entry where slug = 'orders-standard'",
    "parked-pk": "select id from tyk_outbox where parked_reason != '' order by id",
    "draft-pk": "select id from portal_site_brandversion order by id desc",
    "finding-pk": "select id from portal_site_driftfinding order by id",
    "staff-pk": "select id from developers_user where email is not null",
    "never-here-pk": "select id from developers_user where email is not null"
    " and last_login is null",
}


def found(site: Run, query: str) -> list[object]:
    """The first column of what the site's database answers."""
    file = f"file:{site.data_dir / 'portal.sqlite3'}?mode=ro"
    with sqlite3.connect(file, uri=True, timeout=20) as database:
        return [row[0] for row in database.execute(query)]


def address(site: Run, visit: Visit) -> str:
    """The path of a visit, its rows filled in."""
    path = visit.path
    for word, query in ROWS.items():
        if f"{{{word}}}" in path:
            rows = found(site, query)
            assert rows, f"nothing for {{{word}}}: {query}"
            path = path.replace(f"{{{word}}}", dashed(str(rows[0])))
    for table, key in re.findall(r"{first:(\w+):(\w+)}", path):
        rows = found(site, f"select {key} from {table} order by 1")  # noqa: S608  ours
        assert rows, f"no row in {table}"
        path = path.replace(f"{{first:{table}:{key}}}", str(rows[0]))
    assert "{" not in path, path
    return path


def dashed(text: str) -> str:
    """A UUID as addresses write it (SQLite keeps 32 figures); others unchanged."""
    if len(text) != 32:
        return text
    return "-".join(
        (text[:8], text[8:12], text[12:16], text[16:20], text[20:]),
    )


def press(words: str) -> Act:
    """Press the button called so."""

    def act(person: Visitor) -> None:
        person.page.get_by_role("button", name=words, exact=True).first.click()
        person.page.wait_for_load_state()

    return act


def fill_and_press(words: str, **typed: str) -> Act:
    """Fill inputs by their names, then press a button."""

    def act(person: Visitor) -> None:
        for name, value in typed.items():
            person.page.locator(f"main [name={name}]").first.fill(value)
        press(words)(person)

    return act


#: What is written into a box of a request, by a word of its label.
ANSWERS = {
    "calls": "About 2 000 a day",
    "countries": "Austria and Germany",
    "": "A checkout for eleven bakeries",
}


def answer_all(person: Visitor) -> None:
    """Write something fitting into each box of the form that asks for access."""
    for box in person.page.locator("main form :is(textarea, input[type=text])").all():
        label = box.evaluate("box => box.labels[0]?.textContent ?? ''").lower()
        box.fill(next(text for word, text in ANSWERS.items() if word in label))


def asked_and_read(person: Visitor) -> None:
    """Fill the form of a request, and go on to the page that shows it once more."""
    answer_all(person)
    person.page.locator("main form .btn-primary").first.click()
    person.page.wait_for_load_state()
    assert person.says("Read it once more")


def names() -> Iterator[str]:
    """Every name of an address the resolver knows."""
    yield from _names(get_resolver().url_patterns, "")


def _names(patterns: list[URLPattern | URLResolver], space: str) -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from _names(one.url_patterns, inner)
        elif one.name:
            yield space + one.name
