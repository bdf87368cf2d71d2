"""The net under the secrets: what a library might print does not get out."""

from collections.abc import Iterator, Sequence

import pytest
from django.core import signing
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from portal_site.logs import SHOWN_INSTEAD, configure, without_secrets

TOKEN = "Zk3-Yq_8vT1mB5nR7wX2cL9dF4gH6jK0"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param(
            "key 64a0c0ffee0000000000000100112233445566778899aabbccddeeff!",
            f"key {SHOWN_INSTEAD}!",
            id="older key",
        ),
        pytest.param(
            "key eyJvcmciOiI2NGEwYzBmZmVlIiwiaWQiOiIwMDExIiwiaCI6Im11cm11cjY0In0=",
            f"key {SHOWN_INSTEAD}",
            id="newer key",
        ),
        pytest.param(
            "{'Authorization': '0123456789abcdef'}",
            f"{{'{SHOWN_INSTEAD}",
            id="header",
        ),
        pytest.param(
            f"Not Found: /confirm/{TOKEN}/",
            f"Not Found: /confirm/{SHOWN_INSTEAD}/",
            id="confirm link",
        ),
        pytest.param(
            f"Not Found: /password/reset/{TOKEN}/",
            f"Not Found: /password/reset/{SHOWN_INSTEAD}/",
            id="reset link",
        ),
        pytest.param("GET /catalogue/orders/", "GET /catalogue/orders/", id="nothing"),
    ],
)
def test_secret_shapes_are_replaced(text, kept):
    assert without_secrets(None, "info", {"event": text}) == {"event": kept}


def test_a_failing_request_logs_no_token_of_a_mailed_link(client, capfd):
    """Through the real handler: Django gives the whole request to its event."""
    configure({"level": "INFO"})
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(f"/confirm/{TOKEN}/").status_code == 403

    said = capfd.readouterr().err
    assert "Forbidden" in said
    assert f"/confirm/{SHOWN_INSTEAD}/" in said
    assert TOKEN not in said


# --- Every address that carries a token --------------------------------------------------
#: Parameters that name something. Whatever else an address carries may be a secret.
NO_SECRETS = {
    *("app_label", "code", "content_type_id", "id", "kind", "object_id", "path"),
    *("pk", "slug", "source", "url", "verb"),
}


def patterns(
    inside: Sequence[URLPattern | URLResolver], before: str = ""
) -> Iterator[tuple[str, str]]:
    """Each address with a parameter that may be secret: its text, and that name."""
    for one in inside:
        address = f"{before}{one.pattern}"
        if not isinstance(one, URLPattern):
            yield from patterns(one.url_patterns, address)
        for name in set(one.pattern.converters) - NO_SECRETS:
            yield address, name


def with_token(address: str, name: str, token: str) -> str:
    before, _, after = address.partition(f":{name}>")
    return f"/{before.rpartition('<')[0]}{token}{after}"


WITH_TOKENS = sorted(patterns(get_resolver().url_patterns))


def test_there_are_addresses_with_tokens():
    assert {"token"} == {name for _, name in WITH_TOKENS}
    assert len(WITH_TOKENS) >= 4


@pytest.mark.parametrize(("address", "name"), WITH_TOKENS)
@pytest.mark.parametrize(
    "token",
    [TOKEN, signing.dumps(["a-code", "key_revoked"], salt="test")],
    ids=["drawn", "signed"],
)
def test_no_address_gets_into_the_log_with_its_token(address, name, token):
    path = with_token(address, name, token)
    said = without_secrets(None, "info", {"event": f"Not Found: {path}"})["event"]

    assert path in f"Not Found: {path}"
    assert token not in said
    assert SHOWN_INSTEAD in said


def test_a_method_that_is_not_allowed_logs_no_token(client, capfd):
    configure({"level": "INFO"})

    assert client.post(f"/account/email/{TOKEN}/").status_code == 405

    said = capfd.readouterr().err
    assert "Method Not Allowed" in said
    assert TOKEN not in said
