"""Documentation of entries: base64 in every dress, addresses, and its absence."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import refusal, reply
from tyk.dashboard import errors
from tyk.dashboard.documents import documentation
from tyk.dashboard.records import Documentation
from tyk.dashboard.shape import Malformed

OPENAPI = '{"openapi": "3.0.3", "info": {"title": "Gezeiten für Häfen ÿ>?"}}'.encode()
ENCODED = base64.b64encode(OPENAPI).decode()
ADDRESS = "https://api.example.test/openapi.json"


def held(text: Any, kind: Any = "swagger") -> dict[str, Any]:
    return {
        "id": "e1",
        "org_id": "o1",
        "api_id": "a1",
        "doc_type": kind,
        "documentation": text,
    }


def test_a_document_as_the_client_returns_it(serve: Serve, connect: Connect):
    listener = serve(reply(document=held(ENCODED)))

    found = connect(listener).documentation("e1")

    assert found == Documentation("e1", "swagger", "a1", OPENAPI)
    assert listener.got[0].target == "/api/portal/documentation/e1"
    assert "Gezeiten" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"\n{ENCODED}\n",
        "\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
        "\r\n ".join(ENCODED[at : at + 4] for at in range(0, len(ENCODED), 4)),
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(OPENAPI).decode(),
    ],
    ids=["plain", "framed", "wrapped", "crlf", "unpadded", "url_alphabet"],
)
def test_base64_is_read_leniently(text: str):
    assert documentation(held(text), max_bytes=4096).content == OPENAPI


@given(st.binary(max_size=300), st.integers(1, 80))
def test_whatever_was_wrapped_comes_out_whole(content: bytes, width: int):
    text = base64.b64encode(content).decode()
    wrapped = "\n".join(text[at : at + width] for at in range(0, len(text), width))

    assert documentation(held(wrapped, "blueprint"), max_bytes=300).content == content


@pytest.mark.parametrize("text", ["{}", "openapi: 3.0.3", "a", "ä=", "ab=cd", "\x00"])
def test_what_is_no_base64_is_no_document(text: str):
    with pytest.raises(Malformed) as caught:
        documentation(held(text), max_bytes=4096)

    assert caught.value.reason == "wrong_shape"
    assert caught.value.where == "documentation.documentation: text, expected base64"


@pytest.mark.parametrize("text", [ADDRESS, f" {ADDRESS}\n", ADDRESS.upper()])
def test_an_address_instead_of_a_document(text: str):
    found = documentation(held(text, "swagger_custom_url"), max_bytes=4096)

    assert (found.content, found.url) == (b"", text.strip())


@pytest.mark.parametrize(
    "text", ["", "javascript:alert(1)", "/etc/passwd", "file:///x", "//x.test", "x"]
)
def test_an_address_is_one_of_the_web(text: str):
    with pytest.raises(Malformed):
        documentation(held(text, "swagger_custom_url"), max_bytes=4096)


@pytest.mark.parametrize("kind", ["graphql", "asyncapi", "", None])
def test_of_other_kinds_the_text_is_not_taken(kind: str | None):
    found = documentation(held("graphql", kind), max_bytes=4096)

    assert (found.kind, found.content, found.url) == (kind or "", b"", "")


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        {},
        held(None),
        held(["x"]),
        held(ENCODED, 5),
        {"Status": "OK", "Message": "Data updated"},
    ],
)
def test_what_is_no_document(document: object):
    with pytest.raises(Malformed):
        documentation(document, max_bytes=4096)


def test_the_cap_counts_decoded_bytes(serve: Serve, connect: Connect):
    client = connect(serve(reply(document=held(ENCODED))))

    exactly = client.documentation("e1", max_bytes=len(OPENAPI))
    with pytest.raises(errors.Unexpected) as caught:
        client.documentation("e1", max_bytes=len(OPENAPI) - 1)

    assert exactly is not None
    assert exactly.content == OPENAPI
    assert (caught.value.reason, caught.value.status) == ("too_large", 200)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "Could not retrieve portal object."),
        refusal(404, "404"),
        reply(404, "404 page not found\n"),
        reply(404, "<html>not here</html>", headers={"Content-Type": "text/html"}),
        reply(404, ""),
    ],
    ids=["missing", "no_route", "plain", "page", "empty"],
)
def test_any_404_is_a_tolerated_absence(answer: bytes, serve: Serve, connect: Connect):
    assert connect(serve(answer)).documentation("e1") is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(400, "invalid doc id"), errors.Refused),
        (refusal(401, "Not authorised"), errors.Misconfigured),
        (refusal(403, "access denied: You do not"), errors.Misconfigured),
        (refusal(500), errors.Unexpected),
        (reply(200, "<html></html>"), errors.Unexpected),
        (reply(200, document={"Status": "OK", "Message": "x"}), errors.Unexpected),
        (reply(429, ""), errors.Busy),
        (reply(302, "", headers={"Location": "/x"}), errors.Misconfigured),
    ],
)
def test_nothing_else_passes_for_absence(
    answer: bytes, error: type[Exception], serve: Serve, connect: Connect
):
    with pytest.raises(error):
        connect(serve(answer)).documentation("e1")
