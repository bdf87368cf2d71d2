"""Which error each outcome is: the fault table, row by row."""

from __future__ import annotations

import pytest

from tyk.dashboard import errors
from tyk.dashboard.errors import Call
from tyk.dashboard.outcome import Answer, Fault, classify, retry_after

READ = Call("getThing", "GET", "/api/thing/{id}")
WRITE = Call("makeThing", "POST", "/api/thing", writes=True)
U, O, X = errors.Unreachable, errors.OutcomeUnknown, errors.Unexpected  # noqa: E741 - columns of a table
B, R, N, M = errors.Busy, errors.Refused, errors.NotFound, errors.Misconfigured


def answer(status: int, body: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer.of(status, named, body.encode())


def error(message: str) -> str:
    return f'{{"Status":"Error","Message":"{message}","Meta":null}}'


PAGE = "<!doctype html><title>Tyk</title>"
DENIED = error("access denied: You do not have permission to access  /api/x")

# case, outcome, on a read (class, reason), on a write (class, reason)
TABLE = [
    ("refused", Fault("refused", sent=False), (U, "refused"), (U, "refused")),
    ("dns", Fault("dns", sent=False), (U, "dns"), (U, "dns")),
    ("tls", Fault("tls", sent=False), (U, "tls"), (U, "tls")),
    (
        "connect_timeout",
        Fault("connect_timeout", sent=False),
        (U, "connect_timeout"),
        (U, "connect_timeout"),
    ),
    ("no_slot", Fault("shed", sent=False), (U, "shed"), (U, "shed")),
    ("read_timeout", Fault("timeout", sent=True), (U, "timeout"), (O, "timeout")),
    ("reset", Fault("reset", sent=True), (U, "reset"), (O, "reset")),
    ("truncated", Fault("truncated", sent=True), (X, "truncated"), (O, "truncated")),
    ("too_large", Fault("too_large", sent=True), (X, "too_large"), (O, "too_large")),
    ("not_http", Fault("not_http", sent=True), (X, "not_http"), (O, "not_http")),
    (
        "wrong_shape",
        Fault("wrong_shape", sent=True),
        (X, "wrong_shape"),
        (O, "wrong_shape"),
    ),
    (
        "401",
        answer(401, error("Not authorised")),
        (M, "key_rejected"),
        (M, "key_rejected"),
    ),
    ("401_bare", answer(401, ""), (X, "not_json"), (O, "not_json")),
    ("401_html", answer(401, PAGE), (X, "not_json"), (O, "not_json")),
    ("403_right", answer(403, DENIED), (M, "no_permission"), (M, "no_permission")),
    (
        "403_inactive_user",
        answer(403, error("User is not active")),
        (M, "no_permission"),
        (M, "no_permission"),
    ),
    (
        "403_malformed",
        answer(403, error("Request body malformed.")),
        (R, "refused"),
        (R, "refused"),
    ),
    ("403_waf", answer(403, PAGE), (X, "not_json"), (O, "not_json")),
    ("404", answer(404, error("gone")), (N, "not_found"), (N, "not_found")),
    (
        "404_text_plain",
        answer(404, error("gone"), Content_Type="text/plain"),
        (N, "not_found"),
        (N, "not_found"),
    ),
    (
        "404_bare",
        answer(404, "404 page not found"),
        (X, "not_json"),
        (O, "not_json"),
    ),
    ("404_json", answer(404, "{}"), (X, "wrong_shape"), (O, "wrong_shape")),
    ("400", answer(400, error("No policy found!")), (R, "refused"), (R, "refused")),
    ("409", answer(409, error("duplicate")), (R, "refused"), (R, "refused")),
    (
        "400_says_ok",
        answer(400, '{"Status":"OK","Message":"x"}'),
        (X, "wrong_shape"),
        (O, "wrong_shape"),
    ),
    ("429", answer(429, error("slow down")), (B, "busy"), (B, "busy")),
    ("429_html", answer(429, PAGE), (B, "busy"), (B, "busy")),
    (
        "500_envelope",
        answer(500, error("Failure saving data")),
        (X, "server_error"),
        (O, "server_error"),
    ),
    ("502_html", answer(502, PAGE), (X, "server_error"), (O, "server_error")),
    ("503_empty", answer(503, ""), (X, "server_error"), (O, "server_error")),
    ("200_html", answer(200, PAGE), (X, "not_json"), (O, "not_json")),
    ("200_empty", answer(200, ""), (X, "not_json"), (O, "not_json")),
    ("204", answer(204, ""), (X, "not_json"), (O, "not_json")),
    ("200_half", answer(200, '{"Status":"O'), (X, "not_json"), (O, "not_json")),
    ("200_nan", answer(200, '{"a":NaN}'), (X, "not_json"), (O, "not_json")),
    ("200_deep", answer(200, "[" * 100_000), (X, "not_json"), (O, "not_json")),
    ("302", answer(302, "", Location="http://x/"), (M, "redirect"), (O, "redirect")),
    ("304", answer(304, ""), (M, "redirect"), (O, "redirect")),
]


@pytest.mark.parametrize(
    ("outcome", "on_read", "on_write"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_fault_table(
    outcome: Answer | Fault,
    on_read: tuple[type[errors.DashboardError], str],
    on_write: tuple[type[errors.DashboardError], str],
):
    read, write = classify(READ, outcome), classify(WRITE, outcome)

    assert read is not None
    assert write is not None
    assert (type(read), read.reason) == on_read
    assert (type(write), write.reason) == on_write


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    "headers", [{}, {"Content_Type": "text/plain"}, {"Content_Type": "text/html"}]
)
def test_json_with_a_2xx_is_left_to_the_decoder(status: int, headers: dict[str, str]):
    assert classify(WRITE, answer(status, '{"Data":null}', **headers)) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "601"}, 600),
        ({"retry-after": "99999999999999999999"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "nan"}, None),
        (
            {
                "retry-after": "Sat, 22 Nov 2025 10:00:30 GMT",
                "date": "Sat, 22 Nov 2025 10:00:00 GMT",
            },
            30,
        ),
        (
            {
                "retry-after": "Sat, 22 Nov 2025 23:00:00 GMT",
                "date": "Sat, 22 Nov 2025 10:00:00 GMT",
            },
            600,
        ),
        (
            {
                "retry-after": "Sat, 22 Nov 2025 09:00:00 GMT",
                "date": "Sat, 22 Nov 2025 10:00:00 GMT",
            },
            None,
        ),
        ({"retry-after": "Sat, 22 Nov 2025 09:00:00 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


def test_busy_carries_the_wait():
    busy = classify(WRITE, answer(429, "", Retry_After="12"))

    assert isinstance(busy, errors.Busy)
    assert busy.retry_after == 12


def test_an_error_names_the_call_and_the_request_id_and_nothing_else():
    refused = classify(
        WRITE,
        Answer.of(
            400,
            {"X-Request-Id": "req-17"},
            b'{"status":"error","message":"ada@example.test is taken",'
            b'"Errors":["email: taken",7]}',
        ),
    )

    assert isinstance(refused, errors.Refused)
    assert refused.message == "ada@example.test is taken"
    assert refused.errors == ("email: taken",)
    assert str(refused) == (
        "makeThing (POST /api/thing): refused, status 400, request id req-17"
    )


@pytest.mark.parametrize("hostile", ["a\nb", "x" * 129, "<script>", ""])
def test_a_request_id_that_is_unfit_for_a_log_is_dropped(hostile: str):
    failed = classify(READ, Answer.of(500, {"X-Request-Id": hostile}, b""))

    assert failed is not None
    assert failed.request_id is None


def test_every_error_is_a_dashboard_error_with_its_call():
    for kind in (U, O, X, M):
        made = kind(READ, reason="r", status=500, request_id="i")
        assert isinstance(made, errors.DashboardError)
        assert (made.operation, made.method, made.template) == (
            "getThing",
            "GET",
            "/api/thing/{id}",
        )
        assert (made.reason, made.status, made.request_id) == ("r", 500, "i")
