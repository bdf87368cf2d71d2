"""Every error page: its words, its reference, and what it can do without."""

import logging
import re

import pytest
import structlog
from django.conf import settings as site_settings
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import override_settings

WAYS = re.compile(r'class="btn btn-primary" href="([^"]+)"')
REFERENCE = re.compile(r"[A-HJ-NP-Z][0-9]-[0-9]{4}")

pytestmark = pytest.mark.urls("tests.portal_site.urls_with_faults")


@pytest.fixture
def browser() -> Client:
    """A browser to which errors are pages, not tracebacks."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/faults/tamper/", 400, "This request cannot be read"),
        ("/faults/deny/", 403, "This is not yours to open"),
        ("/nowhere/", 404, "There is nothing at this address"),
        ("/faults/often/", 429, "Wait 3 minutes, until "),
        ("/faults/fail/", 500, "This page failed on our side"),
        ("/faults/away/", 503, "your keys keep working"),
    ],
)
def test_an_error_page_has_words_and_the_reference_of_the_request(
    browser: Client, path: str, status: int, words: str
) -> None:
    # No database mark on purpose: a visitor's error page asks it for nothing.
    response = browser.get(path)

    reference = response["X-Request-ID"]
    assert response.status_code == status
    assert words in response.text
    assert REFERENCE.fullmatch(reference)
    assert f'<span class="mono">{reference}</span>' in response.text
    assert f"GET {path}" in response.text


def test_every_request_has_another_reference(browser: Client) -> None:
    seen = {browser.get("/health/live")["X-Request-ID"] for _ in range(8)}

    assert len(seen) >= 7  # 1 in 2.4 million for two to be equal


class Bound(logging.Handler):
    """Notes which reference a log line is written under."""

    def __init__(self) -> None:
        super().__init__()
        self.references: dict[str, object] = {}

    def emit(self, record: logging.LogRecord) -> None:
        path = record.getMessage().split(": ")[-1]
        self.references[path] = structlog.contextvars.get_contextvars()["reference"]


def test_the_log_lines_of_an_error_carry_its_reference(browser: Client) -> None:
    bound = Bound()
    logger = logging.getLogger("django.request")
    logger.addHandler(bound)
    try:
        failed, missing = browser.get("/faults/fail/"), browser.get("/nowhere/")
    finally:
        logger.removeHandler(bound)

    assert bound.references == {
        "/faults/fail/": failed["X-Request-ID"],
        "/nowhere/": missing["X-Request-ID"],
    }


def test_the_cause_is_not_on_the_page(browser: Client) -> None:
    assert "the cause" not in browser.get("/faults/fail/").text


def test_too_many_says_when_to_come_back(browser: Client) -> None:
    response = browser.get("/faults/often/")

    assert response["Retry-After"] == "150"
    assert "Retry-After: 150" in response.text


def test_away_says_when_to_come_back(browser: Client) -> None:
    assert browser.get("/faults/away/")["Retry-After"] == "60"


def test_a_wrong_host_is_a_page_too(browser: Client) -> None:
    response = browser.get("/nowhere/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "This request cannot be read" in response.text
    assert "evil.example" not in response.text


def test_a_form_without_its_token_is_explained() -> None:
    browser = Client(enforce_csrf_checks=True)
    response = browser.post("/faults/send/")

    assert response.status_code == 403
    assert "This form has expired" in response.text
    assert "Nothing was sent or changed" in response.text
    assert response["X-Request-ID"] in response.text


def test_the_500_page_needs_no_context_processor(browser: Client) -> None:
    templates = [{**site_settings.TEMPLATES[0]}]
    templates[0]["OPTIONS"] = {"context_processors": ["nowhere.at_all"]}
    with override_settings(TEMPLATES=templates):
        response = browser.get("/faults/fail/")

    assert response.status_code == 500
    assert "This page failed on our side" in response.text


def test_even_without_its_template_the_reference_is_told(browser: Client) -> None:
    templates = [{**site_settings.TEMPLATES[0], "DIRS": []}]
    with override_settings(TEMPLATES=templates):
        response = browser.get("/faults/fail/")

    assert response.status_code == 500
    assert response.text == (
        f"This page failed on our side. Reference {response['X-Request-ID']}"
    )


def test_error_pages_are_never_stored(browser: Client) -> None:
    for path in ("/faults/fail/", "/faults/tamper/", "/faults/away/"):
        assert browser.get(path)["Cache-Control"] == "no-store"


def test_the_path_on_the_page_is_escaped(browser: Client) -> None:
    assert "<b>" not in browser.get("/<b>x</b>/").text


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/faults/tamper/", "/"),
        ("/faults/deny/", "/"),
        ("/nowhere/", "/catalogue/"),
        ("/faults/often/", "/"),
        ("/faults/fail/", "/"),
        ("/faults/away/?a=b", "/faults/away/?a=b"),
        ("/faults/send/", "/"),
    ],
)
def test_an_error_page_has_one_way_on(browser: Client, path: str, way: str) -> None:
    page = browser.get(path).text

    assert WAYS.findall(page) == [way]
    assert '<meta name="robots" content="noindex">' in page


@pytest.mark.django_db
def test_in_the_staff_area_the_way_on_leads_back_there(signed_in, rita) -> None:
    staff = signed_in(rita)

    missing = staff.get("/admin/nowhere/")
    refused = staff.get("/admin/portal_site/doctor/")

    assert (missing.status_code, refused.status_code) == (404, 403)
    assert WAYS.findall(missing.text) == WAYS.findall(refused.text) == ["/admin/"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/faults/fail/", "/faults/away/", "/nowhere/"])
def test_an_error_page_has_the_theme_of_the_site(
    browser: Client, path: str, theme: str
) -> None:
    browser.cookies["theme"] = theme

    assert f'data-theme="{theme}"' in browser.get(path).text


def database_away(error: type[Exception]):
    """Every query of this thread fails, as when the server is gone."""

    def fail(execute, sql, params, many, context):
        raise error("server closed the connection, host db.internal")

    return connection.execute_wrapper(fail)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("path", ["/", "/keys/", "/catalogue/", "/admin/"])
def test_without_its_database_the_portal_says_that_it_is_away(
    alice, signed_in, error, path: str
) -> None:
    person = signed_in(alice)
    person.raise_request_exception = False

    with database_away(error):
        response = person.get(path)

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert "your keys keep working" in response.text
    assert f"{response['X-Request-ID']}</span>" in response.text
    assert "db.internal" not in response.text
    assert "alice" not in response.text.lower()


@pytest.mark.django_db
def test_an_error_of_ours_has_its_page_while_the_database_is_away(
    rita, signed_in
) -> None:
    staff = signed_in(rita)
    staff.raise_request_exception = False

    with database_away(OperationalError):
        response = staff.get("/admin/faults/fail/")

    assert response.status_code in {500, 503}
    assert "your keys keep working" in response.text
    assert f"{response['X-Request-ID']}</span>" in response.text


def test_an_error_of_ours_in_the_staff_area_leads_back_there(browser: Client) -> None:
    response = browser.get("/admin/faults/fail/")

    assert response.status_code == 500
    assert WAYS.findall(response.text) == ["/admin/"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/catalogue/", "/login/", "/keys/"])
def test_pages_do_without_redis(alice, signed_in, settings, path: str) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"

    assert signed_in(alice).get(path).status_code in {200, 302}
