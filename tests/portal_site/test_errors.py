"""Every error page: its words, its reference, and what it can do without."""

import logging
import re

import pytest
import structlog
from django.conf import settings as site_settings
from django.test import Client
from django.test.utils import override_settings

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
        ("/faults/often/", 429, "Wait 3 minutes, then try again"),
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
