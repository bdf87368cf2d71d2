"""An error of ours in mid-claim, mid-login, mid-password: no report says what was held.

The error is a real one: the disk fails under a statement, or a library fails while it
sends. Reports are Django's page with DEBUG on, its page without, its mail to admins,
and our log.
"""

import http.client
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.test import Client
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from developers import services as people
from developers.models import MailedLink
from keyrequests.models import Key
from portal_site.reports import MailToAdmins, NothingInHand, Report
from tests.keyrequests.scene import Scene, build
from tests.reliability.visits import with_link
from tests.test_secrets import Haystack
from tyk import outbox

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "correct horse", "an uncommon walrus"
BACKEND = "developers.backends.TykBackend"


# --- What goes wrong -----------------------------------------------------------------------
@contextmanager
def disk_fails_at(statement: str) -> Iterator[None]:
    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(statement):
            raise OperationalError("disk I/O error")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


@contextmanager
def sending_fails(part: bytes) -> Iterator[None]:
    """The HTTP library breaks with this part of a call in its hands."""
    send = http.client.HTTPConnection.send

    def broken(self: http.client.HTTPConnection, data: Any) -> None:
        if isinstance(data, bytes) and part in data:
            lines = [bytes(line) for line in data.split(b"\r\n")]
            raise NotImplementedError(f"cannot send {len(lines)} lines")
        send(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.client.HTTPConnection, "send", broken)
        yield


# --- What the person does ------------------------------------------------------------------
def claim(scene: Scene) -> Callable[[], Any]:
    request = scene.approved()
    browser = signed_in(scene)
    return lambda: browser.post(f"/requests/{request.code}/claim/")


def log_in(_scene: Scene) -> Callable[[], Any]:
    browser = quiet()
    return lambda: browser.post(
        "/login/", {"email": "mira@tinfold.example", "password": OLD}
    )


def reset(scene: Scene) -> Callable[[], Any]:
    people.ask_for_reset(scene.developer.email)
    outbox.drain()
    browser = with_link("reset", MailedLink.objects.get())
    browser.raise_request_exception = False
    return lambda: browser.post(
        "/password/reset/choose/", {"password": NEW, "again": NEW}
    )


def change(scene: Scene) -> Callable[[], Any]:
    browser = signed_in(scene)
    typed = {"current": OLD, "password": NEW, "again": NEW}
    return lambda: browser.post("/password/change/", typed)


def open_link(scene: Scene) -> Callable[[], Any]:
    people.ask_for_reset(scene.developer.email)
    outbox.drain()
    browser = quiet()
    path = f"/password/reset/{token_mailed()}/"
    return lambda: browser.get(path)


def token_mailed() -> str:
    return mail.outbox[0].body.split("/password/reset/")[1].split("/")[0]


def quiet() -> Client:
    return Client(raise_request_exception=False)


def signed_in(scene: Scene) -> Client:
    browser = quiet()
    browser.force_login(people.user_of(scene.developer), backend=BACKEND)
    return browser


SESSION = 'INSERT INTO "developers_browsersession"'
CASES = {
    "claim, key made": (claim, partial(disk_fails_at, 'INSERT INTO "keyrequests_key"')),
    "claim, sending": (claim, partial(sending_fails, b"PUT")),
    "log in, proved": (log_in, partial(disk_fails_at, SESSION)),
    "log in, mirrored": (log_in, partial(disk_fails_at, 'SELECT "developers_user"')),
    "log in, sending": (log_in, partial(sending_fails, b"POST")),
    "reset, set": (
        reset,
        partial(disk_fails_at, 'UPDATE "developers_mailedlink" SET "used_at"'),
    ),
    "reset, sending": (reset, partial(sending_fails, b"POST")),
    "change, proved": (change, partial(disk_fails_at, 'UPDATE "developers_developer"')),
    "change, sending": (change, partial(sending_fails, b"POST")),
    "log in, sending the password": (log_in, partial(sending_fails, b'"password"')),
    "reset, sending the password": (reset, partial(sending_fails, b'"password"')),
    "open a link": (open_link, partial(disk_fails_at, SESSION)),
}


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Every line of the log, as it is written. Errors also go to admins as HTML."""
    lines = Lines()
    root, django = logging.getLogger(), logging.getLogger("django")
    lines.setFormatter(root.handlers[0].formatter)
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    html = MailToAdmins(include_html=True)
    django.addHandler(html)
    yield lines.lines
    django.removeHandler(html)
    root.setLevel(level)
    root.removeHandler(lines)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.mark.parametrize("debug", [True, False], ids=["DEBUG", "production"])
@pytest.mark.parametrize("case", CASES)
def test_no_report_of_an_error_holds_a_secret(box, settings, told, case, debug):
    settings.DEBUG, settings.ADMINS = debug, [("Ada", "ada@northwind.example")]
    come, broken = CASES[case]
    scene = build(box)
    click = come(scene)
    mailed = [token_mailed()] if mail.outbox and come in {reset, open_link} else []
    mail.outbox.clear()

    with broken():
        answer = click()

    # A database that fails is away, and told as such; Django's own page, with DEBUG, is
    # for whoever develops.
    away = not debug and getattr(broken, "func", None) is disk_fails_at
    assert answer.status_code == (503 if away else 500)
    to_admins = [m for m in mail.outbox if m.to == ["ada@northwind.example"]]
    places = Haystack(
        {
            "page": answer.content.decode(),
            "mail": "\n".join(_whole_mail(message) for message in to_admins),
            "log": "\n".join(told),
        }
    )
    secrets = [OLD, NEW, box.api_key, *mailed, *raw_keys(box, answer)]
    # The theme switch of a page knows the page's own address: its reader's link.
    own = {"page"} if case == "open a link" else set()
    assert {place for secret in secrets for place in places.found(secret)} <= own
    assert Key.objects.count() == 0
    # The report is one: it says what broke and where.
    assert (
        "disk I/O error" in places.places["log"]
        or "cannot send" in places.places["log"]
    )
    if debug:
        assert "Traceback" in places.places["page"]
    else:
        assert "Traceback" in places.places["mail"]


def raw_keys(box: Any, answer: Any) -> list[str]:
    """Keys that were made: their raw form, found in the frames that held it."""
    frames = answer.exc_info[2]
    found = []
    while frames is not None:
        minted = frames.tb_frame.f_locals.get("minted")
        if minted is not None:
            found.append(minted.raw.reveal())
        frames = frames.tb_next
    return found


@pytest.mark.parametrize(
    ("case", "held"),
    [
        ("log in, sending", [OLD, "api key"]),
        ("log in, sending the password", [OLD]),
        ("reset, sending the password", [NEW]),
        ("claim, sending", ["api key"]),
    ],
)
def test_djangos_own_report_would_hold_them(box, settings, case, held):
    """The same errors, reported as Django does it: so the search can fail."""
    come, broken = CASES[case]
    click = come(build(box))
    with broken():
        answer = click()

    settings.DEBUG = True
    report = ExceptionReporter(answer.wsgi_request, *answer.exc_info)
    report.filter = SafeExceptionReporterFilter()
    page = Haystack({"page": ExceptionReporter.get_traceback_html(report)})

    for secret in held:
        wanted = box.api_key if secret == "api key" else secret
        assert page.found(wanted) == ["page"]


def test_a_report_names_variables_and_posted_fields_without_their_values(rf):
    request = rf.post("/login/", {"password": OLD})
    request.COOKIES["sessionid"] = "a-session"

    hidden = NothingInHand()

    assert list(hidden.get_post_parameters(request)) == ["password"]
    assert OLD not in str(hidden.get_post_parameters(request))
    assert "a-session" not in str(hidden.get_safe_cookies(request))


def test_no_setting_shown_on_the_page_is_a_secret(settings):
    shown = str(NothingInHand().get_safe_settings())

    secrets = [
        str.__str__(settings.SECRET_KEY),
        str.__str__(settings.TYK_API_KEY),
        str.__str__(settings.REDIS_URL),
        str(settings.EMAIL_HOST_PASSWORD) or "none",
        *[str(key) for key in settings.SEAL_KEYS],
    ]
    assert [s for s in secrets if len(s) > 6 and s in shown] == []
    assert "PORTAL_BASE_URL" in shown


def _whole_mail(message: Any) -> str:
    parts = [part for part, _ in message.alternatives]
    return "\n".join([message.subject, message.body, *map(str, parts)])


# --- Who gets a report -----------------------------------------------------------------
def reports_made(monkeypatch) -> list[Report]:
    made: list[Report] = []
    written = Report.get_traceback_text

    def counted(report: Report):
        made.append(report)
        return written(report)

    monkeypatch.setattr(Report, "get_traceback_text", counted)
    return made


def test_no_report_is_written_for_nobody(box, settings, monkeypatch):
    settings.DEBUG, settings.ADMINS = False, []
    scene, made = build(box), reports_made(monkeypatch)

    with sending_fails(b"PUT"):
        assert claim(scene)().status_code == 500

    assert made == []


def test_tyk_away_is_no_error_to_mail(box, settings, monkeypatch):
    settings.DEBUG, settings.ADMINS = False, [("Ada", "ada@northwind.example")]
    scene, made = build(box), reports_made(monkeypatch)
    click = log_in(scene)

    box.refuse()
    assert click().status_code == 503
    assert (made, mail.outbox) == ([], [])
    box.heal()

    with sending_fails(b"POST"):
        assert log_in(scene)().status_code == 500
    assert len(made) == len(mail.outbox) == 1
